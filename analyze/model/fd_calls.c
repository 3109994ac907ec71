/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What system calls do to descriptors. */
#include "analyze/model/dirs.h"
#include "analyze/model/fds_private.h"

static void after(struct fds *fds, struct fd_table *table, u8 what, u32 first, u32 last)
{
	fds->after = what;
	fds->after_table = fd_table_ref(table);
	fds->after_first = first;
	fds->after_last = last;
	fds->after_ns = fds->now;
	fds->after_entry_ns = fds->entry_ns;
}

static void settle_close(struct fds *fds, u32 fd)
{
	const struct fd_slot *slot = fd_table_slot(fds->after_table, (s32)fd);

	/* Made while the call was closing what had the number before. */
	if (slot && slot->since_ns <= fds->after_entry_ns)
		fd_table_close(fds->after_table, (s32)fd, fds->after_ns, FILE_END_close);
}

static void settle_close_range(struct fds *fds)
{
	const struct fd_table *table = fds->after_table;

	if (!fds_afford(fds, table->open_count))
		return;
	for (u32 fd = fds->after_first; fd_table_next(table, &fd) && fd <= fds->after_last; fd++)
		settle_close(fds, fd);
}

void fds_settle(struct fds *fds)
{
	struct fd_table *table = fds->after_table;

	switch (fds->after) {
	case AFTER_close:
		settle_close(fds, fds->after_first);
		break;
	case AFTER_close_range:
		settle_close_range(fds);
		break;
	case AFTER_exec:
		fd_table_exec(table, fds->after_ns);
		break;
	}
	fds->after = AFTER_nothing;
	fds->after_table = NULL;
	fd_table_unref(table, fds->after_ns, FILE_END_exit);
}

static void close_range_done(struct fds *fds, struct thread *thread,
			     const struct trc_syscall *record)
{
	u32 first = (u32)syscall_arg(record, 0), last = (u32)syscall_arg(record, 1);
	u32 flags = (u32)syscall_arg(record, 2);
	struct fd_table *table;
	struct fd_slot *slot;

	if (flags & CLOSE_RANGE_UNSHARE_NUMBER)
		fds_unshare(fds, thread);
	table = thread->fds;
	if (!(flags & CLOSE_RANGE_CLOEXEC_NUMBER)) {
		after(fds, table, AFTER_close_range, first, last);
		return;
	}
	if (!fds_afford(fds, table->open_count))
		return;
	for (u32 fd = first; (slot = fd_table_next(table, &fd)) && fd <= last; fd++)
		slot->close_on_exec = true;
}

static void duplicated(struct fds *fds, struct thread *thread, const struct trc_syscall *record,
		       bool close_on_exec)
{
	struct open_file *source = thread_fd(thread, (s32)syscall_arg(record, 0));
	struct fd_slot *slot = fd_table_slot(thread->fds, (s32)record->ret);

	if (!source)
		return;
	if (slot && slot->since_ns == fds->now) {
		struct open_file *told = slot->file;

		if (told == source)
			return;
		open_file_hold(source);
		slot->file = source;
		open_file_discard(fds, told);
	} else if (!slot || slot->file != source) {
		fds_put(fds, thread, (s32)record->ret, open_file_ref(source), close_on_exec);
	}
}

static void fcntl_done(struct fds *fds, struct thread *thread, const struct trc_syscall *record)
{
	struct fd_slot *slot = fd_table_slot(thread->fds, (s32)syscall_arg(record, 0));
	u32 argument = (u32)syscall_arg(record, 2);

	switch ((u32)syscall_arg(record, 1)) {
	case F_DUPFD_NUMBER:
		duplicated(fds, thread, record, false);
		break;
	case F_DUPFD_CLOEXEC_NUMBER:
		duplicated(fds, thread, record, true);
		break;
	case F_SETFD_NUMBER:
		if (slot)
			slot->close_on_exec = argument & 1;
		break;
	}
}

static void ioctl_done(struct thread *thread, const struct trc_syscall *record)
{
	struct fd_slot *slot = fd_table_slot(thread->fds, (s32)syscall_arg(record, 0));
	u32 request = (u32)syscall_arg(record, 1);

	if (slot && (request == FIOCLEX_NUMBER || request == FIONCLEX_NUMBER))
		slot->close_on_exec = request == FIOCLEX_NUMBER;
}

static void listens(struct thread *thread, s32 fd)
{
	struct object *object = object_of_fd(thread, fd);

	if (object && object->socket)
		object->socket->state = SOCKET_LISTENING;
}

