/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which stacks the user asked for, with -g. */
#pragma once

#include "bpf/control.h"
#include "common/options.h"
#include "common/syscalls.h"

struct stack_choice {		   /* zero it first */
	u32 why;		   /* bits of enum trc_stack_why; 0: none */
	struct syscall_set *calls; /* of TRC_STACK_SYSCALL; NULL: all that are recorded */
	char *calls_text;	   /* as it was given */
};

/*
 * Each value of the list is WORD,WORD… of off-cpu, futex, syscall, all; syscall=SET takes the rest of the value as a
 * set of calls. 0, or -EINVAL with *ret_error (free it).
 */
int stack_choice_parse(const struct option_list *values, const struct syscall_table *tables,
		       size_t table_count, struct stack_choice *choice, char **ret_error);
/* The same as one value of -g; free it. */
char *stack_choice_text(const struct stack_choice *choice);
void stack_choice_release(struct stack_choice *choice);
/*
 * Says of each call in `specs` what is wanted of it: `calls` has a byte for each. What is filtered out and has to be
 * seen nevertheless becomes quiet. -EINVAL with *ret_error: no call that is recorded is among the chosen.
 */
int stack_choice_fill(const struct stack_choice *choice, const struct syscall_table *tables,
		      size_t table_count, struct syscall_spec *specs, u8 *calls, char **ret_error);
