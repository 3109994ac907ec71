/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table syscall_by_name: calls per name, with the worst one. */
#include "analyze/call_names.h"
#include "analyze/metrics/call_stats.h"
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(name, TEXT, NONE, "name of the call")                                                    \
	CALL_STATS_COLUMNS(C)                                                                      \
	C(max_ts_ns, INTEGER, TS,                                                                  \
	  "entry of the longest call; NULL here and below: no complete call")                      \
	C(max_thread_id, INTEGER, ID, "thread that made it")                                       \
	C(max_tid, INTEGER, NUMBER, "its tid")                                                     \
	C(max_comm, TEXT, NONE, "its name then")                                                   \
	C(max_path, TEXT, NONE, "path that the longest call was given; NULL: none")                \
	C(classes, TEXT, NONE, "classes of the call, separated by commas")                         \
	C(activity, TEXT, NONE, "what a thread does in it, as in time_use")                        \
	C(unfinished_count, INTEGER, COUNT,                                                        \
	  "of the calls, those that never returned while they were watched")                       \
	C(unfinished_ns, INTEGER, NS,                                                              \
	  "how long these had lasted when their thread or the recording ended; not in total_ns")   \
	C(lossy, INTEGER, BOOL, "1: calls may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct name_calls {
	struct call_stats stats;
	u64 unfinished_count, unfinished_ns;
	u64 max_ts_ns;
	u32 max_thread_id, max_tid;
	struct string *max_comm, *max_path;
};

struct state {
	size_t capacity;
	struct name_calls **by_name; /* by call_names_id() */
};

static struct name_calls *calls_of(struct state *state, u32 name)
{
	ARRAY_RESERVE_ZERO(state->by_name, state->capacity, name + 1u);
	if (!state->by_name[name])
		state->by_name[name] = xcalloc(1, sizeof(struct name_calls));
	return state->by_name[name];
}

static void note_worst(struct fold *fold, struct name_calls *calls, const struct thread *thread,
		       const struct trc_syscall *record)
{
	const char *path;
	size_t len;

	calls->max_ts_ns = record->head.ts - record->duration_ns;
	calls->max_thread_id = thread->id;
	calls->max_tid = thread->tid;
	string_set(&calls->max_comm, string_ref(thread->comm));
	string_set(&calls->max_path, decode_path(fold->walk->decoder, record, &path, &len)
					     ? string_new(path, len)
					     : NULL);
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct name_calls *calls =
		calls_of(fold->state, call_names_id(fold->walk->calls, record->abi, record->nr));

	if (record->state == TRC_SYSCALL_COMPLETE &&
	    (!calls->stats.durations.count || record->duration_ns > calls->stats.durations.max))
		note_worst(fold, calls, step->thread, record);
	if (record->state == TRC_SYSCALL_UNFINISHED) {
		calls->unfinished_count++;
		calls->unfinished_ns += record->duration_ns;
	}
	call_stats_add(&calls->stats, record, call_error(record));
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_call_count *record = counted_calls(step);

	if (record)
		call_stats_add_counted(
			&calls_of(fold->state,
				  call_names_id(fold->walk->calls, record->abi, record->nr))
				 ->stats,
			record);
}

static void put_row(struct fold *fold, const struct call_name *name, const struct name_calls *calls,
		    bool lossy)
{
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_name] = value_text(name->name);
	call_stats_values(&calls->stats, &row[COLUMN_count]);
	if (calls->stats.durations.count) {
		row[COLUMN_max_ts_ns] = value_int((s64)calls->max_ts_ns);
		row[COLUMN_max_thread_id] = value_int(calls->max_thread_id);
		row[COLUMN_max_tid] = value_int(calls->max_tid);
		row[COLUMN_max_comm] = value_string(calls->max_comm);
		row[COLUMN_max_path] = value_string(calls->max_path);
	}
	text_clear(&fold->text);
	add_classes(&fold->text, name->desc);
	row[COLUMN_classes] = value_bytes(fold->text.data ? fold->text.data : "", fold->text.len);
	row[COLUMN_activity] = value_text(activity_name(name->activity));
	row[COLUMN_unfinished_count] = value_int((s64)calls->unfinished_count);
	row[COLUMN_unfinished_ns] = value_int((s64)calls->unfinished_ns);
	row[COLUMN_lossy] = value_int(lossy);
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;
	bool lossy = walk_is_lossy(fold->walk, TRC_KIND_syscall, fold->walk->selection.from_ns,
				   fold->walk->selection.to_ns);

	for (u32 i = 0; i < state->capacity; i++)
		if (state->by_name[i])
			put_row(fold, call_names_get(fold->walk->calls, i), state->by_name[i],
				lossy);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->capacity; i++) {
		if (!state->by_name[i])
			continue;
		call_stats_release(&state->by_name[i]->stats);
		string_unref(state->by_name[i]->max_comm);
		string_unref(state->by_name[i]->max_path);
		free(state->by_name[i]);
	}
	free(state->by_name);
}

const struct metric metric_syscall_by_name = {
	.table = { .name = "syscall_by_name",
		   .doc = "system calls per name: counts, errors, times, the longest call",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "name,count,error_count,total_ns,p50_ns,p99_ns,max_ns,max_tid,max_comm,"
			    "max_ts_ns,max_path" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.finish = finish,
	.release = release,
};
