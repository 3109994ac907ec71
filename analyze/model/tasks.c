/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/tasks.h"

#include "analyze/model/futexes.h"
#include "analyze/model/fds.h"
#include "analyze/model/instances.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

#define COMM_MAX 64 /* as /proc has it: the kernel's own threads' are longer than those of others */

/* ---- who is it? ---- */

/* A command forked at `ns` was held until the next recording began; MODEL_UNKNOWN: it is none. */
static u64 held_until(const struct model *model, u32 pid, u64 ns)
{
	u64 start_ns = MODEL_UNKNOWN;

	for (size_t i = 0; i < model->command_count; i++)
		if (model->commands[i].pid == pid && ns < model->commands[i].start_ns &&
		    model->commands[i].start_ns < start_ns)
			start_ns = model->commands[i].start_ns;
	return start_ns;
}

/* When a task of the process began, on the trace clock. */
static u64 birth(const struct model *model, const struct process *process, u64 boot_ns)
{
	u64 ns = boot_ns - (u64)model->boot_offset_ns;
	u64 start_ns = held_until(model, process->pid, ns);

	return start_ns == MODEL_UNKNOWN ? ns : start_ns;
}

static void learn_start(struct model *model, struct thread *thread, u64 start_boot_ns)
{
	struct process *process = thread->process;

	if (!start_boot_ns)
		return;
	if (!thread->start_boot_ns || thread->start_ns == MODEL_UNKNOWN) {
		thread->start_boot_ns = start_boot_ns;
		thread->start_ns = birth(model, process, start_boot_ns);
	}
	if (thread->tid == process->pid && !process->start_boot_ns) {
		process->start_boot_ns = start_boot_ns;
		process->start_ns = birth(model, process, start_boot_ns);
	}
}

struct thread *thread_known(struct model *model, u32 tid, u32 tgid)
{
	struct thread *thread = idmap_find(&model->threads, tid);

	return thread && thread->process->pid == tgid ? thread : NULL;
}

struct thread *thread_of(struct model *model, u32 tid, u32 tgid)
{
	struct thread *thread = thread_known(model, tid, tgid);
	struct process *process;

	if (thread || !tid)
		return thread;
	process = idmap_find(&model->processes, tgid);
	return thread_make(model, process ? process : process_make(model, tgid), tid);
}

/* The same for a record that says when the thread began: the number may have been reused unseen. */
static struct thread *thread_of_start(struct model *model, u32 tid, u32 tgid, u64 start_boot_ns)
{
	struct thread *thread = thread_known(model, tid, tgid);

	if (thread && start_boot_ns && thread->start_boot_ns &&
	    thread->start_boot_ns != start_boot_ns) {
		if (tid == tgid)
			thread = thread_make(model, process_make(model, tgid), tid);
		else
			thread = thread_make(model, thread->process, tid);
	} else {
		thread = thread_of(model, tid, tgid);
	}
	if (thread)
		learn_start(model, thread, start_boot_ns);
	return thread;
}

/* ---- life ---- */

static void new_process(struct model *model, const struct trc_task_new *record,
			struct process *creator, struct thread **ret_thread)
{
	struct process *parent =
		record->ppid ? idmap_find(&model->processes, record->ppid) : creator;
	u32 parent_id = parent ? parent->id : 0;
	struct process *process = process_make(model, record->child_tgid); /* may free the parent */

	process->started = true;
	process->start_boot_ns = record->child_start_ns;
	process->start_ns = record->head.ts;
	process->ppid = record->ppid;
	process->parent_id = parent_id;
	process->ns_pid = record->ns_tgid;
	identity_inherit(&process->identity, &creator->identity);
	if (record->pid_ns)
		process->identity.pid_ns = record->pid_ns;
	*ret_thread = thread_make(model, process, record->child_tid);
}

struct thread *task_new(struct model *model, const struct trc_task_new *record)
{
	struct thread *creator = thread_of(model, record->head.tid, record->head.tgid);
	struct thread *child = idmap_find(&model->threads, record->child_tid);

