/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables syscall_by_process and syscall_by_thread: all calls of an instance together. */
#include "analyze/metrics/call_stats.h"
#include "analyze/metrics/instance.h"

#define PROCESS_COLUMNS(C)                                                                         \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	CALL_STATS_COLUMNS(C)                                                                      \
	C(lossy, INTEGER, BOOL, "1: calls of it may be missing")

#define THREAD_COLUMNS(C)                                                                          \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	CALL_STATS_COLUMNS(C)                                                                      \
	C(lossy, INTEGER, BOOL, "1: calls of it may be missing")

static const struct column process_columns[] = { PROCESS_COLUMNS(COLUMN_ROW) };
static const struct column thread_columns[] = { THREAD_COLUMNS(COLUMN_ROW) };

/* Both have the same places: id, number, name, sums, lossy. */
enum { PROCESS_COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
_Static_assert(ARRAY_SIZE(process_columns) == ARRAY_SIZE(thread_columns), "the tables differ");

static struct call_stats *stats_in(void **slot)
{
	if (!*slot)
		*slot = xcalloc(1, sizeof(struct call_stats));
	return *slot;
}

static void process_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_call_count *record = counted_calls(step);

	if (record)
		call_stats_add_counted(stats_in(&step->thread->process->slots[fold->slot]), record);
}

static void thread_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_call_count *record = counted_calls(step);

	if (record)
		call_stats_add_counted(stats_in(&step->thread->slots[fold->slot]), record);
}

static void process_call(struct fold *fold, const struct walk_step *step,
			 const struct trc_syscall *record)
{
	call_stats_add(stats_in(&step->thread->process->slots[fold->slot]), record,
		       call_error(record));
}

static void thread_call(struct fold *fold, const struct walk_step *step,
			const struct trc_syscall *record)
{
	call_stats_add(stats_in(&step->thread->slots[fold->slot]), record, call_error(record));
}

static void put_row(struct fold *fold, void **slot, u32 id, u32 number, const struct string *comm,
		    bool lossy)
{
	struct value row[COLUMN_COUNT];

	row[COLUMN_process_id] = value_int(id);
	row[COLUMN_pid] = value_int(number);
	row[COLUMN_comm] = value_string(comm);
	call_stats_values(*slot, &row[COLUMN_count]);
	row[COLUMN_lossy] = value_int(lossy);
	fold_row(fold, row);
	call_stats_release(*slot);
	free(*slot);
	*slot = NULL;
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	void **slot = &process->slots[fold->slot];

	if (*slot)
		put_row(fold, slot, process->id, process->pid, process->comm,
			walk_is_lossy(fold->walk, TRC_KIND_syscall, process->start_ns,
				      process->end_ns));
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	void **slot = &thread->slots[fold->slot];

	if (*slot)
		put_row(fold, slot, thread->id, thread->tid, thread->comm,
			walk_is_lossy(fold->walk, TRC_KIND_syscall, thread->start_ns,
				      thread->end_ns));
}

const struct metric metric_syscall_by_process = {
	.table = { .name = "syscall_by_process",
		   .doc = "system calls per process, all names together",
		   .columns = process_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "pid,comm,count,error_count,total_ns,p50_ns,p99_ns,max_ns" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.call = process_call,
	.event = process_event,
	.process_gone = process_gone,
};

const struct metric metric_syscall_by_thread = {
	.table = { .name = "syscall_by_thread",
		   .doc = "system calls per thread, all names together",
		   .columns = thread_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "tid,comm,count,error_count,total_ns,p50_ns,p99_ns,max_ns" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.call = thread_call,
	.event = thread_event,
	.thread_gone = thread_gone,
};
