/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What other groups do in a system call: functions of their .bpf.c files that syscall.bpf.c calls when the call is
 * entered, and when it returns, before it is sent, so that a name is known before the call that uses it. Which
 * calls is said by the interest that record derives from the signatures (record/call_object.c). Where a group is
 * off its calls are folded away.
 *
 * Global functions, so that the verifier looks at each once; they find the task with bpf_get_current_task_btf().
 */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/stack.bpf.h"

int stack_exec(u64 now);
int stack_call_exit(struct task_state *state, s64 ret, u64 now);

extern int file_below(u64 file, u64 now);
extern int futex_waiters(struct task_state *state, s64 ret, u64 now);
extern int futex_returned(struct task_state *state, s64 ret, u64 now);
extern int memory_call_exit(u64 now);
extern int object_call_exit(struct task_state *state, s64 ret, u64 now);
extern int sock_call_enter(struct task_state *state);
extern int syscall_exec(struct task_state *state, u64 mm, u64 filename, bool script);

static __always_inline void hooks_call_enter(struct task_state *state)
{
	if (group_on(GROUP_sock) && (state->interest & INTEREST_CLOSE))
		sock_call_enter(state);
}

static __always_inline void hooks_call_exit(struct task_state *state, s64 ret, u64 now)
{
	if ((group_on(GROUP_file) || group_on(GROUP_sock)) && (state->interest & INTEREST_OBJECT))
		object_call_exit(state, ret, now);
	if (group_on(GROUP_futex) && (state->interest & INTEREST_FUTEX)) {
		if (state->interest & INTEREST_FUTEX_LIST)
			futex_waiters(state, ret, now);
		futex_returned(state, ret, now);
	}
	if (group_on(GROUP_memory) && (state->interest & INTEREST_MEMORY))
		memory_call_exit(now);
}
