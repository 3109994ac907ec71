/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What damage means for each stream: between which times its events are missing. */
#include "common/trace_reader_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* A hostile file has many gaps and many streams; beyond these times are not told apart. */
#define MISSING_MAX 8192

struct missing_list {
	struct trace_missing *entries;
	size_t count, capacity;
};

/* A recorder writes a CLOCK after all events that are older by so much than the CLOCK before it. */
#define CLOCK_BEHIND_NS 1000000000ull

struct gaps { /* where any stream may have lost something: offsets, ascending */
	u64 offsets[DAMAGES_MAX + 1];
	size_t count;
	bool no_end;  /* the last one is the end that is missing */
	u64 floor_ns; /* what is missing there is later */
};

static void add(struct missing_list *list, struct trace_missing missing)
{
	if (list->count == MISSING_MAX) {
		list->entries[MISSING_MAX - 1] =
			(struct trace_missing){ TRACE_STREAM_NONE, 0, UINT64_MAX, 0 };
		return;
	}
	ARRAY_RESERVE(list->entries, list->capacity, list->count + 1);
	list->entries[list->count++] = missing;
}

static int compare_chunks(const void *a, const void *b)
{
	const struct trace_chunk *ca = *(const struct trace_chunk *const *)a;
	const struct trace_chunk *cb = *(const struct trace_chunk *const *)b;

	if (ca->head.stream != cb->head.stream)
		return ca->head.stream < cb->head.stream ? -1 : 1;
	return ca->offset < cb->offset ? -1 : ca->offset > cb->offset;
}

/* The first gap behind the one chunk, but not behind the other; the count: none. NULL: the section's begin, or its end. */
static size_t gap_between(const struct gaps *gaps, const struct trace_chunk *before,
			  const struct trace_chunk *behind)
{
	size_t low = 0, high = before ? gaps->count : 0;

	while (low < high) { /* the first gap behind `before` */
		size_t middle = (low + high) / 2;

		if (gaps->offsets[middle] > before->offset)
			high = middle;
		else
			low = middle + 1;
	}
	return behind && low < gaps->count && gaps->offsets[low] > behind->offset ? gaps->count
										  : low;
}

static u64 floor_of(const struct gaps *gaps, size_t gap)
{
	return gaps->no_end && gap + 1 == gaps->count ? gaps->floor_ns : 0;
}

static void add_gap(struct missing_list *list, const struct gaps *gaps,
		    const struct trace_chunk *before, const struct trace_chunk *behind)
{
	size_t gap = gap_between(gaps, before, behind);
	u64 floor_ns = floor_of(gaps, gap), first_ns = before ? before->head.ts_max : 0;

	if ((before && before->head.flags & TRACE_LAST) || gap == gaps->count)
		return;
	add(list, (struct trace_missing){ (before ? before : behind)->head.stream,
					  first_ns > floor_ns ? first_ns : floor_ns,
					  behind ? behind->head.ts_min : UINT64_MAX, 0 });
}

