/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of a call's arguments are read, when and how much: all of it data (struct capture), no call is known by
 * name here. Compiled for user space, too: see bpf/payload.bpf.h.
 */
#pragma once

#ifdef __bpf__
#include "bpf/core.bpf.h"
#include "bpf/filter.bpf.h"
#endif
#include "bpf/payload.bpf.h"

#define WORDS_BEFORE_ARGS 6

#define EINTR 4
#define ERESTART_RESTARTBLOCK                                                                      \
	516 /* EINTR, but that the kernel goes on by itself after a handler-less signal */

/* Argument number `index` of a saved call. */
static __always_inline u64 call_arg(const struct trc_syscall *call, u32 index)
{
	const u64 *args = &call->arg0;

	if (index > 5)
		return 0;
	barrier_var(index);
	return args[index & 7];
}

static __always_inline struct task_tail *tail_get(struct task_struct *task,
						  struct task_state *state)
{
	struct task_tail *tail =
		bpf_task_storage_get(&tails, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!tail) {
		struct cpu_counters *c = cpu_counters();

		if (c)
			c->lost_string++;
		state->call.head.flags |= TRC_FLAG_TRUNCATED;
		return NULL;
	}
	if (!state->tail_end)
		state->tail_end = state->call.head.len;
	return tail;
}

static __always_inline bool option_is_private(const struct trc_syscall *call, u32 level_arg)
{
	return call_arg(call, level_arg) > 255;
}

/* Is there anything to read at `addr`, and may it be read? */
static __always_inline bool capture_is_asked(const struct task_state *state,
					     const struct capture *capture, u64 addr)
{
	return addr && !(capture->flags & CAPTURE_OPTION &&
			 option_is_private(&state->call, capture->arg - 2));
}

/* Is the path that was just read, at `off`, one that --path asks for? */
static __always_inline void capture_note_path(struct task_tail *tail, struct task_state *state,
					      u32 off)
{
	struct filter_scratch *scratch = filter_scratch_get();
	struct trc_item *item;

	if (!scratch || !off || off > TAIL_START_MAX || (off & 7))
		return;
	barrier_var(off);
	item = (void *)tail + (off & ITEM_MASK);
	if (item->state != TRC_ITEM_UNREADABLE &&
	    !bpf_probe_read_kernel(scratch->text, sizeof(scratch->text), item + 1) &&
	    filter_text(scratch, item->len))
		state->notes |= NOTE_PATH;
}

/* Reads what the kernel reads: at entry, or, if it was not present then, at exit. */
__noinline __weak int capture_in(struct task_tail *tail, struct task_state *state,
				 const struct capture *capture, u64 addr)
{
	u64 want, aux;
	long err = 0;
	int done;
	u32 off;

	if (!tail || !state || !capture)
		return true;
	want = capture->limit;
	aux = call_arg(&state->call, capture->aux);
	off = state->tail_end;
	switch (capture->how) {
	case CAPTURE_SIZED_IN:
		want = (capture->unit == 1 ? aux : (u64)(u32)aux * capture->unit);
		break;
	case CAPTURE_BITS_IN: /* whole words */
		want = capture->unit == 4 ? ((u64)(u32)aux + 31) / 32 * 4
					  : ((u64)(u32)aux + 63) / 64 * 8;
		break;
	case CAPTURE_BEHIND_IN:
		addr = read_long(state, addr, &err);
		if (!addr && !err)
			return true;
		break;
	case CAPTURE_VECTOR_IN:
		return capture_lengths(tail, state, LENGTHS_OF_VECTOR | capture->arg << 8, addr,
				       aux);
	case CAPTURE_VECTOR_DATA_IN:
		return capture_vector_data(
			tail, state, VECTOR_DATA(capture->arg, capture->limit, aux), addr, ~0ull);
	case CAPTURE_MESSAGE_IN:
		return capture_message(tail, state, capture->arg, addr, false);
	case CAPTURE_MESSAGE_DATA_IN:
		return capture_message_data(tail, state, capture, addr, ~0ull);
	}
	done = capture_item(tail, state, capture, addr, want);
	if (filters(FILTER_PATH) && done && capture->flags & CAPTURE_PATH && state->tail_end > off)
		capture_note_path(tail, state, off);
	return done;
}

/* At entry: everything that the kernel reads; what is not present now is tried again at exit. */
static __always_inline void capture_enter(struct task_struct *task, struct task_state *state,
					  struct syscall_spec *spec)
{
	struct task_tail *tail = NULL;
	u32 at_exit = 0, again = 0;

