/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/fds.h"

#include "analyze/model/dirs.h"
#include "analyze/model/fds_private.h"
#include "analyze/model/sockets.h"
#include "common/alloc.h"

#include <stdlib.h>

/* ---- open files ---- */

struct open_file *open_file_make(struct fds *fds, struct object *object, struct string *name)
{
	struct open_file *file = xcalloc(1, sizeof(*file));

	file->references = 1;
	file->id = ++fds->file_count;
	file->object = object_ref(object);
	file->name = name;
	file->fd = -1;
	file->opened_ns = MODEL_UNKNOWN;
	objects_open(&fds->objects, object);
	return file;
}

struct open_file *open_file_ref(struct open_file *file)
{
	if (file)
		file->references++;
	return file;
}

void open_file_unref(struct open_file *file)
{
	if (!file || --file->references)
		return;
	object_unref(file->object);
	string_unref(file->name);
	free(file);
}

const struct string *open_file_name(const struct open_file *file)
{
	return file->name ? file->name : file->object->name;
}

const struct string *open_file_best_name(const struct open_file *file)
{
	const struct socket *socket = file->object->socket;

	return socket && socket->best ? socket->best : open_file_name(file);
}

void open_file_hold(struct open_file *file)
{
	file->descriptor_count++;
	open_file_ref(file);
}

void file_leaves_object(struct fds *fds, struct object *object, u64 now)
{
	const struct model_hooks *hooks = &fds->model->hooks;

	if (object->open_count == 1) {
		if (object->type == OBJECT_socket)
			socket_closed(fds, object, now);
		else if (hooks->object_gone)
			hooks->object_gone(hooks->context, object);
	}
	objects_close(&fds->objects, object);
}

void open_file_drop(struct fds *fds, struct open_file *file, u64 now, enum file_end end)
{
	const struct model_hooks *hooks = &fds->model->hooks;

	if (now != MODEL_UNKNOWN && now > file->closed_ns)
		file->closed_ns = now;
	if (!--file->descriptor_count) {
		file->end = (u8)end;
		if (hooks->file_gone)
			hooks->file_gone(hooks->context, file);
		file_leaves_object(fds, file->object, file->closed_ns);
	}
	open_file_unref(file);
}

void open_file_discard(struct fds *fds, struct open_file *file)
{
	if (!--file->descriptor_count) {
		if (file->object->open_count == 1)
			socket_discarded(fds, file->object);
		objects_close(&fds->objects, file->object);
	}
	open_file_unref(file);
}

/* ---- threads and their tables ---- */

/* Gives the thread its first table, or takes the last from it. */
static void set_fds(struct thread *thread, struct fd_table *fds)
{
	if (!thread->fds != !fds)
		thread_set_sharing(thread, SHARE_fds, fds != NULL);
	thread->fds = fds;
}

struct fd_table *fds_table(struct fds *fds, struct thread *thread)
{
	struct thread *other;

	if (thread->fds || thread->ended)
		return thread->fds;
	other = thread->process->sharers[SHARE_fds];
	set_fds(thread, other ? fd_table_ref(other->fds) : fd_table_new(fds));
	return thread->fds;
}

static void leave_table(struct thread *thread, u64 now, enum file_end end)
{
	struct fd_table *table = thread->fds;

	set_fds(thread, NULL);
	fd_table_unref(table, now, end);
}

void fds_unshare(struct fds *fds, struct thread *thread)
{
	struct fd_table *table = fds_table(fds, thread);

	if (!table || table->references == 1)
		return;
	thread->fds = fd_table_copy(table);
	fd_table_unref(table, fds->now, FILE_END_close);
}

void fds_put(struct fds *fds, struct thread *thread, s32 fd, struct open_file *file,
	     bool close_on_exec)
{
	struct fd_table *table = fds_table(fds, thread);

	if (file->fd < 0) {
		file->fd = fd;
		file->process_id = thread->process->id;
		file->thread_id = thread->id;
		file->pid = thread->process->pid;
	}
	if (table && fd_table_put(table, fd, file, fds->now, close_on_exec)) {
		open_file_unref(file);
		return;
	}
	file->descriptor_count++; /* it has none: as if it was closed at once */
	open_file_discard(fds, file);
}

