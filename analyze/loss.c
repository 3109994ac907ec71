/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/loss.h"

#include "analyze/blind.h"
#include "analyze/stream.h"
#include "common/alloc.h"
#include "common/cleanup.h"

#include <stdlib.h>

/* A loss, in order of kind and begin, so that a row asks two of them, however many there are. */
struct loss_span {
	u32 kind; /* or SPAN_OF_ANY: each stands there, too */
	u64 first_ns;
	u64 last_ns; /* the latest of those of this kind up to here */
};

#define SPAN_OF_ANY 0x10000

/* More intervals only a hostile file has: what lies between them is not told apart. */
#define BLIND_MAX 8192

static void add(struct loss_list *list, const struct loss *loss)
{
	ARRAY_RESERVE(list->losses, list->capacity, list->count + 1);
	list->losses[list->count++] = *loss;
	list->repaired_count += loss->cause == LOSS_REPAIRED;
	if (loss->cause < LOSS_DAMAGE && loss->has_count)
		list->lost_count += loss->count;
}

static void add_records(struct loss_list *list, struct trace_reader *reader)
{
	const struct stream_options options = { .to_ns = UINT64_MAX,
						.classes = 1ull << TRC_CLASS_TASK };
	struct stream *stream;
	struct event event;

	if (stream_open(reader, &options, &stream))
		return;
	while (stream_next(stream, &event)) {
		const struct trc_lost *record = (const struct trc_lost *)event.record;

		if (event.kind_id == TRC_KIND_lost)
			add(list, &(struct loss){ .kind = record->lost_kind,
						  .cause = record->cause,
						  .ring = record->ring,
						  .class = LOSS_CLASS_UNKNOWN,
						  .has_count = record->cause != TRC_LOST_PAUSED,
						  .first_ns = record->first_ns,
						  .last_ns = record->last_ns,
						  .count = record->count });
	}
	stream_close(stream);
}

/* Of calls, and of a time that is known. */
static bool is_of_calls(const struct trace_reader *reader, const struct loss *loss)
{
	const struct schema *schema = &trace_reader_meta(reader)->schema;
	const struct schema_kind *kind = loss->kind ? schema_kind_by_id(schema, loss->kind) : NULL;

	if (loss->cause < LOSS_DAMAGE && loss->last_ns == UINT64_MAX)
		return false;
	return (kind ? kind->class : loss->class) == TRC_CLASS_SYSCALL;
}

static void add_all(struct intervals *to, const struct intervals *from)
{
	for (size_t i = 0; i < from->count; i++)
		intervals_add(to, from->list[i].first_ns, from->list[i].last_ns);
}

/* The blind times and the losses are known. */
static void find_callless(struct loss_list *list, const struct trace_reader *reader)
{
	list->callless.count = 0;
	add_all(&list->callless, &list->blind);
	add_all(&list->callless, &list->known_callless);
	for (size_t i = list->known_count; i < list->count; i++)
		if (is_of_calls(reader, &list->losses[i]))
			intervals_add(&list->callless, list->losses[i].first_ns,
				      list->losses[i].last_ns);
	intervals_settle(&list->callless);
}

void loss_list_refresh(struct loss_list *list, struct trace_reader *reader)
{
	size_t count;
	const struct trace_damage *damages = trace_reader_damages(reader, &count);

	if (count == list->damage_count)
		return;
	/* They are sorted by place: what is new may stand anywhere among them. The others stand before them. */
	list->count = list->known_count;
	free(list->spans);
	list->spans = NULL;
	list->damage_count = count;
	list->blind.count = 0;
	add_all(&list->blind, &list->known_blind);
	for (size_t i = 0; i < count; i++) {
		const struct trace_damage *damage = &damages[i];

		blind_add_damage(&list->blind, reader, damage);
		if (damage->is_loss)
			add(list, &(struct loss){ .cause = LOSS_DAMAGE,
						  .ring = (u16)damage->stream,
						  .class = (u16)(damage->stream >> 16),
						  .has_count = damage->event_count > 0,
						  .first_ns = damage->ts_min,
						  .last_ns = damage->ts_max,
						  .count = damage->event_count });
	}
	intervals_settle(&list->blind);
	find_callless(list, reader);
}

/* What a file had lost before it was repaired. */
static void add_repaired(struct loss_list *list, const struct trace_reader *reader)
{
	for (u32 i = 0; i < trace_reader_section_count(reader); i++) {
		const struct trace_repair *repair = trace_reader_repair(reader, i);

		for (size_t j = 0; repair && j < repair->count; j++) {
			const struct trace_missing *missing = &repair->missing[j];

			add(list, &(struct loss){ .cause = LOSS_REPAIRED,
						  .ring = (u16)missing->stream,
						  .class = (u16)(missing->stream >> 16),
						  .has_count = missing->count > 0,
						  .first_ns = missing->first_ns,
						  .last_ns = missing->last_ns,
						  .count = missing->count });
		}
	}
}

/* What may have stood behind the end of a section that has none, and where that and damage leave threads unknown. */
static void add_missing(struct loss_list *list, const struct trace_reader *reader, u32 section)
{
	_cleanup_free_ struct trace_missing *missing = NULL;
	size_t count, known;
	u64 end_ns;

	trace_reader_missing(reader, section, &missing, &count, &known);
	if (!count)
		return;
	end_ns = blind_end_ns(reader, section);
	blind_add_missing(&list->known_blind, reader, section, missing, count, end_ns);
	for (size_t i = known; i < count && !trace_reader_has_end(reader, section); i++)
		if (missing[i].last_ns == UINT64_MAX)
			add(list, &(struct loss){ .cause = LOSS_NO_END,
						  .ring = (u16)missing[i].stream,
						  .class = (u16)(missing[i].stream >> 16),
						  .first_ns = missing[i].first_ns,
						  .last_ns = end_ns });
}

