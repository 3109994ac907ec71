/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/consumer.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "record/source.h"

/* Which class a kind belongs to, straight from the list. */
#define F(type, name, unit, doc)
#define C(name, size, unit, doc)
#define V(type, name, doc)
#define EVENT(id, name, class, doc, ...) [id] = TRC_CLASS_##class,
static const u8 class_of_kind[TRC_KIND_MAX] = {
#include "common/events.def"
};
#undef F
#undef C
#undef V
#undef EVENT

#define CLASSES_MAX 16

struct consumer {
	const struct event_source *source;
	struct rings *rings;
	struct trace_writer *writer;
	struct stacks *stacks;	       /* NULL: there are none */
	size_t cpu_count;	       /* possible */
	struct trace_stream **streams; /* [class * cpu_count + cpu] */
	/* per CPU: now, when they were last looked at, when the file was begun */
	struct cpu_counters *counters, *counters_before, *counters_begin;
	struct tally tally;
	u64 nested; /* runs that source_missed() told of */
	u64 losses_checked_ns;
	u64 last_ns;
	u64 unwritten; /* events that came while there was no writer */
	/* asked for by few: one test per event for all of it */
	bool watches;
	u64 left; /* events that may still come */
	struct trigger *const *triggers;
	size_t trigger_count;
	const struct trigger *triggered;
};

struct consumer *consumer_new(const struct event_source *source, struct rings *rings, u64 start_ns)
{
	struct consumer *consumer = xcalloc(1, sizeof(*consumer));
	size_t count = libbpf_num_possible_cpus();

	consumer->source = source;
	consumer->rings = rings;
	consumer->cpu_count = count;
	consumer->streams = xcalloc(CLASSES_MAX * count, sizeof(*consumer->streams));
	consumer->counters = xcalloc(count, sizeof(*consumer->counters));
	consumer->counters_before = xcalloc(count, sizeof(*consumer->counters));
	consumer->counters_begin = xcalloc(count, sizeof(*consumer->counters));
	consumer->losses_checked_ns = start_ns;
	consumer->left = UINT64_MAX;
	return consumer;
}

void consumer_free(struct consumer *consumer)
{
	if (!consumer)
		return;
	free(consumer->streams);
	free(consumer->counters);
	free(consumer->counters_before);
	free(consumer->counters_begin);
	free(consumer);
}

void consumer_set_writer(struct consumer *consumer, struct trace_writer *writer)
{
	consumer->writer = writer;
	/* What came before recording began belongs to no file. */
	if (writer)
		consumer->unwritten = 0;
	memset(consumer->streams, 0,
	       CLASSES_MAX * consumer->cpu_count * sizeof(*consumer->streams));
	memcpy(consumer->counters_begin, consumer->counters_before,
	       consumer->cpu_count * sizeof(*consumer->counters));
}

void consumer_set_stacks(struct consumer *consumer, struct stacks *stacks)
{
	consumer->stacks = stacks;
}

void consumer_set_max_events(struct consumer *consumer, u64 count)
{
	consumer->left = count;
	consumer->watches = true;
}

bool consumer_is_full(const struct consumer *consumer)
{
	return !consumer->left;
}

void consumer_set_triggers(struct consumer *consumer, struct trigger *const *triggers, size_t count)
{
	consumer->triggers = triggers;
	consumer->trigger_count = count;
	consumer->watches |= count > 0;
}

const struct trigger *consumer_triggered(struct consumer *consumer)
{
	const struct trigger *triggered = consumer->triggered;

	consumer->triggered = NULL;
	return triggered;
}

static struct trace_stream *stream_of(struct consumer *consumer, u8 class, u16 cpu)
{
	struct trace_stream **slot = &consumer->streams[class * consumer->cpu_count + cpu];

	if (!*slot)
		/* The life cycle is one small stream, whatever the number of CPUs. */
		*slot = trace_writer_stream(consumer->writer, class,
					    class == TRC_CLASS_TASK ? TRACE_CPU_MIXED : cpu);
	return *slot;
}