/* What each stream may have lost in the gaps: what lies between its chunks around them. */
static void add_gaps(struct missing_list *list, const struct gaps *gaps,
		     const struct trace_chunk *chunks, size_t count)
{
	_cleanup_free_ const struct trace_chunk **sorted = xcalloc(count, sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &chunks[i];
	qsort(sorted, count, sizeof(*sorted), compare_chunks);
	for (size_t i = 0; i < count; i++) {
		bool first = !i || sorted[i - 1]->head.stream != sorted[i]->head.stream;
		bool last = i + 1 == count || sorted[i + 1]->head.stream != sorted[i]->head.stream;

		if (first)
			add_gap(list, gaps, NULL, sorted[i]);
		add_gap(list, gaps, sorted[i], last ? NULL : sorted[i + 1]);
	}
	/* And of streams of which nothing is left. */
	add(list, (struct trace_missing){ TRACE_STREAM_NONE, floor_of(gaps, 0), UINT64_MAX, 0 });
}

/* Does it lie in this section? Its records begin behind the label, and end where the next begins. */
static bool is_of(const struct trace_reader *reader, u32 section, u64 offset)
{
	return (!section || offset >= reader->sections[section].start) &&
	       (section + 1 == reader->section_count ||
		offset < reader->sections[section + 1].start);
}

/* Lists what is known of single streams; the other damages are gaps. */
static void add_damages(struct missing_list *list, const struct trace_reader *reader, u32 section,
			struct gaps *gaps)
{
	for (size_t i = 0; i < reader->damage_count; i++) {
		const struct trace_damage *damage = &reader->damages[i];

		if (!damage->is_loss || !is_of(reader, section, damage->offset))
			continue;
		if (damage->stream == TRACE_STREAM_NONE)
			gaps->offsets[gaps->count++] = damage->offset;
		else
			add(list, (struct trace_missing){ damage->stream, damage->ts_min,
							  damage->ts_max, damage->event_count });
	}
}

const struct trace_chunk *trace_chunks_of(const struct trace_chunk *chunks, size_t count,
					  u32 section, size_t *ret_count)
{
	size_t low = 0, high = count, end;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (chunks[middle].section >= section)
			high = middle;
		else
			low = middle + 1;
	}
	for (end = low; end < count && chunks[end].section == section;)
		end++;
	*ret_count = end - low;
	/* Without any chunk there is no array to count in. */
	return count ? chunks + low : NULL;
}

u32 trace_reader_section_at(const struct trace_reader *reader, u64 offset)
{
	size_t low = 0, high = reader->section_count;

	while (low + 1 < high) { /* the last that begins before it */
		size_t middle = (low + high) / 2;

		if (reader->sections[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return (u32)low;
}

/* The end that a section lacks is a gap behind all of it. */
static void add_end_gap(const struct trace_reader *reader, u32 section, struct gaps *gaps)
{
	const struct trace_meta *meta = reader->sections[section].meta;
	u64 first_ns = UINT64_MAX, last_ns = 0, before_ns = 0;
	const struct trace_chunk *records;
	size_t count;

	gaps->offsets[gaps->count++] = UINT64_MAX;
	gaps->no_end = true;
	/* Of a flight recorder's memory the clocks may stand before older events. */
	if (!meta || *trace_meta_option(meta, "flight"))
		return;
	records = trace_chunks_of(reader->records, reader->record_count, section, &count);
	for (size_t i = 0; i < count; i++) {
		const struct trace_head *head = &records[i].head;

		if (head->type != TRACE_CLOCK || head->ts_min == TRACE_TS_NONE)
			continue;
		if (first_ns == UINT64_MAX)
			first_ns = head->ts_min;
		before_ns = last_ns;
		last_ns = head->ts_min;
	}
	if (before_ns > CLOCK_BEHIND_NS && before_ns - CLOCK_BEHIND_NS > first_ns)
		gaps->floor_ns = before_ns - CLOCK_BEHIND_NS;
}

void trace_reader_missing(const struct trace_reader *reader, u32 section,
			  struct trace_missing **ret_missing, size_t *ret_count, size_t *ret_known)
{
	_cleanup_free_ struct gaps *gaps = xcalloc(1, sizeof(*gaps));
	const struct trace_section *of = &reader->sections[section];
	struct missing_list list = { 0 };
	const struct trace_chunk *chunks;
	size_t count;

	for (size_t i = 0; of->repair && i < of->repair->count; i++)
		add(&list, of->repair->missing[i]);
	add_damages(&list, reader, section, gaps);
	if (!of->ended)
		add_end_gap(reader, section, gaps);
	if (ret_known)
		*ret_known = list.count;
	chunks = trace_chunks_of(reader->chunks, reader->chunk_count, section, &count);
	if (gaps->count)
		add_gaps(&list, gaps, chunks, count);
	*ret_missing = list.entries;
	*ret_count = list.count;
}
