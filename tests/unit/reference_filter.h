/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The filter once more, written from FORMAT.md step by step and without regard to speed, for
 * recorders of either byte order: what common/word_filter.c does is compared with this.
 */
#pragma once

#include "tests/unit/make_trace.h"

struct reference {
	u8 *data[16];
	size_t len[16], capacity[16];
	bool big_endian; /* of the recorder */
	u32 duration;
	u64 t, f, heads[256], ids[256], words[4096][8];
};

static MAKE_UNUSED void reference_release(struct reference *r)
{
	for (u32 i = 0; i < 16; i++)
		free(r->data[i]);
}

static MAKE_UNUSED void reference_byte(struct reference *r, u32 stream, u8 byte)
{
	ARRAY_RESERVE(r->data[stream], r->capacity[stream], r->len[stream] + 1);
	r->data[stream][r->len[stream]++] = byte;
}

/* The number of `size` bytes as the recorder would load it. */
static MAKE_UNUSED u64 reference_load(const struct reference *r, const u8 *p, u32 size)
{
	u64 v = 0;

	for (u32 i = 0; i < size; i++)
		v |= (u64)p[i] << 8 * (r->big_endian ? size - 1 - i : i);
	return v;
}

static MAKE_UNUSED u32 reference_put(struct reference *r, u32 stream, u64 v)
{
	u32 size = 0;

	for (; v; v >>= 8, size++)
		reference_byte(r, stream, (u8)v);
	return size;
}

static MAKE_UNUSED u64 reference_zigzag(u64 v)
{
	return v >> 63 ? ~(v << 1) : v << 1;
}

static MAKE_UNUSED void reference_add(struct reference *r, const u8 *p)
{
	u64 w0 = reference_load(r, p, 8), w1 = reference_load(r, p + 8, 8);
	u64 w2 = reference_load(r, p + 16, 8), w3 = 0, duration = 0;
	u32 tid = (u32)reference_load(r, p + 8, 4), kind = (u32)reference_load(r, p + 16, 2);
	u32 len = (u32)reference_load(r, p + 18, 2), cpu = (u32)reference_load(r, p + 20, 2);
	u32 words = p[22], columns = words < 12 ? words : 12, slot, sizes, control = 0;
	u32 first = 0;

	if (words > 3) {
		w3 = reference_load(r, p + 24, 8);
		first = (u32)reference_load(r, p + 24, 4);
	}
	if (r->duration && columns > r->duration)
		duration = reference_load(r, p + 8 * r->duration, 8);
	slot = (u32)(((u32)w3 ^ (u32)(w3 >> 32)) * 0x9e3779b1u) >> 24;
	sizes = reference_put(r, 5, w3 ^ r->f);
	r->f = w3;
	sizes |= reference_put(r, 2, w2 ^ r->heads[slot]) << 4;
	r->heads[slot] = w2;
	sizes |= reference_put(r, 3, reference_zigzag(w0 - r->t - duration)) << 8;
	r->t = w0;
	sizes |= reference_put(r, 4, w1 ^ r->ids[cpu % 256]) << 12;
	r->ids[cpu % 256] = w1;
	reference_byte(r, 0, (u8)sizes);
	reference_byte(r, 0, (u8)(sizes >> 8));

	slot = (u32)((((u32)(((kind << 16) ^ first) * 0x85ebca6bu)) ^ tid) * 0x9e3779b1u) >> 20;
	for (u32 i = 4; i < columns; i++) {
		u64 w = reference_load(r, p + 8 * i, 8), *last = &r->words[slot][i - 4];

		control |=
			reference_put(r, i + 2, i == r->duration ? w : reference_zigzag(w - *last))
			<< 4 * (i - 4);
		*last = w;
	}
	for (u32 i = 4; i < columns; i += 2, control >>= 8)
		reference_byte(r, 1, (u8)control);
	for (u32 i = 8 * columns; i < len; i++)
		reference_byte(r, 14, p[i]);
}

static MAKE_UNUSED void reference_begin(struct reference *r, bool big_endian, u32 duration)
{
	*r = (struct reference){ .big_endian = big_endian, .duration = duration };
	if (duration)
		reference_byte(r, 15, (u8)duration);
}

static MAKE_UNUSED void make_swap(u8 *p, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		u8 t = p[i];

		p[i] = p[size - 1 - i];
		p[size - 1 - i] = t;
	}
}

/* A record of this machine as a recorder of the other byte order would have made it. */
static MAKE_UNUSED void make_foreign(u8 *record, const struct schema_kind *kind)
{
	struct trc_head head;
	size_t at;

	memcpy(&head, record, sizeof(head));
	for (size_t i = 0; i < kind->field_count; i++)
		if (kind->fields[i].type != TRC_TYPE_chars &&
		    kind->fields[i].offset + kind->fields[i].size <= head.words * 8u)
			make_swap(record + kind->fields[i].offset, kind->fields[i].size);
	for (at = head.words * 8u; at < head.len;) {
		struct trc_item item;
		u8 *p = record + at + sizeof(item);
		size_t size;

		memcpy(&item, record + at, sizeof(item));
		size = item.type == TRC_TYPE_u64s				 ? 8
		       : item.type == TRC_TYPE_u32s || item.type == TRC_TYPE_fds ? 4
										 : 0;
		for (size_t i = 0; size && i + size <= item.len; i += size)
			make_swap(p + i, size);
		make_swap(record + at + offsetof(struct trc_item, len), 2);
		make_swap(record + at + offsetof(struct trc_item, more), 2);
		at += sizeof(item) + (item.len + 7u) / 8 * 8;
	}
	make_swap(record, 8);
	make_swap(record + 8, 4);
	make_swap(record + 12, 4);
	make_swap(record + 16, 2);
	make_swap(record + 18, 2);
	make_swap(record + 20, 2);
}
