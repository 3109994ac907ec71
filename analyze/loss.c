/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/loss.h"

#include "analyze/stream.h"
#include "common/alloc.h"

#include <stdlib.h>

static void add(struct loss_list *list, const struct loss *loss)
{
	ARRAY_RESERVE(list->losses, list->capacity, list->count + 1);
	list->losses[list->count++] = *loss;
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
						  .has_count = record->cause != TRC_LOST_PAUSED,
						  .first_ns = record->first_ns,
						  .last_ns = record->last_ns,
						  .count = record->count });
	}
	stream_close(stream);
}

void loss_list_refresh(struct loss_list *list, struct trace_reader *reader)
{
	size_t count;
	const struct trace_damage *damages = trace_reader_damages(reader, &count);

	if (count == list->damage_count)
		return;
	/* They are sorted by place: what is new may stand anywhere among them. The others stand before them. */
	list->count = list->known_count;
	list->damage_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct trace_damage *damage = &damages[i];

		if (damage->is_loss)
			add(list, &(struct loss){ .cause = LOSS_DAMAGE,
						  .ring = (u16)damage->stream,
						  .has_count = damage->event_count > 0,
						  .first_ns = damage->ts_min,
						  .last_ns = damage->ts_max,
						  .count = damage->event_count });
	}
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
						  .has_count = missing->count > 0,
						  .first_ns = missing->first_ns,
						  .last_ns = missing->last_ns,
						  .count = missing->count });
		}
	}
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

struct loss_list *loss_list_new(struct trace_reader *reader)
{
	struct loss_list *list = xcalloc(1, sizeof(*list));
	const struct trace_summary *summary = trace_reader_summary(reader);

	if (!summary || has_records(summary) || head_losses(reader))
		add_records(list, reader);
	if (summary && summary->lost_count > list->lost_count) {
		add(list, &(struct loss){ .ring = TRACE_CPU_MIXED,
					  .has_count = true,
					  .last_ns = UINT64_MAX,
					  .count = summary->lost_count - list->lost_count });
	}
	add_repaired(list, reader);
	list->known_count = list->count;
	loss_list_refresh(list, reader);
	return list;
}

void loss_list_free(struct loss_list *list)
{
	if (!list)
		return;
	free(list->losses);
	free(list);
}

bool loss_list_touches(const struct loss_list *list, u16 kind, u64 from_ns, u64 to_ns)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct loss *loss = &list->losses[i];

		if ((!kind || !loss->kind || loss->kind == kind) && loss->first_ns <= to_ns &&
		    loss->last_ns >= from_ns)
			return true;
	}
	return false;
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
	default:
		return "unknown";
	}
}
