/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of structs and lists of records only some numbers: the last part of payload.bpf.h. */
#pragma once

/* u64s: the fields of one of the layouts. */
__noinline __weak int capture_pick(struct task_tail *tail, struct task_state *state, u32 arg,
				   u64 addr, u64 layout)
{
	const volatile struct pick *pick;
	u32 off, span, *halves;
	u64 *words;

	if (!tail || !state || layout >= PICK_LAYOUTS)
		return true;
	words = item_bytes(tail, state, &off);
	if (!words)
		return true;
	barrier_var(layout);
	pick = &picks[layout & (PICK_LAYOUTS - 1)];
	/* All at once, behind the item: every read of user memory costs as much as a record's head. */
	halves = (void *)(words + PICK_FIELDS);
	span = pick->span;
	if (bpf_probe_read_user(halves, span, (void *)addr))
		return item_unreadable(tail, state, off, arg, TRC_TYPE_u64s);
	for (u32 i = 0; i < PICK_FIELDS; i++) {
		u32 at = pick->fields[i].at / 4, unused = (64 - 8 * pick->fields[i].size) & 63;

		words[i] = (halves[at & 63] | (u64)halves[(at + 1) & 63] << 32) << unused >> unused;
	}
	item_end(tail, state, off, arg, TRC_TYPE_u64s, TRC_ITEM_WHOLE, PICK_FIELDS * 8, 0);
	return true;
}

struct records_walk {
	u64 at, end; /* addresses */
	u64 count;
	u32 size_at;
};

/* Goes over some records, which a loop of these makes many: see path.bpf.h. False: one cannot be read. */
__noinline __weak int records_count(struct records_walk *walk)
{
	if (!walk)
		return false;
	for (u32 i = 0; i < RECORDS_STRIDE && walk->at < walk->end; i++) {
		u16 size = 0;

		if (bpf_probe_read_user(&size, sizeof(size), (void *)(walk->at + walk->size_at)) ||
		    !size)
			return false;
		walk->at += size;
		walk->count++;
	}
	return true;
}

/* u64s: how many records fill `bytes`, each with its own size in a u16 at `size_at`. */
__noinline __weak int capture_records(struct task_tail *tail, struct task_state *state,
				      u32 arg_size_at, u64 addr, u64 bytes)
{
	struct records_walk walk = { .at = addr, .end = addr + bytes, .size_at = arg_size_at >> 8 };
	u64 *words;
	u32 off;

	if (!tail || !state)
		return true;
	words = item_bytes(tail, state, &off);
	if (!words)
		return true;
	for (u32 i = 0; i < RECORDS_STRIDE && walk.at < walk.end; i++)
		if (!records_count(&walk))
			return item_unreadable(tail, state, off, arg_size_at, TRC_TYPE_u64s);
	words[0] = walk.count;
	item_end(tail, state, off, arg_size_at, TRC_TYPE_u64s,
		 walk.at < walk.end ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE, 8,
		 walk.at < walk.end ? MORE_UNKNOWN : 0);
	return true;
}
