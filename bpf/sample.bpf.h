/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sampling: one call of N is sent, the rest is counted in the thread's storage, exactly, and the counts are sent now
 * and then. Each thread counts by itself: nothing is shared, and its own exit sends what is left.
 */
#pragma once

#include "bpf/core.bpf.h"
#include "bpf/arch.bpf.h"

#define COUNTED_TRIES 8

/* Is any call sampled? */
const volatile bool sampling __weak = false;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct counted_calls);
} counted __weak SEC(".maps");

/* At entry: is this one of those that are only counted? Then state->counted says where. */
static __always_inline bool sample_skips(struct task_struct *task, struct task_state *state,
					 u32 spec_index, u32 one_of)
{
	struct counted_calls *calls =
		bpf_task_storage_get(&counted, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!calls || !one_of)
		return false;
	for (u32 i = 0; i < COUNTED_TRIES; i++) {
		u32 at = (spec_index + i) & (COUNTED_MAX - 1);
		struct counted_call *call = &calls->calls[at];

		if (!call->one_of) {
			call->spec_index = spec_index;
			call->one_of = one_of;
		} else if (call->spec_index != spec_index) {
			continue;
		}
		state->counted = at;
		return call->seen++ % one_of;
	}
	return false; /* no room for its counts: it is sent */
}

/*
 * Sends what was counted of one call. `last`: there will be no other time, a full ring loses it. Global, so that the
 * verifier looks at it once and not for each place in the table.
 */
__noinline __weak int counted_send(struct counted_call *call, u32 tid, u32 tgid, u64 now, bool last)
{
	struct trc_call_count event = {};
	u32 cpu = bpf_get_smp_processor_id(), slot;
	void *ring;

	if (!sampling || !call)
		return 0;
	slot = call->spec_index / SPEC_PER_ABI;
	head_fill_ids(&event.head, tid, tgid, TRC_KIND_call_count, sizeof(event) / 8, now);
	event.nr = call->spec_index % SPEC_PER_ABI;
	event.abi = slot < SPEC_ABIS ? abi_of_slot[slot] : 0;
	event.one_of = call->one_of;
	event.count = call->count;
	event.error_count = call->error_count;
	event.total_ns = call->total_ns;
	event.first_ns = call->first_ns;
	/* There are counts only of times that are recorded: in a pause of what was before it. */
	if (last && !control.paused) {
		record_send(&event, sizeof(event), TRC_KIND_call_count, now);
	} else {
		ring = bpf_map_lookup_elem(&rings, &cpu);
		if (!ring || bpf_ringbuf_output(ring, &event, sizeof(event), BPF_RB_NO_WAKEUP))
			return 0;
	}
	call->count = call->error_count = call->total_ns = 0;
	return 0;
}

/* Everything that the task has counted and not sent yet. */
static __always_inline void sample_send(struct task_struct *task, u64 now, bool last)
{
	struct counted_calls *calls = bpf_task_storage_get(&counted, task, 0, 0);

	if (!calls)
		return;
	calls->sent_ns = now;
	for (u32 i = 0; i < COUNTED_MAX; i++)
		if (calls->calls[i].count)
			counted_send(&calls->calls[i], task->pid, task->tgid, now, last);
}

/* At exit, of a call that sample_skips() chose. */
static __always_inline bool sample_count(struct task_struct *task, const struct task_state *state,
					 bool failed, u64 duration_ns, u64 now)
{
	struct counted_calls *calls = bpf_task_storage_get(&counted, task, 0, 0);
	struct counted_call *call;

	if (!calls)
		return false;
	if (control.paused)
		return true;
	call = &calls->calls[state->counted & (COUNTED_MAX - 1)];
	if (!call->count)
		call->first_ns = now;
	call->count++;
	call->error_count += failed;
	call->total_ns += duration_ns;
	if (!calls->sent_ns)
		calls->sent_ns = now;
	if (now - calls->sent_ns > COUNTED_NS)
		sample_send(task, now, false);
	return true;
}
