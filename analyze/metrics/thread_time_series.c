/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table thread_time_series: thread_time over time, with what goes on longer split where periods end. */
#include "analyze/metrics/series.h"
#include "analyze/metrics/time_sums.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "the name it had then")                                                \
	C(period, INTEGER, NUMBER,                                                                 \
	  "the period, counted from 0 at the start of the recording; --period tells its length")   \
	C(start_ns, INTEGER, TS,                                                                   \
	  "when it begins; of several as one row the first: after a million rows of periods all "  \
	  "through which one thing went on")                                                       \
	STATE_COLUMNS(C)                                                                           \
	SWITCH_COLUMNS(C)                                                                          \
	C(complete, INTEGER, BOOL, "0: events may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct current { /* only a thread's current period is held */
	u64 period;
	bool filled;
	struct time_sums sums;
};

static void put(struct fold *fold, struct thread *thread, struct current *current)
{
	const struct walk *walk = fold->walk;
	struct value row[COLUMN_COUNT] = {};

	if (!current->filled)
		return;
	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_period] = value_int((s64)current->period);
	row[COLUMN_start_ns] = value_int((s64)(walk->start_ns + current->period * walk->period_ns));
	time_sums_states(&current->sums, &row[COLUMN_total_ns]);
	time_sums_switches(&current->sums, &row[COLUMN_run_count]);
	row[COLUMN_complete] = value_int(!current->sums.lossy);
	fold_row(fold, row);
	time_sums_release(&current->sums);
	current->sums = (struct time_sums){};
	current->filled = false;
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct current *current = thread->slots[fold->slot];
	u64 length = fold->walk->period_ns, origin = fold->walk->start_ns;
	u64 left = length - (span->start_ns - origin) % length;
	struct span piece = *span;
	bool split;

	if (!shown)
		return;
	if (!current)
		current = thread->slots[fold->slot] = xcalloc(1, sizeof(*current));
	split = span->end_ns - span->start_ns <= left ||
		series_split(fold->state, (span->end_ns - span->start_ns - left) / length);
	while (piece.start_ns < span->end_ns) {
		u64 period = (piece.start_ns - origin) / length;
		u64 rest = span->end_ns - piece.start_ns;

		if (left == length && rest > length && !split)
			left = rest / length * length;
		piece.end_ns = piece.start_ns + (rest < left ? rest : left);
		if (current->period != period)
			put(fold, thread, current);
		current->period = period;
		current->filled = true;
		time_sums_add(&current->sums, thread, &piece);
		piece.start_ns = piece.end_ns;
		piece.begins = false;
		left = length;
	}
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct current *current = thread->slots[fold->slot];

	if (!current)
		return;
	put(fold, thread, current);
	time_sums_release(&current->sums);
	free(current);
	thread->slots[fold->slot] = NULL;
}

const struct metric metric_thread_time_series = {
	.table = { .name = "thread_time_series",
		   .doc = "where the time of each thread went, per period (--period)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "period",
		   .brief = "period,tid,comm,run_user_ns,run_system_ns,preempted_ns,runnable_ns,"
			    "sleep_ns,block_ns,iowait_ns,voluntary_count,involuntary_count" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(u64), /* what series_split() used */
	.span = span,
	.thread_gone = thread_gone,
};
