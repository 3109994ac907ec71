/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table fd: a row per open file, what dup and fork share. */
#include "analyze/decode/set.h"
#include "analyze/metrics/file_stats.h"
#include "analyze/model/idmap.h"

#define COLUMNS(C)                                                                                 \
	C(open_file_id, INTEGER, ID,                                                               \
	  "the open file: 1, 2, … in the order of first sight; what dup and fork share")           \
	C(object_id, INTEGER, ID, "what was opened")                                               \
	C(process_id, INTEGER, ID, "the process that opened it, or had it first in the trace")     \
	C(thread_id, INTEGER, ID, "the thread that did")                                           \
	C(pid, INTEGER, NUMBER, "pid of that process")                                             \
	C(fd, INTEGER, NUMBER, "the first descriptor")                                             \
	C(type, TEXT, NONE, "file, directory, device, pipe, socket, epoll …")                      \
	C(name, TEXT, NONE,                                                                        \
	  "path that it was opened by; of a socket its addresses; NULL: unknown")                  \
	C(flags, TEXT, NONE, "O_* as of the first sight; NULL: unknown")                           \
	C(origin, TEXT, NONE,                                                                      \
	  "call: a call made it; found: it was open before it was watched; received: in a "        \
	  "message from outside the trace; inferred: what made it is missing in the trace")        \
	C(opened_ts_ns, INTEGER, TS, "end of the call that made it; NULL: before it was watched")  \
	C(closed_ts_ns, INTEGER, TS,                                                               \
	  "when its last descriptor was closed; NULL: not in the trace")                           \
	C(end, TEXT, NONE,                                                                         \
	  "what closed the last descriptor: close; exec; exit: nobody closed it, its last "        \
	  "process ended; NULL: it was open at the end of the trace")                              \
	C(complete, INTEGER, BOOL, "0: events may be missing in its time")                         \
	FILE_STATS_COLUMNS(C)

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct state {
	struct idmap files; /* by id: struct file_stats, of those that shown calls used */
	const struct value_set *flags;
};

static void init(struct fold *fold)
{
	const struct trace_meta *meta = fold->walk->meta;
	struct state *state = fold->state;

	state->flags = value_set_find("open_flags", meta->table_count ? meta->tables[0].abi : 0);
}

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record)
{
	struct state *state = fold->state;
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	for (size_t i = 0; i < count; i++) {
		struct file_stats *stats;

		if (!uses[i].file)
			continue;
		stats = idmap_find(&state->files, uses[i].file->id);
		if (!stats) {
			stats = xcalloc(1, sizeof(*stats));
			idmap_put(&state->files, uses[i].file->id, stats);
		}
		file_stats_add(stats, uses[i].op, uses[i].bytes, step->event.record->ts, record);
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	add_uses(fold, step, record);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	if (step->event.kind_id == TRC_KIND_uring_complete)
		add_uses(fold, step, NULL);
}

static void put_row(struct fold *fold, const struct open_file *file, const struct file_stats *stats)
{
	static const char *const origins[] = { "found", "call", "received", "inferred" };
	static const char *const ends[] = { NULL, "close", "exec", "exit" };
	struct state *state = fold->state;
	struct value row[COLUMN_COUNT] = {};
	struct text flags = {};

	row[COLUMN_open_file_id] = value_int(file->id);
	row[COLUMN_object_id] = value_int((s64)file->object->id);
	row[COLUMN_process_id] = value_known(file->process_id, 0);
	row[COLUMN_thread_id] = value_known(file->thread_id, 0);
	row[COLUMN_pid] = value_known(file->pid, 0);
	if (file->fd >= 0)
		row[COLUMN_fd] = value_int(file->fd);
	row[COLUMN_type] = value_text(object_type_name(file->object->type));
	row[COLUMN_name] = value_string(open_file_best_name(file));
	if (file->origin != FILE_ORIGIN_inferred && state->flags) {
		value_set_add(state->flags, file->flags, &flags);
		row[COLUMN_flags] = value_bytes(flags.data, flags.len);
	}
	row[COLUMN_origin] = value_text(origins[file->origin]);
	row[COLUMN_opened_ts_ns] = value_known(file->opened_ns, MODEL_UNKNOWN);
	if (file->end != FILE_END_open)
		row[COLUMN_closed_ts_ns] = value_known(file->closed_ns, 0);
	row[COLUMN_end] = value_text(ends[file->end]);
	row[COLUMN_complete] = value_int(!walk_is_lossy(
		fold->walk, 0, file->opened_ns,
		file->end == FILE_END_open || !file->closed_ns ? UINT64_MAX : file->closed_ns));
	file_stats_values(stats, fold, &row[COLUMN_read_count]);
	fold_row(fold, row);
	text_release(&flags);
}

static void file_gone(struct fold *fold, struct open_file *file)
{
	static const struct file_stats none;
	struct state *state = fold->state;
	struct file_stats *stats = idmap_find(&state->files, file->id);

	if (stats || !fold->walk->selection.active)
		put_row(fold, file, stats ? stats : &none);
	if (stats)
		idmap_remove(&state->files, file->id);
	free(stats);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->files.capacity; i++)
		free(state->files.slots[i].value);
	idmap_release(&state->files);
}

const struct metric metric_fd = {
	.table = { .name = "fd",
		   .doc = "open files: who opened what, when it was closed or that it was not, "
			  "what "
			  "was read and written",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .brief = "open_file_id,pid,fd,type,opened_ts_ns,closed_ts_ns,end,read_bytes,"
			    "write_bytes,total_ns,name",
		   .stream = true },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.file_gone = file_gone,
	.release = release,
};
