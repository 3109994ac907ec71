/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Moves records from the rings into the trace, counts them, and turns what the kernel could not send into
 * `lost` records.
 */
#pragma once

#include "common/trace_writer.h"
#include "record/rings.h"
#include "record/stacks.h"
#include "record/trigger.h"

/* The most that is taken from one ring before the others, and the caller, have their turn. */
#define CONSUMER_TURN_BYTES (256u << 10)

struct consumer;
struct event_source;

/* Counted from the beginning of all, whatever file it went to. */
struct tally {
	u64 recorded[TRC_KIND_MAX], lost[TRC_KIND_MAX]; /* by kind */
	/* losses that belong to no kind */
	u64 tasks;   /* could not be followed, and so their children */
	u64 strings; /* calls without what their arguments point to */
	u64 missed;  /* runs of a probe */
};

struct consumer *consumer_new(const struct event_source *source, struct rings *rings, u64 start_ns);
void consumer_free(struct consumer *consumer);
/* What is drained from here on goes to this writer. */
void consumer_set_writer(struct consumer *consumer, struct trace_writer *writer);
/* Stacks are recorded: they go through `stacks`, which is borrowed. */
void consumer_set_stacks(struct consumer *consumer, struct stacks *stacks);
/* Nothing is taken after so many events. */
void consumer_set_max_events(struct consumer *consumer, u64 count);
bool consumer_is_full(const struct consumer *consumer);
/* Looked for from here on; borrowed. */
void consumer_set_triggers(struct consumer *consumer, struct trigger *const *triggers,
			   size_t count);
/* The first of them that an event has met since the last call; NULL if there was none. */
const struct trigger *consumer_triggered(struct consumer *consumer);

/*
 * Takes what the rings hold, up to a limit: 1 if there is more, 0, or the -errno of a write that failed. *ret_fill is
 * the fullest ring before, in 1/1024.
 */
int consumer_drain(struct consumer *consumer, u32 *ret_fill);
/* Takes all that the rings hold and only counts it. */
u64 consumer_abandon(struct consumer *consumer);
/* Takes a record that did not come through a ring; before the recording begins it is dropped. 0 or the -errno of a write that failed. */
int consumer_take(struct consumer *consumer, const struct trc_head *record);
/* Takes the record of a process that was found, which /proc knows by this number, and what goes with it. */
int consumer_take_process(struct consumer *consumer, const struct trc_head *record, u32 number);
/* Writes a `lost` record for everything that was lost since the last call. */
int consumer_losses(struct consumer *consumer, u64 now);
/* One for the times that a probe did not run: it was running already on that CPU. At the end of a file. */
int consumer_missed(struct consumer *consumer, u64 now);
/* One that says: nothing was recorded between these times, because that was asked for. */
int consumer_paused(struct consumer *consumer, u64 from_ns, u64 to_ns);

const struct tally *consumer_tally(const struct consumer *consumer);
u64 consumer_high_bytes(const struct consumer *consumer);
u64 consumer_last_ns(
	const struct consumer *consumer); /* time of the last record; 0 if there was none */
