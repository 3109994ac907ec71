/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/wide.h"

void damage_note(struct trace_reader *reader, const struct trace_damage *damage)
{
	size_t low = 0, at;

	pthread_mutex_lock(&reader->lock);
	at = reader->damage_count;
	while (low < at) { /* the first one at this offset */
		size_t middle = (low + at) / 2;

		if (reader->damages[middle].offset >= damage->offset)
			at = middle;
		else
			low = middle + 1;
	}
	for (; at < reader->damage_count && reader->damages[at].offset == damage->offset; at++) {
		/* The same text is the same finding. */
		if (!strcmp(reader->damages[at].what, damage->what)) {
			pthread_mutex_unlock(&reader->lock);
			return;
		}
	}
	if (reader->damage_count == DAMAGES_MAX) {
		struct trace_damage *last = &reader->damages[DAMAGES_MAX - 1];

		last->event_count += damage->event_count;
		last->ts_min = damage->ts_min < last->ts_min ? damage->ts_min : last->ts_min;
		last->ts_max = damage->ts_max > last->ts_max ? damage->ts_max : last->ts_max;
		last->length = 0;
		last->stream = TRACE_STREAM_NONE;
		last->is_loss |= damage->is_loss;
		last->what = "this and more, too much to list";
	} else {
		ARRAY_RESERVE(reader->damages, reader->damage_capacity, reader->damage_count + 1);
		memmove(reader->damages + at + 1, reader->damages + at,
			(reader->damage_count - at) * sizeof(*reader->damages));
		reader->damages[at] = *damage;
		reader->damage_count++;
	}
	pthread_mutex_unlock(&reader->lock);
}

void damage_note_record(struct trace_reader *reader, const struct trace_head *head, u64 offset,
			const char *what)
{
	bool timed = head->ts_min <= head->ts_max && head->ts_min != TRACE_TS_NONE;
	u64 length = trace_record_len(head);

	if (length > reader->size - offset)
		length = reader->size - offset;
	damage_note(reader, &(struct trace_damage){
				    .offset = offset,
				    .length = length,
				    .ts_min = timed ? head->ts_min : 0,
				    .ts_max = timed ? head->ts_max : UINT64_MAX,
				    .event_count = head->event_count,
				    .stream = head->stream,
				    .is_loss = head->type == TRACE_EVENTS,
				    .what = what,
			    });
}

struct trace_section *section_begin(struct trace_reader *reader, u64 start)
{
	ARRAY_RESERVE(reader->sections, reader->section_capacity, reader->section_count + 1);
	reader->sections[reader->section_count] = (struct trace_section){ .start = start };
	return &reader->sections[reader->section_count++];
}

void record_add(struct trace_reader *reader, const struct trace_head *head, u64 offset)
{
	ARRAY_RESERVE(reader->records, reader->record_capacity, reader->record_count + 1);
	reader->records[reader->record_count++] = (struct trace_chunk){
		.head = *head,
		.offset = offset,
		.section = (u32)reader->section_count - 1,
	};
}

static bool is_of_last_section(const struct trace_reader *reader, size_t record)
{
	return reader->records[record].section == reader->section_count - 1;
}

void records_drop_from(struct trace_reader *reader, u64 offset)
{
	while (reader->record_count && is_of_last_section(reader, reader->record_count - 1) &&
	       reader->records[reader->record_count - 1].offset >= offset)
		reader->record_count--;
	while (reader->damage_count && reader->damages[reader->damage_count - 1].offset > offset)
		reader->damage_count--;
}

void records_drop(struct trace_reader *reader, u64 offset, u64 seq)
{
	size_t first, kept;

	records_drop_from(reader, offset);
	first = reader->record_count;
	while (first && is_of_last_section(reader, first - 1))
		first--;
	kept = first;
	for (size_t i = first; i < reader->record_count; i++)
		if (reader->records[i].head.seq < seq)
			reader->records[kept++] = reader->records[i];
	reader->record_count = kept;
}

static int header_add(struct trace_section *section, const u8 *data, size_t len)
{
	int err;

	if (section->meta)
		return 0;
	err = trace_meta_decode(data, len, &section->meta);
	section->newer = err == -EPROTONOSUPPORT;
	return section->newer ? 0 : err;
}

