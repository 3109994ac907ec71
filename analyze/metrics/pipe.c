/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table pipe: a row per pipe, with both its ends. */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/users.h"
#include "analyze/model/idmap.h"

#include <errno.h>

#define COLUMNS(C)                                                                                 \
	C(object_id, INTEGER, ID, "the pipe")                                                      \
	C(name, TEXT, NONE, "pipe:[inode], or the path of a FIFO")                                 \
	C(inode, INTEGER, NUMBER, "its inode number; NULL: unknown")                               \
	C(first_ts_ns, INTEGER, TS, "first sight: its making, if it was not there before")         \
	C(closed_ts_ns, INTEGER, TS,                                                               \
	  "when the last descriptor was closed; NULL: not in the trace")                           \
	C(writers, TEXT, NONE, "processes that wrote, at most 16; NULL: none in the trace")        \
	C(write_count, INTEGER, COUNT, "writes")                                                   \
	C(write_bytes, INTEGER, BYTES, "bytes written")                                            \
	C(write_ns, INTEGER, NS, "sum of the writes' durations, waiting for room included")        \
	C(write_max_ns, INTEGER, NS, "longest write")                                              \
	C(readers, TEXT, NONE, "processes that read, at most 16; NULL: none in the trace")         \
	C(read_count, INTEGER, COUNT, "reads")                                                     \
	C(read_bytes, INTEGER, BYTES, "bytes read")                                                \
	C(read_ns, INTEGER, NS, "sum of the reads' durations, waiting for data included")          \
	C(read_max_ns, INTEGER, NS, "longest read")                                                \
	C(end_of_file_count, INTEGER, COUNT, "reads that found the end: nobody writes any more")   \
	C(again_count, INTEGER, COUNT, "calls that did not wait and would have had to (EAGAIN)")   \
	C(error_count, INTEGER, COUNT, "calls that returned another error")                        \
	C(complete, INTEGER, BOOL, "0: events may be missing in its time")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct side {
	u64 count, bytes, ns, max_ns;
	struct users users;
};

struct pipe {
	struct side reads, writes;
	u64 end_of_file_count, again_count, error_count;
	u64 closed_ns;
};

struct state {
	struct idmap pipes; /* by object */
};

static struct pipe *pipe_get(struct state *state, const struct object *object)
{
	struct pipe *pipe = idmap_find(&state->pipes, (u32)object->id);

	if (!pipe) {
		pipe = xcalloc(1, sizeof(*pipe));
		idmap_put(&state->pipes, (u32)object->id, pipe);
	}
	return pipe;
}

static void add(struct side *side, const struct file_use *use, const struct trc_syscall *record,
		const struct process *process)
{
	u64 ns = record && record->state == TRC_SYSCALL_COMPLETE ? record->duration_ns : 0;

	side->count++;
	side->bytes += use->bytes;
	side->ns += ns;
	if (ns > side->max_ns)
		side->max_ns = ns;
	users_add(&side->users, process);
}

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record)
{
	u32 error = record ? call_failure(record) : 0;
	struct state *state = fold->state;
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	for (size_t i = 0; i < count; i++) {
		struct pipe *pipe;

		if (!uses[i].file || uses[i].file->object->type != OBJECT_pipe)
			continue;
		pipe = pipe_get(state, uses[i].file->object);
		if (uses[i].op == FILE_OP_read)
			add(&pipe->reads, &uses[i], record, step->thread->process);
		else if (uses[i].op == FILE_OP_write)
			add(&pipe->writes, &uses[i], record, step->thread->process);
		if (uses[i].op == FILE_OP_read && record && !record->ret &&
		    record->state == TRC_SYSCALL_COMPLETE)
			pipe->end_of_file_count++;
		pipe->again_count += error == EAGAIN;
		pipe->error_count += error && error != EAGAIN;
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

static void file_gone(struct fold *fold, struct open_file *file)
{
	struct state *state = fold->state;
	struct pipe *pipe;

	if (file->object->type != OBJECT_pipe || file->end == FILE_END_open)
		return;
	pipe = idmap_find(&state->pipes, (u32)file->object->id);
	if (pipe && file->closed_ns > pipe->closed_ns)
		pipe->closed_ns = file->closed_ns;
}

static void put_row(struct fold *fold, const struct object *object, const struct pipe *pipe)
{
	struct value row[COLUMN_COUNT] = {};
	size_t writers_len;

	text_clear(&fold->text);
	text_add(&fold->text, "", 0);
	users_add_text(&pipe->writes.users, &fold->text);
	writers_len = fold->text.len;
	users_add_text(&pipe->reads.users, &fold->text);
	row[COLUMN_object_id] = value_int((s64)object->id);
	row[COLUMN_name] = value_string(object->name);
	row[COLUMN_inode] = value_known(object->inode, 0);
	row[COLUMN_first_ts_ns] = value_int((s64)object->seen_ns);
	row[COLUMN_closed_ts_ns] = value_known(pipe->closed_ns, 0);
	if (writers_len)
		row[COLUMN_writers] = value_bytes(fold->text.data, writers_len);
	row[COLUMN_write_count] = value_int((s64)pipe->writes.count);
	row[COLUMN_write_bytes] = value_int((s64)pipe->writes.bytes);
	row[COLUMN_write_ns] = value_int((s64)pipe->writes.ns);
	row[COLUMN_write_max_ns] = value_int((s64)pipe->writes.max_ns);
	if (fold->text.len > writers_len)
		row[COLUMN_readers] =
			value_bytes(fold->text.data + writers_len, fold->text.len - writers_len);
	row[COLUMN_read_count] = value_int((s64)pipe->reads.count);
	row[COLUMN_read_bytes] = value_int((s64)pipe->reads.bytes);
	row[COLUMN_read_ns] = value_int((s64)pipe->reads.ns);
	row[COLUMN_read_max_ns] = value_int((s64)pipe->reads.max_ns);
	row[COLUMN_end_of_file_count] = value_int((s64)pipe->end_of_file_count);
	row[COLUMN_again_count] = value_int((s64)pipe->again_count);
	row[COLUMN_error_count] = value_int((s64)pipe->error_count);
	row[COLUMN_complete] = value_int(!walk_is_lossy(
		fold->walk, 0, object->seen_ns, pipe->closed_ns ? pipe->closed_ns : UINT64_MAX));
	fold_row(fold, row);
}

static void pipe_free(struct pipe *pipe)
{
	if (!pipe)
		return;
	users_release(&pipe->reads.users);
	users_release(&pipe->writes.users);
	free(pipe);
}

static void object_gone(struct fold *fold, struct object *object)
{
	struct state *state = fold->state;
	struct pipe *pipe =
		object->type == OBJECT_pipe ? idmap_find(&state->pipes, (u32)object->id) : NULL;

	if (!pipe)
		return;
	put_row(fold, object, pipe);
	idmap_remove(&state->pipes, (u32)object->id);
	pipe_free(pipe);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->pipes.capacity; i++)
		pipe_free(state->pipes.slots[i].value);
	idmap_release(&state->pipes);
}

const struct metric metric_pipe = {
	.table = { .name = "pipe",
		   .doc = "pipes: who wrote, who read, how much, how long it took",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "read_ns",
		   .brief = "name,writers,write_count,write_bytes,write_ns,readers,read_count,"
			    "read_bytes,read_ns,read_max_ns" },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.file_gone = file_gone,
	.object_gone = object_gone,
	.release = release,
};
