/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/open_fd.h"

#include "analyze/metrics/instance.h"
#include "analyze/model/dirs.h"
#include "analyze/model/fd_table.h"
#include "analyze/model/instances.h"
#include "analyze/model/sockets.h"

#include <stdio.h>

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process instance")                                         \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(tid, INTEGER, NUMBER, "a thread that has a table of its own; NULL: that of the process") \
	C(comm, TEXT, NONE, "its name then; NULL: unknown")                                        \
	C(fd, TEXT, NONE, "the descriptor; cwd: current directory, rtd: root, txt: program")       \
	C(access, TEXT, NONE, "r, w, u: for reading, writing, both; NULL: unknown, or neither")    \
	C(close_on_exec, INTEGER, BOOL, "1: an exec closes it; NULL: it is no descriptor")         \
	C(type, TEXT, NONE, "file, directory, device, pipe, socket, epoll …")                      \
	C(object_id, INTEGER, ID, "what it stands for; NULL: not known")                           \
	C(open_file_id, INTEGER, ID, "the open file that it shares with its copies; see table fd") \
	C(since_ns, INTEGER, TS, "when the descriptor was made; NULL: before it was watched")      \
	C(name, TEXT, NONE,                                                                        \
	  "path that it was opened by; addresses of a socket, and \"(LISTEN)\" if it does; "       \
	  "NULL: unknown")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

const struct table table_open_fd = {
	.name = "open_fd",
	.doc = "what was open at a moment",
	.columns = columns,
	.column_count = COLUMN_COUNT,
	.brief = "comm,pid,fd,access,type,since_ns,name",
};

#define ACCESS_MODE 3
#define PATH_ONLY   010000000

struct writer {
	struct sink *sink;
	const struct thread *thread;
	bool of_process; /* the table is that of the whole process */
	struct text name;
	int error;
};

static void put(struct writer *writer, struct value *row)
{
	const struct process *process = writer->thread->process;

	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_pid] = value_int(process->pid);
	if (!writer->of_process)
		row[COLUMN_tid] = value_int(writer->thread->tid);
	row[COLUMN_comm] = value_string(writer->of_process ? process->comm : writer->thread->comm);
	if (!writer->error)
		writer->error = writer->sink->row(writer->sink, &table_open_fd, row);
}

static void put_path(struct writer *writer, const char *fd, u8 type, const struct string *path)
{
	struct value row[COLUMN_COUNT] = {};

	if (!path)
		return;
	row[COLUMN_fd] = value_text(fd);
	row[COLUMN_type] = value_text(object_type_name(type));
	row[COLUMN_name] = value_string(path);
	put(writer, row);
}

static struct value name_of(struct writer *writer, const struct open_file *file)
{
	const struct string *name = open_file_name(file);
	const struct socket *socket = file->object->socket;

	if (!name || !socket || socket->state != SOCKET_LISTENING)
		return value_string(name);
	text_clear(&writer->name);
	text_add(&writer->name, name->data, name->len);
	text_adds(&writer->name, " (LISTEN)");
	return value_bytes(writer->name.data, writer->name.len);
}

static void put_slot(struct writer *writer, u32 fd, const struct fd_slot *slot)
{
	static const char *const access[] = { "r", "w", "u" };
	const struct open_file *file = slot->file;
	struct value row[COLUMN_COUNT] = {};
	char number[12];

	snprintf(number, sizeof(number), "%u", fd);
	row[COLUMN_fd] = value_text(number);
	if (file->origin != FILE_ORIGIN_inferred && !(file->flags & PATH_ONLY) &&
	    (file->flags & ACCESS_MODE) < ARRAY_SIZE(access))
		row[COLUMN_access] = value_text(access[file->flags & ACCESS_MODE]);
	row[COLUMN_close_on_exec] = value_int(slot->close_on_exec);
	row[COLUMN_type] = value_text(object_type_name(file->object->type));
	row[COLUMN_object_id] = value_int((s64)file->object->id);
	row[COLUMN_open_file_id] = value_int(file->id);
	if (file->origin != FILE_ORIGIN_found)
		row[COLUMN_since_ns] = value_int((s64)slot->since_ns);
	row[COLUMN_name] = name_of(writer, file);
	put(writer, row);
}

static const struct thread *leader_of(const struct process *process)
{
	const struct thread *alive = NULL;

	for (const struct thread *thread = process->threads; thread; thread = thread->next) {
		if (thread->ended)
			continue;
		alive = thread;
		if (thread->tid == process->pid)
			break;
	}
	return alive;
}

static void write_process(struct writer *writer, const struct process *process)
{
	const struct thread *leader = leader_of(process);

	if (!leader)
		return;
	writer->thread = leader;
	writer->of_process = true;
	put_path(writer, "cwd", OBJECT_directory, thread_cwd(leader));
	if (leader->dirs)
		put_path(writer, "rtd", OBJECT_directory, leader->dirs->root);
	put_path(writer, "txt", OBJECT_file, process->identity.exe);
	for (const struct thread *thread = process->threads; thread; thread = thread->next) {
		struct fd_table *table = thread->fds;
		const struct fd_slot *slot;

		/* Of a process the leader's, or any other's; of threads with tables of their own each. */
		if (!table || thread->ended || table->written ||
		    (table == leader->fds && thread != leader))
			continue;
		table->written = true;
		writer->thread = thread;
		writer->of_process = table == leader->fds;
		for (u32 fd = 0; (slot = fd_table_next(table, &fd)); fd++)
			put_slot(writer, fd, slot);
	}
	for (const struct thread *thread = process->threads; thread; thread = thread->next)
		if (thread->fds)
			thread->fds->written = false;
}

static bool is_shown(const struct walk *walk, const struct process *process)
{
	if (process->ended)
		return false;
	for (struct thread *thread = process->threads; thread; thread = thread->next)
		if (selection_thread(&walk->selection, thread))
			return true;
	return false;
}

int open_fds_write(struct walk *walk, struct sink *sink, bool *ret_any)
{
	struct writer writer = { .sink = sink };
	bool any = false;
	int r = sink->begin(sink, &table_open_fd);

	if (r)
		return r;
	model_settle(walk->model);
	for (const struct process *process = walk->model->first; process && !writer.error;
	     process = process->next) {
		if (!is_shown(walk, process))
			continue;
		any = true;
		write_process(&writer, process);
	}
	if (!writer.error)
		writer.error = sink->end(sink, &table_open_fd);
	text_release(&writer.name);
	if (!writer.error)
		*ret_any = any;
	return writer.error;
}
