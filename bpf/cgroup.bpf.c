/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Moves between cgroups, by a target or of one; freezing. The kernel brings the path along. */
#include "bpf/core.bpf.h"

#define CGROUP_PATH_BYTES 1024 /* TRACE_CGROUP_PATH_LEN: longer ones the kernel cuts */

enum freeze_state { THAW_ASKED, FREEZE_ASKED, THAWED, FROZEN };

/* A record ends where its only item begins. */
struct cgroup_scratch {
	u8 fixed[sizeof(struct trc_cgroup_move)];
	struct trc_item item;
	char path[CGROUP_PATH_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cgroup_scratch);
} cgroup_scratch SEC(".maps");

static __always_inline struct cgroup_scratch *scratch(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&cgroup_scratch, &zero);
}

static __always_inline void send_with_path(struct cgroup_scratch *s, struct trc_head *head,
					   const char *path, u64 now)
{
	u32 len = 0, bytes = head->words * 8 + sizeof(s->item);
	long n;

	/* What stands behind the path in its last word. */
	__builtin_memset(s->path, 0, sizeof(s->path));
	n = bpf_probe_read_kernel_str(s->path, sizeof(s->path), path);
	if (n > 0 && n <= CGROUP_PATH_BYTES)
		len = n - 1;
	s->item = (struct trc_item){
		.type = TRC_TYPE_str,
		.state = n > 0 ? TRC_ITEM_WHOLE : TRC_ITEM_UNREADABLE,
		.len = len,
	};
	bytes += (len + 7) & ~7u;
	head->len = bytes;
	barrier_var(bytes);
	if (bytes > sizeof(struct trc_cgroup_freeze) + sizeof(s->item) + sizeof(s->path))
		return;
	record_send(head, bytes, head->kind, now);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_moved, struct cgroup *cgroup, const char *path, struct task_struct *moved,
	     bool whole_process)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_cgroup_move *event;
	struct cgroup_scratch *s;
	u64 now;

	if (!task_watched(task) && !task_watched(moved))
		return 0;
	s = scratch();
	if (!s)
		return 0;
	now = bpf_ktime_get_ns();
	event = (void *)s->fixed;
	head_fill(&event->head, task, TRC_KIND_cgroup_move, sizeof(*event) / 8, now);
	event->moved_tid = moved->pid;
	event->moved_tgid = moved->tgid;
	event->cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	event->hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	event->whole_process = !!whole_process;
	send_with_path(s, &event->head, path, now);
	return 0;
}

static __always_inline int send_freeze(struct cgroup *cgroup, const char *path,
				       enum freeze_state state)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_cgroup_freeze *event;
	struct cgroup_scratch *s;
	u64 now;

	if (!task_watched(task))
		return 0;
	s = scratch();
	if (!s)
		return 0;
	now = bpf_ktime_get_ns();
	event = (void *)s->fixed + sizeof(s->fixed) - sizeof(*event);
	head_fill(&event->head, task, TRC_KIND_cgroup_freeze, sizeof(*event) / 8, now);
	event->cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	event->hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	event->state = state;
	send_with_path(s, &event->head, path, now);
	return 0;
}

SEC("tp_btf/cgroup_freeze")
int BPF_PROG(cgroup_freeze, struct cgroup *cgroup, const char *path)
{
	return send_freeze(cgroup, path, FREEZE_ASKED);
}

SEC("tp_btf/cgroup_unfreeze")
int BPF_PROG(cgroup_unfreeze, struct cgroup *cgroup, const char *path)
{
	return send_freeze(cgroup, path, THAW_ASKED);
}

SEC("tp_btf/cgroup_notify_frozen")
int BPF_PROG(cgroup_frozen, struct cgroup *cgroup, const char *path, int frozen)
{
	return send_freeze(cgroup, path, frozen ? FROZEN : THAWED);
}
