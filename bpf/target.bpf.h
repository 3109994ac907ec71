/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which tasks are targets, apart from the children of targets: what the options choose.
 *
 * Processes and threads given by number are marked by record, with pidfds, in `target_seeds`; the other
 * options are looked up here. Targets that exist at the start are found by an iterator over all tasks
 * (targets.bpf.c), which goes by their numbers, upwards. It is run again until a whole pass has found
 * nothing. What moves out of its way meanwhile (control.attaching):
 *   - a task that ends before it was reached: it becomes a target in its exit, which also notes its
 *     children, as nothing will tell of whom they descend any more; that asks for another pass;
 *   - a child with a lower number than its parent: either the parent is reached, or it ends as above;
 *     both ask for another pass;
 *   - a thread that takes its leader's number in an exec: asks for another pass, also when it comes out of the exec
 *     after the last.
 */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/path.bpf.h"

/* The options that were given: REASON_BITs. Set before the load. */
const volatile u32 target_options __weak = 0;

static __always_inline bool option_given(enum target_reason reason)
{
	return target_options & REASON_BIT(reason);
}

/* Whom these choose is settled at the start. */
#define SEED_OPTIONS_ONLY (REASON_BIT(REASON_PID) | REASON_BIT(REASON_TID))
#define SEED_OPTIONS	  (REASON_BIT(REASON_PID) | REASON_BIT(REASON_TID) | REASON_BIT(REASON_NAME))

/* On a process's leader: the reason. With REASON_TID only those of its threads that are in target_tids. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} target_seeds __weak SEC(".maps");

/* Numbers in record's own pid namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} target_tids __weak SEC(".maps");

struct target_name {
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct target_name);
	__type(value, u32);
} target_names __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} target_users __weak SEC(".maps");

/* By the id of the cgroup in the unified hierarchy; those below it are meant, too. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u32);
} target_cgroups __weak SEC(".maps");

/* Children whose parent, a target, ended while targets were looked for: pid to start time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} target_orphans __weak SEC(".maps");

#define CGROUP_DEPTH_MAX   64
#define ANCESTORS_MAX	   8 /* the verifier pays for each; passes of the iterator reach further */
#define ORPHANS_PER_PARENT 128

/* As the start of any target_adopt()ed storage, so that nobody sees it half made. */
static const struct task_state attached_state = { .phase = PHASE_ATTACHED };

__noinline __weak u32 cgroup_chosen(u64 kernfs_node)
{
	struct kernfs_node *node = (void *)kernfs_node;

	for (int i = 0; node && i < CGROUP_DEPTH_MAX; i++) {
		u64 id = BPF_CORE_READ(node, id);
		u32 *reason = bpf_map_lookup_elem(&target_cgroups, &id);

		if (reason)
			return *reason;
		node = kernfs_parent(node);
	}
	return REASON_NONE;
}

static __always_inline u32 name_chosen(const char *comm)
{
	struct target_name name = {};
	u32 *reason;

	/* The name may have old letters behind its end. */
	bpf_probe_read_kernel_str(name.comm, sizeof(name.comm), comm);
	for (int i = 1, ended = !name.comm[0]; i < (int)sizeof(name.comm); i++) {
		if (ended)
			name.comm[i] = 0;
		else
			ended = !name.comm[i];
	}
	reason = bpf_map_lookup_elem(&target_names, &name);
	return reason ? *reason : REASON_NONE;
}

/* What chooses the process of this leader by what it is now, not by who it is. */
static __always_inline u32 kind_chosen(struct task_struct *leader)
{
	u32 reason = REASON_NONE, *found;

	if (option_given(REASON_ALL))
		return REASON_ALL;
	if (option_given(REASON_NAME))
		reason = name_chosen(leader->comm);
	if (!reason && option_given(REASON_USER)) {
		u32 uid = leader->cred->uid.val;

		found = bpf_map_lookup_elem(&target_users, &uid);
		reason = found ? *found : REASON_NONE;
	}
	if (!reason && target_options & (REASON_BIT(REASON_CGROUP) | REASON_BIT(REASON_CONTAINER)))
		reason = cgroup_chosen((u64)BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn));
	return reason;
}

/* The task's number in record's own pid namespace. */
static __always_inline u32 number_for_recorder(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = control.recorder_level;
	struct upid *upid;

	if (level > 32 || level > BPF_CORE_READ(pid, level))
		return 0;
	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(upid, nr);
}

/* Why an option chooses the process of this leader, or, with -t, this task of it. */
static __always_inline u32 chosen(struct task_struct *task, struct task_struct *leader)
{
	u32 *seed, tid, pid = leader->pid;
	u64 *start;

	if (target_options & SEED_OPTIONS) {
		seed = bpf_task_storage_get(&target_seeds, leader, 0, 0);
		if (seed && *seed != REASON_TID)
			return *seed;
		if (seed) {
			tid = number_for_recorder(task);
			if (bpf_map_lookup_elem(&target_tids, &tid))
				return REASON_TID;
		}
	}
	start = bpf_map_lookup_elem(&target_orphans, &pid);
	if (start && *start == leader->start_boottime)
		return REASON_INHERITED;
	return kind_chosen(leader);
}

/* Are all threads of this leader's process targets, as far as its storage tells? */
static __always_inline bool process_is_target(struct task_struct *leader)
{
	struct task_state *state = task_state(leader);

	return state && state->reason != REASON_TID;
}

