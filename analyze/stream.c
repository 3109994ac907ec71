/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/stream.h"

#include "analyze/stream_remap.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

/*
 * A hostile file can make all its chunks overlap. Beyond this many decoded bytes, with what is kept to be
 * used again, a chunk waits until another is done: then the order may suffer, memory does not.
 */
#define STREAM_DECODED_MAX (1ull << 30)
/* Of a buffer that is kept, and of all of them. The recorder's chunks have about 1 MiB. */
#define IDLE_BUFFER_MAX (4u << 20)
#define IDLE_BYTES_MAX	(64u << 20)

struct place { /* of a record in a chunk that is not in order */
	u64 ts;
	u32 offset;
};

struct cursor { /* a chunk that the walk is in */
	const struct trace_chunk *chunk;
	struct trace_buffer buffer;
	const struct trc_head *record; /* the next to give */
	u64 ts;			       /* of it */
	u64 order;		       /* among events of the same time */
	struct place *places;	       /* NULL: the records are in order as they stand */
	size_t place_count, place_next;
};

struct section_kind {
	const struct schema_kind *kind;
	struct remap *remap; /* NULL: a kind unknown to this program */
};

struct section { /* `cat a b` makes two, each with a schema of its own */
	struct section_kind *kinds;
	size_t kind_count;
	u16 *number_by_id; /* of a kind, from 1 on; 0: no such kind */
	size_t id_limit;
};

struct stream {
	struct trace_reader *reader;
	const struct trace_chunk **pending; /* by ts_min */
	size_t pending_count, pending_next;
	struct cursor **heap; /* [0] has the earliest record */
	size_t heap_count, heap_capacity;
	struct cursor **idle; /* to be used again, with their buffers */
	size_t idle_count, idle_capacity;
	u64 decoded_bytes; /* of the cursors in the heap */
	u64 idle_bytes;	   /* of the idle ones */
	bool futex_first;
	bool given; /* heap[0]'s record was the last one given */
	u32 section_count;
	struct section *sections;
	u64 scratch[REMAP_SCRATCH / 8];
};

static int compare_chunks(const void *a, const void *b)
{
	const struct trace_chunk *ca = *(const struct trace_chunk *const *)a;
	const struct trace_chunk *cb = *(const struct trace_chunk *const *)b;

	if (ca->head.ts_min != cb->head.ts_min)
		return ca->head.ts_min < cb->head.ts_min ? -1 : 1;
	if (ca->head.stream != cb->head.stream)
		return ca->head.stream < cb->head.stream ? -1 : 1;
	return ca->offset < cb->offset ? -1 : ca->offset > cb->offset;
}

static bool wanted(const struct trace_reader *reader, const struct trace_chunk *chunk,
		   const struct stream_options *options)
{
	u64 classes;

	if (!chunk->head.event_count || !trace_reader_has_clock(reader, chunk->section))
		return false;
	classes = trace_reader_classes(reader, chunk);
	if (options->classes && !(options->classes & classes))
		return false;
	if (classes & (1ull << TRC_CLASS_TASK))
		return true;
	/* What objects are is told once, perhaps long before. */
	return chunk->head.ts_min <= options->to_ns &&
	       (classes & (1ull << TRC_CLASS_OBJECT) || chunk->head.ts_max >= options->from_ns);
}

/* A hostile file has many kinds in many sections: only those that we know get a map, which is large. */
static void bind_kinds(struct section *section, const struct schema *schema)
{
	for (size_t i = 0; i < schema->kind_count; i++)
		if (schema->kinds[i].id >= section->id_limit)
			section->id_limit = schema->kinds[i].id + 1u;
	section->kind_count = schema->kind_count;
	section->kinds = xcalloc(section->kind_count, sizeof(*section->kinds));
	section->number_by_id = xcalloc(section->id_limit, sizeof(*section->number_by_id));
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];

		section->kinds[i].kind = kind;
		section->number_by_id[kind->id] = (u16)(i + 1);
		if (!schema_kind_by_name(schema_builtin(), kind->name))
			continue;
		section->kinds[i].remap = xmalloc(sizeof(struct remap));
		remap_init(section->kinds[i].remap, kind);
	}
}

