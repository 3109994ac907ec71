/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capability checks: the kernel tells of them since 6.14. */
#include "bpf/core.bpf.h"

SEC("tp_btf/cap_capable")
int BPF_PROG(capability_checked, const struct cred *cred, struct user_namespace *asked,
	     const struct user_namespace *granted, int capability, int result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_capability_check event = {};
	u64 now;

	if (!task_watched(task))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_capability_check, sizeof(event) / 8, now);
	event.capability = capability;
	event.result = result;
	event.user_ns = BPF_CORE_READ(asked, ns.inum);
	if (!result)
		event.granted_ns = BPF_CORE_READ(granted, ns.inum);
	record_send(&event, sizeof(event), TRC_KIND_capability_check, now);
	return 0;
}
