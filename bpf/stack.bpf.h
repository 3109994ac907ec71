/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks on request: at waits and at the entry of chosen system calls.
 *
 * A stack is sent once, under a number; whoever has it again sends the number. What was sent is remembered by a hash
 * of the frames, 64 bits wide, in a map that forgets the longest unused: a number is never given to other frames, and
 * frames that were forgotten come again under a new one. Where no stacks are wanted all of this is folded away.
 *
 * For programs whose ctx the kernel can find the registers by: so functions, not global ones.
 */
#pragma once

#include "bpf/core.bpf.h"

/* What they are wanted of: bits of enum trc_stack_why; set before the load. */
const volatile u32 stacks __weak = 0;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STACK_IDS);
	__type(key, u64);
	__type(value, u32);
} stack_ids __weak SEC(".maps");

/* By index as in `specs`: what is wanted of the call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPEC_ABIS *SPEC_PER_ABI);
	__type(key, u32);
	__type(value, u8);
} stack_calls __weak SEC(".maps");

/* Tracepoints do not preempt, and none of those that come here interrupts another. */
struct stack_scratch {
	struct trc_stack event;
	struct trc_item item;
	u64 frames[STACK_FRAMES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack_scratch);
} stack_scratch __weak SEC(".maps");

/* Global, so that the verifier looks at it once. Multiplied and folded: each bit of a frame reaches all of the hash. */
__noinline __weak u64 stack_hash(struct stack_scratch *s, u32 count)
{
	u64 hash = count * 0x9e3779b97f4a7c15;

	if (!s || !stacks)
		return 0;
	for (u32 i = 0; i < STACK_FRAMES_MAX; i++) {
		if (i >= count)
			break;
		hash = (hash ^ s->frames[i]) * 0xd6e8feb86659fd93;
		hash ^= hash >> 32;
	}
	return hash;
}

/* The number of what is in the scratch, sent if need be; 0: it could not be sent. */
__noinline __weak u32 stack_number(struct stack_scratch *s, u32 count, u64 now)
{
	u32 *known, id, len;
	u64 hash;

	if (!s || !stacks || count > STACK_FRAMES_MAX)
		return 0;
	hash = stack_hash(s, count);
	known = bpf_map_lookup_elem(&stack_ids, &hash);
	if (known)
		return *known;
	id = __sync_fetch_and_add(&control.stack_count, 1) + 1;
	len = sizeof(s->event) + sizeof(s->item) + count * 8;
	head_fill(&s->event.head, bpf_get_current_task_btf(), TRC_KIND_stack, sizeof(s->event) / 8,
		  now);
	s->event.head.len = len;
	s->event.id = id;
	s->event.cut = count == STACK_FRAMES_MAX;
	s->event.frame_count = count;
	s->item.type = TRC_TYPE_u64s;
	s->item.len = count * 8;
	if (len > sizeof(*s) || !record_send(s, len, TRC_KIND_stack, now))
		return 0;
	bpf_map_update_elem(&stack_ids, &hash, &id, BPF_ANY);
	return id;
}

/* The current task's stack, in user space or in the kernel: its number, or 0 with the reason. */
static __always_inline u32 stack_of(void *ctx, u64 space, u64 now, u8 *ret_state)
{
	struct stack_scratch *s;
	u32 zero = 0, count, id;
	long bytes;

	s = bpf_map_lookup_elem(&stack_scratch, &zero);
	if (!s)
		return 0;
	bytes = bpf_get_stack(ctx, s->frames, sizeof(s->frames), space);
	if (bytes <= 0) {
		*ret_state = TRC_STACK_UNREADABLE;
		return 0;
	}
	count = bytes / 8;
	/* Where the chain of callers ends with a null. */
	if (count > 1 && count <= STACK_FRAMES_MAX && !s->frames[count - 1])
		count--;
	s->event.space = space != BPF_F_USER_STACK;
	id = stack_number(s, count, now);
	*ret_state = id ? TRC_STACK_KNOWN : TRC_STACK_LOST;
	return id;
}

static __always_inline u8 stack_wanted(u32 spec_index)
{
	u8 *wanted = bpf_map_lookup_elem(&stack_calls, &spec_index);

	return wanted ? *wanted : 0;
}

/* A target leaves the CPU to wait: before or after the switch is sent, with its time. */
static __always_inline void stack_at_wait(void *ctx, struct task_struct *task,
					  struct task_state *state, u64 now)
{
	bool inside = state->phase == PHASE_INSIDE;
	struct trc_stack_use use = {};
	u32 why = stacks & TRC_STACK_OFF_CPU;

	if ((stacks & TRC_STACK_FUTEX) && inside)
		why |= stack_wanted(state->spec_index) & TRC_STACK_FUTEX;
	/* The one that exits waits for nothing that could be named, and has no memory any more. */
	if (!why || (task->flags & PF_EXITING))
		return;
	use.why = why;
	if (inside) {
		use.abi = state->call.abi;
		use.nr = state->call.nr;
	}
	use.user_stack = stack_of(ctx, BPF_F_USER_STACK, now, &use.user_state);
	use.kernel_stack = stack_of(ctx, 0, now, &use.kernel_state);
	head_fill(&use.head, task, TRC_KIND_stack_use, sizeof(use) / 8, now);
	record_send(&use, sizeof(use), TRC_KIND_stack_use, now);
}

/* A call is entered: its stack is kept until the call is sent. */
static __always_inline void stack_at_call(void *ctx, struct task_state *state)
{
	state->user_stack = 0;
	state->stack_state = 0;
	if (stack_wanted(state->spec_index) & TRC_STACK_SYSCALL)
		state->user_stack =
			stack_of(ctx, BPF_F_USER_STACK, bpf_ktime_get_ns(), &state->stack_state);
}

/* The call is about to be sent. */
static __always_inline void stack_call_send(struct task_struct *task, struct task_state *state,
					    u64 now)
{
	struct trc_stack_use use = {};

	if (!state->user_stack && !state->stack_state)
		return;
	use.why = TRC_STACK_SYSCALL;
	use.abi = state->call.abi;
	use.nr = state->call.nr;
	use.user_stack = state->user_stack;
	use.user_state = state->stack_state;
	use.kernel_state = TRC_STACK_UNASKED;
	state->user_stack = 0;
	state->stack_state = 0;
	head_fill(&use.head, task, TRC_KIND_stack_use, sizeof(use) / 8, now);
	record_send(&use, sizeof(use), TRC_KIND_stack_use, now);
}
