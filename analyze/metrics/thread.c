/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table thread: a row per thread instance. */
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID,                                                                  \
	  "the thread instance: 1, 2, … in the order in which the trace names them")               \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER,                                                                    \
	  "thread id in the initial pid namespace; may be reused by a later instance")             \
	C(old_tid, INTEGER, NUMBER,                                                                \
	  "tid before an exec by this thread made it the leader; NULL: the same all its life")     \
	C(ns_tid, INTEGER, NUMBER, "thread id in its own pid namespace")                           \
	C(comm, TEXT, NONE, "the last name it had")                                                \
	C(start_ns, INTEGER, TS, "birth, as that of processes; NULL: not seen")                    \
	C(end_ns, INTEGER, TS, "end; NULL: still alive at the end of the trace, or not seen")      \
	C(exit_code, INTEGER, NUMBER, "exit code; NULL: killed by a signal, or not seen")          \
	C(exit_signal, INTEGER, NUMBER, "signal that killed it; NULL: none, or not seen")          \
	C(cpu_ns, INTEGER, NS,                                                                     \
	  "time on a CPU, up to a tick less; here and below NULL: its end was not seen")           \
	C(cpu_delay_ns, INTEGER, NS,                                                               \
	  "ready but waiting for a CPU; 0 where the kernel does not account it")                   \
	C(blkio_delay_ns, INTEGER, NS,                                                             \
	  "waiting for block I/O; 0 where the kernel does not account it")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct value row[COLUMN_COUNT] = {};

	if (!shown)
		return;
	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_old_tid] = value_known(thread->old_tid, 0);
	row[COLUMN_ns_tid] = value_known(thread->ns_tid, 0);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_start_ns] = value_known(thread->start_ns, MODEL_UNKNOWN);
	row[COLUMN_end_ns] = value_known(thread->end_ns, MODEL_UNKNOWN);
	put_status(thread->has_totals, thread->status, &row[COLUMN_exit_code],
		   &row[COLUMN_exit_signal]);
	if (thread->has_totals) {
		row[COLUMN_cpu_ns] = value_int((s64)thread->runtime_ns);
		row[COLUMN_cpu_delay_ns] = value_int((s64)thread->cpu_delay_ns);
		row[COLUMN_blkio_delay_ns] = value_int((s64)thread->blkio_delay_ns);
	}
	fold_row(fold, row);
}

const struct metric metric_thread = {
	.table = { .name = "thread",
		   .doc = "threads",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "thread_id",
		   .brief = "tid,process_id,comm,start_ns,end_ns,exit_code,exit_signal,cpu_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.thread_gone = thread_gone,
};
