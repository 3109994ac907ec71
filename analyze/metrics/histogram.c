/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/histogram.h"

#include "common/alloc.h"
#include "common/wide.h"

#include <stdlib.h>
#include <string.h>

static void count_in_bucket(struct histogram *histogram, u64 value, u64 count)
{
	unsigned shift = value < HISTOGRAM_BUCKETS ? 0 : 57 - (unsigned)__builtin_clzll(value);
	unsigned octave = value < HISTOGRAM_BUCKETS ? 0 : shift + 1;

	if (!histogram->octaves[octave])
		histogram->octaves[octave] = xcalloc(HISTOGRAM_BUCKETS, sizeof(u64));
	histogram->octaves[octave][(value >> shift) & (HISTOGRAM_BUCKETS - 1)] += count;
}

static void leave_exact(struct histogram *histogram)
{
	histogram->octaves = xcalloc(HISTOGRAM_OCTAVES, sizeof(*histogram->octaves));
	for (u64 i = 0; i < histogram->count; i++)
		count_in_bucket(histogram, histogram->values[i], 1);
	free(histogram->values);
	histogram->values = NULL;
}

static bool is_power_of_two(u64 n)
{
	return !(n & (n - 1));
}

void histogram_add_slow(struct histogram *histogram, u64 value)
{
	if (!histogram->count || value < histogram->min)
		histogram->min = value;
	if (!histogram->count || value > histogram->max)
		histogram->max = value;
	if (!histogram->octaves && histogram->count == HISTOGRAM_EXACT)
		leave_exact(histogram);
	if (histogram->octaves) {
		count_in_bucket(histogram, value, 1);
	} else {
		/* Most histograms stay tiny: room for 1, 2, 4, … values. */
		if (is_power_of_two(histogram->count))
			histogram->values = xreallocarray(
				histogram->values, histogram->count ? histogram->count * 2 : 1,
				sizeof(*histogram->values));
		histogram->values[histogram->count] = value;
	}
	histogram->count++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->octaves) {
		for (u64 i = 0; i < from->count; i++)
			histogram_add_slow(into, from->values[i]);
		return;
	}
	if (!into->octaves)
		leave_exact(into);
	for (unsigned i = 0; i < HISTOGRAM_OCTAVES; i++) {
		if (!from->octaves[i])
			continue;
		if (!into->octaves[i])
			into->octaves[i] = xcalloc(HISTOGRAM_BUCKETS, sizeof(u64));
		for (unsigned j = 0; j < HISTOGRAM_BUCKETS; j++)
			into->octaves[i][j] += from->octaves[i][j];
	}
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (!into->count || from->max > into->max)
		into->max = from->max;
	into->count += from->count;
}

void histogram_release(struct histogram *histogram)
{
	for (unsigned i = 0; histogram->octaves && i < HISTOGRAM_OCTAVES; i++)
		free(histogram->octaves[i]);
	free(histogram->octaves);
	free(histogram->values);
	memset(histogram, 0, sizeof(*histogram));
}

static int compare_values(const void *a, const void *b)
{
	u64 va = *(const u64 *)a, vb = *(const u64 *)b;

	return va < vb ? -1 : va > vb;
}

static u64 bucket_middle(unsigned octave, unsigned bucket)
{
	unsigned shift = octave ? octave - 1 : 0;
	u64 low = octave ? (u64)(HISTOGRAM_BUCKETS + bucket) << shift : bucket;

	return low + ((1ull << shift) >> 1);
}

u64 histogram_percentile(const struct histogram *histogram, unsigned per_mille)
{
	u64 rank, seen = 0, values[HISTOGRAM_EXACT];

	if (!histogram->count)
		return 0;
	rank = wide_mul_div(histogram->count, per_mille, 999, 1000);
	rank = rank ? rank : 1;
	if (!histogram->octaves) {
		memcpy(values, histogram->values, histogram->count * sizeof(u64));
		qsort(values, histogram->count, sizeof(u64), compare_values);
		return values[rank - 1];
	}
	for (unsigned i = 0; i < HISTOGRAM_OCTAVES; i++)
		for (unsigned j = 0; histogram->octaves[i] && j < HISTOGRAM_BUCKETS; j++) {
			u64 middle;

			seen += histogram->octaves[i][j];
			if (seen < rank)
				continue;
			middle = bucket_middle(i, j);
			return middle < histogram->min	 ? histogram->min
			       : middle > histogram->max ? histogram->max
							 : middle;
		}
	return histogram->max;
}

u64 histogram_octave_count(const struct histogram *histogram, unsigned power)
{
	u64 low = power ? 1ull << power : 0, high = power < 63 ? 2ull << power : 0, count = 0;

	if (!histogram->octaves) {
		for (u64 i = 0; i < histogram->count; i++)
			count += histogram->values[i] >= low &&
				 (!high || histogram->values[i] < high);
		return count;
	}
	if (power >= 6) {
		for (unsigned j = 0; histogram->octaves[power - 5] && j < HISTOGRAM_BUCKETS; j++)
			count += histogram->octaves[power - 5][j];
		return count;
	}
	for (u64 value = low; histogram->octaves[0] && value < high; value++)
		count += histogram->octaves[0][value];
	return count;
}
