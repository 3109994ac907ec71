/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes and threads: births, execs, names, deaths; and how a target's children become targets.
 */
#include "bpf/core.bpf.h"
#include "bpf/call.bpf.h"
#include "bpf/found.bpf.h"
#include "bpf/hooks.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/items.bpf.h"
#include "bpf/target.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_state *state = task_state(parent), *child_state = NULL;
	struct trc_task_new event = {};
	u64 now;
	u32 ns_tid = 0;

	/* It may have been put into another cgroup than its creator's. */
	if (!state) {
		child_state = target_arrives(child);
		if (child_state)
			child_state->phase = PHASE_NEWBORN;
	}
	if (!state || state->phase == PHASE_HELD)
		return 0;
	now = bpf_ktime_get_ns();
	child_state = target_storage(child);
	if (child_state) {
		child_state->phase = PHASE_NEWBORN;
		child_state->added_ns = now;
		child_state->reason = REASON_INHERITED;
		child_state->told = TOLD_ADDED;
		/* What it has inherited is known from its creator, once that has been found. */
		child_state->fds_pass = control.attaching ? 0 : FDS_KNOWN;
	}
	head_fill(&event.head, parent, TRC_KIND_task_new, sizeof(event) / 8, now);
	event.child_tid = child->pid;
	event.child_tgid = child->tgid;
	event.child_start_ns = child->start_boottime;
	event.parent_start_ns = parent->start_boottime;
	event.ppid = BPF_CORE_READ(child, real_parent, tgid);
	event.pid_ns = pid_namespace(child, &ns_tid);
	event.ns_tid = ns_tid;
	if (child->pid != child->tgid)
		pid_namespace(BPF_CORE_READ(child, group_leader), &ns_tid);
	event.ns_tgid = ns_tid;
	__builtin_memcpy(event.comm, child->comm, sizeof(event.comm));
	/* Before it is sent: it may be the last of a file. */
	if (child_state)
		child_state->part = control.part - control.parting;
	/* If not, its end tells what it was. */
	if (record_send(&event, sizeof(event), TRC_KIND_task_new, now) && child_state)
		child_state->told |= TOLD_FOUND;
	return 0;
}

/* --- exec: the largest record, put together in per-CPU memory (tracepoints do not preempt) */

enum exec_item { EXEC_FILENAME, EXEC_EXE, EXEC_CWD, EXEC_ARGV, EXEC_CGROUP };

#define EXEC_ARGV_MAX ROOM_LAST_MAX
#define EXEC_ROOM                                                                                  \
	(TRC_RECORD_MAX - sizeof(struct trc_exec) - 2 * sizeof(struct trc_item) -                  \
	 264) /* where arguments end */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct record_room);
} exec_room SEC(".maps");

__noinline u32 put_argv(struct record_room *room, u32 off, u64 start, u64 end)
{
	u64 size = end - start;
	u32 len = size, left;
	u32 state = TRC_ITEM_WHOLE;

	if (!room || off > ROOM_START_MAX)
		return off;
	barrier_var(off);
	/* Paths first: the arguments take what the record has left, a short cgroup path included. */
	left = off < EXEC_ROOM ? EXEC_ROOM - off : 0;
	if (left > EXEC_ARGV_MAX)
		left = EXEC_ARGV_MAX;
	if (size > left) {
		len = left;
		state = TRC_ITEM_TRUNCATED;
	}
	if (len > EXEC_ARGV_MAX)
		len = EXEC_ARGV_MAX;
	barrier_var(len);
	if (bpf_probe_read_user(room->tail + off + sizeof(struct trc_item), len, (void *)start)) {
		len = 0;
		state = TRC_ITEM_UNREADABLE;
	}
	return item_close(room, off, ITEM(EXEC_ARGV, strv), state, len);
}

/* Why the process was chosen, of those whose first thread has ended: an exec makes another thread take its place. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u32);
} task_heirs SEC(".maps");

static __always_inline void inherit(struct task_struct *task, struct task_state *state)
{
	u32 tgid = task->tgid, *reason = bpf_map_lookup_elem(&task_heirs, &tgid);

	if (!reason)
		return;
	state->reason = *reason;
	bpf_map_delete_elem(&task_heirs, &tgid);
}

static __always_inline void bequeath(struct task_struct *task, struct task_state *state)
{
	u32 tgid = task->tgid, reason = state->reason;

	if (task->pid != task->tgid || reason == REASON_TID || !target_is_chosen(task, state))
		return;
	bpf_map_update_elem(&task_heirs, &tgid, &reason, BPF_ANY);
	/* The last of its threads may have come in between. */
	if (!BPF_CORE_READ(task, signal, live.counter))
		bpf_map_delete_elem(&task_heirs, &tgid);
}

/* What the call that this exec ends could not read. As numbers: see path.bpf.h. */
static __always_inline void exec_of_call(struct task_struct *task, struct task_state *state,
					 struct linux_binprm *bprm)
{
	u64 filename = (u64)BPF_CORE_READ(bprm, filename);
	u64 interp = (u64)BPF_CORE_READ(bprm, interp), fdpath = (u64)BPF_CORE_READ(bprm, fdpath);

