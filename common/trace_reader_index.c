/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Listing records from INDEX: whole sections from the end of the file, at once, when everything fits;
 * and what a scan from head to head could not find.
 */
#include "common/trace_reader_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cbor.h"

#define END_RECORD (TRACE_HEAD_SIZE + TRACE_END_SIZE)

static bool head_read(const struct trace_reader *reader, u64 at, u8 type, u64 end,
		      struct trace_head *ret_head)
{
	u8 bytes[TRACE_HEAD_SIZE];

	return source_read(reader, at, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       !trace_head_decode(bytes, ret_head) && ret_head->type == type &&
	       at + trace_record_len(ret_head) == end;
}

/* END, which says where INDEX and the section begin: both are reckoned from its own end. */
static bool end_read(struct trace_reader *reader, struct trace_scratch *scratch, u64 end,
		     struct trace_index *index)
{
	const char *what;
	u64 values[4], size, behind;
	const u8 *data;
	size_t len;

	if (end < TRACE_LABEL_SIZE + END_RECORD ||
	    !head_read(reader, end - END_RECORD, TRACE_END, end, &index->last) ||
	    payload_read(reader, scratch, &index->last, end - END_RECORD, TRACE_END_SIZE, 0, &data,
			 &len, &what) ||
	    len != sizeof(values))
		return false;
	memcpy(values, data, sizeof(values));
	size = be64toh(values[3]);
	behind = size - be64toh(values[0]);
	if (!values[0] || be64toh(values[0]) > size || behind < END_RECORD || behind > end)
		return false;
	index->at = end - behind;
	index->start = size <= end ? end - size + TRACE_LABEL_SIZE : 0; /* bytes are missing */
	index->event_count = be64toh(values[2]);
	index->end = end;
	return true;
}

/* Every INDEX may claim the whole file in front of it: reading it is paid for, whether it is good or not. */
static bool index_afford(struct trace_reader *reader, const struct trace_head *head)
{
	u64 price = (u64)head->payload_len + head->mid_len;

	if (price > reader->verify_budget)
		return false;
	reader->verify_budget -= price;
	return true;
}

/* What an END and the INDEX in front of it hold; the entries are still to be looked at. */
static bool index_load(struct trace_reader *reader, u64 end, struct trace_index *index)
{
	struct trace_scratch *scratch = scratch_take(reader);
	const char *what;
	const u8 *data;
	struct cbor_in in;
	size_t len = 0;
	bool ok;

	ok = end_read(reader, scratch, end, index) &&
	     head_read(reader, index->at, TRACE_INDEX, end - END_RECORD, &index->index) &&
	     index->index.trace_id == index->last.trace_id &&
	     index->index.seq == index->last.seq - 1 && index_afford(reader, &index->index) &&
	     !payload_read(reader, scratch, &index->index, index->at, TRACE_INDEX_MAX, 0, &data,
			   &len, &what) &&
	     !cbor_check(data, len);
	if (ok) {
		cbor_in_init(&in, data, len, 0);
		ok = cbor_in_array(&in, UINT64_MAX) && (data = cbor_in_bytes(&in, &len)) &&
		     len / TRACE_INDEX_ENTRY_SIZE == index->index.seq &&
		     len % TRACE_INDEX_ENTRY_SIZE == 0;
	}
	if (ok) {
		index->entries = xmemdup(data, len);
		index->count = len / TRACE_INDEX_ENTRY_SIZE;
	}
	scratch_give(reader, scratch);
	return ok;
}

/* An entry as the head that it stands for; false if it is damaged or not possible. */
static bool entry_decode(const struct trace_index *index, size_t i, u8 bytes[TRACE_HEAD_SIZE],
			 struct trace_head *ret_head)
{
	u64 trace_id = htobe64(index->last.trace_id);
	int err;

