/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Durations of one sort: the columns that every table of waits or latencies shares. */
#pragma once

#include "analyze/metrics/histogram.h"
#include "analyze/table.h"

struct latency { /* zero it first */
	u64 total_ns;
	struct histogram histogram; /* its count is that of the durations */
};

/* `p` begins the columns' names, `what` stands in their words: LATENCY_COLUMNS(C, wait_, "the waits") */
#define LATENCY_COLUMNS(C, p, what)                                                                \
	C(p##total_ns, INTEGER, NS, "sum of " what)                                                \
	C(p##mean_ns, INTEGER, NS, "mean of " what "; NULL here and below: there was none")        \
	C(p##p50_ns, INTEGER, NS,                                                                  \
	  "median of " what " (nearest rank); exact up to 64 of them, then within 1 %")            \
	C(p##p90_ns, INTEGER, NS, "90 % of " what " were no longer, as p50")                       \
	C(p##p99_ns, INTEGER, NS, "99 % of " what " were no longer, as p50")                       \
	C(p##p999_ns, INTEGER, NS, "99.9 % of " what " were no longer, as p50")                    \
	C(p##max_ns, INTEGER, NS, "longest of " what)

#define LATENCY_COLUMN_COUNT 7

static inline void latency_add(struct latency *latency, u64 ns)
{
	latency->total_ns += ns;
	histogram_add(&latency->histogram, ns);
}

/* Will the next one be the longest so far? */
static inline bool latency_is_worst(const struct latency *latency, u64 ns)
{
	return !latency->histogram.count || ns > latency->histogram.max;
}

void latency_merge(struct latency *into, const struct latency *from);
void latency_release(struct latency *latency);
/* Fills LATENCY_COLUMN_COUNT values. */
void latency_values(const struct latency *latency, struct value *values);