static struct open_file *find_file(struct thread *thread, s32 fd, bool before)
{
	const struct fd_table *table = thread ? thread->fds : NULL;
	const struct fd_slot *slot = table ? fd_table_slot(table, fd) : NULL;
	const struct fds *fds;

	if (!table)
		return NULL;
	fds = table->fds;
	/* It lost its number while the call was busy with it. */
	if (table->left && table->left_fd == fd && table->left_ns > fds->entry_ns &&
	    (before || table->left_ns < fds->now))
		return table->left;
	if (!slot)
		return NULL;
	if (before && slot->since_ns == fds->now && fds->entry_ns < fds->now)
		return NULL; /* it was not open before */
	return slot->file;
}

struct open_file *thread_fd(struct thread *thread, s32 fd)
{
	return find_file(thread, fd, false);
}

struct open_file *thread_fd_before(struct thread *thread, s32 fd)
{
	return find_file(thread, fd, true);
}

struct object *object_of_fd(struct thread *thread, s32 fd)
{
	struct open_file *file = thread_fd(thread, fd);

	return file ? file->object : NULL;
}

/* ---- life ---- */

static void task_made(struct fds *fds, struct thread *creator, const struct trc_task_new *record)
{
	struct thread *child = idmap_find(&fds->model->threads, record->child_tid);
	struct fd_table *table;

	if (!child || child == creator || child->fds || child->ended)
		return;
	dirs_made(creator, child);
	table = fds_table(fds, creator);
	if (table)
		set_fds(child, child->process == creator->process ? fd_table_ref(table)
								  : fd_table_copy(table));
}

/* The kernel gives the process a table of its own and closes what is marked; the call's record comes a little later. */
static void exec_done(struct fds *fds, struct thread *thread)
{
	struct fd_table *table;

	dirs_told(thread);
	fds_unshare(fds, thread);
	table = fds_table(fds, thread);
	if (table)
		table->exec = true;
}

static void exit_done(struct fds *fds, struct thread *thread)
{
	if (!thread->fds)
		return;
	ARRAY_RESERVE(fds->exiting, fds->exiting_capacity, fds->exiting_count + 1);
	fds->exiting[fds->exiting_count++] = thread;
}

static void settle_exits(struct fds *fds)
{
	for (size_t i = 0; i < fds->exiting_count; i++)
		leave_table(fds->exiting[i], fds->exiting[i]->end_ns, FILE_END_exit);
	fds->exiting_count = 0;
}

void fds_thread_gone(struct fds *fds, struct thread *thread)
{
	bool ended = thread->ended && thread->end_ns != MODEL_UNKNOWN;

	for (size_t i = 0; i < fds->exiting_count; i++)
		if (fds->exiting[i] == thread)
			fds->exiting[i--] = fds->exiting[--fds->exiting_count];
	leave_table(thread, ended ? thread->end_ns : MODEL_UNKNOWN,
		    thread->ended ? FILE_END_exit : FILE_END_open);
	dirs_leave(thread);
}

/* ---- events ---- */

static void file_made(struct fds *fds, struct thread *thread, const struct trc_file *record)
{
	struct open_file *file = file_from_record(fds, record);

	fds_put(fds, thread, record->fd, file, record->traits & FILE_TRAIT_CLOEXEC);
}

static void fd_found(struct fds *fds, struct thread *thread, const struct trc_fd_found *record)
{
	const struct fd_table *table = fds_table(fds, thread);
	const struct fd_slot *slot = table ? fd_table_slot(table, record->fd) : NULL;

	/* The kernel walked the table while its owner ran: what a call has made is told better by the call. */
	if (!slot)
		fds_put(fds, thread, record->fd, file_from_found(fds, record),
			record->traits & FILE_TRAIT_CLOEXEC);
}