/* The chunks' heads carry running counts: they show a loss whose own record is missing. */
static u64 head_losses(struct trace_reader *reader)
{
	size_t count;
	const struct trace_chunk *chunks = trace_reader_chunks(reader, &count);
	u64 lost = 0;

	for (size_t i = 0; i < count; i++)
		lost |= chunks[i].head.lost_kernel | chunks[i].head.lost_user;
	return lost;
}

/* Of losses, or of a pause, which loses nothing that is counted. */
static bool has_records(const struct trace_summary *summary)
{
	for (size_t i = 0; i < summary->kind_count; i++)
		if (summary->kinds[i].kind == TRC_KIND_lost)
			return true;
	return summary->lost_count;
}

static void settle_few(struct intervals *intervals)
{
	intervals_settle(intervals);
	if (intervals->count <= BLIND_MAX)
		return;
	intervals->list[0].last_ns = intervals->list[intervals->count - 1].last_ns;
	intervals->count = 1;
}

/* What the known losses say of times; all that is blind but pauses is there. */
static void find_known(struct loss_list *list, const struct trace_reader *reader)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct loss *loss = &list->losses[i];

		if (loss->cause == TRC_LOST_PAUSED)
			intervals_add(&list->pauses, loss->first_ns, loss->last_ns);
		else if (is_of_calls(reader, loss))
			intervals_add(&list->known_callless, loss->first_ns, loss->last_ns);
	}
	intervals_settle(&list->pauses);
	add_all(&list->known_blind, &list->pauses);
	settle_few(&list->known_blind);
	settle_few(&list->known_callless);
}

struct loss_list *loss_list_new(struct trace_reader *reader)
{
	struct loss_list *list = xcalloc(1, sizeof(*list));
	const struct trace_summary *summary = trace_reader_summary(reader);

	if (!summary || has_records(summary) || head_losses(reader))
		add_records(list, reader);
	if (summary && summary->lost_count > list->lost_count) {
		add(list, &(struct loss){ .ring = TRACE_CPU_MIXED,
					  .class = LOSS_CLASS_UNKNOWN,
					  .has_count = true,
					  .last_ns = UINT64_MAX,
					  .count = summary->lost_count - list->lost_count });
	}
	add_repaired(list, reader);
	for (u32 i = 0; i < trace_reader_section_count(reader); i++)
		if (trace_reader_has_clock(reader, i))
			add_missing(list, reader, i);
	find_known(list, reader);
	list->known_count = list->count;
	list->damage_count = SIZE_MAX;
	loss_list_refresh(list, reader);
	return list;
}

void loss_list_free(struct loss_list *list)
{
	if (!list)
		return;
	free(list->losses);
	free(list->spans);
	free(list->blind.list);
	free(list->known_blind.list);
	free(list->callless.list);
	free(list->known_callless.list);
	free(list->pauses.list);
	free(list);
}

static int compare_spans(const void *one, const void *other)
{
	const struct loss_span *a = one, *b = other;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
}

static void make_spans(struct loss_list *list)
{
	struct loss_span *spans = xcalloc(list->count, 2 * sizeof(*spans));

	for (size_t i = 0; i < list->count; i++) {
		const struct loss *loss = &list->losses[i];

		spans[2 * i] = (struct loss_span){ loss->kind, loss->first_ns, loss->last_ns };
		spans[2 * i + 1] = (struct loss_span){ SPAN_OF_ANY, loss->first_ns, loss->last_ns };
	}
	list->span_count = 2 * list->count;
	qsort(spans, list->span_count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < list->span_count; i++)
		if (spans[i].kind == spans[i - 1].kind && spans[i].last_ns < spans[i - 1].last_ns)
			spans[i].last_ns = spans[i - 1].last_ns;
	list->spans = spans;
}

/* Of those of this kind that begin in time, does one last long enough? */
static bool spans_touch(const struct loss_list *list, u32 kind, u64 from_ns, u64 to_ns)
{
	size_t low = 0, high = list->span_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct loss_span *span = &list->spans[middle];

		if (span->kind < kind || (span->kind == kind && span->first_ns <= to_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low && list->spans[low - 1].kind == kind && list->spans[low - 1].last_ns >= from_ns;
}

bool loss_list_touches(struct loss_list *list, u16 kind, u64 from_ns, u64 to_ns)
{
	if (!list->count)
		return false;
	if (!list->spans)
		make_spans(list);
	if (!kind)
		return spans_touch(list, SPAN_OF_ANY, from_ns, to_ns);
	return spans_touch(list, kind, from_ns, to_ns) || spans_touch(list, 0, from_ns, to_ns);
}

const char *loss_cause_name(u16 cause)
{
	switch (cause) {
	case TRC_LOST_RING:
		return "ring full";
	case TRC_LOST_TASK:
		return "task not tracked";
	case TRC_LOST_BUFFER:
		return "recorder had no buffer";
	case TRC_LOST_WRITE:
		return "write error";
	case TRC_LOST_STRING:
		return "no room for a string";
	case TRC_LOST_BUSY:
		return "probe busy";
	case TRC_LOST_PAUSED:
		return "recording paused";
	case LOSS_DAMAGE:
		return "file damaged";
	case LOSS_REPAIRED:
		return "file was damaged, and repaired";
	case LOSS_NO_END:
		return "file has no end";
	default:
		return "unknown";
	}
}