/* Why the task ought to be a target, be it one already or not. REASON_NONE: it ought not. */
static __always_inline u32 target_reason(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader, *parent;
	u32 reason;

	if (!target_options || task->tgid == control.recorder_tgid)
		return REASON_NONE;
	reason = chosen(task, leader);
	if (reason)
		return reason;
	if (process_is_target(leader))
		return REASON_INHERITED;
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		parent = leader->real_parent;
		leader = parent->group_leader;
		if (leader->pid <= 1)
			break;
		if (task_state(parent) || process_is_target(leader) || chosen(parent, leader))
			return REASON_INHERITED;
	}
	return REASON_NONE;
}

/* Counts a target among the living, once, whoever of two comes first. */
static __always_inline void target_count(struct task_state *state)
{
	if (!__sync_val_compare_and_swap(&state->in_live_tasks, LIVE_UNCOUNTED, LIVE_COUNTED))
		__sync_fetch_and_add(&control.live_tasks, 1);
}

/* One that ought to be followed, and is not. */
static __always_inline void task_lost(void)
{
	struct cpu_counters *c = cpu_counters();

	if (c)
		c->lost_task++;
}

/* Storage for a task that becomes a target, or that just became one on another CPU. */
static __always_inline struct task_state *target_storage(struct task_struct *task)
{
	struct task_state *state = bpf_task_storage_get(&tasks, task, (void *)&attached_state,
							BPF_LOCAL_STORAGE_GET_F_CREATE);

	/* Another recorder, which made something for the same task, may have been in the way. */
	if (!state)
		state = bpf_task_storage_get(&tasks, task, (void *)&attached_state,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state)
		target_count(state);
	else
		task_lost();
	return state;
}

/* Makes a task that was not born as a target one. */
static __always_inline struct task_state *target_adopt(struct task_struct *task, u32 reason)
{
	/* Before it is one: no event of it is older than what tells of it. */
	u64 now = bpf_ktime_get_ns();
	struct task_state *state = target_storage(task);

	if (!state || state->added_ns)
		return state;
	state->reason = reason;
	state->added_ns = now;
	state->later = control.started;
	__sync_fetch_and_add(&control.adopted, 1);
	return state;
}

/* Before all hooks are there none makes a target: the end of one might not be seen. The iterator finds it. */
static __always_inline bool targets_arrive(void)
{
	return control.arriving;
}

/* For hooks of what may change a task without storage into a target. */
static __always_inline struct task_state *target_arrives(struct task_struct *task)
{
	u32 reason;

	if (!(target_options & ~SEED_OPTIONS_ONLY) || task->tgid == control.recorder_tgid ||
	    !targets_arrive())
		return NULL;
	reason = kind_chosen(task->group_leader);
	if (!reason)
		return NULL;
	control.wanted = 1;
	return target_adopt(task, reason);
}

/* When a later file begins, the children of a target are targets already. */
static __always_inline void orphan_lost(void)
{
	if (!control.telling_all)
		task_lost();
}

/* The child whose list node this is; returns the next one's. Global: the verifier looks at it once, not at every turn. */
__noinline __weak u64 orphan_keep(u64 node)
{
	struct task_struct *child =
		(void *)(node - bpf_core_field_offset(struct task_struct, sibling));
	u32 pid = BPF_CORE_READ(child, pid);
	u64 start = BPF_CORE_READ(child, start_boottime);

	if (bpf_map_update_elem(&target_orphans, &pid, &start, BPF_ANY))
		orphan_lost();
	return (u64)BPF_CORE_READ(child, sibling.next);
}

/* The children of a target that ends while targets are looked for. */
static __always_inline void orphans_keep(struct task_struct *task)
{
	u64 head = (u64)task + bpf_core_field_offset(struct task_struct, children);
	u64 node = (u64)BPF_CORE_READ(task, children.next);

	for (int i = 0; node && node != head && i < ORPHANS_PER_PARENT; i++)
		node = orphan_keep(node);
	if (node && node != head)
		orphan_lost();
}

/* Does an option name this task itself, not only what it descends from? */
static __always_inline bool target_is_chosen(struct task_struct *task, struct task_state *state)
{
	if (state->reason == REASON_NONE || state->reason == REASON_INHERITED)
		return false;
	return state->reason == REASON_TID || task->pid == task->tgid;
}

static __always_inline void added_fill(struct trc_target_added *event, struct task_struct *task,
				       struct task_state *state)
{
	head_fill(&event->head, task, TRC_KIND_target_added, sizeof(*event) / 8, state->added_ns);
	event->start_ns = task->start_boottime;
	event->reason = state->reason;
	event->later = state->later;
}

/* What an option chose is watched no longer; later than this nothing of it comes. */
static __always_inline void removed_send(struct task_struct *task, struct task_state *state,
					 u32 cause, u64 now)
{
	struct trc_target_removed event = {};

	if (!target_is_chosen(task, state))
		return;
	head_fill(&event.head, task, TRC_KIND_target_removed, sizeof(event) / 8, now);
	event.start_ns = task->start_boottime;
	event.reason = state->reason;
	event.cause = cause;
	record_send(&event, sizeof(event), TRC_KIND_target_removed, now);
}