	state->last_try = 0;
	for (u32 i = 0; i < SPEC_CAPTURES && i < spec->capture_count; i++) {
		struct capture *capture = &spec->captures[i];
		u64 addr = call_arg(&state->call, capture->arg);

		if (!capture_is_asked(state, capture, addr))
			continue;
		if (capture->how >= CAPTURE_OUT) {
			at_exit |= 1 << i;
			/* The kernel overwrites it with what there would have been, however little fits. */
			if (capture->how == CAPTURE_SIZED_OUT)
				addr = call_arg(&state->call, capture->aux);
			else if (capture->how == CAPTURE_MESSAGE_OUT)
				addr += MESSAGE_NAME_BYTES * pointer_size(state);
			else
				continue;
			if (bpf_probe_read_user(&state->out_bytes, sizeof(state->out_bytes),
						(void *)addr))
				state->out_bytes = ~0u;
			continue;
		}
		if (!tail) {
			tail = tail_get(task, state);
			if (!tail)
				return;
		}
		if (!capture_in(tail, state, capture, addr))
			at_exit |= 1 << i;
		if (capture->flags & CAPTURE_AGAIN)
			again |= 1 << i;
	}
	state->exit_captures = at_exit;
	state->again_captures = again;
}

/* What the kernel wrote. */
__noinline __weak int capture_out(struct task_tail *tail, struct task_state *state,
				  const struct capture *capture, u64 addr, s64 ret)
{
	u64 want, aux;

	if (!tail || !state || !capture)
		return 0;
	want = capture->limit;
	aux = call_arg(&state->call, capture->aux);
	if (capture->how == CAPTURE_LEFT_OUT) {
		if (ret != -EINTR && ret != -ERESTART_RESTARTBLOCK)
			return 0;
	} else if (ret < 0 || (capture->flags & CAPTURE_POSITIVE && !ret)) {
		return 0;
	}
	switch (capture->how) {
	case CAPTURE_RET_OUT:
		if (!ret)
			return 0;
		want = ret;
		/* recv with MSG_TRUNC and getxattr return more than they wrote. */
		if (capture->aux && want > aux)
			want = aux;
		want *= capture->unit;
		break;
	case CAPTURE_SIZED_OUT: {
		u32 size = 0;

		if (!aux || bpf_probe_read_user(&size, sizeof(size), (void *)aux) || !size)
			return 0;
		want = size < state->out_bytes ? size : state->out_bytes;
		break;
	}
	case CAPTURE_PICK_OUT:
		capture_pick(tail, state, capture->arg, addr, capture->aux);
		return 0;
	case CAPTURE_RECORDS_OUT:
		capture_records(tail, state, capture->arg | capture->aux << 8, addr, ret);
		return 0;
	case CAPTURE_VECTOR_DATA_OUT:
		if (ret)
			capture_vector_data(tail, state,
					    VECTOR_DATA(capture->arg, capture->limit, aux), addr,
					    ret);
		return 0;
	case CAPTURE_MESSAGE_OUT:
		capture_message(tail, state, capture->arg, addr, true);
		return 0;
	case CAPTURE_MESSAGE_DATA_OUT:
		if (ret)
			capture_message_data(tail, state, capture, addr, ret);
		return 0;
	case CAPTURE_MESSAGES_OUT:
		capture_messages(tail, state, capture->arg, addr, ret);
		return 0;
	}
	capture_item(tail, state, capture, addr, want);
	return 0;
}

/* At exit: the second try, what the kernel wrote, and what it changed. */
static __always_inline void capture_exit(struct task_struct *task, struct task_state *state,
					 struct syscall_spec *spec, s64 ret)
{
	struct task_tail *tail = tail_get(task, state);

	if (!tail)
		return;
	state->last_try = 1;
	for (u32 i = 0; i < SPEC_CAPTURES; i++) {
		struct capture *capture = &spec->captures[i];
		u32 bit = 1 << i;
		u64 addr;

		if (!((state->exit_captures | state->again_captures) & bit))
			continue;
		addr = call_arg(&state->call, capture->arg);
		if (capture->how >= CAPTURE_OUT) {
			capture_out(tail, state, capture, addr, ret);
			continue;
		}
		if (state->exit_captures & bit)
			capture_in(tail, state, capture, addr);
		if (state->again_captures & bit &&
		    (ret > 0 || (!ret && !(capture->flags & CAPTURE_POSITIVE))))
			capture_in(tail, state, capture, addr);
	}
	state->exit_captures = 0;
	state->again_captures = 0;
}
