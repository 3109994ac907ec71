/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/series.h"

#include "analyze/metrics/instance.h"

#include <stdlib.h>
#include <string.h>

u64 series_period_ns(const struct walk *walk, u64 wanted_ns)
{
	u64 least_ns = (walk->end_ns - walk->start_ns) / SERIES_PERIODS_MAX + 1;

	return wanted_ns > least_ns ? wanted_ns : least_ns;
}

u32 series_period(const struct walk *walk, u64 ts)
{
	u64 period;

	if (ts > walk->end_ns)
		ts = walk->end_ns;
	period = ts > walk->start_ns ? (ts - walk->start_ns) / walk->period_ns : 0;
	return period < SERIES_PERIODS_MAX ? (u32)period : SERIES_PERIODS_MAX - 1;
}

static u64 series_from_ns(const struct walk *walk, u32 period)
{
	return walk->start_ns + period * walk->period_ns;
}

u64 *series_sums(struct series *series, u32 period)
{
	u32 page = period / SERIES_PAGE;

	ARRAY_RESERVE_ZERO(series->pages, series->capacity, page + 1u);
	if (!series->pages[page])
		series->pages[page] = xcalloc(SERIES_PAGE, series->width * sizeof(u64));
	return series->pages[page] + period % SERIES_PAGE * series->width;
}

void series_add_time(struct series *series, const struct walk *walk, size_t column, u64 from_ns,
		     u64 to_ns)
{
	u32 last = series_period(walk, to_ns);

	for (u32 period = series_period(walk, from_ns); period < last; period++) {
		u64 end_ns = series_from_ns(walk, period + 1);

		series_sums(series, period)[column] += end_ns - from_ns;
		from_ns = end_ns;
	}
	if (to_ns > from_ns)
		series_sums(series, last)[column] += to_ns - from_ns;
}

/* The next period, from *period on, in which something happened; NULL at the end. */
static const u64 *series_next(const struct series *series, u32 *period)
{
	for (; *period / SERIES_PAGE < series->capacity; ++*period) {
		const u64 *page = series->pages[*period / SERIES_PAGE], *sums;

		if (!page) {
			*period |= SERIES_PAGE - 1;
			continue;
		}
		sums = page + *period % SERIES_PAGE * series->width;
		for (size_t i = 0; i < series->width; i++)
			if (sums[i])
				return sums;
	}
	return NULL;
}

static void series_release(struct series *series)
{
	for (size_t i = 0; i < series->capacity; i++)
		free(series->pages[i]);
	free(series->pages);
	memset(series, 0, sizeof(*series));
}

enum { SERIES_PROCESS_COLUMNS(COLUMN_ENUM) COLUMN_COUNT };

void series_process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct series *series = process->slots[fold->slot];
	const u64 *sums;

	if (!series)
		return;
	for (u32 period = 0; (sums = series_next(series, &period)); period++) {
		struct value row[TABLE_COLUMNS_MAX];

		row[COLUMN_process_id] = value_int(process->id);
		row[COLUMN_pid] = value_int(process->pid);
		row[COLUMN_comm] = value_string(process->comm);
		row[COLUMN_period] = value_int(period);
		row[COLUMN_from_ns] = value_int((s64)series_from_ns(fold->walk, period));
		for (size_t i = 0; i < series->width; i++)
			row[COLUMN_COUNT + i] = value_int((s64)sums[i]);
		fold_row(fold, row);
	}
	series_release(series);
	free(series);
	process->slots[fold->slot] = NULL;
}
