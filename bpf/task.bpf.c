/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes and threads: births, execs, names, deaths; and how a target's children become targets.
 */
#include "bpf/core.bpf.h"
#include "bpf/call.bpf.h"
#include "bpf/hooks.bpf.h"
#include "bpf/path.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline u32 pid_namespace(struct task_struct *task, u32 *ns_tid)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	if (level > 32)
		return 0;
	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
	*ns_tid = BPF_CORE_READ(upid, nr);
	return BPF_CORE_READ(upid, ns, ns.inum);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_state *state = task_state(parent), *child_state;
	struct trc_task_new event = {};
	u64 now;
	u32 ns_tid = 0;

	if (!state || state->phase == PHASE_HELD)
		return 0;
	child_state = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (child_state) {
		child_state->phase = PHASE_NEWBORN;
		__sync_fetch_and_add(&control.live_tasks, 1);
	} else {
		struct cpu_counters *c = cpu_counters();

		if (c)
			c->lost_task++;
	}
	now = bpf_ktime_get_ns();
	head_fill(&event.head, parent, TRC_KIND_task_new, sizeof(event) / 8, now);
	event.child_tid = child->pid;
	event.child_tgid = child->tgid;
	event.child_start_ns = child->start_boottime;
	event.parent_start_ns = parent->start_boottime;
	event.ppid = child->real_parent->tgid;
	event.pid_ns = pid_namespace(child, &ns_tid);
	event.ns_tid = ns_tid;
	if (child->pid != child->tgid)
		pid_namespace(child->group_leader, &ns_tid);
	event.ns_tgid = ns_tid;
	__builtin_memcpy(event.comm, child->comm, sizeof(event.comm));
	record_send(&event, sizeof(event), TRC_KIND_task_new, now);
	return 0;
}

/* --- exec: the largest record, put together in per-CPU memory (tracepoints do not preempt) */

enum exec_item { EXEC_FILENAME, EXEC_EXE, EXEC_CWD, EXEC_ARGV, EXEC_CGROUP };

#define EXEC_ARGV_MAX 8192
#define EXEC_ROOM                                                                                  \
	(TRC_RECORD_MAX - sizeof(struct trc_exec) - 2 * sizeof(struct trc_item) -                  \
	 264)		       /* where arguments end */
#define EXEC_BYTES (16 * 1024) /* where the last item may start */

struct exec_scratch {
	struct trc_exec event;
	u8 tail[EXEC_BYTES + EXEC_ARGV_MAX];
	struct path_buffer path;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exec_scratch);
} exec_scratch SEC(".maps");

/*
 * Writes the item's head for `len` bytes that stand behind it, pads, and returns where the next begins.
 * Global, so that the verifier looks at it once.
 */
__noinline u32 item_close(struct exec_scratch *s, u32 off, u32 field, u32 state, u32 len)
{
	struct trc_item *item;
	u32 end;

	if (!s || off > EXEC_BYTES)
		return off;
	barrier_var(off);
	item = (void *)s->tail + off;
	item->field = field;
	item->type = field == EXEC_ARGV ? TRC_TYPE_strv : TRC_TYPE_str;
	item->state = state;
	item->zero = 0;
	item->len = len;
	item->more = state == TRC_ITEM_TRUNCATED ? 65535 : 0;
	end = off + sizeof(*item) + len;
	for (int i = 0; i < 7; i++) {
		if (!(end & 7) || end >= sizeof(s->tail))
			break;
		barrier_var(end);
		s->tail[end++] = 0;
	}
	return end;
}

__noinline u32 put_path(struct exec_scratch *s, u32 off, u32 field, u32 start)
{
	u32 len = PATH_BYTES - start;
	u32 state = TRC_ITEM_WHOLE;

	if (s && s->path.cut)
		state = TRC_ITEM_TRUNCATED;
	if (!s || off > EXEC_BYTES)
		return off;
	barrier_var(off);
	if (!len || len > PATH_BYTES) {
		len = 0;
		state = TRC_ITEM_UNREADABLE;
	}
	barrier_var(start);
	barrier_var(len);
	if (len && len <= PATH_BYTES)
		bpf_probe_read_kernel(s->tail + off + sizeof(struct trc_item), len,
				      s->path.bytes + (start & (PATH_BYTES - 1)));
	return item_close(s, off, field, state, len);
}

__noinline u32 put_argv(struct exec_scratch *s, u32 off, u64 start, u64 end)
{
	u64 size = end - start;
	u32 len = size, room;
	u32 state = TRC_ITEM_WHOLE;

	if (!s || off > EXEC_BYTES)
		return off;
	barrier_var(off);
	/* Paths first: the arguments take what the record has left, a short cgroup path included. */
	room = off < EXEC_ROOM ? EXEC_ROOM - off : 0;
	if (room > EXEC_ARGV_MAX)
		room = EXEC_ARGV_MAX;
	if (size > room) {
		len = room;
		state = TRC_ITEM_TRUNCATED;
	}
	if (len > EXEC_ARGV_MAX)
		len = EXEC_ARGV_MAX;
	barrier_var(len);
	if (bpf_probe_read_user(s->tail + off + sizeof(struct trc_item), len, (void *)start)) {
		len = 0;
		state = TRC_ITEM_UNREADABLE;
	}
	return item_close(s, off, EXEC_ARGV, state, len);
}