	if (!creator || !record->child_tid)
		return creator;
	/* The snapshot may have seen it first. */
	if (!(child && child->process->pid == record->child_tgid && child->start_boot_ns &&
	      child->start_boot_ns == record->child_start_ns)) {
		if (record->child_tid == record->child_tgid) {
			new_process(model, record, creator->process, &child);
		} else {
			struct process *process = idmap_find(&model->processes, record->child_tgid);

			if (!process)
				process = process_make(model, record->child_tgid);
			child = thread_make(model, process, record->child_tid);
		}
		child->start_boot_ns = record->child_start_ns;
		child->start_ns = record->head.ts;
	}
	creator->last_child_tid = record->child_tid;
	child->ns_tid = record->ns_tid;
	thread_set_comm(child, record->comm, sizeof(record->comm));
	return creator;
}

static void set_item(struct string **slot, const struct trc_head *record, u8 field)
{
	const struct trc_item *item = record_item(record, field);

	if (item && item->state != TRC_ITEM_UNREADABLE)
		string_set(slot, string_new((const char *)trc_item_data(item), item->len));
}

/* What exec and task_found tell of the process by the same names, but for the items. */
#define SET_IDENTITY(identity, record)                                                             \
	do {                                                                                       \
		(identity)->known = true;                                                          \
		(identity)->uid = (record)->uid;                                                   \
		(identity)->gid = (record)->gid;                                                   \
		(identity)->euid = (record)->euid;                                                 \
		(identity)->egid = (record)->egid;                                                 \
		(identity)->pid_ns = (record)->pid_ns;                                             \
		(identity)->mnt_ns = (record)->mnt_ns;                                             \
		(identity)->net_ns = (record)->net_ns;                                             \
		(identity)->uts_ns = (record)->uts_ns;                                             \
		(identity)->ipc_ns = (record)->ipc_ns;                                             \
		(identity)->cgroup_ns = (record)->cgroup_ns;                                       \
		(identity)->user_ns = (record)->user_ns;                                           \
		(identity)->cgroup_id = (record)->cgroup_id;                                       \
	} while (0)

static void set_cmdline(struct identity *identity, const struct trc_item *argv)
{
	if (argv && argv->state != TRC_ITEM_UNREADABLE)
		string_set(&identity->cmdline,
			   string_new_cmdline((const char *)trc_item_data(argv), argv->len,
					      argv->state == TRC_ITEM_TRUNCATED || argv->more));
}

enum { /* V() fields of exec, in the order of events.def */
       EXEC_filename,
       EXEC_exe,
       EXEC_cwd,
       EXEC_argv,
       EXEC_cgroup,
};

static void exec_identity(struct process *process, const struct trc_exec *record)
{
	struct identity *identity = &process->identity;

	string_set(&identity->exe, NULL);
	set_item(&identity->exe, &record->head, EXEC_exe);
	set_item(&identity->cwd, &record->head, EXEC_cwd);
	set_item(&identity->cgroup, &record->head, EXEC_cgroup);
	string_set(&identity->cmdline, NULL);
	set_cmdline(identity, record_item(&record->head, EXEC_argv));
	SET_IDENTITY(identity, record);
	modules_unref(identity->modules);
	identity->modules = NULL;
}

/* Its pages and blocks have a name from now on. `record` is an exec or a task_found. */
#define TELL_PROGRAM(model, record, item)                                                          \
	do {                                                                                       \
		if ((model)->fds)                                                                  \
			fds_program((model)->fds, record_item(&(record)->head, item),              \
				    (record)->exe_device, (record)->exe_inode,                     \
				    (record)->exe_mode);                                           \
	} while (0)

/*
 * An exec from another thread than the leader: the kernel ends all others, then gives the caller the
 * leader's number and start time. The process goes on.
 */
static struct thread *exec_thread(struct model *model, const struct trc_exec *record)
{
	struct thread *caller;

	if (!record->old_tid || record->old_tid == record->head.tid)
		return thread_of_start(model, record->head.tid, record->head.tgid,
				       record->start_ns);
	caller = thread_of(model, record->old_tid, record->head.tgid);
	if (!caller)
		return NULL;
	thread_renumber(model, caller, record->head.tid);
	caller->start_boot_ns = record->start_ns;
	if (!caller->process->start_boot_ns)
		learn_start(model, caller, record->start_ns);
	return caller;
}

