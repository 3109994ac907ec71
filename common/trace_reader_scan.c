/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finding the records: from head to head, and from marker to marker where that leads nowhere.
 * Every byte is looked at a bounded number of times, whatever the file claims.
 */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define SEARCH_BYTES (1u << 20)
#define START_BYTES  (512u << 20) /* a HEADER is repeated more often */

struct scan {
	struct trace_reader *reader;
	struct trace_section *section; /* the current one; NULL before the first */
	bool closed;		       /* its END has come */
	void *seen;		       /* seqs of its records but the last: a tree of tsearch() */
	u64 at, to;
	struct trace_head last; /* the record before `at` */
	u64 last_at;
	bool has_last;
	u64 next_seq;
};

/* What stands at an offset. */
enum found {
	FOUND_NOTHING,
	FOUND_LABEL,
	FOUND_HEAD,
};

static enum found look_at(const struct scan *scan, u64 offset, struct trace_head *ret_head)
{
	u8 bytes[TRACE_HEAD_SIZE];
	size_t len = source_read(scan->reader, offset, bytes, sizeof(bytes));
	int err;

	if (len > scan->to - offset)
		len = scan->to - offset;
	if (len >= TRACE_LABEL_SIZE && trace_label_check(bytes))
		return FOUND_LABEL;
	if (len < sizeof(bytes))
		return FOUND_NOTHING;
	err = trace_head_decode(bytes, ret_head);
	return !err || err == -EPROTONOSUPPORT ? FOUND_HEAD : FOUND_NOTHING;
}

static int compare_seqs(const void *a, const void *b)
{
	u64 sa = *(const u64 *)a, sb = *(const u64 *)b;

	return (sa > sb) - (sa < sb);
}

/* The record before `at` is no longer in question. */
static void settle_last(struct scan *scan)
{
	u64 *seq, **found;

	if (!scan->has_last)
		return;
	scan->has_last = false;
	seq = xmemdup(&scan->last.seq, sizeof(*seq));
	found = alloc_check(tsearch(seq, &scan->seen, compare_seqs));
	if (*found != seq)
		free(seq);
}

static bool was_seen(const struct scan *scan, u64 seq)
{
	return (scan->has_last && scan->last.seq == seq) || tfind(&seq, &scan->seen, compare_seqs);
}

/* What a head is to the current section. */
enum fit {
	FIT_NEXT,    /* one of its records */
	FIT_AGAIN,   /* one that has come before */
	FIT_SECTION, /* of another one, whose label is missing */
	FIT_NOT,
};

static enum fit head_fit(const struct scan *scan, const struct trace_head *head)
{
	if (!scan->section)
		return FIT_SECTION;
	if (!scan->section->has_id)
		return FIT_NEXT;
	if (head->trace_id == scan->section->trace_id)
		return was_seen(scan, head->seq) ? FIT_AGAIN : FIT_NEXT;
	return scan->closed || (head->type == TRACE_HEADER && !head->seq) ? FIT_SECTION : FIT_NOT;
}

/* May the search end at this head? `before` are the bytes in front of it, NULL if it may have no label. */
static bool head_found(const struct scan *scan, const u8 *head_bytes, const u8 *before,
		       bool *ret_labelled)
{
	struct trace_head head;
	int err = trace_head_decode(head_bytes, &head);
	enum fit fit;

	if (err && err != -EPROTONOSUPPORT)
		return false;
	*ret_labelled = before && trace_label_check(before);
	fit = head_fit(scan, &head);
	return *ret_labelled || fit == FIT_NEXT || fit == FIT_SECTION;
}

/*
 * The next head that fits, from an offset on, or the label in front of it; `to` if there is none. The
 * window grows, so that many small gaps do not cost many large reads.
 */
