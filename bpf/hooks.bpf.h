/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What other groups do in a system call: functions of their .bpf.c files that syscall.bpf.c calls when the call
 * returns, before it is sent, so that a name is known before the call that uses it. Which calls is said by the
 * interest that record derives from the signatures (record/spec.c). Where a group is off its calls are folded away.
 *
 * Global functions, so that the verifier looks at each once; they find the task with bpf_get_current_task_btf().
 */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/stack.bpf.h"

int stack_exec(u64 now);
int stack_call_exit(struct task_state *state, s64 ret, u64 now);

static __always_inline void hooks_call_exit(struct task_state *state, s64 ret, u64 now)
{
	(void)state;
	(void)ret;
	(void)now;
}