static int clocks_add(struct trace_section *section, const u8 *data, size_t len)
{
	_cleanup_free_ struct trace_clock_sample *samples = NULL;
	size_t count = 0;
	int err = trace_clock_decode(data, len, &samples, &count);

	if (err)
		return err;
	ARRAY_RESERVE(section->clocks, section->clock_capacity, section->clock_count + count);
	for (size_t i = 0; i < count; i++) {
		/* Small enough to calculate with, and ascending, as look-ups need them. */
		if (samples[i].mono_ns <= INT64_MAX &&
		    (!section->clock_count ||
		     samples[i].mono_ns > section->clocks[section->clock_count - 1].mono_ns))
			section->clocks[section->clock_count++] = samples[i];
	}
	return 0;
}

static int contents_add(struct trace_section *section, u8 type, const u8 *data, size_t len)
{
	switch (type) {
	case TRACE_HEADER:
		return header_add(section, data, len);
	case TRACE_STATE:
		return section->state ? 0 : trace_state_decode(data, len, &section->state);
	case TRACE_CLOCK:
		return clocks_add(section, data, len);
	case TRACE_SUMMARY:
		return section->summary ? 0 : trace_summary_decode(data, len, &section->summary);
	case TRACE_REPAIR:
		return section->repair ? 0 : trace_repair_decode(data, len, &section->repair);
	case TRACE_END:
		section->ended = true;
		return 0;
	default: /* INDEX: read before, or of no use */
		return 0;
	}
}

/* True if it is whole and of the right shape. */
static bool contents_read(struct trace_reader *reader, struct trace_section *section,
			  const struct trace_head *head, u64 offset)
{
	struct trace_scratch *scratch = scratch_take(reader);
	const char *what = NULL;
	const u8 *data;
	size_t len;

	if (head->mid_len > reader->contents_budget) {
		what = "more of these records than is credible";
	} else {
		reader->contents_budget -= head->mid_len;
		if (!payload_read(reader, scratch, head, offset, trace_content_max(head->type), 0,
				  &data, &len, &what) &&
		    contents_add(section, head->type, data, len))
			what = "the payload is not what it should be";
	}
	scratch_give(reader, scratch);
	if (what)
		damage_note_record(reader, head, offset, what);
	return !what;
}

/* Are these contents the ones that count? A copy of the HEADER is for those who lost the first. */
static bool is_wanted(const struct trace_section *section, u8 type)
{
	return type == TRACE_HEADER    ? !section->meta
	       : type == TRACE_STATE   ? !section->state
	       : type == TRACE_SUMMARY ? !section->summary
				       : type == TRACE_CLOCK;
}

/* Makes use of one record; what cannot be used becomes damage. True if a copy of the trace needs it. */
static bool record_settle(struct trace_reader *reader, const struct trace_chunk *record)
{
	struct trace_section *section = &reader->sections[record->section];
	const struct trace_head *head = &record->head;
	bool wanted = is_wanted(section, head->type);

	if (head->version != TRACE_HEAD_VERSION || head->flags & TRACE_FLAGS_MUST_UNDERSTAND) {
		reader->unknown_count++;
		damage_note_record(reader, head, record->offset,
				   "a record of a newer form, which this version cannot read");
	} else if (head->type == TRACE_EVENTS) {
		ARRAY_RESERVE(reader->chunks, reader->chunk_capacity, reader->chunk_count + 1);
		reader->chunks[reader->chunk_count++] = *record;
	} else if (head->type >= TRACE_HEADER && head->type <= TRACE_REPAIR) {
		if ((head->type == TRACE_HEADER && !wanted) ||
		    !contents_read(reader, section, head, record->offset))
			return false;
		if (head->type == TRACE_HEADER && section->meta)
			section->header = *record;
		return wanted && head->type != TRACE_HEADER;
	} else {
		reader->unknown_count += head->type < TRACE_OPTIONAL;
		return true;
	}
	return false;
}