/* Nobody told what the call made. */
static void infer(struct fds *fds, struct thread *thread, const struct trc_syscall *record)
{
	struct fd_slot *slot = fd_table_slot(thread->fds, (s32)record->ret);

	if (!(slot && slot->since_ns == fds->now))
		fds_put(fds, thread, (s32)record->ret, file_from_call(fds, thread, record), false);
}

/* What the child has done to its copy since then was done to the table of both. */
static void merge(struct fds *fds, struct fd_table *into, const struct fd_table *from, u64 since_ns)
{
	u32 old_fd = 0, new_fd = 0;
	const struct fd_slot *old = fd_table_next(into, &old_fd);
	const struct fd_slot *new = fd_table_next(from, &new_fd);

	if (!fds_afford(fds, into->open_count + from->open_count))
		return;
	while (old || new) {
		u32 fd = old && (!new || old_fd < new_fd) ? old_fd : new_fd;
		bool has_old = old && old_fd == fd, has_new = new &&new_fd == fd;

		if (has_new && new->since_ns >= since_ns &&
		    (!has_old || old->since_ns < new->since_ns))
			fd_table_put(into, (s32)fd, new->file, new->since_ns, new->close_on_exec);
		else if (!has_new && old->since_ns < since_ns)
			fd_table_close(into, (s32)fd, fds->now, FILE_END_close);
		if (has_old) {
			old_fd++;
			old = fd_table_next(into, &old_fd);
		}
		if (has_new) {
			new_fd++;
			new = fd_table_next(from, &new_fd);
		}
	}
}

/* The flags of a clone come with its end, when the child has long begun: with a copy if it is a process. */
static void cloned(struct fds *fds, struct thread *thread, u64 flags)
{
	struct thread *child = idmap_find(&fds->model->threads, thread->last_child_tid);
	bool shares = flags & CLONE_FILES_NUMBER;
	struct fd_table *copy;

	if (!child || child == thread || child->ended || child->process->exec_count)
		return;
	dirs_cloned(thread, child, flags & CLONE_FS_NUMBER);
	copy = child->fds;
	if (!copy || !thread->fds || (copy == thread->fds) == shares)
		return;
	if (shares) {
		merge(fds, thread->fds, copy, child->start_ns);
		child->fds = fd_table_ref(thread->fds);
		fd_table_unref(copy, fds->now, FILE_END_close);
	} else {
		fds_unshare(fds, child);
	}
}

static u64 clone3_flags(struct fds *fds, const struct trc_syscall *record)
{
	const struct trc_item *item = record_item(&record->head, 0);

	return item && item->type == TRC_TYPE_bytes && item->len >= 8
		       ? payload_u64(fds->decoder, trc_item_data(item))
		       : 0;
}

void fds_call(struct fds *fds, struct thread *thread, const struct trc_syscall *record)
{
	u8 role = call_role(fds->roles, record->abi, record->nr);
	u32 arg0 = (u32)syscall_arg(record, 0);
	bool entered = record->state == TRC_SYSCALL_COMPLETE;
	struct fd_table *table = fds_table(fds, thread);

	if (!table)
		return;
	if (table->exec) {
		table->exec = false;
		if (role == ROLE_exec)
			after(fds, table, AFTER_exec, 0, 0);
		else
			fd_table_exec(table, fds->now);
	}
	if (role == ROLE_none || record->state == TRC_SYSCALL_UNFINISHED || record->ret < 0)
		return;
	if (role == ROLE_returns_fd)
		infer(fds, thread, record);
	if (!entered)
		return;
	switch (role) {
	case ROLE_close:
		after(fds, table, AFTER_close, arg0, arg0);
		break;
	case ROLE_close_range:
		close_range_done(fds, thread, record);
		break;
	case ROLE_dup:
		duplicated(fds, thread, record, syscall_arg(record, 2) & O_CLOEXEC_NUMBER);
		break;
	case ROLE_fcntl:
		fcntl_done(fds, thread, record);
		break;
	case ROLE_ioctl:
		ioctl_done(thread, record);
		break;
	case ROLE_listen:
		listens(thread, (s32)arg0);
		break;
	case ROLE_unshare:
		if (arg0 & CLONE_FILES_NUMBER)
			fds_unshare(fds, thread);
		if (arg0 & CLONE_FS_NUMBER)
			dirs_unshare(thread);
		break;
	case ROLE_clone:
		cloned(fds, thread, arg0);
		break;
	case ROLE_clone3:
		cloned(fds, thread, clone3_flags(fds, record));
		break;
	case ROLE_send_message:
		fds_sent(fds, thread, record);
		break;
	}
}
