/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One CBOR array per event: libcbor's encoders, its streaming decoder. */
#include <cbor.h>
#include <string.h>

#include "common/schema.h"
#include "tests/bench/format.h"

static u8 *cbor_uint(u8 *p, u64 value)
{
	return p + cbor_encode_uint(value, p, 9);
}

static u8 *cbor_int(u8 *p, s64 value)
{
	return value < 0 ? p + cbor_encode_negint(~(u64)value, p, 9) : cbor_uint(p, (u64)value);
}

static u8 *cbor_array(u8 *p, size_t count)
{
	return p + cbor_encode_array_start(count, p, 9);
}

static u8 *cbor_bytes(u8 *p, const void *data, size_t len)
{
	p += cbor_encode_bytestring_start(len, p, 9);
	memcpy(p, data, len);
	return p + len;
}

/* The fixed fields of a record: a syscall's by hand, because there are so many; the others' by the schema. */
static u8 *cbor_fields(u8 *p, const struct trc_head *record)
{
	const struct schema_kind *kind;
	u64 value;

	if (record->kind == TRC_KIND_syscall) {
		const struct trc_syscall *call = (const void *)record;
		const u64 *args = &call->arg0;

		p = cbor_array(p, record->words);
		p = cbor_uint(p, call->nr);
		p = cbor_uint(p, call->abi);
		p = cbor_uint(p, call->state);
		p = cbor_uint(p, call->flags);
		p = cbor_int(p, call->ret);
		p = cbor_uint(p, call->duration_ns);
		for (u32 i = 0; i < record->words - 6u; i++)
			p = cbor_uint(p, args[i]);
		return p;
	}
	kind = schema_kind_by_id(schema_builtin(), record->kind);
	if (!kind)
		format_fail("a record", "its kind is unknown");
	p = cbor_array(p, kind->field_count);
	for (u32 i = 0; i < kind->field_count; i++) {
		const struct schema_field *field = &kind->fields[i];

		if (field->type == TRC_TYPE_chars)
			p = cbor_bytes(p, (const u8 *)record + field->offset, field->size);
		else if (record_field(record, field, &value))
			p = cbor_uint(p, value);
		else
			p = cbor_uint(p, 0);
	}
	return p;
}

/* [kind, ts, tid, tgid, cpu, flags, [field…], ?[item…]], an item being [field, type, state, more, bytes] */
size_t cbor_chunk_encode(const u8 *records, size_t len, u8 *mid)
{
	u8 *p = mid;
	u64 ts = 0;

	for (size_t at = 0; at < len;) {
		const struct trc_head *record = (const void *)(records + at);
		const struct trc_item *item = NULL;
		bool tail = record->len > record->words * 8u;
		size_t count = 0;

		p = cbor_array(p, tail ? 8 : 7);
		p = cbor_uint(p, record->kind);
		p = cbor_int(p, (s64)(record->ts - ts));
		ts = record->ts;
		p = cbor_uint(p, record->tid);
		p = cbor_uint(p, record->tgid);
		p = cbor_uint(p, record->cpu);
		p = cbor_uint(p, record->flags);
		p = cbor_fields(p, record);
		while (tail && record_item_next(record, &item))
			count++;
		if (tail)
			p = cbor_array(p, count);
		item = NULL;
		while (tail && record_item_next(record, &item)) {
			p = cbor_array(p, 5);
			p = cbor_uint(p, item->field);
			p = cbor_uint(p, item->type);
			p = cbor_uint(p, item->state);
			p = cbor_uint(p, item->more);
			p = cbor_bytes(p, trc_item_data(item), item->len);
		}
		at += record->len;
	}
	return (size_t)(p - mid);
}

/* Where the streaming decoder is: number `index` of an event's numbers, `depth` arrays deep. */
struct cbor_walk {
	u64 sum, ts;
	u64 left[8]; /* by depth */
	u32 depth, index;
};

static void walk_item(struct cbor_walk *walk)
{
	while (walk->depth && !--walk->left[walk->depth])
		walk->depth--;
}

static void walk_number(struct cbor_walk *walk, u64 value)
{
	if (walk->depth == 1 && walk->index++ == 1)
		value = walk->ts += value;
	walk->sum += value;
	walk_item(walk);
}

static void on_u8(void *data, uint8_t value)
{
	walk_number(data, value);
}

static void on_u16(void *data, uint16_t value)
{
	walk_number(data, value);
}

static void on_u32(void *data, uint32_t value)
{
	walk_number(data, value);
}

static void on_u64(void *data, uint64_t value)
{
	walk_number(data, value);
}

static void on_n8(void *data, uint8_t value)
{
	walk_number(data, ~(u64)value);
}

static void on_n16(void *data, uint16_t value)
{
	walk_number(data, ~(u64)value);
}

static void on_n32(void *data, uint32_t value)
{
	walk_number(data, ~(u64)value);
}

static void on_n64(void *data, uint64_t value)
{
	walk_number(data, ~value);
}

static void on_bytes(void *data, cbor_data bytes, size_t len)
{
	struct cbor_walk *walk = data;

	if (walk->depth == 3) /* of an item; at depth 2 it is a name */
		walk->sum += len;
	walk_item(walk);
}

static void on_array(void *data, size_t count)
{
	struct cbor_walk *walk = data;

	if (!walk->depth)
		walk->index = 0;
	if (!count || walk->depth + 1 >= ARRAY_SIZE(walk->left)) {
		walk_item(walk);
		return;
	}
	walk->left[++walk->depth] = count;
}

u64 cbor_chunk_decode(const u8 *mid, size_t mid_len)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct cbor_walk walk = { 0 };

	callbacks.uint8 = on_u8;
	callbacks.uint16 = on_u16;
	callbacks.uint32 = on_u32;
	callbacks.uint64 = on_u64;
	callbacks.negint8 = on_n8;
	callbacks.negint16 = on_n16;
	callbacks.negint32 = on_n32;
	callbacks.negint64 = on_n64;
	callbacks.byte_string = on_bytes;
	callbacks.array_start = on_array;
	for (size_t at = 0; at < mid_len;) {
		struct cbor_decoder_result result =
			cbor_stream_decode(mid + at, mid_len - at, &callbacks, &walk);

		if (result.status != CBOR_DECODER_FINISHED)
			format_fail("cbor", "not what was written");
		at += result.read;
	}
	return walk.sum;
}