static void records_settle(struct trace_reader *reader)
{
	size_t kept = 0;

	for (size_t i = 0; i < reader->record_count; i++)
		if (record_settle(reader, &reader->records[i]))
			reader->records[kept++] = reader->records[i];
	reader->records = xreallocarray(reader->records, kept + 1, sizeof(*reader->records));
	reader->record_count = reader->record_capacity = kept;
}

/* A section whose HEADER is lost may borrow that of another part of the same trace. */
static void section_borrow(struct trace_reader *reader, struct trace_section *section)
{
	for (size_t i = 0; i < reader->section_count && !section->meta; i++) {
		struct trace_section *other = &reader->sections[i];

		if (other->meta && !other->newer && section->has_id &&
		    other->trace_id == section->trace_id) {
			section->meta = other->meta;
			section->header = other->header;
			section->borrowed = true;
		}
	}
}

/* Gives every section that has one its meta, and drops the chunks of those that have none. */
static int sections_settle(struct trace_reader *reader)
{
	size_t kept = 0;

	reader->first = SIZE_MAX;
	for (size_t i = 0; i < reader->section_count; i++) {
		section_borrow(reader, &reader->sections[i]);
		if (reader->first == SIZE_MAX && reader->sections[i].meta)
			reader->first = i;
	}
	if (reader->first == SIZE_MAX)
		return reader->section_count ? -ENODATA : -EBADMSG;
	if (reader->sections[reader->first].newer)
		return -EPROTONOSUPPORT;
	for (size_t i = 0; i < reader->chunk_count; i++) {
		const struct trace_chunk *chunk = &reader->chunks[i];
		const struct trace_section *section = &reader->sections[chunk->section];

		if (section->meta && !section->newer)
			reader->chunks[kept++] = *chunk;
		else
			damage_note_record(reader, &chunk->head, chunk->offset,
					   section->newer ? "part of a trace of a newer version"
							  : "part of a trace without a HEADER");
	}
	reader->chunk_count = kept;
	return 0;
}

static void unknown_kinds_count(struct trace_reader *reader)
{
	const struct schema *schema = &trace_reader_meta(reader)->schema;

	for (size_t i = 0; i < schema->kind_count; i++)
		if (!schema_kind_by_name(schema_builtin(), schema->kinds[i].name))
			reader->unknown_count++;
}

int trace_reader_open(const char *path, struct trace_reader **ret_reader)
{
	_cleanup_(trace_reader_closep) struct trace_reader *reader = xcalloc(1, sizeof(*reader));
	int err;

	pthread_mutex_init(&reader->lock, NULL);
	reader->fd = -1;
	err = source_open(path, &reader->fd, &reader->size);
	if (!err)
		err = reader_scan(reader);
	if (!err) {
		records_settle(reader);
		err = sections_settle(reader);
	}
	if (!err) {
		schemas_settle(reader);
		unknown_kinds_count(reader);
	}
	if (!err || err == -EPROTONOSUPPORT)
		*ret_reader = TAKE_PTR(reader);
	return err;
}

void trace_reader_close(struct trace_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->section_count; i++) {
		struct trace_section *section = &reader->sections[i];

		if (!section->borrowed)
			trace_meta_free(section->meta);
		trace_state_free(section->state);
		trace_summary_free(section->summary);
		trace_repair_free(section->repair);
		free(section->clocks);
		free(section->classes);
		free(section->kinds);
	}
	while (reader->scratches) {
		struct trace_scratch *scratch = reader->scratches;

		reader->scratches = scratch->next;
		scratch_free(scratch);
	}
	free(reader->sections);
	free(reader->records);
	free(reader->chunks);
	free(reader->damages);
	if (reader->fd >= 0)
		close(reader->fd);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

const struct trace_meta *trace_reader_meta(const struct trace_reader *reader)
{
	return reader->sections[reader->first].meta;
}

const struct trace_meta *trace_reader_section_meta(const struct trace_reader *reader, u32 section)
{
	return section < reader->section_count ? reader->sections[section].meta : NULL;
}

const struct trace_state *trace_reader_state(const struct trace_reader *reader)
{
	return reader->sections[reader->first].state;
}

