/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sizes of address spaces. The kernel tells of every page; a record is made when a size has changed by a
 * step since the last, so that growing to 1 GiB page by page takes some 300 of them.
 */
#include "bpf/core.bpf.h"
#include "bpf/space.bpf.h"

#define STEP_PAGES 64
#define STEP_SHARE 64

struct memory_told {
	u64 space; /* another one, if an address space has gone and its place was used again */
	u64 resident[4], mapped, heap;
};

/* By address space. What it forgets is told again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct memory_told);
} memory_told SEC(".maps");

static __always_inline bool is_step(u64 told, u64 pages)
{
	u64 change = told > pages ? told - pages : pages - told;

	return change >= STEP_PAGES && change >= told / STEP_SHARE;
}

static __always_inline struct memory_told *told_of(struct mm_struct *mm, u64 space)
{
	struct memory_told *told, none = {};
	u64 key = (u64)mm;

	told = bpf_map_lookup_elem(&memory_told, &key);
	if (!told) {
		none.space = space;
		bpf_map_update_elem(&memory_told, &key, &none, BPF_ANY);
		return bpf_map_lookup_elem(&memory_told, &key);
	}
	if (told->space != space) {
		*told = none;
		told->space = space;
	}
	return told;
}

static __always_inline u64 resident_pages(struct mm_struct *mm, u32 what)
{
	u64 at = (u64)mm;
	s64 pages = 0;

	if (bpf_core_field_exists(((struct mm_struct___old *)mm)->rss_stat.count)) {
		at += bpf_core_field_offset(struct mm_struct___old, rss_stat.count);
		at += what * sizeof(atomic64_t);
	} else {
		at += bpf_core_field_offset(struct mm_struct, rss_stat);
		at += what * bpf_core_type_size(struct percpu_counter);
		at += bpf_core_field_offset(struct percpu_counter, count);
	}
	bpf_probe_read_kernel(&pages, sizeof(pages), (void *)at);
	return pages > 0 ? pages : 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(memory_resident, struct mm_struct *mm, int what)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_memory_resident event;
	struct memory_told *told;
	u64 now, pages;

	if (!task_watched(task) || what < 0 || what > 3)
		return 0;
	event.space = space_id(mm);
	told = told_of(mm, event.space);
	if (!told)
		return 0;
	pages = resident_pages(mm, what);
	barrier_var(what);
	if (!is_step(told->resident[what & 3], pages))
		return 0;
	told->resident[what & 3] = pages;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_memory_resident, sizeof(event) / 8, now);
	event.owner_pid = 0;
	/* A fork fills the child's. */
	if (bpf_core_field_exists(mm->owner))
		event.owner_pid = BPF_CORE_READ(mm, owner, tgid);
	else if (mm == task->mm)
		event.owner_pid = task->tgid;
	event.what = what;
	event.size_bytes = pages * page_size;
	record_send(&event, sizeof(event), TRC_KIND_memory_resident, now);
	return 0;
}

__noinline int memory_call_exit(u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	struct trc_memory_mapped event;
	struct memory_told *told;
	u64 mapped, heap;

	/* Before Linux 6.8 the verifier looks at functions that nobody calls, too. */
	if (!group_on(GROUP_memory) || !mm)
		return 0;
	event.space = space_id(mm);
	told = told_of(mm, event.space);
	if (!told)
		return 0;
	mapped = mm->total_vm;
	heap = mm->brk - mm->start_brk;
	if (!is_step(told->mapped, mapped) && !is_step(told->heap, heap / page_size))
		return 0;
	told->mapped = mapped;
	told->heap = heap / page_size;
	head_fill(&event.head, task, TRC_KIND_memory_mapped, sizeof(event) / 8, now);
	event.total_bytes = mapped * page_size;
	event.data_bytes = mm->data_vm * page_size;
	event.exec_bytes = mm->exec_vm * page_size;
	event.stack_bytes = mm->stack_vm * page_size;
	event.heap_bytes = heap;
	record_send(&event, sizeof(event), TRC_KIND_memory_mapped, now);
	return 0;
}
