/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finding the records: from head to head, and from marker to marker where that leads nowhere.
 * Every byte is looked at a bounded number of times, whatever the file claims.
 */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"

#define SEARCH_BYTES (1u << 20)
#define START_BYTES  (512u << 20) /* a HEADER is repeated more often */

struct scan {
	struct trace_reader *reader;
	struct trace_section *section; /* the current one; NULL before the first */
	u64 at;
	struct trace_head last; /* the record before `at` */
	u64 last_at;
	bool has_last;
};

/* What stands at an offset. */
enum found {
	FOUND_NOTHING,
	FOUND_LABEL,
	FOUND_HEAD,
};

static enum found look_at(const struct trace_reader *reader, u64 offset,
			  struct trace_head *ret_head)
{
	u8 bytes[TRACE_HEAD_SIZE];
	size_t len = source_read(reader, offset, bytes, sizeof(bytes));
	int err;

	if (len >= TRACE_LABEL_SIZE && trace_label_check(bytes))
		return FOUND_LABEL;
	if (len < sizeof(bytes))
		return FOUND_NOTHING;
	err = trace_head_decode(bytes, ret_head);
	return !err || err == -EPROTONOSUPPORT ? FOUND_HEAD : FOUND_NOTHING;
}

/* May this head be the next of the section, or the first of another one? */
static bool head_fits(const struct scan *scan, const struct trace_head *head)
{
	if (head->type == TRACE_HEADER && !head->seq)
		return true;
	return !scan->section || !scan->section->has_id ||
	       (head->trace_id == scan->section->trace_id && head->seq >= scan->section->next_seq);
}

/* The offset of the first head in the bytes that fits here; `len` if there is none. */
static size_t search_bytes(const struct scan *scan, const u8 *data, size_t len)
{
	struct trace_head head;
	const u8 *p = data;
	int err;

	while ((p = memmem(p, len - (size_t)(p - data), trace_head_marker, TRACE_MARKER_SIZE))) {
		if (len - (size_t)(p - data) < TRACE_HEAD_SIZE)
			break;
		err = trace_head_decode(p, &head);
		if ((!err || err == -EPROTONOSUPPORT) && head_fits(scan, &head))
			return (size_t)(p - data);
		p++;
	}
	return len;
}

/*
 * The next head from an offset on, or the label in front of it; `to` if there is none. The window
 * grows, so that many small gaps do not cost many large reads.
 */
static u64 search(const struct scan *scan, u64 from, u64 to)
{
	const struct trace_reader *reader = scan->reader;
	_cleanup_free_ u8 *data = NULL;
	struct trace_head head;
	size_t window = 4096, len, at;

	while (from < to) {
		data = xrealloc(data, window);
		len = source_read(reader, from, data, window);
		if (len < TRACE_HEAD_SIZE)
			break;
		at = search_bytes(scan, data, len);
		if (at < len) {
			from += at;
			if (from >= TRACE_LABEL_SIZE &&
			    look_at(reader, from - TRACE_LABEL_SIZE, &head) == FOUND_LABEL)
				from -= TRACE_LABEL_SIZE;
			return from;
		}
		from += len - TRACE_HEAD_SIZE + 1;
		if (window < SEARCH_BYTES)
			window *= 2;
	}
	return to;
}

/* Is the last record whole? If nothing valid follows it, it may have been cut. */
static bool last_is_whole(struct scan *scan)
{
	struct trace_reader *reader = scan->reader;
	struct trace_scratch *scratch;
	const char *what;
	const u8 *data;
	size_t len;
	int err;

	if (scan->last.payload_len + (u64)scan->last.mid_len > reader->verify_budget)
		return false;
	reader->verify_budget -= scan->last.payload_len + (u64)scan->last.mid_len;
	scratch = scratch_take(reader);
	err = payload_read(reader, scratch, &scan->last, scan->last_at, TRACE_RAW_MAX, 0, &data,
			   &len, &what);
	scratch_give(reader, scratch);
	return !err;
}

