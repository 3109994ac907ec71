/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sending the call that a task's storage holds: at its return, at the task's death, or at the end. */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/stack.bpf.h"

#define CALL_WORDS_MIN 6
#define CALL_WORDS_MAX (sizeof(struct trc_syscall) / 8)

/* ERESTARTSYS … ERESTART_RESTARTBLOCK: what an interrupted call returns inside the kernel. */
static __always_inline bool is_restart(long ret)
{
	return ret >= -516 && ret <= -512;
}

#define SIGKILL_BIT (1ul << (9 - 1))

/* The kernel turns every fatal signal, and the end of the process by another thread, into a pending SIGKILL. */
static __always_inline bool is_being_killed(struct task_struct *task)
{
	return task->pending.signal.sig[0] & SIGKILL_BIT;
}

/* head.ts holds the time of entry until now. */
static __always_inline void call_send(struct task_struct *task, struct task_state *state, s64 ret,
				      u8 call_state, u64 now)
{
	struct trc_syscall *call = &state->call;
	u64 enter = call->head.ts;
	u32 words = call->head.words, end = state->tail_end;
	u8 head_flags = call->head.flags;

	if (state->quiet || words < CALL_WORDS_MIN || words > CALL_WORDS_MAX)
		return;
	if (!call_wanted(task, state, ret, call_state, now, now - enter))
		return;
	if (stacks & TRC_STACK_SYSCALL)
		stack_call_send(task, state, now);
	head_fill(&call->head, task, TRC_KIND_syscall, words, now);
	call->head.flags = head_flags;
	call->state = call_state;
	call->ret = ret;
	call->duration_ns = now - enter;
	if (end && call->items) {
		struct task_tail *tail = bpf_task_storage_get(&tails, task, 0, 0);

		if (tail && end > words * 8 && end <= sizeof(*tail)) {
			u64 *from = (u64 *)call;

			call->head.len = end;
#pragma unroll
			for (u32 i = 0; i < CALL_WORDS_MAX; i++)
				if (i < words)
					tail->words[i] = from[i];
			barrier_var(end);
			if (end > sizeof(*tail))
				return;
			record_send(tail, end, TRC_KIND_syscall, now);
			return;
		}
		call->items = 0;
	}
	words *= 8;
	barrier_var(words);
	if (words > sizeof(*call))
		return;
	record_send(call, words, TRC_KIND_syscall, now);
}
