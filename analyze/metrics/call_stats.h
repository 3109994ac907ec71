/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sums over system calls of some kind: the columns that every table of calls shares.
 *
 * count and error_count are of all calls that were shown; times are of complete calls only, those whose
 * entry and exit were both seen. Calls that the recorder's kernel part only counted (record --sample) are in count,
 * error_count, total and mean; nothing else is known of them.
 */
#pragma once

#include "analyze/metrics/histogram.h"
#include "analyze/table.h"
#include "analyze/walk.h"
#include "common/events.h"
#include "common/wide.h"

struct call_stats { /* zero it first */
	u64 count;
	u64 error_count;
	u64 counted_count; /* of count */
	u64 total_ns;
	struct histogram durations; /* its count is that of complete calls */
};

/* The columns, to stand last in a COLUMNS() list. */
#define CALL_STATS_COLUMNS(C)                                                                      \
	C(count, INTEGER, COUNT, "calls, unfinished ones and those without a seen entry included") \
	C(error_count, INTEGER, COUNT, "calls that returned an error")                             \
	C(total_ns, INTEGER, NS,                                                                   \
	  "sum of the durations of complete calls; NULL here and below if there is no complete "   \
	  "call")                                                                                  \
	C(min_ns, INTEGER, NS, "shortest complete call")                                           \
	C(mean_ns, INTEGER, NS, "total_ns divided by the number of complete calls, rounded down")  \
	C(p50_ns, INTEGER, NS,                                                                     \
	  "half of the complete calls took at most this long (nearest rank); exact up to 64 "      \
	  "calls, then "                                                                           \
	  "within 1 %")                                                                            \
	C(p90_ns, INTEGER, NS, "90 % took at most this long, as p50_ns")                           \
	C(p99_ns, INTEGER, NS, "99 % took at most this long, as p50_ns")                           \
	C(p999_ns, INTEGER, NS, "99.9 % took at most this long, as p50_ns")                        \
	C(max_ns, INTEGER, NS, "longest complete call")                                            \
	C(counted_count, INTEGER, COUNT,                                                           \
	  "of the calls, those that were counted and not recorded (record --sample): they are in " \
	  "total_ns and mean_ns, the other times are those of the sample")

#define CALL_STATS_COLUMN_COUNT 11

/* `error` is decoder_errno()'s. */
static inline void call_stats_add(struct call_stats *stats, const struct trc_syscall *record,
				  u32 error)
{
	stats->count++;
	stats->error_count += error != 0;
	if (record->state == TRC_SYSCALL_COMPLETE) {
		stats->total_ns = wide_add(stats->total_ns, record->duration_ns);
		histogram_add(&stats->durations, record->duration_ns);
	}
}

/* The calls that an event counts; NULL if it is of another kind. */
static inline const struct trc_call_count *counted_calls(const struct walk_step *step)
{
	return step->event.kind_id == TRC_KIND_call_count && step->thread
		       ? (const struct trc_call_count *)step->event.record
		       : NULL;
}

void call_stats_add_counted(struct call_stats *stats, const struct trc_call_count *record);
void call_stats_release(struct call_stats *stats);
/* Fills the CALL_STATS_COLUMN_COUNT values from `values` on. */
void call_stats_values(const struct call_stats *stats, struct value *values);
