/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/source.h"

#include "record/attach.h"

u64 source_live_tasks(const struct event_source *source)
{
	return source->tracer ? tracer_live_tasks(source->tracer)
			      : probes_control(source->probes)->live_tasks;
}

u64 source_pause(const struct event_source *source, bool pause)
{
	return source->tracer ? tracer_pause(source->tracer, pause)
			      : probes_pause(source->probes, pause);
}

int source_tell(const struct event_source *source, struct consumer *consumer, bool found)
{
	if (source->tracer)
		return tracer_tell(source->tracer, consumer);
	return found ? attach_tell_all(source->probes, consumer)
		     : attach_find(source->probes, consumer);
}

void source_next_part(const struct event_source *source)
{
	if (source->tracer)
		tracer_next_part(source->tracer);
	else
		attach_next_part(source->probes);
}

int source_tell_later(const struct event_source *source, struct consumer *consumer)
{
	if (!source->tracer)
		return attach_find_later(source->probes, consumer);
	tracer_tick(source->tracer);
	return 0;
}

int source_tell_calls(const struct event_source *source, struct consumer *consumer, u64 end_ns)
{
	return source->tracer ? tracer_tell_calls(source->tracer, consumer, end_ns)
			      : attach_tell_calls(source->probes, consumer, end_ns);
}

void source_stop(const struct event_source *source)
{
	if (source->tracer)
		tracer_stop(source->tracer);
	else
		probes_detach(source->probes);
}

int source_unfinished(const struct event_source *source, struct consumer *consumer, u64 end_ns)
{
	u32 fill;
	int err = 0;

	if (!source->tracer)
		return probes_unfinished(source->probes, end_ns);
	/* What it sent before comes before. */
	do
		err = consumer_drain(consumer, &fill);
	while (err > 0);
	return err ? err : tracer_unfinished(source->tracer, consumer, end_ns);
}

int source_counters(const struct event_source *source, struct cpu_counters *ret_per_cpu,
		    size_t cpu_count)
{
	if (!source->tracer)
		return probes_counters(source->probes, ret_per_cpu, cpu_count);
	tracer_counters(source->tracer, ret_per_cpu);
	return 0;
}

u64 source_missed(const struct event_source *source)
{
	return probes_missed(source->probes);
}