void fds_begin(struct fds *fds, const struct event *event)
{
	const struct trc_syscall *call = (const struct trc_syscall *)event->record;

	if (fds->after)
		fds_settle(fds);
	if (fds->exiting_count && event->record->ts != fds->now)
		settle_exits(fds);
	fds->uses_known = false;
	fds->steps_left += FDS_STEPS_PER_EVENT;
	fds->now = fds->entry_ns = event->record->ts;
	if (event->kind_id == TRC_KIND_syscall && call->state != TRC_SYSCALL_NO_ENTER &&
	    call->duration_ns < fds->now)
		fds->entry_ns -= call->duration_ns;
}

void fds_event(struct fds *fds, const struct event *event, struct thread *thread)
{
	const struct trc_head *record = event->record;

	if (event->kind_id == TRC_KIND_file_below)
		below_add(&fds->below, (const struct trc_file_below *)record);
	if (!thread)
		return;
	switch (event->kind_id) {
	case TRC_KIND_syscall:
		fds_call(fds, thread, (const struct trc_syscall *)record);
		break;
	case TRC_KIND_file:
		file_made(fds, thread, (const struct trc_file *)record);
		break;
	case TRC_KIND_fd_found:
		fd_found(fds, thread, (const struct trc_fd_found *)record);
		break;
	case TRC_KIND_file_dir:
		dirs_event(thread, (const struct trc_file_dir *)record);
		break;
	case TRC_KIND_task_found:
		dirs_told(thread);
		break;
	case TRC_KIND_sock:
		socket_event(fds, thread, (const struct trc_sock *)record);
		break;
	case TRC_KIND_task_new:
		task_made(fds, thread, (const struct trc_task_new *)record);
		break;
	case TRC_KIND_exec:
		exec_done(fds, thread);
		break;
	case TRC_KIND_task_exit:
		exit_done(fds, thread);
		break;
	}
}

void fds_load_state(struct fds *fds, const struct trace_state *state)
{
	fds->now = state->ts;
	for (size_t i = 0; i < state->task_count; i++) {
		const struct trace_state_task *task = &state->tasks[i];
		struct thread *thread = idmap_find(&fds->model->threads, task->tid);

		for (size_t j = 0; thread && j < task->fd_count; j++)
			if (task->fds[j].fd < FD_MAX)
				fds_put(fds, thread, (s32)task->fds[j].fd,
					file_from_target(fds, task->fds[j].target),
					task->fds[j].flags & O_CLOEXEC_NUMBER);
	}
}

struct fds *fds_new(struct model *model, struct decoder *decoder, const struct trace_meta *meta)
{
	struct fds *fds = xcalloc(1, sizeof(*fds));

	fds->model = model;
	fds->decoder = decoder;
	fds->steps_left = FDS_STEPS_FIRST;
	fds->mapped.ids = OBJECT_IDS_MAPPED;
	fds->paths.ids = OBJECT_IDS_PATH;
	fds->roles = call_roles_new(meta);
	fds->uses = uses_new(meta);
	return fds;
}

void fds_settle_all(struct fds *fds)
{
	if (fds->after)
		fds_settle(fds);
	settle_exits(fds);
}

void fds_finish(struct fds *fds)
{
	fds_settle_all(fds);
	fds_messages_release(fds);
}

void fds_end(struct fds *fds)
{
	sockets_release(fds);
}

void fds_free(struct fds *fds)
{
	if (!fds)
		return;
	if (fds->after)
		fds_settle(fds);
	fds_messages_release(fds);
	sockets_release(fds);
	objects_release(&fds->objects);
	objects_release(&fds->mapped);
	objects_release(&fds->paths);
	below_release(&fds->below);
	call_roles_free(fds->roles);
	uses_free(fds->uses);
	free(fds->exiting);
	free(fds);
}

static struct object *object_at(const struct fds *fds, u32 device, u64 inode)
{
	struct object *object = objects_find(&fds->objects, device, inode);

	return object ? object : objects_find(&fds->mapped, device, inode);
}

struct object *fds_object_at(const struct fds *fds, u32 device, u64 inode)
{
	struct object *object = fds ? object_at(fds, device, inode) : NULL;
	const struct below_slot *above =
		fds && !object ? below_find(&fds->below, device, inode) : NULL;

	return above ? object_at(fds, above->device, above->inode) : object;
}
