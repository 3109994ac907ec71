/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Large records, put together in memory of their own: fixed fields in front of a tail of items. */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/path.bpf.h"

#define ROOM_FIXED_BYTES 256
#define ROOM_START_MAX	 (16 * 1024) /* where the last item may start */
#define ROOM_LAST_MAX	 8192	     /* and what it may have */

struct record_room {
	u8 fixed[ROOM_FIXED_BYTES]; /* the record begins so that its tail begins with the next */
	u8 tail[ROOM_START_MAX + ROOM_LAST_MAX];
	struct path_buffer path;
};

#define room_record(room, type)                                                                    \
	((struct type *)((room)->fixed + ROOM_FIXED_BYTES - sizeof(struct type)))

/*
 * Writes the item's head for `len` bytes that stand behind it, pads, and returns where the next begins.
 * Global, so that the verifier looks at it once.
 */
__noinline __weak u32 item_close(struct record_room *room, u32 off, u32 field_and_type, u32 state,
				 u32 len)
{
	struct trc_item *item;
	u32 end;

	if (!room || off > ROOM_START_MAX)
		return off;
	barrier_var(off);
	item = (void *)room->tail + off;
	item->field = field_and_type & 255;
	item->type = field_and_type >> 8;
	item->state = state;
	item->zero = 0;
	item->len = len;
	item->more = state == TRC_ITEM_TRUNCATED ? 65535 : 0;
	end = off + sizeof(*item) + len;
	for (int i = 0; i < 7; i++) {
		if (!(end & 7) || end >= sizeof(room->tail))
			break;
		barrier_var(end);
		room->tail[end++] = 0;
	}
	return end;
}

#define ITEM(field, type) ((field) | TRC_TYPE_##type << 8)

/* What path_walk() left in the room, as an item. */
__noinline __weak u32 put_path(struct record_room *room, u32 off, u32 field, u32 start)
{
	u32 len = PATH_BYTES - start;
	u32 state = TRC_ITEM_WHOLE;

	if (room && room->path.cut)
		state = TRC_ITEM_TRUNCATED;
	if (!room || off > ROOM_START_MAX)
		return off;
	barrier_var(off);
	if (!len || len > PATH_BYTES) {
		len = 0;
		state = TRC_ITEM_UNREADABLE;
	}
	barrier_var(start);
	barrier_var(len);
	if (len && len <= PATH_BYTES)
		bpf_probe_read_kernel(room->tail + off + sizeof(struct trc_item), len,
				      room->path.bytes + (start & (PATH_BYTES - 1)));
	return item_close(room, off, ITEM(field, str), state, len);
}