/* False: no event may come any more. */
static bool watch(struct consumer *consumer, const struct trc_head *record)
{
	if (!consumer->left)
		return false;
	if (consumer->left != UINT64_MAX)
		consumer->left--;
	for (size_t i = 0; i < consumer->trigger_count && !consumer->triggered; i++)
		if (trigger_matches(consumer->triggers[i], record))
			consumer->triggered = consumer->triggers[i];
	return true;
}

static int take(struct consumer *consumer, u16 cpu, const struct trc_head *record)
{
	u16 kind = record->kind;

	if (kind >= TRC_KIND_MAX || cpu >= consumer->cpu_count)
		return 0;
	if (!consumer->writer) {
		consumer->unwritten++;
		return 0;
	}
	consumer->tally.recorded[kind]++;
	if (record->ts > consumer->last_ns)
		consumer->last_ns = record->ts;
	return trace_stream_append(stream_of(consumer, class_of_kind[kind], cpu), record);
}

static int put(void *data, u16 cpu, const struct trc_head *record)
{
	return take(data, cpu, record);
}

static int append(void *data, u16 cpu, const struct trc_head *record)
{
	struct consumer *consumer = data;

	if (consumer->watches && !watch(consumer, record))
		return -ENOSPC;
	if (consumer->stacks && stacks_wants(record->kind))
		return stacks_append(consumer->stacks, cpu, record, put, consumer);
	return take(consumer, cpu, record);
}

int consumer_take(struct consumer *consumer, const struct trc_head *record)
{
	return consumer->writer ? take(consumer, record->cpu, record) : 0;
}

int consumer_take_process(struct consumer *consumer, const struct trc_head *record, u32 number)
{
	int err = consumer_take(consumer, record);

	if (!err && consumer->writer && consumer->stacks)
		err = stacks_append_process(consumer->stacks, record, number, put, consumer);
	return err;
}

int consumer_drain(struct consumer *consumer, u32 *ret_fill)
{
	u32 fullest = 0;
	bool more = false;
	size_t count;
	struct ring_view *rings = rings_get(consumer->rings, &count);

	for (size_t i = 0; i < count; i++) {
		u32 fill = ring_fill(&rings[i]) * 1024 / rings[i].size;
		s64 taken = ring_drain(&rings[i], CONSUMER_TURN_BYTES, append, consumer);

		if (fill > fullest)
			fullest = fill;
		if (!consumer->left)
			break;
		if (taken < 0)
			return taken;
		more |= taken >= CONSUMER_TURN_BYTES;
	}
	*ret_fill = fullest;
	return more && consumer->left;
}

static int count_only(void *data, u16 cpu, const struct trc_head *record)
{
	++*(u64 *)data;
	return 0;
}

u64 consumer_abandon(struct consumer *consumer)
{
	size_t count;
	struct ring_view *rings = rings_get(consumer->rings, &count);
	u64 events = consumer->unwritten;

	consumer->unwritten = 0;
	for (size_t i = 0; i < count; i++)
		ring_drain(&rings[i], rings[i].size, count_only, &events);
	return events;
}

static int lost_record(struct consumer *consumer, u16 kind, enum trc_lost_cause cause, u16 ring,
		       u64 from_ns, u64 now, u64 count)
{
	struct trc_lost lost = {
		.head = { .ts = now,
			  .kind = TRC_KIND_lost,
			  .len = sizeof(lost),
			  .words = sizeof(lost) / 8 },
		.lost_kind = kind,
		.cause = cause,
		.ring = ring,
		.first_ns = from_ns,
		.last_ns = now,
		.count = count,
	};

	if (!consumer->writer)
		return 0;
	consumer->tally.recorded[TRC_KIND_lost]++;
	return trace_stream_append(stream_of(consumer, TRC_CLASS_TASK, 0), &lost.head);
}

