/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests of io_uring. A completion may come while any thread runs, so those submitted by targets are remembered. Both
 * hooks have changed their arguments more than once: see record/hooks.h for what the names of programs say.
 */
#include "bpf/core.bpf.h"

#define FLAG_MORE  2 /* IORING_CQE_F_MORE */
#define OP_UNKNOWN 0xffffffff

/* A bit for each IORING_OP_ that works on a descriptor. */
#define OPS_WITH_FD 0x3fc3cb064dc3277eull

/* Random, so that ids do not tell where the kernel keeps things; set before the load. */
const volatile u64 uring_id_key = 0;

struct uring_request {
	u64 submitted_ns;
	u32 tid, tgid;
	u32 op;
	s32 fd;
};

/* By request: those of targets that have not completed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct uring_request);
} uring_requests SEC(".maps");

/* Completions do not say of which request they are (before 5.18). */
bool uring_unnamed = false;

static __always_inline u64 id_of(u64 address)
{
	return address ? (address ^ uring_id_key) * 0x9e3779b97f4a7c15ull : 0;
}

static __always_inline int submit(struct io_kiocb *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_uring_submit event;
	struct uring_request submitted;
	u64 key = address_of(request), now;

	if (!task_watched(task)) {
		/* A request of a target was here before, whose completion was not posted. */
		if (!uring_unnamed)
			bpf_map_delete_elem(&uring_requests, &key);
		return 0;
	}
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_uring_submit, sizeof(event) / 8, now);
	event.request = id_of(key);
	event.ring = id_of(address_of(BPF_CORE_READ(request, ctx)));
	event.op = BPF_CORE_READ(request, opcode);
	event.flags = BPF_CORE_READ(request, flags);
	if (bpf_core_field_size(request->flags) == sizeof(u32))
		event.flags = (u32)event.flags;
	event.fd = -1;
	if (bpf_core_field_exists(request->cqe)) {
		event.user_data = BPF_CORE_READ(request, cqe.user_data);
		if (event.op < 64 && (OPS_WITH_FD >> event.op & 1))
			event.fd = BPF_CORE_READ(request, cqe.fd);
	} else {
		event.user_data = BPF_CORE_READ((struct io_kiocb___old *)request, user_data);
	}
	submitted = (struct uring_request){ now, task->pid, task->tgid, event.op, event.fd };
	if (!uring_unnamed && bpf_map_update_elem(&uring_requests, &key, &submitted, BPF_ANY)) {
		struct cpu_counters *c = cpu_counters();

		if (c)
			c->lost[TRC_KIND_uring_complete]++;
	}
	record_send(&event, sizeof(event), TRC_KIND_uring_submit, now);
	return 0;
}

SEC("tp_btf/io_uring_submit_sqe")
int uring_submitted___7(u64 *ctx)
{
	return submit((void *)ctx[1]);
}

SEC("tp_btf/io_uring_submit_sqe") /* 6.0 */
int uring_submitted___2(u64 *ctx)
{
	return submit((void *)ctx[0]);
}

SEC("tp_btf/io_uring_submit_req") /* 6.4 */
int uring_submitted(u64 *ctx)
{
	return submit((void *)ctx[0]);
}

static __always_inline int complete(u64 ring, u64 request, u64 user_data, s32 res, u32 cflags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct uring_request *found = bpf_map_lookup_elem(&uring_requests, &request), submitted;
	struct trc_uring_complete event;
	u64 now;

	if (found) {
		submitted = *found;
		barrier(); /* one load for both pids would be of two sorts of pointers */
	} else if (task_watched(task)) {
		submitted = (struct uring_request){ 0, task->pid, task->tgid, OP_UNKNOWN, -1 };
	} else {
		return 0;
	}
	now = bpf_ktime_get_ns();
	head_fill_ids(&event.head, submitted.tid, submitted.tgid, TRC_KIND_uring_complete,
		      sizeof(event) / 8, now);
	event.request = id_of(request);
	event.ring = id_of(ring);
	event.user_data = user_data;
	event.res = res;
	event.cflags = cflags;
	event.op = submitted.op;
	event.fd = submitted.fd;
	event.latency_ns = found ? now - submitted.submitted_ns : 0;
	if (found && !(cflags & FLAG_MORE))
		bpf_map_delete_elem(&uring_requests, &request);
	record_send(&event, sizeof(event), TRC_KIND_uring_complete, now);
	return 0;
}

SEC("tp_btf/io_uring_complete")
int uring_completed___4(u64 *ctx)
{
	uring_unnamed = true;
	return complete(address_of((void *)ctx[0]), 0, ctx[1], ctx[2], ctx[3]);
}

SEC("tp_btf/io_uring_complete") /* 5.18 */
int uring_completed___5(u64 *ctx)
{
	return complete(address_of((void *)ctx[0]), ctx[1], ctx[2], ctx[3], ctx[4]);
}

SEC("tp_btf/io_uring_complete") /* 5.19 */
int uring_completed___7(u64 *ctx)
{
	return complete(address_of((void *)ctx[0]), ctx[1], ctx[2], ctx[3], ctx[4]);
}

SEC("tp_btf/io_uring_complete") /* 6.14 */
int uring_completed___3(u64 *ctx)
{
	struct io_uring_cqe *cqe = (void *)ctx[2];

	return complete(address_of((void *)ctx[0]), ctx[1], BPF_CORE_READ(cqe, user_data),
			BPF_CORE_READ(cqe, res), BPF_CORE_READ(cqe, flags));
}
