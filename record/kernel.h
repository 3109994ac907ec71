/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What only the running kernel's own description of itself (BTF) tells, and BPF programs cannot ask. */
#pragma once

#include <bpf/btf.h>

#include "common/types.h"

struct kernel_facts {
	bool known;	   /* it describes itself */
	bool finds_vma;	   /* has the helper bpf_find_vma, 5.17 */
	bool lookups_nest; /* of a task's storage, 6.2 */
	/*
	 * x86: bytes from a CPU's run queue to __preempt_count, the word in which it counts the interrupts that it is
	 * in, or to pcpu_hot, the struct that holds it from 6.2 to 6.14; 0: unknown. Not every kernel lists the
	 * addresses of its variables, but all say how far apart they are.
	 */
	s64 preempt_count_offset;
};

/* `btf`: the kernel's; NULL: nothing is known. */
struct kernel_facts kernel_facts(const struct btf *btf);
