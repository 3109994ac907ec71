/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fixed fields of task_found. */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/identity.bpf.h"

static __always_inline void found_fill(struct trc_task_found *event, struct task_struct *task,
				       struct task_state *state)
{
	u32 ns_tid = 0;

	head_fill(&event->head, task, TRC_KIND_task_found, sizeof(*event) / 8, state->added_ns);
	event->start_ns = task->start_boottime;
	event->ppid = BPF_CORE_READ(task, real_parent, tgid);
	event->reason = state->reason;
	event->pid_ns = pid_namespace(task, &ns_tid);
	event->ns_tid = ns_tid;
	pid_namespace(BPF_CORE_READ(task, group_leader), &ns_tid);
	event->ns_tgid = ns_tid;
	fill_identity(event, task);
	event->live_threads = BPF_CORE_READ(task, signal, live.counter);
	event->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	event->utime_ns = task->utime;
	event->stime_ns = task->stime;
	event->runtime_ns = task->se.sum_exec_runtime;
	__builtin_memcpy(event->comm, task->comm, sizeof(event->comm));
	fill_program(event, task);
}
