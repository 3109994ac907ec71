/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What threads count: the CPUs' counters, read where a thread comes and goes, and what the kernel counts for each
 * task anyway, which is read when it is sent.
 */
#include "bpf/counter.bpf.h"

#define NS_PER_S 1000000000ull

const volatile bool counter_perf = false; /* some are of the CPUs */

/* By CPU, COUNTERS_MAX of each. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} counter_events SEC(".maps");

struct counter_scratch {
	struct trc_counters event;
	u64 words[2 * (1 + COUNTERS_MAX)]; /* both items */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counter_scratch);
} counter_scratch SEC(".maps");

/* Reads this CPU's counters: as where to begin, or adds what has come since. Global: looked at once. */
__noinline int counter_read(struct counter_state *state, u32 begin)
{
	struct bpf_perf_event_value value = {};
	u32 cpu = bpf_get_smp_processor_id();
	u64 enabled = 0;

	if (!state || !counter_perf)
		return 0;
	/* It came unseen: nothing is known of what it did since, and enabled_ns is without it too. */
	if (!begin && state->cpu != cpu + 1)
		return 0;
	for (u32 i = 0; i < COUNTERS_MAX; i++) {
		if (i >= counter_count)
			break;
		if (counter_kinds[i] != TASK_COUNTER_PERF)
			continue;
		if (bpf_perf_event_read_value(&counter_events, cpu * COUNTERS_MAX + i, &value,
					      sizeof(value)))
			continue;
		if (!begin) {
			state->sum[i] += value.counter - state->base[i];
			state->idle_ns[i] += value.enabled - value.running - state->idle_base[i];
			enabled = value.enabled - state->enabled_base;
		}
		state->base[i] = value.counter;
		state->idle_base[i] = value.enabled - value.running;
		/* All are opened together and never closed: a CPU's last speaks for all. */
		if (begin)
			state->enabled_base = value.enabled;
	}
	state->enabled_ns += enabled;
	state->cpu = begin ? cpu + 1 : 0;
	return 0;
}

static __always_inline void counter_send(struct task_struct *task, struct counter_state *state,
					 u32 why, u64 now)
{
	struct trc_item item = { .type = TRC_TYPE_u64s, .len = counter_count * 8 };
	u32 zero = 0, len, first_running = 2 + counter_count;
	struct counter_scratch *s;
	bool shared = false;

	s = bpf_map_lookup_elem(&counter_scratch, &zero);
	if (!s || counter_count > COUNTERS_MAX)
		return;
	state->sent_ns = now;
	head_fill(&s->event.head, task, TRC_KIND_counters, sizeof(s->event) / 8, now);
	s->event.why = why;
	s->event.value_count = counter_count;
	s->event.enabled_ns = state->enabled_ns;
	__builtin_memcpy(&s->words[0], &item, sizeof(item));
	item.field = 1;
	__builtin_memcpy(&s->words[first_running - 1], &item, sizeof(item));
	for (u32 i = 0; i < COUNTERS_MAX; i++) {
		u64 running_ns = state->enabled_ns, value;

		if (i >= counter_count)
			break;
		if (counter_kinds[i] == TASK_COUNTER_PERF) {
			value = state->sum[i];
			running_ns -= state->idle_ns[i];
			shared |= state->idle_ns[i] != 0;
		} else {
			value = counter_of_task(task, counter_kinds[i]) - state->base[i];
		}
		s->words[1 + i] = value;
		s->words[first_running + i] = running_ns;
	}
	len = sizeof(s->event) + (1 + counter_count) * 8;
	if (shared)
		len += (1 + counter_count) * 8;
	s->event.head.len = len;
	barrier_var(len);
	if (len <= sizeof(*s))
		record_send(s, len, TRC_KIND_counters, now);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(counter_fork, struct task_struct *parent, struct task_struct *child)
{
	struct cpu_counters *c;

	if (!bpf_task_storage_get(&counter_tasks, parent, 0, 0) || counter_begin(child))
		return 0;
	c = cpu_counters();
	if (c)
		c->lost[TRC_KIND_counters]++;
	return 0;
}

/* The command counts from its exec on: what the recorder did in its place before is not its own. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(counter_exec, struct task_struct *task)
{
	struct counter_state *state;

	if (!task_state(task))
		return 0;
	state = counter_begin(task);
	if (state)
		counter_read(state, 1);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(counter_switch, bool preempted, struct task_struct *from, struct task_struct *to)
{
	struct counter_state *state = bpf_task_storage_get(&counter_tasks, from, 0, 0);
	u64 now;

	if (state && !state->ended) {
		counter_read(state, 0);
		now = bpf_ktime_get_ns();
		if (now - state->sent_ns >= NS_PER_S)
			counter_send(from, state, TRC_COUNTERS_SECOND, now);
	}
	if (!counter_perf)
		return 0;
	state = bpf_task_storage_get(&counter_tasks, to, 0, 0);
	if (state && !state->ended)
		counter_read(state, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(counter_exit, struct task_struct *task)
{
	struct counter_state *state = bpf_task_storage_get(&counter_tasks, task, 0, 0);

	if (!state)
		return 0;
	counter_read(state, 0);
	counter_send(task, state, TRC_COUNTERS_EXIT, bpf_ktime_get_ns());
	state->ended = 1;
	return 0;
}

/* At the end of a recording, with the other probes detached: the threads that live on. */
SEC("iter/task")
int counter_unfinished(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct counter_state *state;

	if (!task)
		return 0;
	state = bpf_task_storage_get(&counter_tasks, task, 0, 0);
	if (state && !state->ended)
		counter_send(task, state, TRC_COUNTERS_END, control.end_ns);
	return 0;
}