const struct trace_summary *trace_reader_summary(const struct trace_reader *reader)
{
	return reader->sections[reader->first].summary;
}

const struct trace_clock_sample *trace_reader_clocks(const struct trace_reader *reader,
						     size_t *ret_count)
{
	*ret_count = reader->sections[reader->first].clock_count;
	return reader->sections[reader->first].clocks;
}

const struct trace_chunk *trace_reader_chunks(const struct trace_reader *reader, size_t *ret_count)
{
	*ret_count = reader->chunk_count;
	return reader->chunks;
}

const struct trace_damage *trace_reader_damages(const struct trace_reader *reader,
						size_t *ret_count)
{
	*ret_count = reader->damage_count;
	return reader->damages;
}

u64 trace_reader_file_bytes(const struct trace_reader *reader)
{
	return reader->size;
}

u32 trace_reader_section_count(const struct trace_reader *reader)
{
	return (u32)reader->section_count;
}

bool trace_reader_ended_cleanly(const struct trace_reader *reader)
{
	for (size_t i = 0; i < reader->section_count; i++)
		if (!reader->sections[i].ended)
			return false;
	return true;
}

bool trace_reader_section_ended(const struct trace_reader *reader, u32 section)
{
	const struct trace_section *of = &reader->sections[section];

	return of->ended && (!of->repair || of->repair->ended);
}

bool trace_reader_has_end(const struct trace_reader *reader, u32 section)
{
	return reader->sections[section].ended;
}

const struct trace_repair *trace_reader_repair(const struct trace_reader *reader, u32 section)
{
	return reader->sections[section].repair;
}

const struct trace_chunk *trace_reader_header(const struct trace_reader *reader, u32 section)
{
	const struct trace_section *of = &reader->sections[section];

	return of->meta && !of->newer ? &of->header : NULL;
}

const struct trace_chunk *trace_reader_records(const struct trace_reader *reader, size_t *ret_count)
{
	*ret_count = reader->record_count;
	return reader->records;
}

u64 trace_reader_unknown_count(const struct trace_reader *reader)
{
	return reader->unknown_count;
}

/* base + (to - from), or the nearest number that there is. */
static s64 add_clamped(s64 base, u64 to, u64 from)
{
	if (to >= from)
		return to - from > (u64)INT64_MAX - (u64)base ? INT64_MAX
							      : (s64)((u64)base + (to - from));
	return from - to > (u64)base - (u64)INT64_MIN ? INT64_MIN : (s64)((u64)base - (from - to));
}

/* Between the two samples around it. */
static s64 interpolate(const struct trace_clock_sample *a, const struct trace_clock_sample *b,
		       u64 ts)
{
	u64 span = b->mono_ns - a->mono_ns;

	if (b->real_ns >= a->real_ns)
		return (s64)((u64)a->real_ns + wide_mul_div((u64)b->real_ns - (u64)a->real_ns,
							    ts - a->mono_ns, 0, span));
	return (s64)((u64)a->real_ns -
		     wide_mul_div((u64)a->real_ns - (u64)b->real_ns, ts - a->mono_ns, 0, span));
}

s64 trace_reader_wall_ns(const struct trace_reader *reader, u64 ts)
{
	const struct trace_section *section = &reader->sections[reader->first];
	const struct trace_clock_sample *samples = section->clocks, *a, *b;
	size_t low = 0, high = section->clock_count;

	if (!high) {
		/* Without samples the start of the trace is all there is to go by. */
		u64 start = section->summary	  ? section->summary->start_ns
			    : reader->chunk_count ? reader->chunks[0].head.ts_min
						  : ts;

		return add_clamped(section->meta->created_wall_ns, ts, start);
	}
	while (low < high) { /* the first sample after ts */
		size_t middle = (low + high) / 2;

		if (samples[middle].mono_ns > ts)
			high = middle;
		else
			low = middle + 1;
	}
	a = &samples[low ? low - 1 : 0];
	b = &samples[low < section->clock_count ? low : section->clock_count - 1];
	if (a == b) /* outside of all samples the clocks are taken to run alike */
		return add_clamped(a->real_ns, ts, a->mono_ns);
	return interpolate(a, b, ts);
}