	syscall_exec(state, (u64)BPF_CORE_READ(task, mm), fdpath ? 0 : filename,
		     interp != filename);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_state *state = task_state(task);
	struct record_room *room;
	struct trc_exec *event;
	u32 zero = 0, off = 0, ns_tid = 0;
	u64 now, fs, root, exe, node;
	long n;

	if (!state) {
		state = target_arrives(task);
		/* It took this number a moment ago, perhaps behind the iterator's back: to be looked at again. */
		if (!state && target_options && old_pid != task->pid) {
			control.wanted = 1;
			control.attaching = 1;
		}
	}
	if (!state)
		return 0;
	if (old_pid != task->pid)
		inherit(task, state);
	room = bpf_map_lookup_elem(&exec_room, &zero);
	if (!room)
		return 0;
	event = room_record(room, trc_exec);
	now = bpf_ktime_get_ns();
	/* Without system calls nobody saw the held command enter its exec. */
	if (state->phase == PHASE_HELD) {
		state->phase = PHASE_OUTSIDE;
		control.first_exec_ns = now;
	}
	head_fill(&event->head, task, TRC_KIND_exec, sizeof(*event) / 8, now);
	event->old_tid = old_pid;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	event->start_ns = task->start_boottime;
	event->pid_ns = pid_namespace(task, &ns_tid);
	event->ns_tgid = ns_tid;
	fill_identity(event, task);
	/* As numbers: see path.bpf.h. */
	fs = (u64)BPF_CORE_READ(task, fs);
	exe = (u64)BPF_CORE_READ(task, mm, exe_file);
	node = (u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	event->cgroup_id = BPF_CORE_READ((struct kernfs_node *)node, id);
	event->argc = bprm->argc;
	event->envc = bprm->envc;
	__builtin_memcpy(event->comm, task->comm, sizeof(event->comm));
	fill_program(event, task);

	n = bpf_probe_read_kernel_str(room->tail + sizeof(struct trc_item), PATH_BYTES,
				      bprm->filename);
	off = item_close(room, off, ITEM(EXEC_FILENAME, str),
			 n > 0 ? TRC_ITEM_WHOLE : TRC_ITEM_UNREADABLE,
			 n > 0 ? (n - 1) & (PATH_BYTES - 1) : 0);
	root = fs + bpf_core_field_offset(struct fs_struct, root);
	off = put_path(
		room, off, EXEC_EXE,
		path_walk(&room->path, exe + bpf_core_field_offset(struct file, f_path), root));
	off = put_path(
		room, off, EXEC_CWD,
		path_walk(&room->path, fs + bpf_core_field_offset(struct fs_struct, pwd), root));
	off = put_argv(room, off, BPF_CORE_READ(task, mm, arg_start),
		       BPF_CORE_READ(task, mm, arg_end));
	off = put_path(room, off, EXEC_CGROUP, cgroup_walk(&room->path, node));

	off += sizeof(*event);
	if (off > TRC_RECORD_MAX) {
		event->head.flags |= TRC_FLAG_TRUNCATED;
		off = sizeof(*event);
	}
	event->head.len = off;
	barrier_var(off);
	if (off > TRC_RECORD_MAX)
		return 0;
	record_send(event, off, TRC_KIND_exec, now);
	if (group_on(GROUP_file))
		file_below(exe, now);
	if (group_on(GROUP_syscall) && state->phase == PHASE_INSIDE && state->exit_captures)
		exec_of_call(task, state, bprm);
	if (stacks)
		stack_exec(now);
	return 0;
}

/* The name is not set yet. */
static __always_inline bool renamed_to_target(struct task_struct *task, const char *comm)
{
	u32 reason;

	if (!option_given(REASON_NAME) || task->pid != task->tgid ||
	    task->tgid == control.recorder_tgid || !targets_arrive())
		return false;
	reason = name_chosen(comm);
	if (!reason)
		return false;
	control.wanted = 1;
	return target_adopt(task, reason);
}

SEC("tp_btf/task_rename")
int BPF_PROG(task_renamed, struct task_struct *task, const char *comm)
{
	struct trc_task_rename event = {};
	u64 now;

	if (!task_state(task) && !(target_options && renamed_to_target(task, comm)))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, bpf_get_current_task_btf(), TRC_KIND_task_rename, sizeof(event) / 8,
		  now);
	event.renamed_tid = task->pid;
	event.renamed_tgid = task->tgid;
	bpf_probe_read_kernel_str(event.comm, sizeof(event.comm), comm);
	record_send(&event, sizeof(event), TRC_KIND_task_rename, now);
	return 0;
}

/* Of one that ends before the iterator came to it: without what takes memory to put together. */
static __noinline void found_send(struct task_struct *task, struct task_state *state, u64 now)
{
	struct trc_task_found event = {};

	found_fill(&event, task, state);
	event.head.ts = now;
	record_send(&event, sizeof(event), TRC_KIND_task_found, now);
}