/* Only the sections that have chunks: a hostile file has many without. */
static void bind_sections(struct stream *stream)
{
	for (size_t i = 0; i < stream->pending_count; i++)
		if (stream->pending[i]->section >= stream->section_count)
			stream->section_count = stream->pending[i]->section + 1;
	stream->sections = xcalloc(stream->section_count, sizeof(*stream->sections));
	for (size_t i = 0; i < stream->pending_count; i++) {
		u32 number = stream->pending[i]->section;

		if (!stream->sections[number].kinds)
			bind_kinds(&stream->sections[number],
				   &trace_reader_section_meta(stream->reader, number)->schema);
	}
}

int stream_open(struct trace_reader *reader, const struct stream_options *options,
		struct stream **ret_stream)
{
	static const struct stream_options all = { .to_ns = UINT64_MAX };
	struct stream *stream = xcalloc(1, sizeof(*stream));
	const struct trace_chunk *chunks;
	size_t count;

	chunks = trace_reader_chunks(reader, &count);
	stream->reader = reader;
	stream->futex_first = options && options->futex_first;
	stream->pending = xcalloc(count, sizeof(*stream->pending));
	for (size_t i = 0; i < count; i++)
		if (wanted(reader, &chunks[i], options ? options : &all))
			stream->pending[stream->pending_count++] = &chunks[i];
	qsort(stream->pending, stream->pending_count, sizeof(*stream->pending), compare_chunks);
	bind_sections(stream);
	*ret_stream = stream;
	return 0;
}

static void cursor_free(struct cursor *cursor)
{
	free(cursor->buffer.data);
	free(cursor->places);
	free(cursor);
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	for (size_t i = 0; i < stream->heap_count; i++)
		cursor_free(stream->heap[i]);
	for (size_t i = 0; i < stream->idle_count; i++)
		cursor_free(stream->idle[i]);
	free(stream->heap);
	free(stream->idle);
	free(stream->pending);
	for (u32 i = 0; i < stream->section_count; i++) {
		for (size_t j = 0; j < stream->sections[i].kind_count; j++)
			free(stream->sections[i].kinds[j].remap);
		free(stream->sections[i].kinds);
		free(stream->sections[i].number_by_id);
	}
	free(stream->sections);
	free(stream);
}

double stream_progress(const struct stream *stream)
{
	return stream->pending_count ? (double)stream->pending_next / (double)stream->pending_count
				     : 1;
}

/* ---- a chunk ---- */

static int compare_places(const void *a, const void *b)
{
	const struct place *pa = a, *pb = b;

	if (pa->ts != pb->ts)
		return pa->ts < pb->ts ? -1 : 1;
	return pa->offset < pb->offset ? -1 : pa->offset > pb->offset;
}

static const struct trc_head *record_at(const struct cursor *cursor, size_t offset)
{
	return (const struct trc_head *)(cursor->buffer.data + offset);
}

/*
 * Per-CPU rings are nearly sorted: an interrupt can slip in between a record's time stamp and its place.
 * Most chunks need nothing; the others get a sorted list of places.
 */
static void cursor_sort(struct cursor *cursor)
{
	size_t count = 0, i = 0;
	bool sorted = true;
	u64 last = 0;

	for (size_t at = 0; at < cursor->buffer.len; at += record_at(cursor, at)->len, count++) {
		sorted &= record_at(cursor, at)->ts >= last;
		last = record_at(cursor, at)->ts;
	}
	if (sorted)
		return;
	cursor->places = xreallocarray(NULL, count, sizeof(*cursor->places));
	for (size_t at = 0; at < cursor->buffer.len; at += record_at(cursor, at)->len, i++)
		cursor->places[i] = (struct place){ record_at(cursor, at)->ts, (u32)at };
	qsort(cursor->places, count, sizeof(*cursor->places), compare_places);
	cursor->place_count = count;
}

