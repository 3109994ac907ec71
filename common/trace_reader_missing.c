/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What damage means for each stream: between which times its events are missing. */
#include "common/trace_reader_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* A hostile file has many gaps and many streams; beyond these, times are not told apart. */
#define MISSING_MAX 8192

struct missing_list {
	struct trace_missing *entries;
	size_t count, capacity;
};

struct stream_chunks { /* of one stream, in file order */
	const struct trace_chunk *const *chunks;
	size_t count;
	struct trace_missing last; /* that was listed */
};

struct streams {
	const struct trace_chunk **chunks;
	struct stream_chunks *streams;
	size_t count;
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

static void streams_init(struct streams *streams, const struct trace_chunk *chunks, size_t first,
			 size_t count)
{
	streams->chunks = xcalloc(count + 1, sizeof(*streams->chunks));
	streams->streams = xcalloc(count + 1, sizeof(*streams->streams));
	for (size_t i = 0; i < count; i++)
		streams->chunks[i] = &chunks[first + i];
	qsort(streams->chunks, count, sizeof(*streams->chunks), compare_chunks);
	for (size_t i = 0; i < count; i++) {
		if (!i || streams->chunks[i]->head.stream != streams->chunks[i - 1]->head.stream)
			streams->streams[streams->count++].chunks = &streams->chunks[i];
		streams->streams[streams->count - 1].count++;
	}
}

/* What may be missing of the stream where the file has a gap: what lies between its chunks around it. */
static struct trace_missing stream_gap(const struct stream_chunks *stream, u64 offset)
{
	struct trace_missing missing = { stream->chunks[0]->head.stream, 0, UINT64_MAX, 0 };
	size_t low = 0, high = stream->count;

	while (low < high) { /* the first chunk behind it */
		size_t middle = (low + high) / 2;

		if (stream->chunks[middle]->offset >= offset)
			high = middle;
		else
			low = middle + 1;
	}
	if (low)
		missing.first_ns = stream->chunks[low - 1]->head.ts_max;
	if (low < stream->count)
		missing.last_ns = stream->chunks[low]->head.ts_min;
	if (low && stream->chunks[low - 1]->head.flags & TRACE_LAST)
		missing.stream = TRACE_STREAM_NONE; /* nothing */
	return missing;
}

static void add_gap(struct missing_list *list, struct streams *streams, u64 offset)
{
	for (size_t i = 0; i < streams->count && list->count < MISSING_MAX; i++) {
		struct stream_chunks *stream = &streams->streams[i];
		struct trace_missing missing = stream_gap(stream, offset);

		if (missing.stream == TRACE_STREAM_NONE ||
		    !memcmp(&stream->last, &missing, sizeof(missing)))
			continue;
		stream->last = missing;
		add(list, missing);
	}
}

/* Does it lie in this section? Its records begin behind the label, and end where the next begins. */
static bool is_of(const struct trace_reader *reader, u32 section, u64 offset)
{
	return (!section || offset >= reader->sections[section].start) &&
	       (section + 1 == reader->section_count ||
		offset < reader->sections[section + 1].start);
}

static void add_damages(struct missing_list *list, const struct trace_reader *reader, u32 section,
			struct streams *streams)
{
	bool has_gap = false;

	for (size_t i = 0; i < reader->damage_count; i++) {
		const struct trace_damage *damage = &reader->damages[i];

		if (!damage->is_loss || !is_of(reader, section, damage->offset))
			continue;
		if (damage->stream != TRACE_STREAM_NONE) {
			add(list, (struct trace_missing){ damage->stream, damage->ts_min,
							  damage->ts_max, damage->event_count });
			continue;
		}
		add_gap(list, streams, damage->offset);
		has_gap = true;
	}
	/* And of streams of which nothing is left. */
	if (has_gap)
		add(list, (struct trace_missing){ TRACE_STREAM_NONE, 0, UINT64_MAX, 0 });
}

void trace_reader_missing(const struct trace_reader *reader, u32 section,
			  struct trace_missing **ret_missing, size_t *ret_count)
{
	const struct trace_section *of = &reader->sections[section];
	struct missing_list list = { 0 };
	struct streams streams = { 0 };
	size_t first = 0, count = 0;
	u64 last_ns = 0;

	while (first < reader->chunk_count && reader->chunks[first].section != section)
		first++;
	for (size_t i = first; i < reader->chunk_count && reader->chunks[i].section == section;
	     i++, count++)
		if (reader->chunks[i].head.ts_max > last_ns)
			last_ns = reader->chunks[i].head.ts_max;
	for (size_t i = 0; of->repair && i < of->repair->count; i++)
		add(&list, of->repair->missing[i]);
	streams_init(&streams, reader->chunks, first, count);
	add_damages(&list, reader, section, &streams);
	if (!of->ended)
		add(&list, (struct trace_missing){ TRACE_STREAM_NONE, last_ns, UINT64_MAX, 0 });
	free(streams.chunks);
	free(streams.streams);
	*ret_missing = list.entries;
	*ret_count = list.count;
}
