/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table syscall_stats: calls per process and name. A process's sums are freed when it ends. */
#include "analyze/call_names.h"
#include "analyze/metrics/call_stats.h"
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(name, TEXT, NONE, "name of the call")                                                    \
	CALL_STATS_COLUMNS(C)                                                                      \
	C(lossy, INTEGER, BOOL, "1: calls of this process may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct named_stats {
	u32 name; /* call_names_id() */
	struct call_stats *stats;
};

struct process_calls { /* in process->slots */
	size_t count, capacity;
	struct named_stats *names; /* in order: most processes make few of all calls */
};

static struct call_stats *stats_of(struct fold *fold, struct process *process, u32 name)
{
	struct process_calls *calls = process->slots[fold->slot];
	size_t low = 0, high;

	if (!calls)
		calls = process->slots[fold->slot] = xcalloc(1, sizeof(*calls));
	for (high = calls->count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (calls->names[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < calls->count && calls->names[low].name == name)
		return calls->names[low].stats;
	ARRAY_RESERVE(calls->names, calls->capacity, calls->count + 1);
	memmove(&calls->names[low + 1], &calls->names[low],
		(calls->count++ - low) * sizeof(*calls->names));
	calls->names[low] = (struct named_stats){ name, xcalloc(1, sizeof(struct call_stats)) };
	return calls->names[low].stats;
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	u32 name = call_names_id(fold->walk->calls, record->abi, record->nr);

	call_stats_add(stats_of(fold, step->thread->process, name), record, call_error(record));
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_call_count *record = counted_calls(step);

	if (record)
		call_stats_add_counted(
			stats_of(fold, step->thread->process,
				 call_names_id(fold->walk->calls, record->abi, record->nr)),
			record);
}

static void put_row(struct fold *fold, const struct process *process, u32 name,
		    const struct call_stats *stats, bool lossy)
{
	struct value row[COLUMN_COUNT];

	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_name] = value_text(call_names_get(fold->walk->calls, name)->name);
	call_stats_values(stats, &row[COLUMN_count]);
	row[COLUMN_lossy] = value_int(lossy);
	fold_row(fold, row);
}

/* Calls were shown by themselves: a process that made any has rows, whatever the selection says of it. */
static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct process_calls *calls = process->slots[fold->slot];
	bool lossy;

	if (!calls)
		return;
	lossy = walk_is_lossy(fold->walk, TRC_KIND_syscall, process->start_ns, process->end_ns);
	for (size_t i = 0; i < calls->count; i++) {
		put_row(fold, process, calls->names[i].name, calls->names[i].stats, lossy);
		call_stats_release(calls->names[i].stats);
		free(calls->names[i].stats);
	}
	free(calls->names);
	free(calls);
	process->slots[fold->slot] = NULL;
}

const struct metric metric_syscall_stats = {
	.table = { .name = "syscall_stats",
		   .doc = "system calls per process and name: counts, errors, times",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "process_id,name,count,error_count,total_ns,p50_ns,p99_ns,max_ns" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.call = call,
	.event = event,
	.process_gone = process_gone,
};
