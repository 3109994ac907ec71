/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cbor.h"

/* [ bstr × 16 ], or [ bstr ] of records that did not go through the filter. More may follow. */
static bool columns_parse(const u8 *data, size_t len, size_t count, struct word_column *columns)
{
	struct cbor_in in;

	if (cbor_check(data, len))
		return false;
	cbor_in_init(&in, data, len, 0);
	if (cbor_in_array(&in, UINT64_MAX) < count)
		return false;
	for (size_t i = 0; i < count && !in.error; i++)
		columns[i].data = cbor_in_bytes(&in, &columns[i].len);
	return !in.error;
}

static void swap_u16(void *p)
{
	u16 v;

	memcpy(&v, p, 2);
	v = __builtin_bswap16(v);
	memcpy(p, &v, 2);
}

static void swap_u32(void *p)
{
	u32 v;

	memcpy(&v, p, 4);
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static void swap_u64(void *p)
{
	u64 v;

	memcpy(&v, p, 8);
	v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
}

static void head_swap(struct trc_head *record)
{
	swap_u64(&record->ts);
	swap_u32(&record->tid);
	swap_u32(&record->tgid);
	swap_u16(&record->kind);
	swap_u16(&record->len);
	swap_u16(&record->cpu);
}

static void numbers_swap(u8 *p, size_t len, size_t size)
{
	for (size_t at = 0; at + size <= len; at += size)
		size == 4 ? swap_u32(p + at) : swap_u64(p + at);
}

/*
 * The item heads, on which record_check() is going to rely, and the contents that are numbers; or back
 * again. The other contents stay as they were recorded.
 */
static void items_swap(struct trc_head *record, bool back)
{
	u8 *p = (u8 *)record, *end = p + record->len;

	for (p += record->words * 8u; p < end;) {
		struct trc_item *item = (struct trc_item *)p;
		u16 len = item->len;

		swap_u16(&item->len);
		swap_u16(&item->more);
		if (!back)
			len = item->len;
		p += sizeof(*item);
		if (len > (size_t)(end - p))
			return; /* record_check() refuses it */
		if (item->type == TRC_TYPE_fds || item->type == TRC_TYPE_u32s)
			numbers_swap(p, len, 4);
		else if (item->type == TRC_TYPE_u64s)
			numbers_swap(p, len, 8);
		p += (len + 7u) / 8 * 8;
	}
}

static void fields_swap(struct trc_head *record, const struct schema_kind *kind)
{
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct schema_field *field = &kind->fields[i];
		u8 *p = (u8 *)record + field->offset;

		if (field->offset + field->size > record->words * 8u || !field->type ||
		    field->type > TRC_TYPE_s64)
			continue; /* bytes, or nobody knows */
		if (field->size == 2)
			swap_u16(p);
		else if (field->size == 4)
			swap_u32(p);
		else if (field->size == 8)
			swap_u64(p);
	}
}

/* What record_check() would find in order at once: most records. */
static bool has_no_tail(const struct trc_head *record, size_t room)
{
	return record->words * 8u == record->len && record->words >= TRC_HEAD_WORDS &&
	       record->len <= room;
}

/* To this machine's byte order, as far as that is needed to check its form. */
static bool record_swap(struct trc_head *record, size_t room)
{
	head_swap(record);
	if (record->len > room || record->len % 8 || record->words * 8u > record->len)
		return false;
	items_swap(record, false);
	return true;
}

/* Every record once: byte order, form, time. */
static bool records_check(u8 *data, size_t len, const struct trace_head *head,
			  const struct trace_section *section, bool swap)
{
	const bool sorted = head->flags & TRACE_SORTED;
	u64 last_ts = head->ts_min;
	u32 count = 0;

	for (size_t at = 0; at < len; count++) {
		struct trc_head *record = (struct trc_head *)(data + at);

		if (len - at < sizeof(*record))
			return false;
		if (swap && !record_swap(record, len - at))
			return false;
		if (!has_no_tail(record, len - at) && record_check(record, len - at))
			return false;
		if (record->ts < last_ts || record->ts > head->ts_max)
			return false;
		if (sorted)
			last_ts = record->ts;
		if (swap) {
			const struct schema_kind *kind = section_kind(section, record->kind);

			if (kind)
				fields_swap(record, kind);
			else
				items_swap(record, true); /* nobody can read it: as it was */
		}
		at += record->len;
	}
	return count == head->event_count;
}

static const char *chunk_decode(struct trace_reader *reader, struct trace_scratch *scratch,
				const struct trace_chunk *chunk, struct trace_buffer *buffer)
{
	const struct trace_section *section = &reader->sections[chunk->section];
	const bool swap = section->meta->big_endian != (__BYTE_ORDER == __BIG_ENDIAN);
	const struct trace_head *head = &chunk->head;
	const size_t raw_len = head->raw_len;
	struct word_column columns[WORD_STREAMS];
	const char *what = NULL;
	const u8 *data;
	size_t len;
	u32 count;

	if (payload_read(reader, scratch, head, chunk->offset, TRACE_RAW_MAX, WORD_SLACK(raw_len),
			 &data, &len, &what))
		return what;
	if (!columns_parse(data, len, head->flags & TRACE_COLUMNS ? WORD_STREAMS : 1, columns))
		return "the payload is not what it should be";
	if (head->event_count > raw_len / sizeof(struct trc_head) ||
	    (!(head->flags & TRACE_COLUMNS) && columns[0].len != raw_len))
		return "a length in the head is not possible";
	buffer_room(&buffer->data, &buffer->capacity, raw_len + 8);
	buffer->len = raw_len;
	if (!(head->flags & TRACE_COLUMNS))
		memcpy(buffer->data, columns[0].data, raw_len);
	else if (word_decode(columns, swap, &scratch->words, buffer->data, raw_len, &count))
		return "the filtered records are damaged";
	if (!records_check(buffer->data, raw_len, head, section, swap))
		return "the records do not agree with their head";
	return NULL;
}

int trace_reader_chunk(struct trace_reader *reader, const struct trace_chunk *chunk,
		       struct trace_buffer *buffer)
{
	struct trace_scratch *scratch = scratch_take(reader);
	const char *what = chunk_decode(reader, scratch, chunk, buffer);

	scratch_give(reader, scratch);
	if (!what)
		return 0;
	buffer->len = 0;
	damage_note_record(reader, &chunk->head, chunk->offset, what);
	return -EBADMSG;
}
