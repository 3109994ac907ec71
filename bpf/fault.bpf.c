/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Page faults.
 *
 * Whether one was minor or major is known at its end, where the kernel has no tracepoint; but it counts it there, as a
 * software event, one of each sort, with the address and the registers. So two programs hang on these events, on every
 * CPU. The tracepoints at the beginning, on machines that have them, add when it began and what the access was.
 */
#include "bpf/core.bpf.h"

enum fault_access { ACCESS_UNKNOWN, ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct fault_start {
	u64 ns;
	u64 access;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct fault_start);
} fault_starts SEC(".maps");

/* struct bpf_perf_event_data: an interface to programs, so the same in every kernel. */
struct fault_context {
#if defined(__TARGET_ARCH_x86)
	u64 before[16], ip, after[4];
#elif defined(__TARGET_ARCH_arm64)
	u64 before[32], ip, after[1];
#else
	u64 ip, after[31];
#endif
	u64 sample_period;
	u64 address;
};

/* What the processor says of the access. */
static __always_inline u64 access_of(unsigned long error)
{
#if defined(__TARGET_ARCH_x86)
	return error & 16 ? ACCESS_FETCH : error & 2 ? ACCESS_WRITE : ACCESS_READ;
#elif defined(__TARGET_ARCH_riscv)
	return error == 12 ? ACCESS_FETCH : error == 15 ? ACCESS_WRITE : ACCESS_READ;
#else
	return ACCESS_UNKNOWN;
#endif
}

static __always_inline int fault_begin(unsigned long error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fault_start *start;

	if (!task_watched(task))
		return 0;
	start = bpf_task_storage_get(&fault_starts, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!start)
		return 0;
	start->access = access_of(error);
	start->ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(fault_user, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return fault_begin(error);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return fault_begin(error);
}

static __always_inline int fault_end(struct fault_context *context, bool major)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fault_start *start;
	struct trc_page_fault event = {};
	u64 now;

	if (!task_watched(task))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_page_fault, sizeof(event) / 8, now);
	event.major = major;
	event.address = context->address;
	event.ip = context->ip;
	event.in_kernel = (s64)event.ip < 0;
	start = bpf_task_storage_get(&fault_starts, task, 0, 0);
	if (start && start->ns) {
		event.access = start->access;
		event.duration_ns = now - start->ns;
		start->ns = 0;
	}
	record_send(&event, sizeof(event), TRC_KIND_page_fault, now);
	return 0;
}

SEC("perf_event")
int fault_minor(struct fault_context *context)
{
	return fault_end(context, false);
}

SEC("perf_event")
int fault_major(struct fault_context *context)
{
	return fault_end(context, true);
}
