/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the arguments of a call point to, as items behind the record.
 *
 * Which argument, how much and when is data (struct capture); no call is known by name here. A task's
 * tail holds a copy of the record's words first and the items behind them, so that one copy sends both.
 */
#pragma once

#include "bpf/core.bpf.h"

#define STRV_ENTRIES_MAX 32
#define STRV_STRING_MAX	 512
#define STRV_BYTES_MAX	 2048
#define MORE_UNKNOWN	 65535

#define WORDS_BEFORE_ARGS 6

/* Argument number `index` of a saved call. */
static __always_inline u64 call_arg(const struct trc_syscall *call, u32 index)
{
	const u64 *args = &call->arg0;

	if (index > 5)
		return 0;
	barrier_var(index);
	return args[index & 7];
}

/* Zeroes what a string left behind its end in its last word, so that nothing old is sent. */
static __always_inline void pad_word(struct task_tail *tail, u32 end)
{
	u32 rest = end & 7, index = end >> 3;
	u64 mask;

	if (!rest)
		return;
	if (index >= sizeof(tail->words) / 8)
		return;
	barrier_var(index);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	mask = (1ull << (rest * 8)) - 1;
#else
	mask = ~0ull << (64 - rest * 8);
#endif
	tail->words[index] &= mask;
}

static __always_inline long read_strv(void *data, u64 addr, u32 pointer_size, u16 *more)
{
	u32 pos = 0;

	*more = 0;
	for (int i = 0; i < STRV_ENTRIES_MAX; i++) {
		u64 string = 0;
		long n;

		if (bpf_probe_read_user(&string, pointer_size == 4 ? 4 : 8,
					(void *)(addr + i * pointer_size)))
			return i ? (long)pos : -1;
		if (!string)
			return pos;
		if (pos > STRV_BYTES_MAX - STRV_STRING_MAX)
			break;
		barrier_var(pos);
		n = bpf_probe_read_user_str(data + pos, STRV_STRING_MAX, (void *)string);
		if (n < 0)
			return i ? (long)pos : -1;
		pos += n;
		if (n == STRV_STRING_MAX)
			break; /* cut, most likely: the item ends here */
	}
	*more = MORE_UNKNOWN;
	return pos;
}

/*
 * Appends one item. Returns false if the memory could not be read; on the last try an unreadable item
 * is written then. Global, so that the verifier looks at it once.
 */