static __noinline void added_send(struct task_struct *task, struct task_state *state, u64 now)
{
	struct trc_target_added event = {};

	added_fill(&event, task, state);
	event.head.ts = now;
	record_send(&event, sizeof(event), TRC_KIND_target_added, now);
}

/* What it is, if its end would come without: it was not told of, or in a file that has ended since. */
static __always_inline void beginning_send(struct task_struct *task, struct task_state *state,
					   u64 now)
{
	u8 told = state->told;
	u64 ts = state->added_ns;

	if (told & TOLD_FOUND && state->part != (u8)control.part) {
		told = 0;
		ts = now;
	}
	if (!(told & TOLD_FOUND))
		found_send(task, state, ts);
	if (!(told & TOLD_ADDED) && target_is_chosen(task, state))
		added_send(task, state, ts);
}

/*
 * Is it the last thread of its process? Of two that end at once both may find nobody alive: the kernel tells which was
 * last (since 6.16), else it is the first that asks.
 */
static __always_inline bool is_last_thread(struct task_struct *task, u64 *ctx)
{
	struct task_state *leader_state;

	if (bpf_core_field_exists(((struct trace_event_raw_sched_process_exit *)0)->group_dead))
		return ctx[1] & 1;
	if (BPF_CORE_READ(task, signal, live.counter))
		return false;
	leader_state = task_state(task->group_leader);
	return !leader_state || __sync_val_compare_and_swap(&leader_state->in_live_tasks,
							    LIVE_COUNTED, LIVE_ENDED) != LIVE_ENDED;
}

static __noinline void removals_send(struct task_struct *task, struct task_state *state, u64 now,
				     bool is_last)
{
	struct task_struct *leader = task->group_leader;
	u32 tgid = task->tgid;

	if (state->reason == REASON_TID)
		removed_send(task, state, 1, now);
	if (!is_last) {
		bequeath(task, state);
		return;
	}
	state = task_state(leader);
	if (state && state->reason != REASON_TID)
		removed_send(leader, state, 1, now);
	/* The number will be another's. */
	bpf_map_delete_elem(&task_heirs, &tgid);
}

#define SIGNAL_GROUP_EXIT 4

SEC("tp_btf/sched_process_exit")
int task_exited(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct task_state *state = task_state(task);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct trc_task_exit event = {};
	bool is_last;
	u32 reason;
	u64 now;

	if (!state && control.attaching) {
		reason = target_reason(task);
		if (reason)
			state = target_adopt(task, reason);
	}
	if (!state)
		return 0;
	if (target_options && control.attaching)
		orphans_keep(task);
	now = bpf_ktime_get_ns();
	beginning_send(task, state, now);
	if (state->phase == PHASE_INSIDE)
		call_send(task, state, 0, TRC_SYSCALL_UNFINISHED, now);
	if (sampling)
		sample_send(task, now, true);
	__sync_fetch_and_add(&control.live_tasks, -1);
	if (state->phase == PHASE_HELD)
		return 0;
	state->phase = PHASE_SKIPPED;
	state->told = TOLD_FOUND | TOLD_ADDED | TOLD_REMOVED;

	head_fill(&event.head, task, TRC_KIND_task_exit, sizeof(event) / 8, now);
	event.exit_code = task->exit_code;
	event.ppid = BPF_CORE_READ(task, real_parent, tgid);
	event.start_ns = task->start_boottime;
	event.utime_ns = task->utime;
	event.stime_ns = task->stime;
	event.runtime_ns = task->se.sum_exec_runtime;
	event.minor_faults = task->min_flt;
	event.major_faults = task->maj_flt;
	event.voluntary_switches = task->nvcsw;
	event.involuntary_switches = task->nivcsw;
	if (bpf_core_field_exists(task->ioac.rchar)) {
		event.rchar_bytes = task->ioac.rchar;
		event.wchar_bytes = task->ioac.wchar;
	}
	if (bpf_core_field_exists(task->ioac.read_bytes)) {
		event.read_bytes = task->ioac.read_bytes;
		event.write_bytes = task->ioac.write_bytes;
	}
	event.max_rss_bytes = BPF_CORE_READ(signal, maxrss) * page_size;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		event.cpu_delay_ns = task->sched_info.run_delay;
	if (bpf_core_field_exists(task->delays))
		event.blkio_delay_ns = BPF_CORE_READ(task, delays, blkio_delay);
	event.live_threads = BPF_CORE_READ(signal, live.counter);
	is_last = is_last_thread(task, ctx);
	event.signal_flags =
		(is_last ? 1 : 0) | (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT ? 2 : 0);
	__builtin_memcpy(event.comm, task->comm, sizeof(event.comm));
	record_send(&event, sizeof(event), TRC_KIND_task_exit, now);
	removals_send(task, state, now, is_last);
	return 0;
}