struct thread *task_exec(struct model *model, const struct trc_exec *record)
{
	struct thread *thread = exec_thread(model, record);
	struct process *process;

	if (!thread)
		return NULL;
	process = thread->process;
	process->exec_count++;
	futexes_leave(model, process);
	if (!process->ppid)
		process->ppid = record->ppid;
	if (!process->ns_pid)
		process->ns_pid = record->ns_tgid;
	exec_identity(process, record);
	TELL_PROGRAM(model, record, EXEC_exe);
	thread_set_comm(thread, record->comm, sizeof(record->comm));
	return thread;
}

enum { /* V() fields of task_found */
       FOUND_exe,
       FOUND_cwd,
       FOUND_cgroup,
       FOUND_argv,
};

static void find_parent(struct model *model, struct process *process, u32 ppid)
{
	struct process *parent = idmap_find(&model->processes, ppid);

	process->ppid = ppid;
	if (parent && parent != process) {
		process->parent_id = parent->id;
	} else if (ppid) {
		parent_missing(model, process);
	}
}

/* A command with a program of its own ran when recording began: after a delay, or in a later file. */
static void command_runs(struct model *model, const struct trc_head *found)
{
	struct thread *thread = thread_known(model, found->tid, found->tgid);

	if (!record_item(found, FOUND_exe) || (thread && thread->start_ns != MODEL_UNKNOWN))
		return;
	for (size_t i = 0; i < model->command_count; i++)
		if (model->commands[i].pid == found->tgid)
			model->commands[i].pid = 0;
}

/* One that was there before it was watched. */
struct thread *task_found(struct model *model, const struct trc_task_found *record)
{
	const struct trc_head *head = &record->head;
	struct thread *thread;
	struct process *process;

	command_runs(model, head);
	thread = thread_of_start(model, head->tid, head->tgid, record->start_ns);
	if (!thread)
		return NULL;
	process = thread->process;
	thread->ns_tid = record->ns_tid;
	if (!process->identity.known) {
		SET_IDENTITY(&process->identity, record);
		process->ns_pid = record->ns_tgid;
		find_parent(model, process, record->ppid);
		parent_found(model, process); /* children may have been found before it */
	}
	set_item(&process->identity.exe, head, FOUND_exe);
	TELL_PROGRAM(model, record, FOUND_exe);
	set_item(&process->identity.cwd, head, FOUND_cwd);
	set_item(&process->identity.cgroup, head, FOUND_cgroup);
	set_cmdline(&process->identity, record_item(head, FOUND_argv));
	thread_set_comm(thread, record->comm, sizeof(record->comm));
	return thread;
}

enum { /* V() fields of cgroup_move */
       MOVE_path,
};

/* The threads of a process are in one cgroup, but for threaded ones, of which the leader's counts. */
void task_moved(struct model *model, const struct trc_cgroup_move *record)
{
	struct process *process = idmap_find(&model->processes, record->moved_tgid);

	if (!process || record->hierarchy ||
	    (!record->whole_process && record->moved_tid != record->moved_tgid))
		return;
	process->identity.cgroup_id = record->cgroup_id;
	set_item(&process->identity.cgroup, &record->head, MOVE_path);
}

static void add_totals(struct totals *totals, const struct trc_task_exit *record)
{
	totals->runtime_ns += record->runtime_ns;
	totals->utime_ns += record->utime_ns;
	totals->stime_ns += record->stime_ns;
	totals->minor_faults += record->minor_faults;
	totals->major_faults += record->major_faults;
	totals->voluntary_switches += record->voluntary_switches;
	totals->involuntary_switches += record->involuntary_switches;
	totals->rchar_bytes += record->rchar_bytes;
	totals->wchar_bytes += record->wchar_bytes;
	totals->read_bytes += record->read_bytes;
	totals->write_bytes += record->write_bytes;
	totals->cpu_delay_ns += record->cpu_delay_ns;
	totals->blkio_delay_ns += record->blkio_delay_ns;
	if (record->max_rss_bytes > totals->max_rss_bytes)
		totals->max_rss_bytes = record->max_rss_bytes;
}

