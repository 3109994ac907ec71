/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Moves records from the rings into the trace, counts them, and turns what the kernel could not send into
 * `lost` records.
 */
#pragma once

#include "common/trace_writer.h"
#include "record/probes.h"
#include "record/rings.h"
#include "record/stacks.h"

struct consumer;

struct consumer *consumer_new(struct probes *probes, struct rings *rings,
			      struct trace_writer *writer, u64 start_ns);
/* Stacks are recorded: they go through `stacks`, which is borrowed. */
void consumer_set_stacks(struct consumer *consumer, struct stacks *stacks);
void consumer_free(struct consumer *consumer);

/*
 * Takes what the rings hold, up to a limit: 1 if there is more, 0, or the -errno of a write that failed. *ret_fill is
 * the fullest ring before, in 1/1024.
 */
int consumer_drain(struct consumer *consumer, u32 *ret_fill);
/* Writes a `lost` record for everything that was lost since the last call. */
int consumer_losses(struct consumer *consumer, u64 now);
/* One for the times that a probe did not run: it was running already on that CPU. At the end. */
int consumer_missed(struct consumer *consumer, u64 now);

/* Losses that belong to no kind. */
struct consumer_other_losses {
	u64 tasks;   /* could not be followed, and so their children */
	u64 strings; /* calls without what their arguments point to */
	u64 missed;  /* runs of a probe */
};
struct consumer_other_losses consumer_other_losses(const struct consumer *consumer);

/* Recorded and lost per kind, indexed by kind, TRC_KIND_MAX of each. */
void consumer_counts(const struct consumer *consumer, u64 *ret_recorded, u64 *ret_lost);
u64 consumer_recorded(const struct consumer *consumer, u16 kind);
u64 consumer_high_bytes(const struct consumer *consumer);
u64 consumer_last_ns(
	const struct consumer *consumer); /* time of the last record; 0 if there was none */
