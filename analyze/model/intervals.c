/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/intervals.h"

#include "common/alloc.h"

#include <stdlib.h>

void intervals_add(struct intervals *intervals, u64 first_ns, u64 last_ns)
{
	if (first_ns > last_ns) /* of a hostile file */
		return;
	ARRAY_RESERVE(intervals->list, intervals->capacity, intervals->count + 1);
	intervals->list[intervals->count++] = (struct interval){ first_ns, last_ns };
}

static int compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->first_ns < y->first_ns ? -1 : x->first_ns > y->first_ns;
}

void intervals_settle(struct intervals *intervals)
{
	struct interval *list = intervals->list;
	size_t kept = 0;

	if (!intervals->count)
		return;
	qsort(list, intervals->count, sizeof(*list), compare);
	for (size_t i = 1; i < intervals->count; i++) {
		if (list[i].first_ns > list[kept].last_ns)
			list[++kept] = list[i];
		else if (list[i].last_ns > list[kept].last_ns)
			list[kept].last_ns = list[i].last_ns;
	}
	intervals->count = kept + 1;
}

size_t intervals_after(const struct intervals *intervals, u64 ns)
{
	size_t low = 0, high = intervals->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (intervals->list[middle].last_ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

u64 *intervals_sums(const struct intervals *intervals)
{
	u64 *sums = xcalloc(intervals->count + 1, sizeof(*sums));

	for (size_t i = 0; i < intervals->count; i++)
		sums[i + 1] = sums[i] + intervals->list[i].last_ns - intervals->list[i].first_ns;
	return sums;
}

u64 intervals_before(const struct intervals *intervals, const u64 *sums, u64 ns)
{
	size_t i = intervals_after(intervals, ns);

	if (i < intervals->count && intervals->list[i].first_ns < ns)
		return sums[i] + ns - intervals->list[i].first_ns;
	return sums[i];
}
