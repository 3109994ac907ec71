/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Page faults.
 *
 * Whether one was minor or major is known at its end, where the kernel has no tracepoint; but it counts it there, as a
 * software event, one of each sort, with the address and the registers. So two programs hang on these events, on every
 * CPU. The tracepoints at the beginning, on machines that have them, add when it began and what the access was.
 *
 * One that waited says of which file: a major one, or a minor one for a page that somebody else is reading in. It took
 * longer than it takes to find that out.
 */
#include "bpf/core.bpf.h"
#include "bpf/items.bpf.h"

enum fault_access { ACCESS_UNKNOWN, ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct fault_start {
	u64 ns;
	u64 access;
	u64 waits; /* of the task until then */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct fault_start);
} fault_starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct record_room);
} fault_room SEC(".maps");

struct fault_place {
	u64 address;
	u64 path, inode; /* of the file that is mapped there */
	u32 device, page;
};

#define FILE_PAGE_BYTES 4096 /* whatever the kernel's pages are */

static long look_at_area(struct task_struct *task, struct vm_area_struct *area,
			 struct fault_place *place)
{
	struct file *file = BPF_CORE_READ(area, vm_file);
	struct inode *inode;
	u64 path;

	if (!file)
		return 0;
	path = mapped_path(file);
	inode = BPF_CORE_READ((struct path *)path, dentry, d_inode);
	place->path = path;
	place->inode = BPF_CORE_READ(inode, i_ino);
	place->device = BPF_CORE_READ(inode, i_sb, s_dev);
	place->page = (place->address - area->vm_start) / FILE_PAGE_BYTES +
		      area->vm_pgoff * (page_size / FILE_PAGE_BYTES);
	return 0;
}

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
	/* A program or the kernel looks whether a page is there, perhaps in the middle of a fault of the task's own. */
	if (task->pagefault_disabled)
		return 0;
	start = bpf_task_storage_get(&fault_starts, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!start)
		return 0;
	start->access = access_of(error);
	start->waits = task->nvcsw;
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

/* The same with the file and its path. False: nothing of a file is mapped there. */
static __always_inline bool send_with_file(struct trc_page_fault *event, struct task_struct *task)
{
	struct fault_place place = { .address = event->address };
	struct record_room *room;
	u32 zero = 0, off;
	u64 root;

	if (!finds_vma || bpf_find_vma(task, place.address, look_at_area, &place, 0) ||
	    !place.inode)
		return false;
	event->inode = place.inode;
	event->device = place.device;
	event->file_page = place.page;
	room = bpf_map_lookup_elem(&fault_room, &zero);
	if (!room)
		return false;
	*room_record(room, trc_page_fault) = *event;
	root = (u64)BPF_CORE_READ(task, fs) + bpf_core_field_offset(struct fs_struct, root);
	off = sizeof(*event) + put_path(room, 0, 0, path_walk(&room->path, place.path, root));
	room_record(room, trc_page_fault)->head.len = off;
	barrier_var(off);
	if (off > TRC_RECORD_MAX)
		return false;
	record_send(room_record(room, trc_page_fault), off, TRC_KIND_page_fault, event->head.ts);
	return true;
}

static __always_inline int fault_end(struct fault_context *context, bool major)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fault_start *start;
	struct trc_page_fault event = {};
	bool waited = major;
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
		waited |= task->nvcsw != start->waits;
	}
	if (!waited || !send_with_file(&event, task))
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
