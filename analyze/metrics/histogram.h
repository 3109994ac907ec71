/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Durations, counted so that percentiles can be told: exactly for the first 64 values, then in
 * log-linear buckets, 64 to a power of two. A bucket is told by its middle, so that a percentile is
 * off by at most 1/128 of itself (0.8 %). Only powers of two that occur take memory.
 */
#pragma once

#include "common/types.h"

#define HISTOGRAM_EXACT	  64
#define HISTOGRAM_BUCKETS 64 /* to a power of two */
#define HISTOGRAM_OCTAVES 59 /* values below 64, then 2^6 … 2^63 */

struct histogram { /* zero it first */
	u64 count;
	u64 min, max;
	u64 *values;   /* while count <= HISTOGRAM_EXACT */
	u64 **octaves; /* then */
};

void histogram_add_slow(struct histogram *histogram, u64 value);
void histogram_merge(struct histogram *into, const struct histogram *from);
void histogram_release(struct histogram *histogram);

/*
 * The smallest value that at least `per_mille` of a thousand values do not exceed (nearest rank):
 * what ORDER BY … LIMIT 1 OFFSET ceil(n * p) - 1 gives. 0 if there are none.
 */
u64 histogram_percentile(const struct histogram *histogram, unsigned per_mille);

/* Values in [2^power, 2^(power+1)); power 0 includes 0. */
u64 histogram_octave_count(const struct histogram *histogram, unsigned power);

static inline void histogram_add(struct histogram *histogram, u64 value)
{
	unsigned shift, octave;

	if (!histogram->octaves) {
		histogram_add_slow(histogram, value);
		return;
	}
	shift = value < HISTOGRAM_BUCKETS ? 0 : 57 - (unsigned)__builtin_clzll(value);
	octave = value < HISTOGRAM_BUCKETS ? 0 : shift + 1;
	if (!histogram->octaves[octave]) {
		histogram_add_slow(histogram, value);
		return;
	}
	histogram->octaves[octave][(value >> shift) & (HISTOGRAM_BUCKETS - 1)]++;
	histogram->count++;
	if (value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
}