static void cursor_seek(struct cursor *cursor, const struct trc_head *record)
{
	cursor->record = record;
	cursor->ts = record->ts;
}

/* False at the end of the chunk. */
static inline bool cursor_advance(struct cursor *cursor)
{
	const u8 *next;

	if (cursor->places) {
		if (++cursor->place_next >= cursor->place_count)
			return false;
		cursor_seek(cursor, record_at(cursor, cursor->places[cursor->place_next].offset));
		return true;
	}
	next = (const u8 *)cursor->record + cursor->record->len;
	if (next >= cursor->buffer.data + cursor->buffer.len)
		return false;
	cursor_seek(cursor, (const struct trc_head *)next);
	return true;
}

static u64 order_of(const struct stream *stream, const struct trace_chunk *chunk)
{
	if (stream->futex_first &&
	    trace_reader_classes(stream->reader, chunk) & (1ull << TRC_CLASS_FUTEX))
		return (u64)TRC_CLASS_SYSCALL << 17;
	return (u64)chunk->head.stream << 1 | 1;
}

static bool cursor_start(struct cursor *cursor, const struct stream *stream,
			 const struct trace_chunk *chunk)
{
	cursor->chunk = chunk;
	cursor->order = order_of(stream, chunk);
	if (trace_reader_chunk(stream->reader, chunk, &cursor->buffer) || !cursor->buffer.len)
		return false;
	if (!(chunk->head.flags & TRACE_SORTED))
		cursor_sort(cursor);
	cursor_seek(cursor, record_at(cursor, cursor->places ? cursor->places[0].offset : 0));
	return true;
}

/* ---- the heap ---- */

static inline bool earlier(const struct cursor *a, const struct cursor *b)
{
	if (a->ts != b->ts)
		return a->ts < b->ts;
	if (a->order != b->order)
		return a->order < b->order;
	return a->chunk->offset < b->chunk->offset;
}

static void sift_down(struct stream *stream)
{
	struct cursor **heap = stream->heap, *cursor = heap[0];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= stream->heap_count)
			break;
		if (child + 1 < stream->heap_count && earlier(heap[child + 1], heap[child]))
			child++;
		if (!earlier(heap[child], cursor))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = cursor;
}

static void heap_push(struct stream *stream, struct cursor *cursor)
{
	size_t i = stream->heap_count;

	ARRAY_RESERVE(stream->heap, stream->heap_capacity, stream->heap_count + 1);
	stream->heap_count++;
	for (; i && earlier(cursor, stream->heap[(i - 1) / 2]); i = (i - 1) / 2)
		stream->heap[i] = stream->heap[(i - 1) / 2];
	stream->heap[i] = cursor;
}

static u64 cursor_bytes(const struct cursor *cursor)
{
	return cursor->buffer.capacity + cursor->place_count * sizeof(*cursor->places);
}

/* What decoding the chunk may take, as far as its head can be believed. */
static u64 chunk_bytes(const struct trace_chunk *chunk)
{
	const struct trace_head *head = &chunk->head;
	u64 count = head->raw_len / sizeof(struct trc_head);

	if (head->flags & TRACE_SORTED)
		return head->raw_len;
	if (head->event_count < count)
		count = head->event_count;
	return head->raw_len + count * sizeof(struct place);
}

static struct cursor *take_idle(struct stream *stream)
{
	struct cursor *cursor;

	if (!stream->idle_count)
		return xcalloc(1, sizeof(*cursor));
	cursor = stream->idle[--stream->idle_count];
	stream->idle_bytes -= cursor_bytes(cursor);
	return cursor;
}

