/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/series.h"

#include "analyze/metrics/instance.h"
#include "common/cleanup.h"

#include <stdlib.h>

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

struct cell {
	u32 period;
	/* The sums; then of each time how many more (or fewer) go on all through it than before. */
	u64 values[];
};

static struct cell *cell_at(struct series *series, u32 period)
{
	struct cell *cell = idmap_find(&series->cells, period);

	if (cell)
		return cell;
	cell = xcalloc(1, sizeof(*cell) + (series->width + series->times) * sizeof(u64));
	cell->period = period;
	idmap_put(&series->cells, period, cell);
	return cell;
}

u64 *series_sums(struct series *series, u32 period)
{
	return cell_at(series, period)->values;
}

void series_add_time(struct series *series, const struct walk *walk, size_t column, u64 from_ns,
		     u64 to_ns)
{
	u32 first = series_period(walk, from_ns), last = series_period(walk, to_ns);

	if (to_ns <= from_ns)
		return;
	if (first == last) {
		series_sums(series, first)[column] += to_ns - from_ns;
		return;
	}
	series_sums(series, first)[column] += series_from_ns(walk, first + 1) - from_ns;
	series_sums(series, last)[column] += to_ns - series_from_ns(walk, last);
	if (last - first > 1) {
		cell_at(series, first + 1)->values[series->width + column]++;
		cell_at(series, last)->values[series->width + column]--;
	}
}

static int compare(const void *one, const void *other)
{
	const struct cell *const *a = one, *const *b = other;

	return (*a)->period < (*b)->period ? -1 : (*a)->period > (*b)->period;
}

static struct cell **sorted_cells(const struct series *series)
{
	struct cell **cells = xcalloc(series->cells.count, sizeof(struct cell *));
	size_t count = 0;

	for (size_t i = 0; i < series->cells.capacity; i++)
		if (series->cells.slots[i].value)
			cells[count++] = series->cells.slots[i].value;
	qsort(cells, count, sizeof(struct cell *), compare);
	return cells;
}

enum { SERIES_PROCESS_COLUMNS(COLUMN_ENUM) COLUMN_COUNT };

struct put {
	struct fold *fold;
	const struct process *process;
	const struct series *series;
	u64 whole[TABLE_COLUMNS_MAX]; /* how many go on */
};

/* The periods from this one on as one row; `sums`: what else there was, or NULL. */
static void put_row(struct put *put, u32 period, u32 count, const u64 *sums)
{
	u64 length_ns = count * put->fold->walk->period_ns, any = 0;
	struct value row[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < put->series->width; i++) {
		u64 sum = sums ? sums[i] : 0;

		if (i < put->series->times)
			sum += put->whole[i] * length_ns;
		row[COLUMN_COUNT + i] = value_int((s64)sum);
		any |= sum;
	}
	if (!any)
		return;
	row[COLUMN_process_id] = value_int(put->process->id);
	row[COLUMN_pid] = value_int(put->process->pid);
	row[COLUMN_comm] = value_string(put->process->comm);
	row[COLUMN_period] = value_int(period);
	row[COLUMN_from_ns] = value_int((s64)series_from_ns(put->fold->walk, period));
	fold_row(put->fold, row);
}

/* Those between two cells. */
static void put_whole(struct put *put, u32 period, u32 end)
{
	u64 any = 0;

	for (size_t i = 0; i < put->series->times; i++)
		any |= put->whole[i];
	if (!any || period == end)
		return;
	if (!series_split(put->fold->state, end - period)) {
		put_row(put, period, end - period, NULL);
		return;
	}
	for (; period < end; period++)
		put_row(put, period, 1, NULL);
}

void series_process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct series *series = process->slots[fold->slot];
	struct put put = { .fold = fold, .process = process, .series = series };
	_cleanup_free_ struct cell **cells = NULL;

	if (!series)
		return;
	cells = sorted_cells(series);
	for (size_t i = 0; i < series->cells.count; i++) {
		if (i)
			put_whole(&put, cells[i - 1]->period + 1, cells[i]->period);
		for (size_t j = 0; j < series->times; j++)
			put.whole[j] += cells[i]->values[series->width + j];
		put_row(&put, cells[i]->period, 1, cells[i]->values);
	}
	for (size_t i = 0; i < series->cells.count; i++)
		free(cells[i]);
	idmap_release(&series->cells);
	free(series);
	process->slots[fold->slot] = NULL;
}