static void resynchronise(struct scan *scan, const char *what)
{
	struct trace_reader *reader = scan->reader;
	struct trace_damage damage = {
		.offset = scan->at,
		.ts_max = UINT64_MAX,
		.what = what,
	};
	u64 from = scan->at;

	if (scan->has_last && !last_is_whole(scan))
		from = scan->last_at + TRACE_HEAD_SIZE;
	scan->at = search(scan, from, reader->size);
	if (scan->at < damage.offset) {
		record_drop(reader, &scan->last, scan->last_at);
	} else {
		damage.length = scan->at - damage.offset;
		damage_note(reader, &damage);
	}
	scan->has_last = false;
}

static void take_label(struct scan *scan)
{
	scan->section = section_begin(scan->reader);
	scan->at += TRACE_LABEL_SIZE;
	scan->has_last = false;
}

/* A head where one belongs. */
static void take_record(struct scan *scan, const struct trace_head *head)
{
	struct trace_reader *reader = scan->reader;
	u64 end = scan->at + TRACE_HEAD_SIZE + head->payload_len;

	if (!scan->section ||
	    (scan->section->has_id && scan->section->trace_id != head->trace_id)) {
		damage_note(reader, &(struct trace_damage){
					    .offset = scan->at,
					    .ts_max = UINT64_MAX,
					    .what = "the label of the trace is missing",
				    });
		scan->section = section_begin(reader);
	}
	scan->section->trace_id = head->trace_id;
	scan->section->has_id = true;
	if (end > reader->size) {
		damage_note_record(reader, head, scan->at, "the file ends inside this record");
		/* Unless its length lies, there is nothing behind it. */
		scan->at = search(scan, scan->at + TRACE_HEAD_SIZE, reader->size);
		scan->has_last = false;
		return;
	}
	if (head->seq != scan->section->next_seq)
		damage_note(reader, &(struct trace_damage){
					    .offset = scan->at,
					    .ts_max = UINT64_MAX,
					    .what = "records are missing before this one",
				    });
	record_add(reader, head, scan->at);
	scan->section->next_seq = head->seq + 1;
	scan->last = *head;
	scan->last_at = scan->at;
	scan->has_last = true;
	scan->at = end;
}

static int scan_start(struct scan *scan)
{
	const struct trace_reader *reader = scan->reader;
	u64 to = reader->size < START_BYTES ? reader->size : START_BYTES;
	struct trace_head head;

	if (look_at(reader, 0, &head) == FOUND_LABEL)
		return 0;
	/* A damaged start; or no trace at all. */
	scan->at = search(scan, 0, to);
	if (scan->at == to)
		return -EBADMSG;
	if (scan->at > TRACE_LABEL_SIZE)
		damage_note(scan->reader, &(struct trace_damage){
						  .length = scan->at,
						  .ts_max = UINT64_MAX,
						  .what = "the start of the file is damaged",
					  });
	return 0;
}

int reader_scan(struct trace_reader *reader)
{
	struct scan scan = { .reader = reader };
	struct trace_head head;
	int err;

	reader->verify_budget = reader->size * 2 + TRACE_RAW_MAX;
	reader->contents_budget = reader->size * 4 + 2 * TRACE_STATE_MAX;
	if (index_scan(reader))
		return 0;
	err = scan_start(&scan);
	if (err)
		return err;
	while (scan.at < reader->size) {
		if (reader->section_count > SECTIONS_MAX) {
			damage_note(reader, &(struct trace_damage){
						    .offset = scan.at,
						    .length = reader->size - scan.at,
						    .ts_max = UINT64_MAX,
						    .what = "more sections than is credible",
					    });
			break;
		}
		switch (look_at(reader, scan.at, &head)) {
		case FOUND_LABEL:
			take_label(&scan);
			break;
		case FOUND_HEAD:
			take_record(&scan, &head);
			break;
		case FOUND_NOTHING:
			resynchronise(&scan, reader->size - scan.at < TRACE_HEAD_SIZE
						     ? "the file ends inside a record"
						     : "this is not a record");
			break;
		}
	}
	return 0;
}