static __always_inline void fill_identity(struct trc_exec *event, struct task_struct *task)
{
	const struct cred *cred = task->cred;
	struct nsproxy *ns = task->nsproxy;

	event->uid = cred->uid.val;
	event->gid = cred->gid.val;
	event->euid = cred->euid.val;
	event->egid = cred->egid.val;
	event->user_ns = cred->user_ns->ns.inum;
	event->mnt_ns = ns->mnt_ns->ns.inum;
	event->net_ns = ns->net_ns->ns.inum;
	event->uts_ns = ns->uts_ns->ns.inum;
	event->ipc_ns = ns->ipc_ns->ns.inum;
	event->cgroup_ns = ns->cgroup_ns->ns.inum;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_state *state = task_state(task);
	struct exec_scratch *s;
	u32 zero = 0, off = 0, ns_tid = 0;
	u64 now, fs, root, exe, node;
	long n;

	if (!state)
		return 0;
	s = bpf_map_lookup_elem(&exec_scratch, &zero);
	if (!s)
		return 0;
	now = bpf_ktime_get_ns();
	/* Without system calls nobody saw the held command enter its exec. */
	if (state->phase == PHASE_HELD) {
		state->phase = PHASE_OUTSIDE;
		control.first_exec_ns = now;
	}
	head_fill(&s->event.head, task, TRC_KIND_exec, sizeof(s->event) / 8, now);
	s->event.old_tid = old_pid;
	s->event.ppid = task->real_parent->tgid;
	s->event.start_ns = task->start_boottime;
	s->event.pid_ns = pid_namespace(task, &ns_tid);
	s->event.ns_tgid = ns_tid;
	fill_identity(&s->event, task);
	/* As numbers: see path.bpf.h. */
	fs = (u64)BPF_CORE_READ(task, fs);
	exe = (u64)BPF_CORE_READ(task, mm, exe_file);
	node = (u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	s->event.cgroup_id = BPF_CORE_READ((struct kernfs_node *)node, id);
	s->event.argc = bprm->argc;
	s->event.envc = bprm->envc;
	__builtin_memcpy(s->event.comm, task->comm, sizeof(s->event.comm));

	n = bpf_probe_read_kernel_str(s->tail + sizeof(struct trc_item), PATH_BYTES,
				      bprm->filename);
	off = item_close(s, off, EXEC_FILENAME, n > 0 ? TRC_ITEM_WHOLE : TRC_ITEM_UNREADABLE,
			 n > 0 ? (n - 1) & (PATH_BYTES - 1) : 0);
	root = fs + bpf_core_field_offset(struct fs_struct, root);
	off = put_path(s, off, EXEC_EXE,
		       path_walk(&s->path, exe + bpf_core_field_offset(struct file, f_path), root));
	off = put_path(
		s, off, EXEC_CWD,
		path_walk(&s->path, fs + bpf_core_field_offset(struct fs_struct, pwd), root));
	off = put_argv(s, off, BPF_CORE_READ(task, mm, arg_start),
		       BPF_CORE_READ(task, mm, arg_end));
	off = put_path(s, off, EXEC_CGROUP, cgroup_walk(&s->path, node));

	off += sizeof(s->event);
	if (off > TRC_RECORD_MAX) {
		s->event.head.flags |= TRC_FLAG_TRUNCATED;
		off = sizeof(s->event);
	}
	s->event.head.len = off;
	barrier_var(off);
	if (off > TRC_RECORD_MAX)
		return 0;
	record_send(s, off, TRC_KIND_exec, now);
	if (stacks)
		stack_exec(now);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(task_renamed, struct task_struct *task, const char *comm)
{
	struct trc_task_rename event = {};
	u64 now;

	if (!task_state(task))
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

#define SIGNAL_GROUP_EXIT 4

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exited, struct task_struct *task)
{
	struct task_state *state = task_state(task);
	struct signal_struct *signal = task->signal;
	struct trc_task_exit event = {};
	u64 now;

	if (!state)
		return 0;
	now = bpf_ktime_get_ns();
	if (state->phase == PHASE_INSIDE)
		call_send(task, state, 0, TRC_SYSCALL_UNFINISHED, now);
	__sync_fetch_and_add(&control.live_tasks, -1);
	if (state->phase == PHASE_HELD)
		return 0;
	state->phase = PHASE_SKIPPED;

	head_fill(&event.head, task, TRC_KIND_task_exit, sizeof(event) / 8, now);
	event.exit_code = task->exit_code;
	event.ppid = task->real_parent->tgid;
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
	event.max_rss_bytes = signal->maxrss * page_size;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		event.cpu_delay_ns = task->sched_info.run_delay;
	if (bpf_core_field_exists(task->delays))
		event.blkio_delay_ns = task->delays->blkio_delay;
	event.live_threads = signal->live.counter;
	event.signal_flags =
		(event.live_threads == 0 ? 1 : 0) | (signal->flags & SIGNAL_GROUP_EXIT ? 2 : 0);
	__builtin_memcpy(event.comm, task->comm, sizeof(event.comm));
	record_send(&event, sizeof(event), TRC_KIND_task_exit, now);
	return 0;
}
