/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What names an address space and an inode in events of several groups. */
#pragma once

#include "bpf/core.bpf.h"

/*
 * An id that its threads share, and that fork and exec change. Where the kernel does not number address spaces it is
 * made of where the kernel keeps this one, unique among those alive, and of its random stack; not to be undone.
 */
static __always_inline u64 space_id(struct mm_struct *mm)
{
	const u64 odd = 0x9e3779b97f4a7c15ull;

	if (bpf_core_field_exists(mm->context.ctx_id))
		return BPF_CORE_READ(mm, context.ctx_id);
	return (address_of(mm) * odd >> 32 << 32) | BPF_CORE_READ(mm, start_stack) * odd >> 32;
}

/* The device that holds an inode, or is it: the pages of a disk stand in a file system without a device. */
static __always_inline u32 inode_device(struct inode *inode)
{
	u32 device = BPF_CORE_READ(inode, i_sb, s_dev);
	u32 itself = BPF_CORE_READ(inode, i_rdev);

	return itself ? itself : device;
}