static u64 search(const struct scan *scan, u64 from, u64 to)
{
	_cleanup_free_ u8 *data = NULL;
	size_t window = 4096, before = 0;
	u64 start = from;

	while (from + TRACE_HEAD_SIZE <= to) {
		u64 room = to - (from - before);
		const u8 *p, *end;
		bool labelled;
		size_t len;

		data = xrealloc(data, window);
		len = source_read(scan->reader, from - before, data,
				  room < window ? (size_t)room : window);
		if (len < before + TRACE_HEAD_SIZE)
			break;
		end = data + len;
		for (p = data + before;
		     (p = memmem(p, (size_t)(end - p), trace_head_marker, TRACE_MARKER_SIZE)) &&
		     end - p >= TRACE_HEAD_SIZE;
		     p++) {
			const u8 *label =
				p - data >= TRACE_LABEL_SIZE ? p - TRACE_LABEL_SIZE : NULL;

			if (head_found(scan, p, label, &labelled))
				return from - before + (u64)((labelled ? label : p) - data);
		}
		from += len - before - TRACE_HEAD_SIZE + 1;
		before =
			from - start < TRACE_LABEL_SIZE ? (size_t)(from - start) : TRACE_LABEL_SIZE;
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

static void note(struct scan *scan, u64 length, bool is_loss, const char *what)
{
	damage_note(scan->reader, &(struct trace_damage){
					  .offset = scan->at,
					  .length = length,
					  .ts_max = UINT64_MAX,
					  .stream = TRACE_STREAM_NONE,
					  .is_loss = is_loss,
					  .what = what,
				  });
}

static void resynchronise(struct scan *scan, const char *what)
{
	struct trace_reader *reader = scan->reader;
	u64 from = scan->at, next;

	if (scan->has_last && !last_is_whole(scan)) {
		from = scan->last_at + TRACE_HEAD_SIZE;
		scan->has_last = false; /* a whole copy of it would be welcome */
	}
	settle_last(scan);
	next = search(scan, from, scan->to);
	if (next < scan->at) {
		records_drop_from(reader, scan->last_at);
		damage_note_record(reader, &scan->last, scan->last_at,
				   "the file was cut inside this record");
		scan->next_seq = scan->last.seq;
	} else {
		note(scan, next - scan->at, true, what);
	}
	scan->at = next;
}

static void scan_forget(struct scan *scan)
{
	tdestroy(scan->seen, free);
	scan->seen = NULL;
	scan->has_last = false;
	scan->closed = false;
	scan->next_seq = 0;
}

static void take_label(struct scan *scan)
{
	scan_forget(scan);
	scan->at += TRACE_LABEL_SIZE;
	scan->section = section_begin(scan->reader, scan->at);
}

/* A good head. False if no record of ours can be here. */
static bool take_record(struct scan *scan, const struct trace_head *head)
{
	struct trace_reader *reader = scan->reader;
	u64 end = scan->at + trace_record_len(head);
	enum fit fit = head_fit(scan, head);

	if (fit == FIT_NOT)
		return false;
	if (fit == FIT_SECTION) {
		note(scan, 0, false, "the label of the trace is missing");
		scan_forget(scan);
		scan->section = section_begin(reader, scan->at);
	}
	scan->section->trace_id = head->trace_id;
	scan->section->has_id = true;
	settle_last(scan);
	if (end > scan->to) {
		damage_note_record(reader, head, scan->at, "the file ends inside this record");
		/* Unless its length lies, there is nothing behind it. */
		scan->at = search(scan, scan->at + TRACE_HEAD_SIZE, scan->to);
		return true;
	}
	if (fit == FIT_AGAIN) {
		note(scan, end - scan->at, false, "this record is in the file twice");
		scan->at = end;
		return true;
	}
	if (head->seq != scan->next_seq)
		note(scan, 0, true, "records are missing before this one");
	record_add(reader, head, scan->at);
	scan->next_seq = head->seq + 1;
	scan->last = *head;
	scan->last_at = scan->at;
	scan->has_last = true;
	scan->at = end;
	if (head->type == TRACE_END) {
		scan->closed = true;
		index_join(reader, end);
	}
	return true;
}

static int scan_start(struct scan *scan)
{
	u64 to = scan->to < START_BYTES ? scan->to : START_BYTES, at;
	struct trace_head head;

	if (look_at(scan, 0, &head) == FOUND_LABEL)
		return 0;
	/* A damaged start; or no trace at all. */
	at = search(scan, 0, to);
	if (at == to && scan->to == scan->reader->size)
		return -EBADMSG;
	if (at > TRACE_LABEL_SIZE || at == scan->to || look_at(scan, at, &head) == FOUND_LABEL)
		note(scan, at, at > TRACE_LABEL_SIZE, "the start of the file is damaged");
	scan->at = at;
	return 0;
}

static int scan_heads(struct scan *scan, size_t section_max)
{
	struct trace_reader *reader = scan->reader;
	struct trace_head head;
	int err = scan_start(scan);

	if (err)
		return err;
	while (scan->at < scan->to) {
		enum found found = look_at(scan, scan->at, &head);

		if (reader->section_count > section_max) {
			note(scan, scan->to - scan->at, true, "more sections than is credible");
			break;
		}
		if (found == FOUND_LABEL)
			take_label(scan);
		else if (found == FOUND_NOTHING || !take_record(scan, &head))
			resynchronise(scan, scan->to - scan->at < TRACE_HEAD_SIZE
						    ? "the file ends inside a record"
						    : "this is not a record");
	}
	return 0;
}

int reader_scan(struct trace_reader *reader)
{
	struct scan scan = { .reader = reader };
	struct trace_index *found;
	size_t count;
	int err;

	reader->verify_budget = reader->size * 2 + TRACE_RAW_MAX;
	reader->contents_budget = reader->size * 4 + 2 * TRACE_STATE_MAX;
	count = index_take(reader, &found, &scan.to);
	err = scan.to || !count ? scan_heads(&scan, SECTIONS_MAX - count) : 0;
	scan_forget(&scan);
	while (count--) {
		if (!err)
			index_add(reader, &found[count]);
		free(found[count].entries);
	}
	free(found);
	return err;
}
