/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every tracer of one task needs: to know the task, and the time, at entry and at exit. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct state {
	__u64 enter_ns, duration_ns;
};

/* attach marks its command here. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct state);
} tasks SEC(".maps");

SEC("tp_btf/sys_enter")
int floor_enter(void *ctx)
{
	struct state *state = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);

	if (state)
		state->enter_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int floor_exit(void *ctx)
{
	struct state *state = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);

	if (state)
		state->duration_ns = bpf_ktime_get_ns() - state->enter_ns;
	return 0;
}
