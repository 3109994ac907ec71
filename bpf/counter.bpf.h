/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a thread counts, from when it came under watch. */
#pragma once

#include "bpf/core.bpf.h"

/* enum task_counter of each; set before the load. */
const volatile u8 counter_kinds[COUNTERS_MAX] __weak = {};
const volatile u32 counter_count __weak = 0;

struct counter_state {
	u64 sent_ns;
	u64 enabled_ns;
	u32 cpu;   /* 1 + the one on which the counters were read when it came; 0: it is on none */
	u32 ended; /* its last record is sent */
	u64 enabled_base;
	u64 base[COUNTERS_MAX]; /* a task's own: at the begin; a CPU's: when it came */
	u64 idle_base[COUNTERS_MAX];
	u64 sum[COUNTERS_MAX]; /* of a CPU's */
	u64 idle_ns
		[COUNTERS_MAX]; /* enabled, but the CPU counted others: there are more than it can count at once */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct counter_state);
} counter_tasks __weak SEC(".maps");

static __always_inline u64 counter_of_task(struct task_struct *task, u8 kind)
{
	switch (kind) {
	case TASK_COUNTER_CLOCK:
		return task->se.sum_exec_runtime;
	case TASK_COUNTER_SWITCHES:
		return task->nvcsw + task->nivcsw;
	case TASK_COUNTER_MIGRATIONS:
		return task->se.nr_migrations;
	case TASK_COUNTER_FAULTS:
		return task->min_flt + task->maj_flt;
	case TASK_COUNTER_MINOR_FAULTS:
		return task->min_flt;
	case TASK_COUNTER_MAJOR_FAULTS:
		return task->maj_flt;
	}
	return 0;
}

/* From here on the task counts. NULL: there is no memory, or it counts already. */
static __always_inline struct counter_state *counter_begin(struct task_struct *task)
{
	struct counter_state *state;

	if (bpf_task_storage_get(&counter_tasks, task, 0, 0))
		return NULL;
	state = bpf_task_storage_get(&counter_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		return NULL;
	state->sent_ns = bpf_ktime_get_ns();
	for (u32 i = 0; i < COUNTERS_MAX; i++) {
		if (i >= counter_count)
			break;
		state->base[i] = counter_of_task(task, counter_kinds[i]);
	}
	return state;
}
