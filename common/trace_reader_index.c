/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Listing the records from the indexes, back to front: END tells where its section begins, so that
 * the sections of concatenated files are found too. Everything must fit, or nothing is used.
 */
#include "common/trace_reader_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cbor.h"

struct end { /* a section from its END */
	u64 start, size;
	u64 index_at; /* from the start */
	u64 trace_id;
	u64 seq;
	u64 event_count;
};

static bool end_read(struct trace_reader *reader, struct trace_scratch *scratch, u64 end_at,
		     struct end *ret_end)
{
	u8 bytes[TRACE_HEAD_SIZE], label[TRACE_LABEL_SIZE];
	struct trace_head head;
	const char *what;
	const u8 *data;
	u64 values[4];
	size_t len;
	u64 at;

	if (end_at < TRACE_LABEL_SIZE + TRACE_HEAD_SIZE + TRACE_END_SIZE)
		return false;
	at = end_at - TRACE_HEAD_SIZE - TRACE_END_SIZE;
	if (source_read(reader, at, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    trace_head_decode(bytes, &head) || head.type != TRACE_END ||
	    head.payload_len != TRACE_END_SIZE ||
	    payload_read(reader, scratch, &head, at, TRACE_END_SIZE, 0, &data, &len, &what) ||
	    len != sizeof(values))
		return false;
	memcpy(values, data, sizeof(values));
	*ret_end = (struct end){
		.index_at = be64toh(values[0]),
		.event_count = be64toh(values[2]),
		.size = be64toh(values[3]),
		.trace_id = head.trace_id,
		.seq = head.seq,
	};
	if (ret_end->size > end_at || !ret_end->index_at ||
	    ret_end->index_at > ret_end->size - TRACE_HEAD_SIZE - TRACE_END_SIZE)
		return false;
	ret_end->start = end_at - ret_end->size;
	return source_read(reader, ret_end->start, label, sizeof(label)) == sizeof(label) &&
	       trace_label_check(label);
}

/* One entry as a head. */
static bool entry_decode(const u8 *entry, u64 trace_id, struct trace_head *ret_head)
{
	u8 bytes[TRACE_HEAD_SIZE];

	trace_id = htobe64(trace_id);
	memcpy(bytes, trace_head_marker, TRACE_MARKER_SIZE);
	memcpy(bytes + TRACE_MARKER_SIZE, &trace_id, sizeof(trace_id));
	memcpy(bytes + TRACE_HEAD_CONSTANT, entry, TRACE_INDEX_ENTRY_SIZE);
	return !trace_head_decode(bytes, ret_head);
}

static bool index_consistent(const struct end *end, const u8 *entries, size_t count)
{
	u64 at = TRACE_LABEL_SIZE, events = 0;
	struct trace_head head;

	for (size_t i = 0; i < count; i++) {
		if (!entry_decode(entries + i * TRACE_INDEX_ENTRY_SIZE, end->trace_id, &head) ||
		    head.seq != i || head.payload_len > TRACE_PAYLOAD_MAX)
			return false;
		at += TRACE_HEAD_SIZE + head.payload_len;
		events += head.event_count;
	}
	return at == end->index_at && events == end->event_count && end->seq == count + 1;
}

/* The heads of a section, malloc'ed; NULL if they are not to be trusted. */
static u8 *index_read(struct trace_reader *reader, struct trace_scratch *scratch,
		      const struct end *end, size_t *ret_count)
{
	u8 bytes[TRACE_HEAD_SIZE];
	struct trace_head head;
	struct cbor_in in;
	const char *what;
	const u8 *data;
	size_t len = 0;
	u64 at = end->start + end->index_at;

	if (source_read(reader, at, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    trace_head_decode(bytes, &head) || head.type != TRACE_INDEX ||
	    head.trace_id != end->trace_id ||
	    end->index_at + TRACE_HEAD_SIZE + head.payload_len + TRACE_HEAD_SIZE + TRACE_END_SIZE !=
		    end->size ||
	    payload_read(reader, scratch, &head, at, TRACE_INDEX_MAX, 0, &data, &len, &what) ||
	    cbor_check(data, len))
		return NULL;
	cbor_in_init(&in, data, len, 0);
	if (!cbor_in_array(&in, UINT64_MAX))
		return NULL;
	data = cbor_in_bytes(&in, &len);
	if (in.error || len % TRACE_INDEX_ENTRY_SIZE ||
	    !index_consistent(end, data, len / TRACE_INDEX_ENTRY_SIZE))
		return NULL;
	*ret_count = len / TRACE_INDEX_ENTRY_SIZE;
	return xmemdup(data, len);
}

static void records_add(struct trace_reader *reader, const struct end *end, const u8 *entries,
			size_t count)
{
	struct trace_section *section = section_begin(reader);
	u64 at = end->start + TRACE_LABEL_SIZE;
	struct trace_head head;

	section->trace_id = end->trace_id;
	section->has_id = true;
	section->ended = true;
	for (size_t i = 0; i < count; i++) {
		if (!entry_decode(entries + i * TRACE_INDEX_ENTRY_SIZE, end->trace_id, &head))
			return; /* not after index_consistent() */
		record_add(reader, &head, at);
		at += TRACE_HEAD_SIZE + head.payload_len;
	}
}

bool index_scan(struct trace_reader *reader)
{
	struct trace_scratch *scratch = scratch_take(reader);
	struct {
		struct end end;
		u8 *entries;
		size_t count;
	} *found = NULL;
	size_t count = 0, capacity = 0;
	u64 left = reader->size;
	bool ok = left > 0;

	while (left && ok) {
		ARRAY_RESERVE(found, capacity, count + 1);
		ok = count < SECTIONS_MAX && end_read(reader, scratch, left, &found[count].end) &&
		     (found[count].entries =
			      index_read(reader, scratch, &found[count].end, &found[count].count));
		if (ok)
			left = found[count++].end.start;
	}
	scratch_give(reader, scratch);
	/* What was found on the way is found again. */
	if (!ok)
		reader->damage_count = 0;
	while (count--) {
		if (ok)
			records_add(reader, &found[count].end, found[count].entries,
				    found[count].count);
		free(found[count].entries);
	}
	free(found);
	return ok;
}
