/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables syscall_by_file and syscall_by_cgroup: calls that share a text. */
#include "analyze/metrics/call_place.h"
#include "analyze/metrics/call_stats.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"

#define FILE_COLUMNS(C)                                                                            \
	C(path, TEXT, NONE,                                                                        \
	  "absolute path of the file that the calls were about: the first path that they were "    \
	  "given, else what their first descriptor stands for; as they gave it where the current " \
	  "directory is not known; (elsewhere): too many long ones")                               \
	CALL_STATS_COLUMNS(C)

#define CGROUP_COLUMNS(C)                                                                          \
	C(cgroup, TEXT, NONE,                                                                      \
	  "path of the caller's cgroup in the unified hierarchy; NULL: unknown; (elsewhere): too " \
	  "many long ones")                                                                        \
	CALL_STATS_COLUMNS(C)

static const struct column file_columns[] = { FILE_COLUMNS(COLUMN_ROW) };
static const struct column cgroup_columns[] = { CGROUP_COLUMNS(COLUMN_ROW) };

enum { FILE_COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
_Static_assert(ARRAY_SIZE(file_columns) == ARRAY_SIZE(cgroup_columns), "the tables differ");

struct state {
	struct text_map by_text;
	size_t long_bytes;
	struct call_stats unknown; /* calls whose text is not known */
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_text.value_size = sizeof(struct call_stats);
}

static void file_call(struct fold *fold, const struct walk_step *step,
		      const struct trc_syscall *record)
{
	struct state *state = fold->state;

	if (call_place(fold->walk, step, record, &fold->text) == PLACE_PATH)
		call_stats_add(text_map_get_path(&state->by_text, &state->long_bytes,
						 fold->text.data, fold->text.len),
			       record, call_error(record));
}

static struct call_stats *cgroup_stats(struct state *state, const struct walk_step *step)
{
	const struct string *cgroup = step->thread->process->identity.cgroup;

	return cgroup ? text_map_get_path(&state->by_text, &state->long_bytes, cgroup->data,
					  cgroup->len)
		      : &state->unknown;
}

static void cgroup_call(struct fold *fold, const struct walk_step *step,
			const struct trc_syscall *record)
{
	call_stats_add(cgroup_stats(fold->state, step), record, call_error(record));
}

static void cgroup_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_call_count *record = counted_calls(step);

	if (record)
		call_stats_add_counted(cgroup_stats(fold->state, step), record);
}

static void put_row(struct fold *fold, struct value key, const struct call_stats *stats)
{
	struct value row[COLUMN_COUNT];

	row[COLUMN_path] = key;
	call_stats_values(stats, &row[COLUMN_count]);
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->by_text.count; i++)
		put_row(fold,
			value_bytes(state->by_text.entries[i].key,
				    state->by_text.entries[i].key_len),
			state->by_text.entries[i].value);
	if (state->unknown.count)
		put_row(fold, value_null(), &state->unknown);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->by_text.count; i++)
		call_stats_release(state->by_text.entries[i].value);
	call_stats_release(&state->unknown);
	text_map_release(&state->by_text);
}

const struct metric metric_syscall_by_file = {
	.table = { .name = "syscall_by_file",
		   .doc = "system calls about a file, by its path or a descriptor, per file",
		   .columns = file_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "count,error_count,total_ns,p50_ns,p99_ns,max_ns,path" },
	.classes = WALK_FDS | (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct state),
	.init = init,
	.call = file_call,
	.finish = finish,
	.release = release,
};

const struct metric metric_syscall_by_cgroup = {
	.table = { .name = "syscall_by_cgroup",
		   .doc = "system calls per cgroup of the caller",
		   .columns = cgroup_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "count,error_count,total_ns,p50_ns,p99_ns,max_ns,cgroup" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct state),
	.init = init,
	.call = cgroup_call,
	.event = cgroup_event,
	.finish = finish,
	.release = release,
};