/* A large buffer is not kept: the next chunk of this cursor may be small, and last long. */
static void make_idle(struct stream *stream, struct cursor *cursor)
{
	free(cursor->places);
	cursor->places = NULL;
	cursor->place_count = cursor->place_next = 0;
	if (cursor->buffer.capacity > IDLE_BUFFER_MAX ||
	    stream->idle_bytes + cursor->buffer.capacity > IDLE_BYTES_MAX) {
		free(cursor->buffer.data);
		cursor->buffer = (struct trace_buffer){ 0 };
	}
	stream->idle_bytes += cursor_bytes(cursor);
	ARRAY_RESERVE(stream->idle, stream->idle_capacity, stream->idle_count + 1);
	stream->idle[stream->idle_count++] = cursor;
}

static void heap_pop(struct stream *stream)
{
	struct cursor *cursor = stream->heap[0];

	stream->decoded_bytes -= cursor_bytes(cursor);
	make_idle(stream, cursor);
	stream->heap[0] = stream->heap[--stream->heap_count];
	if (stream->heap_count)
		sift_down(stream);
}

/* Decodes the chunks that may hold the next event. */
static void activate(struct stream *stream)
{
	while (stream->pending_next < stream->pending_count) {
		const struct trace_chunk *chunk = stream->pending[stream->pending_next];
		struct cursor *cursor;

		if (stream->heap_count &&
		    (chunk->head.ts_min > stream->heap[0]->ts ||
		     stream->decoded_bytes + stream->idle_bytes + chunk_bytes(chunk) >
			     STREAM_DECODED_MAX))
			return;
		stream->pending_next++;
		cursor = take_idle(stream);
		if (cursor_start(cursor, stream, chunk)) {
			stream->decoded_bytes += cursor_bytes(cursor);
			heap_push(stream, cursor);
		} else {
			make_idle(stream, cursor);
		}
	}
}

static inline void describe(struct stream *stream, const struct cursor *cursor,
			    struct event *ret_event)
{
	const struct trc_head *record = cursor->record;
	const struct section *section = &stream->sections[cursor->chunk->section];
	u16 number = record->kind < section->id_limit ? section->number_by_id[record->kind] : 0;
	const struct section_kind *kind = number ? &section->kinds[number - 1] : NULL;
	const struct remap *remap = kind ? kind->remap : NULL;

	ret_event->raw = ret_event->record = record;
	ret_event->section = cursor->chunk->section;
	ret_event->kind = kind ? kind->kind : NULL;
	if (!remap) {
		ret_event->kind_id = TRC_KIND_none;
		ret_event->missing = 0;
		return;
	}
	ret_event->kind_id = remap->ours->id;
	if (remap->native && record->words >= remap->words_min && record->kind == remap->ours->id)
		ret_event->missing = remap->missing[record->words];
	else
		ret_event->record =
			remap_record(remap, record, stream->scratch, &ret_event->missing);
}

bool event_has(const struct event *event, size_t offset)
{
	const struct schema_kind *ours;

	if (!event->missing)
		return true;
	ours = schema_kind_by_id(schema_builtin(), event->kind_id);
	for (size_t i = 0; ours && i < ours->field_count; i++)
		if (ours->fields[i].offset == offset)
			return !(event->missing & (1ull << i));
	return false;
}

bool stream_next(struct stream *stream, struct event *ret_event)
{
	if (stream->given) {
		if (!cursor_advance(stream->heap[0]))
			heap_pop(stream);
		else if (stream->heap_count > 1)
			sift_down(stream);
		stream->given = false;
	}
	if (!stream->heap_count ||
	    (stream->pending_next < stream->pending_count &&
	     stream->pending[stream->pending_next]->head.ts_min <= stream->heap[0]->ts))
		activate(stream);
	if (!stream->heap_count)
		return false;
	stream->given = true;
	describe(stream, stream->heap[0], ret_event);
	return true;
}