/* What no kind and no ring can be named for. */
static int lost_other(struct consumer *consumer, enum trc_lost_cause cause, u64 now, u64 count,
		      u64 *total, int err)
{
	*total += count;
	if (err || !count)
		return err;
	return lost_record(consumer, TRC_KIND_none, cause, UINT16_MAX, consumer->losses_checked_ns,
			   now, count);
}

/* The heads of a class's later chunks carry the sum of its kinds on that ring. */
static void set_stream_lost(struct consumer *consumer, u16 cpu)
{
	u64 sums[CLASSES_MAX] = { 0 };

	if (!consumer->writer)
		return;
	for (u16 kind = 1; kind < TRC_KIND_MAX; kind++)
		sums[class_of_kind[kind]] += consumer->counters[cpu].lost[kind] -
					     consumer->counters_begin[cpu].lost[kind];
	for (u8 class = 1; class < CLASSES_MAX; class ++)
		if (sums[class])
			trace_stream_set_lost(stream_of(consumer, class, cpu), sums[class], 0);
}

int consumer_losses(struct consumer *consumer, u64 now)
{
	u64 lost_tasks = 0;
	int err = source_counters(consumer->source, consumer->counters, consumer->cpu_count);

	if (err)
		return err;
	/* Counted to the end, even when it cannot be written any more. */
	for (size_t cpu = 0; cpu < consumer->cpu_count; cpu++) {
		struct cpu_counters *new = &consumer->counters[cpu],
				    *old = &consumer->counters_before[cpu];

		if (!memcmp(new, old, sizeof(*new)))
			continue;
		for (u16 kind = 1; kind < TRC_KIND_MAX; kind++) {
			u64 count = new->lost[kind] - old->lost[kind];

			consumer->tally.lost[kind] += count;
			if (count && !err)
				err = lost_record(consumer, kind, TRC_LOST_RING, cpu,
						  consumer->losses_checked_ns, now, count);
		}
		err = lost_other(consumer, TRC_LOST_TASK, now, new->lost_task - old->lost_task,
				 &consumer->tally.tasks, err);
		err = lost_other(consumer, TRC_LOST_STRING, now,
				 new->lost_string - old->lost_string, &consumer->tally.strings,
				 err);
		err = lost_other(consumer, TRC_LOST_BUSY, now, new->unseen - old->unseen,
				 &consumer->tally.missed, err);
		set_stream_lost(consumer, cpu);
		*old = *new;
	}
	for (size_t cpu = 0; cpu < consumer->cpu_count; cpu++)
		for (u16 kind = 1; kind < TRC_KIND_MAX; kind++)
			if (class_of_kind[kind] == TRC_CLASS_TASK)
				lost_tasks += consumer->counters[cpu].lost[kind] -
					      consumer->counters_begin[cpu].lost[kind];
	if (lost_tasks && consumer->writer)
		trace_stream_set_lost(stream_of(consumer, TRC_CLASS_TASK, 0), lost_tasks, 0);
	consumer->losses_checked_ns = now;
	return err;
}

int consumer_missed(struct consumer *consumer, u64 now)
{
	u64 before = consumer->nested;

	consumer->nested = source_missed(consumer->source);
	return lost_other(consumer, TRC_LOST_BUSY, now, consumer->nested - before,
			  &consumer->tally.missed, 0);
}

int consumer_paused(struct consumer *consumer, u64 from_ns, u64 to_ns)
{
	consumer->losses_checked_ns = to_ns;
	return lost_record(consumer, TRC_KIND_none, TRC_LOST_PAUSED, UINT16_MAX, from_ns, to_ns, 0);
}

const struct tally *consumer_tally(const struct consumer *consumer)
{
	return &consumer->tally;
}

u64 consumer_high_bytes(const struct consumer *consumer)
{
	u64 high = 0;
	size_t count;
	struct ring_view *rings = rings_get(consumer->rings, &count);

	for (size_t i = 0; i < count; i++)
		if (rings[i].high_bytes > high)
			high = rings[i].high_bytes;
	return high;
}

u64 consumer_last_ns(const struct consumer *consumer)
{
	return consumer->last_ns;
}
