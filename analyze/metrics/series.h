/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sums by period of the recording (--period, a second unless it is said). Time is split at the boundaries, so
 * a wait counts where it was spent, not where it ended.
 */
#pragma once

#include "analyze/metrics/metric.h"
#include "analyze/model/idmap.h"

#define SERIES_PERIODS_MAX 131072u /* in a recording */
/*
 * Rows of a table that tell of nothing but that something went on all through them: a few events make any number of
 * those. A thousand threads that wait make as many in a quarter of an hour.
 */
#define SERIES_WHOLE_MAX (1u << 20)

struct series {		    /* zero it first, but for the widths */
	size_t width;	    /* sums per period */
	size_t times;	    /* the first of them, which may be of time */
	struct idmap cells; /* by period; none: nothing began, ended or happened in it */
};

/* What SERIES_PERIODS_MAX allows of a recording that may be damaged, or take years. */
u64 series_period_ns(const struct walk *walk, u64 wanted_ns);

/* 0, 1, …; what lies before the recording counts in its first period, what lies behind it in its last. */
u32 series_period(const struct walk *walk, u64 ts);

/* The sums of a period. */
u64 *series_sums(struct series *series, u32 period);
/* Adds the time from one moment to another to the `column`th sum of each period that it touches. */
void series_add_time(struct series *series, const struct walk *walk, size_t column, u64 from_ns,
		     u64 to_ns);

/* The first columns of a table by period. */
#define SERIES_COLUMNS(C)                                                                          \
	C(period, INTEGER, NUMBER, "number of the period: 0, 1, … since the start")                \
	C(from_ns, INTEGER, TS,                                                                    \
	  "when it began; it lasted for --period, a second unless said, or for several of them: "  \
	  "after a million rows of periods in which only time passed they share one")

/* Of one by process and period; the sums follow, in the order of the series. */
#define SERIES_PROCESS_COLUMNS(C)                                                                  \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	SERIES_COLUMNS(C)

/* May so many more rows be made of whole periods? If not, one row is to be made of all of them. `used` begins as 0. */
static inline bool series_split(u64 *used, u64 count)
{
	if (count > SERIES_WHOLE_MAX - *used)
		return false;
	*used += count;
	return true;
}

/* For struct metric: the rows of a process whose series is in its slot; the state is what series_split() used. */
void series_process_gone(struct fold *fold, struct process *process, bool shown);
