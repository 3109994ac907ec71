/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/consumer.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

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

/* The smallest number of bytes taken from one ring before the others have their turn. */
#define DRAIN_TURN_BYTES (1u << 20)
/* After so many turns the caller gets its say, however fast the rings fill. */
#define DRAIN_TURNS_MAX 32
#define CLASSES_MAX	16

struct consumer {
	struct probes *probes;
	struct rings *rings;
	struct trace_writer *writer;
	struct stacks *stacks;	       /* NULL: there are none */
	size_t cpu_count;	       /* possible */
	struct trace_stream **streams; /* [class * cpu_count + cpu] */
	struct cpu_counters *counters, *counters_before;
	u64 recorded[TRC_KIND_MAX], lost[TRC_KIND_MAX];
	u64 lost_tasks, lost_strings, missed; /* see struct consumer_losses */
	u64 losses_checked_ns;
	u64 last_ns;
};

struct consumer *consumer_new(struct probes *probes, struct rings *rings,
			      struct trace_writer *writer, u64 start_ns)
{
	struct consumer *consumer = xcalloc(1, sizeof(*consumer));

	consumer->probes = probes;
	consumer->rings = rings;
	consumer->writer = writer;
	consumer->cpu_count = libbpf_num_possible_cpus();
	consumer->streams = xcalloc(CLASSES_MAX * consumer->cpu_count, sizeof(*consumer->streams));
	consumer->counters = xcalloc(consumer->cpu_count, sizeof(*consumer->counters));
	consumer->counters_before =
		xcalloc(consumer->cpu_count, sizeof(*consumer->counters_before));
	consumer->losses_checked_ns = start_ns;
	return consumer;
}

void consumer_set_stacks(struct consumer *consumer, struct stacks *stacks)
{
	consumer->stacks = stacks;
}

void consumer_free(struct consumer *consumer)
{
	if (!consumer)
		return;
	free(consumer->streams);
	free(consumer->counters);
	free(consumer->counters_before);
	free(consumer);
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

static int append(void *data, u16 cpu, const struct trc_head *record)
{
	struct consumer *consumer = data;
	u16 kind = record->kind;

	consumer->recorded[kind]++;
	if (record->ts > consumer->last_ns)
		consumer->last_ns = record->ts;
	return trace_stream_append(stream_of(consumer, class_of_kind[kind], cpu), record);
}

static int take(void *data, u16 cpu, const struct trc_head *record)
{
	struct consumer *consumer = data;
	u16 kind = record->kind;

	if (kind >= TRC_KIND_MAX || cpu >= consumer->cpu_count)
		return 0;
	if ((kind == TRC_KIND_stack || kind == TRC_KIND_module) && consumer->stacks)
		return stacks_append(consumer->stacks, cpu, record, append, consumer);
	return append(consumer, cpu, record);
}

int consumer_drain(struct consumer *consumer, u32 *ret_fill)
{
	u32 fullest = 0;
	bool more = true;
	size_t count;
	struct ring_view *rings = rings_get(consumer->rings, &count);

	for (size_t i = 0; i < count; i++) {
		u32 fill = ring_fill(&rings[i]) * 1024 / rings[i].size;

		if (fill > fullest)
			fullest = fill;
	}
	for (int turn = 0; more && turn < DRAIN_TURNS_MAX; turn++) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			s64 taken = ring_drain(&rings[i], DRAIN_TURN_BYTES, take, consumer);

			if (taken < 0)
				return taken;
			more |= taken >= DRAIN_TURN_BYTES;
		}
	}
	*ret_fill = fullest;
	return more;
}

static int lost_record(struct consumer *consumer, u16 kind, enum trc_lost_cause cause, u16 ring,
		       u64 now, u64 count)
{
	struct trc_lost lost = {
		.head = { .ts = now,
			  .kind = TRC_KIND_lost,
			  .len = sizeof(lost),
			  .words = sizeof(lost) / 8 },
		.lost_kind = kind,
		.cause = cause,
		.ring = ring,
		.first_ns = consumer->losses_checked_ns,
		.last_ns = now,
		.count = count,
	};

	consumer->recorded[TRC_KIND_lost]++;
	return trace_stream_append(stream_of(consumer, TRC_CLASS_TASK, 0), &lost.head);
}

/* What no kind and no ring can be named for. */
static int lost_other(struct consumer *consumer, enum trc_lost_cause cause, u64 now, u64 count,
		      u64 *total, int err)
{
	*total += count;
	if (err || !count)
		return err;
	return lost_record(consumer, TRC_KIND_none, cause, UINT16_MAX, now, count);
}

/* The heads of a class's later chunks carry the sum of its kinds on that ring. */
static void set_stream_lost(struct consumer *consumer, u16 cpu)
{
	u64 sums[CLASSES_MAX] = { 0 };

	for (u16 kind = 1; kind < TRC_KIND_MAX; kind++)
		sums[class_of_kind[kind]] += consumer->counters[cpu].lost[kind];
	for (u8 class = 1; class < CLASSES_MAX; class ++)
		if (sums[class])
			trace_stream_set_lost(stream_of(consumer, class, cpu), sums[class], 0);
}

int consumer_losses(struct consumer *consumer, u64 now)
{
	u64 lost_tasks = 0;
	int err = probes_counters(consumer->probes, consumer->counters, consumer->cpu_count);

	for (size_t cpu = 0; cpu < consumer->cpu_count && !err; cpu++) {
		struct cpu_counters *new = &consumer->counters[cpu],
				    *old = &consumer->counters_before[cpu];

		if (!memcmp(new, old, sizeof(*new)))
			continue;
		for (u16 kind = 1; kind < TRC_KIND_MAX && !err; kind++) {
			u64 count = new->lost[kind] - old->lost[kind];

			if (!count)
				continue;
			consumer->lost[kind] += count;
			err = lost_record(consumer, kind, TRC_LOST_RING, cpu, now, count);
		}
		err = lost_other(consumer, TRC_LOST_TASK, now, new->lost_task - old->lost_task,
				 &consumer->lost_tasks, err);
		err = lost_other(consumer, TRC_LOST_STRING, now,
				 new->lost_string - old->lost_string, &consumer->lost_strings, err);
		set_stream_lost(consumer, cpu);
		*old = *new;
	}
	for (size_t cpu = 0; cpu < consumer->cpu_count; cpu++)
		for (u16 kind = 1; kind < TRC_KIND_MAX; kind++)
			if (class_of_kind[kind] == TRC_CLASS_TASK)
				lost_tasks += consumer->counters[cpu].lost[kind];
	if (lost_tasks)
		trace_stream_set_lost(stream_of(consumer, TRC_CLASS_TASK, 0), lost_tasks, 0);
	consumer->losses_checked_ns = now;
	return err;
}

int consumer_missed(struct consumer *consumer, u64 now)
{
	return lost_other(consumer, TRC_LOST_BUSY, now,
			  probes_missed(consumer->probes) - consumer->missed, &consumer->missed, 0);
}

struct consumer_other_losses consumer_other_losses(const struct consumer *consumer)
{
	return (struct consumer_other_losses){ .tasks = consumer->lost_tasks,
					       .strings = consumer->lost_strings,
					       .missed = consumer->missed };
}

void consumer_counts(const struct consumer *consumer, u64 *ret_recorded, u64 *ret_lost)
{
	memcpy(ret_recorded, consumer->recorded, sizeof(consumer->recorded));
	memcpy(ret_lost, consumer->lost, sizeof(consumer->lost));
}

u64 consumer_recorded(const struct consumer *consumer, u16 kind)
{
	return consumer->recorded[kind];
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
