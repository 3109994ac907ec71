/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/latency.h"

void latency_merge(struct latency *into, const struct latency *from)
{
	into->total_ns += from->total_ns;
	histogram_merge(&into->histogram, &from->histogram);
}

void latency_release(struct latency *latency)
{
	histogram_release(&latency->histogram);
}

void latency_values(const struct latency *latency, struct value *values)
{
	static const unsigned per_mille[] = { 500, 900, 990, 999 };
	const struct histogram *histogram = &latency->histogram;

	for (size_t i = 0; i < LATENCY_COLUMN_COUNT; i++)
		values[i] = value_null();
	values[0] = value_int((s64)latency->total_ns);
	if (!histogram->count)
		return;
	values[1] = value_int((s64)(latency->total_ns / histogram->count));
	for (size_t i = 0; i < ARRAY_SIZE(per_mille); i++)
		values[2 + i] = value_int((s64)histogram_percentile(histogram, per_mille[i]));
	values[6] = value_int((s64)histogram->max);
}