	memcpy(bytes, trace_head_marker, TRACE_MARKER_SIZE);
	memcpy(bytes + TRACE_MARKER_SIZE, &trace_id, sizeof(trace_id));
	memcpy(bytes + TRACE_HEAD_CONSTANT, index->entries + i * TRACE_INDEX_ENTRY_SIZE,
	       TRACE_INDEX_ENTRY_SIZE);
	err = trace_head_decode(bytes, ret_head);
	return (!err || err == -EPROTONOSUPPORT) && ret_head->seq == i &&
	       ret_head->payload_len <= TRACE_PAYLOAD_MAX;
}

/* Does everything fit, from the label to INDEX? Then no head has to be read. */
static bool index_fits(const struct trace_reader *reader, const struct trace_index *index)
{
	u8 label[TRACE_LABEL_SIZE], bytes[TRACE_HEAD_SIZE];
	u64 at = index->start, events = 0;
	struct trace_head head;

	if (!at || !index->count ||
	    source_read(reader, at - TRACE_LABEL_SIZE, label, sizeof(label)) != sizeof(label) ||
	    !trace_label_check(label))
		return false;
	for (size_t i = 0; i < index->count; i++) {
		if (!entry_decode(index, i, bytes, &head) || (!i && head.type != TRACE_HEADER))
			return false;
		at += trace_record_len(&head);
		events += head.type == TRACE_EVENTS ? head.event_count : 0;
	}
	return at == index->at && events == index->event_count;
}

size_t index_take(struct trace_reader *reader, struct trace_index **ret_found, u64 *ret_start)
{
	struct trace_index *found = NULL;
	size_t count = 0, capacity = 0;
	u64 start = reader->size;

	while (start && count < SECTIONS_MAX) {
		struct trace_index index = { 0 };

		if (!index_load(reader, start, &index) || !index_fits(reader, &index)) {
			free(index.entries);
			break;
		}
		ARRAY_RESERVE(found, capacity, count + 1);
		found[count++] = index;
		start = index.start - TRACE_LABEL_SIZE;
	}
	*ret_found = found;
	*ret_start = start;
	return count;
}

/* The records from entry `first`, which lies at `at`, to END. */
static void entries_add(struct trace_reader *reader, const struct trace_index *index, size_t first,
			u64 at)
{
	u8 bytes[TRACE_HEAD_SIZE];
	struct trace_head head;

	for (size_t i = first; i < index->count && entry_decode(index, i, bytes, &head); i++) {
		record_add(reader, &head, at);
		at += trace_record_len(&head);
	}
	record_add(reader, &index->index, index->at);
	record_add(reader, &index->last, index->end - END_RECORD);
}

void index_add(struct trace_reader *reader, const struct trace_index *index)
{
	struct trace_section *section = section_begin(reader, index->start);

	section->trace_id = index->last.trace_id;
	section->has_id = true;
	entries_add(reader, index, 0, index->start);
}

/*
 * The first entry from which on all can be used, and where it lies. From INDEX backwards the entries
 * say where the records are, unless bytes are missing between them: what shows that they are not is a
 * head that stands where it should, or the beginning of the section.
 */
static size_t index_trusted(const struct trace_reader *reader, const struct trace_index *index,
			    u64 start, u64 *ret_at)
{
	u8 bytes[TRACE_HEAD_SIZE], found[TRACE_HEAD_SIZE];
	size_t first = index->count;
	struct trace_head head;
	u64 at = index->at;

	for (size_t i = index->count; i-- > 0;) {
		if (!entry_decode(index, i, bytes, &head) || at < start ||
		    at - start < trace_record_len(&head))
			break;
		at -= trace_record_len(&head);
		if ((!i && at == start) ||
		    (source_read(reader, at, found, sizeof(found)) == sizeof(found) &&
		     !memcmp(found, bytes, sizeof(found)))) {
			first = i;
			*ret_at = at;
		}
	}
	return first;
}

void index_join(struct trace_reader *reader, u64 end)
{
	const struct trace_section *section = &reader->sections[reader->section_count - 1];
	struct trace_index index = { 0 };
	const struct trace_chunk *last;
	size_t first;
	u64 at = 0;

	if (index_load(reader, end, &index) && index.last.trace_id == section->trace_id &&
	    (first = index_trusted(reader, &index, section->start, &at)) < index.count) {
		records_drop(reader, at, first);
		last = reader->record_count ? &reader->records[reader->record_count - 1] : NULL;
		if (first && (!last || last->section != reader->section_count - 1 ||
			      last->head.seq != first - 1))
			damage_note(reader, &(struct trace_damage){
						    .offset = at,
						    .ts_max = UINT64_MAX,
						    .stream = TRACE_STREAM_NONE,
						    .is_loss = true,
						    .what = "records are missing before this one",
					    });
		entries_add(reader, &index, first, at);
	}
	free(index.entries);
}
