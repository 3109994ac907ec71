/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table thread_time: where the time of each thread went, to the nanosecond. */
#include "analyze/metrics/time_sums.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	STATE_COLUMNS(C)                                                                           \
	SWITCH_COLUMNS(C)                                                                          \
	LATENCY_COLUMNS(C, gap_, "the times from one wake-up to the next")                         \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct times {
	struct time_sums sums;
	u64 woken_ns; /* the last time; 0: never */
	struct latency gaps;
};

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct times *times = thread->slots[fold->slot];

	if (!shown)
		return;
	if (!times)
		times = thread->slots[fold->slot] = xcalloc(1, sizeof(*times));
	time_sums_add(&times->sums, thread, span);
	if (!span_is_wakeup(thread, span))
		return;
	if (times->woken_ns)
		latency_add(&times->gaps, span->start_ns - times->woken_ns);
	times->woken_ns = span->start_ns;
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct times *times = thread->slots[fold->slot];
	struct value row[COLUMN_COUNT] = {};

	if (!times)
		return;
	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	time_sums_states(&times->sums, &row[COLUMN_total_ns]);
	time_sums_switches(&times->sums, &row[COLUMN_run_count]);
	latency_values(&times->gaps, &row[COLUMN_gap_total_ns]);
	row[COLUMN_complete] = value_int(!times->sums.lossy);
	fold_row(fold, row);
	time_sums_release(&times->sums);
	latency_release(&times->gaps);
	free(times);
	thread->slots[fold->slot] = NULL;
}

const struct metric metric_thread_time = {
	.table = { .name = "thread_time",
		   .doc = "where the time of each thread went: on a CPU, ready, waiting",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "tid,comm,total_ns,run_user_ns,run_system_ns,preempted_ns,runnable_ns,"
			    "sleep_ns,block_ns,iowait_ns,voluntary_count,involuntary_count,"
			    "latency_p99_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.span = span,
	.thread_gone = thread_gone,
};
