/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs do with each system call, made from the tables and the user's filter. */
#pragma once

#include "bpf/control.h"
#include "common/syscalls.h"
#include "record/filter.h"
#include "record/settings.h"

/*
 * Fills SPEC_ABIS * SPEC_PER_ABI entries; slots are those of arch.bpf.h: native, 32-bit, x32. `set` may be
 * NULL: every call is sent.
 */
void spec_fill(const struct syscall_table *tables, size_t table_count,
	       const struct syscall_set *set, const struct settings *settings,
	       const struct samples *samples, struct syscall_spec *specs);
/* The captures of one call; and the layouts that those of CAPTURE_PICK_OUT mean, PICK_LAYOUTS of them. */
void spec_captures(const struct syscall_desc *desc, u8 abi, const struct settings *settings,
		   struct syscall_spec *spec);
void spec_picks(struct pick *ret_picks);
/* The slot of an ABI, or -1: no machine that record runs on has it. */
int spec_slot(u8 abi);
