/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The file below one of overlayfs, in which its contents are: page cache and disks know only that one. */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/fd.bpf.h"
#include "bpf/path.bpf.h"

/*
 * Fills all but the head; false: there is none. It stands in the private data or, since 6.13, at the beginning of what that
 * points to.
 */
static __always_inline bool below_fill(struct trc_file_below *event, struct file *file)
{
	struct file *below = BPF_CORE_READ(file, private_data);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *super = BPF_CORE_READ(inode, i_sb);

	if (BPF_CORE_READ(super, s_magic) != OVERLAYFS_SUPER_MAGIC ||
	    (BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return false;
	event->inode = BPF_CORE_READ(inode, i_ino);
	event->device = BPF_CORE_READ(super, s_dev);
	if (bpf_core_field_exists(struct file, f_ref))
		bpf_probe_read_kernel(&below, sizeof(below), below);
	inode = BPF_CORE_READ(below, f_inode);
	super = BPF_CORE_READ(inode, i_sb);
	event->below_inode = BPF_CORE_READ(inode, i_ino);
	event->below_device = BPF_CORE_READ(super, s_dev);
	return super && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG;
}
