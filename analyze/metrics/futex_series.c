/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table futex_series: futex calls per process and period. Held by the process; it goes with it. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/series.h"
#include "analyze/model/futexes.h"

#define COLUMNS(C)                                                                                 \
	SERIES_PROCESS_COLUMNS(C)                                                                  \
	C(wait_count, INTEGER, COUNT,                                                              \
	  "calls that ended in the period and were to wait or to take a lock")                     \
	C(wait_ns, INTEGER, NS, "time that its threads spent in waits in the period")              \
	C(wake_count, INTEGER, COUNT, "calls that ended in it and were to wake or to unlock")      \
	C(wake_success_count, INTEGER, COUNT, "of them, those that woke or moved somebody")        \
	C(woken_count, INTEGER, COUNT, "waiters that they woke")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define WIDTH	    (COLUMN_COUNT - COLUMN_wait_count)
#define SUM(column) ((column)-COLUMN_wait_count)

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_futex *record = (const struct trc_futex *)step->event.record;
	const struct futex_step *futex = futexes_step(fold->walk->model);
	struct series *series;
	u64 *sums;

	if (step->event.kind_id != TRC_KIND_futex || !step->thread || !futex->futex)
		return;
	series = step->thread->process->slots[fold->slot];
	if (!series) {
		series = step->thread->process->slots[fold->slot] = xcalloc(1, sizeof(*series));
		series->width = WIDTH;
		series->times = SUM(COLUMN_wait_ns) + 1;
	}
	sums = series_sums(series, series_period(fold->walk, record->head.ts));
	if (!futex->waits) {
		sums[SUM(COLUMN_wake_count)]++;
		sums[SUM(COLUMN_wake_success_count)] += futex->woken || futex->requeued;
		sums[SUM(COLUMN_woken_count)] += futex->woken;
		return;
	}
	sums[SUM(COLUMN_wait_count)]++;
	if (futex->waited)
		series_add_time(series, fold->walk, SUM(COLUMN_wait_ns),
				record->head.ts - record->duration_ns, record->head.ts);
}

const struct metric metric_futex_series = {
	.table = { .name = "futex_series",
		   .doc = "futex calls and waits per process and period",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "from_ns",
		   .brief = "from_ns,pid,comm,wait_count,wait_ns,wake_count,woken_count" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_FUTEX,
	.state_size = sizeof(u64),
	.event = event,
	.process_gone = series_process_gone,
};