/* As wait() tells it: the code of a group exit, else that of the leader. */
static void exit_status(struct process *process, const struct trc_task_exit *record)
{
	bool group = record->signal_flags & 2;

	if (group || (record->head.tid == process->pid && !process->group_exit)) {
		process->status = record->exit_code;
		process->has_status = true;
		process->group_exit |= group;
	}
}

struct thread *task_exit(struct model *model, const struct event *event)
{
	const struct trc_task_exit *record = (const struct trc_task_exit *)event->record;
	struct thread *thread =
		thread_of_start(model, record->head.tid, record->head.tgid, record->start_ns);
	struct process *process;

	if (!thread || thread->has_totals)
		return thread;
	process = thread->process;
	thread->has_totals = true;
	thread->status = record->exit_code;
	thread->runtime_ns = record->runtime_ns;
	thread->cpu_delay_ns = record->cpu_delay_ns;
	thread->blkio_delay_ns = record->blkio_delay_ns;
	thread_set_comm(thread, record->comm, sizeof(record->comm));
	add_totals(&process->totals, record);
	process->exit_count++;
	process->last_ppid = record->ppid;
	exit_status(process, record);
	thread_end(model, thread, record->head.ts);
	if ((record->signal_flags & 1) ||
	    (!record->live_threads &&
	     event_has(event, offsetof(struct trc_task_exit, live_threads))))
		process_end(model, process, record->head.ts);
	return thread;
}

struct thread *task_rename(struct model *model, const struct trc_task_rename *record)
{
	struct thread *thread = thread_of(model, record->renamed_tid, record->renamed_tgid);

	if (thread)
		thread_set_comm(thread, record->comm, sizeof(record->comm));
	return thread;
}

/* ---- the snapshot ---- */

static void set_known(struct string **slot, const char *text)
{
	if (text && *text)
		string_set(slot, string_new(text, strlen(text)));
}

static void load_leader(struct process *process, const struct trace_state_task *task)
{
	struct identity *identity = &process->identity;
	struct text argv = {};

	process->ns_pid = task->ns_tgid;
	process->ppid = task->ppid;
	identity->known = true;
	identity->uid = identity->euid = task->uid;
	identity->gid = identity->egid = task->gid;
	set_known(&identity->exe, task->exe);
	set_known(&identity->cwd, task->cwd);
	set_known(&identity->cgroup, task->cgroup);
	for (size_t i = 0; i < task->argc && argv.len <= ARGV_MAX; i++)
		text_add(&argv, task->argv[i], strlen(task->argv[i]) + 1);
	if (argv.len > ARGV_MAX)
		string_set(&identity->cmdline, string_new_cmdline(argv.data, ARGV_MAX, true));
	else if (argv.len)
		string_set(&identity->cmdline, string_new_cmdline(argv.data, argv.len, false));
	text_release(&argv);
}

void model_load_state(struct model *model, const struct trace_state *state)
{
	for (size_t i = 0; i < state->task_count; i++) {
		const struct trace_state_task *task = &state->tasks[i];
		struct thread *thread = thread_of(model, task->tid, task->tgid);

		if (!thread)
			continue;
		learn_start(model, thread, task->start_ns);
		/* Only the kernel knows its start exactly, and told it with its first event at the earliest. */
		if (thread->start_ns == MODEL_UNKNOWN && task->tid == task->tgid)
			thread->start_ns = thread->process->start_ns =
				held_until(model, task->tgid, 0);
		if (*task->comm)
			thread_set_comm(thread, task->comm, COMM_MAX);
		if (task->tid == task->tgid)
			load_leader(thread->process, task);
	}
	for (struct process *process = model->first; process; process = process->next) {
		struct process *parent =
			process->ppid ? idmap_find(&model->processes, process->ppid) : NULL;

		process->parent_id = 0;
		if (parent && !parent_is_below(model, parent, process))
			process->parent_id = parent->id;
	}
	if (model->fds)
		fds_load_state(model->fds, state);
}
