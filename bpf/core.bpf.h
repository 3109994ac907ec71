/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every probe group uses: the maps, the target test, sending a record, counting a loss.
 *
 * Maps are weak so that each object may declare them; the linker makes one of each.
 */
#pragma once

#include "bpf/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf/control.h"

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* One ring per CPU: no lock is shared, and a CPU's records are in order. record fills it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring);
} rings __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks __weak SEC(".maps");

/* Made at a thread's first call with something to capture. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_tail);
} tails __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPEC_ABIS *SPEC_PER_ABI);
	__type(key, u32);
	__type(value, struct syscall_spec);
} specs __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_counters);
} counters __weak SEC(".maps");

struct control control __weak;

/* The groups that are on; set before the load. */
const volatile u64 groups __weak = 0;

static __always_inline bool group_on(enum group group)
{
	return groups & GROUP_BIT(group);
}

const volatile u64 page_size __weak = 4096;

/* Does the kernel tell what is mapped at an address (bpf_find_vma, 5.17)? Set before the load. */
const volatile bool finds_vma __weak = false;

/* Fill of a ring, in bytes, above which the recorder is woken; set before the load. */
const volatile u64 wake_bytes __weak = 0;

static __always_inline struct cpu_counters *cpu_counters(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* Can a CPU look up a task while it is looking up another (6.2)? Set before the load. */
const volatile bool lookups_nest __weak = true;

/* Nobody has any: to ask whether the CPU looks up a task just now. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} no_tasks __weak SEC(".maps");

/* `storage`: the task's, all of it. Most tasks of the machine are no targets and have none. */
static __always_inline struct task_state *task_state_in(struct task_struct *task, void *storage)
{
	return storage ? bpf_task_storage_get(&tasks, task, 0, 0) : NULL;
}

/*
 * Where look-ups do not nest, one in an interrupt finds nothing if the CPU was in another. Counts it, if that hides the
 * task, which has `storage`, from this run of a probe; true if it does.
 */
static __always_inline bool task_is_hidden(struct task_struct *task, void *storage)
{
	struct cpu_counters *c;

	if (lookups_nest || !storage || bpf_task_storage_delete(&no_tasks, task) != -EBUSY)
		return false;
	c = cpu_counters();
	if (c)
		c->unseen++;
	return true;
}

/* One load tells of most tasks that they are no targets. */
static __always_inline struct task_state *task_state(struct task_struct *task)
{
	void *storage = task->bpf_storage;
	struct task_state *state = task_state_in(task, storage);

	if (!state)
		task_is_hidden(task, storage);
	return state;
}

/* Where something lies, as a number to reckon with: the verifier forbids that of a pointer. */
static __always_inline u64 address_of(const void *pointer)
{
	u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &pointer);
	return address;
}

#define PF_IO_WORKER 0x10

/* Is it a target whose recording has begun? The threads that io_uring makes for a process are born without a fork. */
static __always_inline bool task_watched(struct task_struct *task)
{
	struct task_state *state = task_state(task);

	if (!state && (task->flags & PF_IO_WORKER))
		state = task_state(task->group_leader);
	return state && state->phase != PHASE_HELD;
}

/* For what happens when another thread runs than the one whose doing it is. */
static __always_inline void head_fill_ids(struct trc_head *head, u32 tid, u32 tgid, u16 kind,
					  u16 words, u64 now)
{
	head->ts = now;
	head->tid = tid;
	head->tgid = tgid;
	head->kind = kind;
	head->len = words * 8;
	head->cpu = bpf_get_smp_processor_id();
	head->words = words;
	head->flags = 0;
}

static __always_inline void head_fill(struct trc_head *head, struct task_struct *task, u16 kind,
				      u16 words, u64 now)
{
	head_fill_ids(head, task->pid, task->tgid, kind, words, now);
}

/*
 * Sends a finished record of `len` bytes, or counts it as lost and says false. The recorder looks at the rings by
 * itself; it is woken only when a ring fills, which one record in 32 looks at.
 */
static __always_inline bool record_send(void *record, u32 len, u16 kind, u64 now)
{
	u32 cpu = bpf_get_smp_processor_id();
	u64 flags = BPF_RB_NO_WAKEUP;
	struct cpu_counters *c;
	void *ring;

	if (control.paused)
		return false;
	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (ring) {
		if (((now >> 3) & 31) == 0 &&
		    bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > wake_bytes)
			flags = BPF_RB_FORCE_WAKEUP;
		if (!bpf_ringbuf_output(ring, record, len, flags))
			return true;
	}
	/* Full, or a CPU that came online after the start. */
	c = cpu_counters();
	if (c && kind < TRC_KIND_MAX)
		c->lost[kind]++;
	return false;
}
