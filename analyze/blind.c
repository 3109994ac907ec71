/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/blind.h"

#include "common/alloc.h"
#include "common/cleanup.h"

#include <stdlib.h>

#define TASKS	  (1ull << TRC_CLASS_TASK)
#define SCHEDULER (1ull << TRC_CLASS_SCHED)

/* Of which streams a section has chunks. */
struct streams {
	bool tasks, sched;
	u64 cpus[TRACE_CPU_MIXED / 64 + 1];	  /* bit per CPU: those with any */
	u64 sched_cpus[TRACE_CPU_MIXED / 64 + 1]; /* those with the scheduler's */
	u64 mixed; /* bit (CPU mod 64): those with events in streams of several CPUs */
};

static void find_streams(const struct trace_reader *reader, u32 section, struct streams *streams)
{
	size_t count;
	const struct trace_chunk *chunks = trace_reader_chunks(reader, &count);

	chunks = trace_chunks_of(chunks, count, section, &count);
	for (size_t i = 0; i < count; i++) {
		u64 classes = trace_reader_classes(reader, &chunks[i]);
		u16 cpu = (u16)chunks[i].head.stream;

		streams->tasks |= (classes & TASKS) > 0;
		streams->sched |= (classes & SCHEDULER) > 0;
		if (cpu == TRACE_CPU_MIXED) {
			streams->mixed |= chunks[i].head.cpus;
			continue;
		}
		streams->cpus[cpu / 64] |= 1ull << cpu % 64;
		if (classes & SCHEDULER)
			streams->sched_cpus[cpu / 64] |= 1ull << cpu % 64;
	}
}

/* Is there a stream of which nothing at all is left, though there must have been one? */
static bool lacks_stream(const struct trace_reader *reader, u32 section)
{
	_cleanup_free_ struct streams *streams = xcalloc(1, sizeof(*streams));

	find_streams(reader, section, streams);
	if (!streams->tasks)
		return true;
	if (!streams->sched)
		return trace_meta_has_group(trace_reader_section_meta(reader, section), "sched");
	/* Who makes a call on a CPU came to it, as who made or ended a task there. */
	for (size_t i = 0; i < ARRAY_SIZE(streams->cpus); i++)
		if (streams->cpus[i] & ~streams->sched_cpus[i])
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(streams->cpus); i++)
		streams->mixed &= ~streams->sched_cpus[i];
	return streams->mixed;
}

u64 blind_end_ns(const struct trace_reader *reader, u32 section)
{
	size_t count;
	const struct trace_chunk *chunks = trace_reader_chunks(reader, &count);
	const struct trace_chunk *end;
	u64 first_ns = UINT64_MAX;
	u32 next;

	if (!count)
		return first_ns;
	end = chunks + count;
	chunks = trace_chunks_of(chunks, count, section, &count);
	for (chunks += count; chunks < end && !trace_reader_has_clock(reader, chunks->section);)
		chunks++;
	for (next = chunks < end ? chunks->section : 0; chunks < end && chunks->section == next;
	     chunks++)
		if (chunks->head.event_count && chunks->head.ts_min < first_ns)
			first_ns = chunks->head.ts_min;
	return first_ns;
}

void blind_add_missing(struct intervals *blind, const struct trace_reader *reader, u32 section,
		       const struct trace_missing *missing, size_t count, u64 end_ns)
{
	bool lacks = lacks_stream(reader, section);

	for (size_t i = 0; i < count; i++) {
		u64 last_ns = missing[i].last_ns == UINT64_MAX ? end_ns : missing[i].last_ns;

		if (missing[i].stream == TRACE_STREAM_NONE
			    ? lacks
			    : trace_reader_stream_classes(reader, section, missing[i].stream) &
				      (TASKS | SCHEDULER))
			intervals_add(blind, missing[i].first_ns, last_ns);
	}
}

void blind_add_damage(struct intervals *blind, const struct trace_reader *reader,
		      const struct trace_damage *damage)
{
	u32 section;

	if (!damage->is_loss)
		return;
	if (damage->stream == TRACE_STREAM_NONE) {
		/* Several as one; of one of which nothing is known the streams around it tell more. */
		if (damage->ts_max != UINT64_MAX)
			intervals_add(blind, damage->ts_min, damage->ts_max);
		return;
	}
	section = trace_reader_section_at(reader, damage->offset);
	if (trace_reader_stream_classes(reader, section, damage->stream) & (TASKS | SCHEDULER))
		intervals_add(blind, damage->ts_min, damage->ts_max);
}
