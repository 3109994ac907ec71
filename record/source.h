/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the events come from: the BPF programs, or the tracer. */
#pragma once

#include "record/probes.h"
#include "record/ptrace.h"

struct event_source { /* one of them is NULL */
	struct probes *probes;
	struct tracer *tracer;
};

/* Targets that have not ended. */
u64 source_live_tasks(const struct event_source *source);
/* Targets are followed, nothing is recorded, until it is turned off again. As probes_pause(). */
u64 source_pause(const struct event_source *source, bool pause);
/* A file is about to end. What is sent from here on tells enough for the next, which source_tell() begins. */
void source_next_part(const struct event_source *source);
/* Tells what the targets are, as for a file that begins; `found`: not for the first time. 0 or -errno. */
int source_tell(const struct event_source *source, struct consumer *consumer, bool found);
/* What is to be told of those that became targets meanwhile. */
int source_tell_later(const struct event_source *source, struct consumer *consumer);
/* Of a file that ends now, at `end_ns`, and that another follows, with all events taken: the calls that go on. 0 or -errno. */
int source_tell_calls(const struct event_source *source, struct consumer *consumer, u64 end_ns);
/* Nothing is recorded any more. */
void source_stop(const struct event_source *source);
/* After that, at `end_ns`: the calls that are going on. 0 or -errno. */
int source_unfinished(const struct event_source *source, struct consumer *consumer, u64 end_ns);
/* Sums of what was lost so far, per CPU. 0 or -errno. */
int source_counters(const struct event_source *source, struct cpu_counters *ret_per_cpu,
		    size_t cpu_count);
/* Runs of a program that were left out. */
u64 source_missed(const struct event_source *source);
