/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/call_stats.h"

void call_stats_merge(struct call_stats *into, const struct call_stats *from)
{
	into->count += from->count;
	into->error_count += from->error_count;
	into->total_ns += from->total_ns;
	histogram_merge(&into->durations, &from->durations);
}

void call_stats_release(struct call_stats *stats)
{
	histogram_release(&stats->durations);
}

void call_stats_values(const struct call_stats *stats, struct value *values)
{
	const struct histogram *durations = &stats->durations;
	u64 complete = durations->count;

	values[0] = value_int((s64)stats->count);
	values[1] = value_int((s64)stats->error_count);
	if (!complete) {
		for (size_t i = 2; i < CALL_STATS_COLUMN_COUNT; i++)
			values[i] = value_null();
		return;
	}
	values[2] = value_int((s64)stats->total_ns);
	values[3] = value_int((s64)durations->min);
	values[4] = value_int((s64)(stats->total_ns / complete));
	values[5] = value_int((s64)histogram_percentile(durations, 500));
	values[6] = value_int((s64)histogram_percentile(durations, 900));
	values[7] = value_int((s64)histogram_percentile(durations, 990));
	values[8] = value_int((s64)histogram_percentile(durations, 999));
	values[9] = value_int((s64)durations->max);
}
