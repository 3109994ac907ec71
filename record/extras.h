/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What stands beside the event groups: stacks (-g) and counters (--counters). */
#pragma once

#include "record/counters.h"
#include "record/settings.h"
#include "record/stack_choice.h"
#include "record/stacks.h"

struct extras { /* zero it first */
	struct stack_choice choice;
	u8 *stack_calls;	   /* a byte per spec; NULL: no stacks are wanted */
	struct stacks *stacks;	   /* NULL likewise */
	struct counters *counters; /* NULL: none are wanted */
};

/* The options, taken apart. 0, or -EINVAL: it has spoken. */
int extras_parse(struct extras *extras, const struct settings *settings,
		 const struct syscall_table *tables, size_t table_count);
/* With the specs filled: what is wanted of each call. 0, or -EINVAL: it has spoken. */
int extras_prepare(struct extras *extras, const struct syscall_table *tables, size_t table_count,
		   struct syscall_spec *specs);
/* Opens the counters, reads the kernel's symbols; says what it has to do without. */
void extras_open(struct extras *extras);
void extras_release(struct extras *extras);
