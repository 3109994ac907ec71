/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where stacks are taken (stack.bpf.h says how), and what their addresses mean: the files whose code is mapped.
 */
#include "bpf/core.bpf.h"
#include "bpf/arch.bpf.h"
#include "bpf/path.bpf.h"
#include "bpf/stack.bpf.h"

/* The hook as 5.18 and later have it: with the state. Before, the task says it; it may have been woken since. */
typedef void (*btf_trace_sched_switch___state)(void *, bool, struct task_struct *,
					       struct task_struct *, unsigned int);

SEC("tp_btf/sched_switch")
int BPF_PROG(stack_switch, bool preempted, struct task_struct *from)
{
	struct task_state *state = task_state(from);
	u32 bits;

	if (!state || preempted || state->phase == PHASE_HELD)
		return 0;
	if (bpf_core_type_exists(btf_trace_sched_switch___state))
		bits = ctx[3];
	else
		bits = from->__state;
	if (bits)
		stack_at_wait(ctx, from, state, bpf_ktime_get_ns());
	return 0;
}

/* --- modules */

struct module_scratch {
	struct trc_module event;
	struct trc_item item;
	char bytes[PATH_BYTES + 8];
	struct path_buffer path;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct module_scratch);
} stack_modules SEC(".maps");

struct mapping {
	u64 start, end, offset;
	u64 path; /* of its file; 0: no code of a file */
};

static long found_vma(struct task_struct *task, struct vm_area_struct *vma, struct mapping *mapping)
{
	struct file *file = BPF_CORE_READ(vma, vm_file);

	mapping->start = vma->vm_start;
	mapping->end = vma->vm_end;
	mapping->offset = vma->vm_pgoff * page_size;
	if (vma->vm_flags & VM_EXEC && file)
		mapping->path = mapped_path(file);
	return 0;
}

/* Tells of the file whose code the current process has at an address, if it has. */
__noinline int stack_module(u64 address, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct module_scratch *s;
	struct cpu_counters *c;
	struct inode *inode;
	struct mapping mapping = {};
	u32 zero = 0, start, len, device;
	u64 fs, path;

	if (!stacks || !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_find_vma))
		return 0;
	s = bpf_map_lookup_elem(&stack_modules, &zero);
	if (!s)
		return 0;
	if (bpf_find_vma(task, address, found_vma, &mapping, 0) == -EBUSY) {
		/* Another thread maps right now. */
		c = cpu_counters();
		if (c)
			c->unseen++;
		return 0;
	}
	path = mapping.path;
	if (!path)
		return 0;
	s->event.start = mapping.start;
	s->event.end = mapping.end;
	s->event.offset = mapping.offset;
	inode = BPF_CORE_READ((struct path *)path, dentry, d_inode);
	s->event.inode = BPF_CORE_READ(inode, i_ino);
	device = BPF_CORE_READ(inode, i_sb, s_dev);
	s->event.dev_major = device >> 20;
	s->event.dev_minor = device & 0xfffff;
	fs = (u64)BPF_CORE_READ(task, fs);
	start = path_walk(&s->path, path, fs + bpf_core_field_offset(struct fs_struct, root));
	len = PATH_BYTES - start;
	s->item.type = TRC_TYPE_str;
	s->item.state = s->path.cut ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE;
	s->item.more = s->path.cut ? 65535 : 0;
	if (!len || len > PATH_BYTES)
		return 0;
	barrier_var(start);
	barrier_var(len);
	if (len > PATH_BYTES ||
	    bpf_probe_read_kernel(s->bytes, len, s->path.bytes + (start & (PATH_BYTES - 1))))
		return 0;
	s->item.len = len;
	/* Padding, wherever the path ends. */
	*(u64 *)(s->bytes + (len & ~7u & (2 * PATH_BYTES - 1))) &= ~(~0ull << (len & 7) * 8);
	head_fill(&s->event.head, task, TRC_KIND_module, sizeof(s->event) / 8, now);
	len = sizeof(s->event) + sizeof(s->item) + ((len + 7) & ~7u);
	s->event.head.len = len;
	barrier_var(len);
	if (len <= sizeof(s->event) + sizeof(s->item) + PATH_BYTES)
		record_send(s, len, TRC_KIND_module, now);
	return 0;
}

/* After an exec: the program and what loads its libraries. What those map comes with the calls. */
__noinline int stack_exec(u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state;
	u64 program, entry;

	if (!stacks)
		return 0;
	state = task_state(task);
	if (state && state->phase == PHASE_INSIDE)
		stack_call_send(task, state, now - 1);
	program = BPF_CORE_READ(task, mm, start_code);
	entry = user_ip((struct pt_regs *)bpf_task_pt_regs(task));
	stack_module(program, now);
	if (entry < program || entry >= BPF_CORE_READ(task, mm, end_code))
		stack_module(entry, now);
	return 0;
}

#define PROT_EXEC	  4
#define READ_IMPLIES_EXEC 0x400000

/*
 * A call that may have mapped code, and did. Protecting returns 0 and names the place. All others are left alone: while another
 * thread maps nothing can be looked at.
 */
__noinline int stack_call_exit(struct task_state *state, s64 ret, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u8 wanted;

	if (!stacks || !state || (ret < 0 && ret >= -4095))
		return 0;
	wanted = stack_wanted(state->spec_index);
	if (wanted & STACK_PROT &&
	    (state->call.arg2 & PROT_EXEC || task->personality & READ_IMPLIES_EXEC))
		wanted |= STACK_MODULE;
	if (wanted & STACK_MODULE)
		stack_module(ret ?: state->call.arg0, now);
	return 0;
}