__noinline __weak int capture_item(struct task_tail *tail, struct task_state *state,
				   const struct capture *capture, u64 addr, u64 want)
{
	u8 how, item_state = TRC_ITEM_WHOLE;
	struct trc_item *item;
	u32 off, limit;
	u16 more = 0;
	void *data;
	long n;

	if (!tail || !state || !capture)
		return true;
	off = state->tail_end;
	limit = capture->limit;
	how = capture->how;
	if (off > TAIL_START_MAX || (off & 7)) {
		state->call.head.flags |= TRC_FLAG_TRUNCATED;
		return true;
	}
	barrier_var(off);
	item = (void *)tail + off;
	data = (void *)tail + off + sizeof(*item);

	if (how == CAPTURE_STR) {
		if (limit > TAIL_ITEM_MAX - 8)
			limit = TAIL_ITEM_MAX - 8;
		barrier_var(limit);
		/* One byte for the NUL and one to tell a string of just `limit` bytes from a longer one. */
		n = bpf_probe_read_user_str(data, limit + 2, (void *)addr);
		if (n > 0)
			n--;
		if (n > (long)limit) {
			n = limit;
			item_state = TRC_ITEM_TRUNCATED;
			more = MORE_UNKNOWN;
		}
	} else if (how == CAPTURE_STRV) {
		n = read_strv(data, addr, state->spec_index / SPEC_PER_ABI == 0 ? 8 : 4, &more);
		if (more)
			item_state = TRC_ITEM_TRUNCATED;
	} else {
		u32 size = want;

		if (want > limit) {
			size = limit;
			item_state = TRC_ITEM_TRUNCATED;
			more = want - limit < MORE_UNKNOWN ? want - limit : MORE_UNKNOWN;
		}
		if (size > TAIL_ITEM_MAX)
			size = TAIL_ITEM_MAX;
		barrier_var(size);
		n = bpf_probe_read_user(data, size, (void *)addr);
		if (!n)
			n = size;
		/* getcwd counts the NUL, readlink has none; strings carry none. */
		if (n > 0 && capture->type == TRC_TYPE_str) {
			u32 end = n - 1;

			if (end < TAIL_ITEM_MAX && !((u8 *)data)[end])
				n--;
		}
	}
	if (n < 0) {
		if (!state->last_try)
			return false;
		item_state = TRC_ITEM_UNREADABLE;
		more = 0;
		n = 0;
	}
	item->field = capture->arg;
	item->type = capture->type;
	item->state = item_state;
	item->zero = 0;
	item->len = n;
	item->more = more;
	pad_word(tail, off + sizeof(*item) + (u32)n);
	state->tail_end = (off + sizeof(*item) + (u32)n + 7) & ~7;
	state->call.items++;
	return true;
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

/* At entry: everything that the kernel reads; what is not present now is tried again at exit. */
static __always_inline void capture_enter(struct task_struct *task, struct task_state *state,
					  struct syscall_spec *spec)
{
	struct task_tail *tail = NULL;
	u32 at_exit = 0;

	state->last_try = 0;
	for (u32 i = 0; i < SPEC_CAPTURES && i < spec->capture_count; i++) {
		struct capture *capture = &spec->captures[i];
		u64 addr = call_arg(&state->call, capture->arg), want = capture->limit;

		if (!addr)
			continue;
		if (capture->how >= CAPTURE_RET_OUT) {
			at_exit |= 1 << i;
			/* The kernel overwrites it with what there would have been, however little fits. */
			if (capture->how == CAPTURE_SIZED_OUT &&
			    bpf_probe_read_user(&state->out_bytes, sizeof(state->out_bytes),
						(void *)call_arg(&state->call, capture->aux)))
				state->out_bytes = ~0u;
			continue;
		}
		if (capture->how == CAPTURE_SIZED_IN)
			want = call_arg(&state->call, capture->aux);
		if (!tail) {
			tail = tail_get(task, state);
			if (!tail)
				return;
		}
		if (!capture_item(tail, state, capture, addr, want))
			at_exit |= 1 << i;
	}
	state->exit_captures = at_exit;
}

/* At exit: what the kernel wrote, and the second try. */
static __always_inline void capture_exit(struct task_struct *task, struct task_state *state,
					 struct syscall_spec *spec, s64 ret)
{
	struct task_tail *tail = tail_get(task, state);

	if (!tail)
		return;
	state->last_try = 1;
	for (u32 i = 0; i < SPEC_CAPTURES; i++) {
		struct capture *capture = &spec->captures[i];
		u64 addr, want = capture->limit;

		if (!(state->exit_captures & (1 << i)))
			continue;
		addr = call_arg(&state->call, capture->arg);
		switch (capture->how) {
		case CAPTURE_RET_OUT:
			if (ret <= 0)
				continue;
			want = ret;
			/* recv with MSG_TRUNC and getxattr return more than they wrote. */
			if (capture->aux && want > call_arg(&state->call, capture->aux))
				want = call_arg(&state->call, capture->aux);
			break;
		case CAPTURE_FIXED_OUT:
			if (ret < 0)
				continue;
			break;
		case CAPTURE_SIZED_OUT: {
			u32 size = 0;
			u64 size_addr = call_arg(&state->call, capture->aux);

			if (ret < 0 || !size_addr ||
			    bpf_probe_read_user(&size, sizeof(size), (void *)size_addr) || !size)
				continue;
			want = size < state->out_bytes ? size : state->out_bytes;
			break;
		}
		case CAPTURE_SIZED_IN:
			want = call_arg(&state->call, capture->aux);
			break;
		}
		capture_item(tail, state, capture, addr, want);
	}
	state->exit_captures = 0;
}
