/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of lists of buffers their lengths, and the first of what they hold: a part of payload.bpf.h. */
#pragma once

/* --- lengths: u64s, the sum of the first LENGTHS_SUMMED, then each of the first LENGTHS_KEPT */

enum lengths_of { LENGTHS_OF_VECTOR, LENGTHS_OF_MESSAGES };

#define LENGTHS_UNREADABLE (1ull << 63) /* more than all of them can be */

/* The sum of some of them, of `size` bytes; with LENGTHS_UNREADABLE that of those before one that cannot be read. */
__noinline __weak u64 lengths_sum(u64 addr, u32 size, u32 stride, u32 count)
{
	u64 total = 0;

	for (u32 i = 0; i < LENGTHS_STRIDE && i < count; i++, addr += stride) {
		u64 length[2] = { 0 };

		if (bpf_probe_read_user(length, size & 15, (void *)addr))
			return total | LENGTHS_UNREADABLE;
		total += length[0];
	}
	return total & ~LENGTHS_UNREADABLE;
}

__noinline __weak u64 lengths_sum_all(u64 addr, u32 size, u32 stride, u32 count)
{
	u64 total = 0;

	for (u32 i = 0; i < LENGTHS_SUMMED && i < count && !(total & LENGTHS_UNREADABLE);
	     i += LENGTHS_STRIDE)
		total += lengths_sum(addr + i * stride, size, stride, count - i);
	return total;
}

__noinline __weak int capture_lengths(struct task_tail *tail, struct task_state *state, u32 arg_of,
				      u64 addr, u64 count)
{
	u32 n = count < LENGTHS_SUMMED ? count : LENGTHS_SUMMED,
	    kept = n < LENGTHS_KEPT ? n : LENGTHS_KEPT;
	u32 off, stride, size, i;
	u64 total = 0, *words;
	u8 arg = arg_of >> 8;

	if (!tail || !state)
		return true;
	words = item_bytes(tail, state, &off);
	if (!words)
		return true;
	size = stride = pointer_size(state);
	if ((arg_of & 255) == LENGTHS_OF_MESSAGES) {
		addr += 7 * stride;
		stride *= 8;
		size = 4;
	} else {
		addr += stride;
		stride *= 2;
	}
	/* No branch in the loops: the verifier walks every turn of every branch. */
	barrier_var(size);
	size &= 15;
	for (i = 0; i < LENGTHS_KEPT && i < n; i++, addr += stride) {
		words[1 + i] = 0;
		if (bpf_probe_read_user(&words[1 + i], size, (void *)addr))
			break;
		total += words[1 + i];
	}
	if (i < kept)
		return item_unreadable(tail, state, off, arg, TRC_TYPE_u64s);
	if (n > LENGTHS_KEPT) {
		u64 rest = lengths_sum_all(addr, size, stride, n - LENGTHS_KEPT);

		if (rest & LENGTHS_UNREADABLE && !state->last_try)
			return false;
		total += rest & ~LENGTHS_UNREADABLE;
	}
	words[0] = total;
	item_end(tail, state, off, arg, TRC_TYPE_u64s,
		 kept < n ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE, 8 + kept * 8, count - kept);
	return true;
}

/* What capture_vector_data() is told in one number: BPF functions take five. */
#define VECTOR_DATA(arg, limit, count) ((u64)(arg) | (u64)(limit) << 16 | (u64)(u32)(count) << 32)

struct vector_walk {
	u64 addr; /* of the next iovec */
	u64 want; /* bytes that are left */
	u32 room; /* that the item has left for them */
	u32 at;	  /* behind the tail's start */
};

enum { VECTOR_NEXT, VECTOR_FULL, VECTOR_UNREADABLE };

/* What one iovec holds. */
__noinline __weak int capture_vector(struct task_tail *tail, struct task_state *state,
				     struct vector_walk *walk)
{
	u32 pointer_bytes, n, at;
	u64 base, length;
	long err, err2;

	if (!tail || !state || !walk)
		return VECTOR_FULL;
	pointer_bytes = pointer_size(state);
	base = read_long(state, walk->addr, &err);
	length = read_long(state, walk->addr + pointer_bytes, &err2);
	if (err || err2)
		return VECTOR_UNREADABLE;
	if (length > walk->want)
		length = walk->want;
	n = length < walk->room ? length : walk->room;
	at = walk->at;
	if (!walk->room || n > DATA_BYTES_MAX || at > TAIL_START_MAX + DATA_BYTES_MAX)
		return VECTOR_FULL;
	barrier_var(n);
	barrier_var(at);
	if (n && bpf_probe_read_user((void *)tail + at, n, (void *)base))
		return VECTOR_UNREADABLE;
	walk->addr += 2 * pointer_bytes;
	walk->want -= n;
	walk->room -= n;
	walk->at += n;
	return n < length ? VECTOR_FULL : VECTOR_NEXT;
}

/* The first bytes of what iovecs hold: of `want`, or of all of them if that is not known. */
__noinline __weak int capture_vector_data(struct task_tail *tail, struct task_state *state,
					  u64 what, u64 addr, u64 want)
{
	u32 off, pos, count = what >> 32, i;
	struct vector_walk walk = { .addr = addr, .want = want, .room = (u16)(what >> 16) };
	bool cut;

	if (!tail || !state)
		return true;
	off = item_start(state);
	if (!off)
		return true;
	walk.at = off + sizeof(struct trc_item);
	for (i = 0; i < VECTORS_READ_MAX && i < count && walk.want; i++) {
		int step = capture_vector(tail, state, &walk);

		if (step == VECTOR_UNREADABLE)
			return item_unreadable(tail, state, off, what, TRC_TYPE_bytes);
		if (step == VECTOR_FULL)
			break;
	}
	pos = walk.at - sizeof(struct trc_item) - off;
	if (pos > DATA_BYTES_MAX)
		return true;
	cut = i < count && walk.want;
	item_end(tail, state, off, what, TRC_TYPE_bytes, cut ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE,
		 pos, cut ? MORE_UNKNOWN : 0);
	return true;
}
