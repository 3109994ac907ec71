/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/call_stats.h"

void call_stats_add_counted(struct call_stats *stats, const struct trc_call_count *record)
{
	stats->count = wide_add(stats->count, record->count);
	stats->error_count = wide_add(stats->error_count, record->error_count);
	stats->counted_count = wide_add(stats->counted_count, record->count);
	stats->total_ns = wide_add(stats->total_ns, record->total_ns);
}

void call_stats_release(struct call_stats *stats)
{
	histogram_release(&stats->durations);
}

void call_stats_values(const struct call_stats *stats, struct value *values)
{
	const struct histogram *durations = &stats->durations;
	u64 known = durations->count + stats->counted_count;

	values[0] = value_int((s64)stats->count);
	values[1] = value_int((s64)stats->error_count);
	for (size_t i = 2; i < CALL_STATS_COLUMN_COUNT - 1; i++)
		values[i] = value_null();
	if (known) {
		values[2] = value_int((s64)stats->total_ns);
		values[4] = value_int((s64)(stats->total_ns / known));
	}
	if (durations->count) {
		values[3] = value_int((s64)durations->min);
		values[5] = value_int((s64)histogram_percentile(durations, 500));
		values[6] = value_int((s64)histogram_percentile(durations, 900));
		values[7] = value_int((s64)histogram_percentile(durations, 990));
		values[8] = value_int((s64)histogram_percentile(durations, 999));
		values[9] = value_int((s64)durations->max);
	}
	values[10] = value_int((s64)stats->counted_count);
}
