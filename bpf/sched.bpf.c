/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The scheduler: switches with the state left in, wake-ups with their wakers, migrations, where a target is involved.
 *
 * The hottest hooks of the machine, most often run for tasks that are no targets: those cost a load each.
 */
#include "bpf/core.bpf.h"

/* Bits of a task's state: the same from 5.15 on, in no header that user space gets. */
#define STATE_SLEEP	      0x0001
#define STATE_UNINTERRUPTIBLE 0x0002
#define STATE_STOPPED	      0x0004
#define STATE_TRACED	      0x0008
#define STATE_EXITED	      0x00b0 /* dead and a zombie as the parent sees it, dead to the scheduler */
#define STATE_PARKED	      0x0040
#define STATE_NOLOAD	      0x0400
#define STATE_NEW	      0x0800
#define STATE_LOCK	      0x1000
#define STATE_FROZEN	      0x8000

static __always_inline u8 state_of(u32 bits)
{
	if (!bits)
		return TRC_SCHED_RUNNABLE;
	if (bits & STATE_SLEEP)
		return TRC_SCHED_SLEEP;
	/* Others have it beside their own bit. */
	if (bits & STATE_EXITED)
		return TRC_SCHED_DEAD;
	if (bits & STATE_FROZEN)
		return TRC_SCHED_FROZEN;
	if (bits & STATE_PARKED)
		return TRC_SCHED_PARKED;
	if (bits & STATE_STOPPED)
		return TRC_SCHED_STOPPED;
	if (bits & STATE_TRACED)
		return TRC_SCHED_TRACED;
	if (bits & STATE_LOCK)
		return TRC_SCHED_LOCK;
	if (bits & STATE_UNINTERRUPTIBLE)
		return bits & STATE_NOLOAD ? TRC_SCHED_IDLE : TRC_SCHED_UNINTERRUPTIBLE;
	return bits & STATE_NEW ? TRC_SCHED_NEW : TRC_SCHED_OTHER;
}

/* Its state if it is a target whose recording has begun. */
static __always_inline struct task_state *begun(struct task_state *state)
{
	return state && state->phase != PHASE_HELD ? state : NULL;
}

/*
 * The states of two tasks. What task_state() loads is loaded of both before the first branch: newer kernels look
 * through all their types for each pointer that is followed, on every path that leads there.
 */
static __always_inline void target_states(struct task_struct *one, struct task_struct *other,
					  struct task_state **one_state,
					  struct task_state **other_state)
{
	void *one_storage = one->bpf_storage, *other_storage = other->bpf_storage;

	barrier_var(other_storage);
	*one_state = task_state_in(one, one_storage);
	*other_state = task_state_in(other, other_storage);
	/* Both are, or none. */
	if (*one_state || !task_is_hidden(one, one_storage))
		if (!*other_state)
			task_is_hidden(other, other_storage);
	*one_state = begun(*one_state);
	*other_state = begun(*other_state);
}

/* Is the target inside a system call? */
static __always_inline u8 call_flags(const struct task_state *state)
{
	if (!group_on(GROUP_syscall))
		return 0;
	if (state->phase == PHASE_INSIDE || state->phase == PHASE_SKIPPED)
		return TRC_SWITCH_IN_CALL;
	return state->phase == PHASE_OUTSIDE ? TRC_SWITCH_NOT_IN_CALL : 0;
}

/* The hook as 5.18 and later have it: with the state. Before, the task says it; it may have been woken since. */
typedef void (*btf_trace_sched_switch___state)(void *, bool, struct task_struct *,
					       struct task_struct *, unsigned int);

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *from, struct task_struct *to)
{
	struct trc_sched_switch event;
	struct task_state *from_target, *to_target;
	u32 bits;
	u64 now;

	target_states(from, to, &from_target, &to_target);
	if (!from_target && !to_target)
		return 0;
	if (bpf_core_type_exists(btf_trace_sched_switch___state))
		bits = ctx[3];
	else
		bits = from->__state;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, from, TRC_KIND_sched_switch, sizeof(event) / 8, now);
	event.state = preempt ? TRC_SCHED_RUNNABLE : state_of(bits);
	event.flags = (preempt ? TRC_SWITCH_PREEMPTED : 0) |
		      (BPF_CORE_READ_BITFIELD(from, in_iowait) ? TRC_SWITCH_IOWAIT : 0) |
		      (from_target ? TRC_SWITCH_FROM_TARGET : 0) |
		      (to_target ? TRC_SWITCH_TO_TARGET : 0) |
		      (from_target ? call_flags(from_target) : 0);
	event.prio = from->prio;
	event.next_prio = to->prio;
	event.state_bits = bits;
	event.next_tid = to->pid;
	event.next_tgid = to->tgid;
	record_send(&event, sizeof(event), TRC_KIND_sched_switch, now);
	return 0;
}

/* See record/kernel.h; set before the load. */
const volatile s64 sched_count_offset = 0;

/* What nests on this CPU: the kernel counts soft interrupts, interrupts and NMIs in one word. */
#define COUNT_NMI     0xf00000
#define COUNT_HARDIRQ 0x0f0000
#define COUNT_SOFTIRQ 0x000100 /* one that runs; the bits above it say that they are held off */

/* Global: the verifier looks at it once. */
__noinline int sched_context(void)
{
	struct task_struct *current = bpf_get_current_task_btf();
	u32 count;

#if defined(__TARGET_ARCH_x86)
	u64 address = sched_count_offset;

	/* The current task's queue is this CPU's. */
	if (!address || !bpf_core_field_exists(current->se.cfs_rq) ||
	    !bpf_core_field_exists(current->se.cfs_rq->rq))
		return TRC_CONTEXT_UNKNOWN;
	address += (u64)current->se.cfs_rq->rq;
	if (bpf_core_type_exists(struct pcpu_hot))
		address += bpf_core_field_offset(struct pcpu_hot, preempt_count);
	if (bpf_probe_read_kernel(&count, sizeof(count), (void *)address))
		return TRC_CONTEXT_UNKNOWN;
#else
	count = current->thread_info.preempt_count;
#endif
	if (count & COUNT_NMI)
		return TRC_CONTEXT_NMI;
	if (count & COUNT_HARDIRQ)
		return TRC_CONTEXT_HARDIRQ;
	return count & COUNT_SOFTIRQ ? TRC_CONTEXT_SOFTIRQ : TRC_CONTEXT_TASK;
}

static __always_inline u16 task_cpu(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.cpu))
		return task->thread_info.cpu;
	return ((struct task_struct___old *)task)->cpu;
}

static __always_inline void send_wakeup(struct task_struct *task, u8 flags)
{
	struct task_struct *waker = bpf_get_current_task_btf();
	struct task_state *target, *by_target;
	struct trc_sched_wakeup event;
	u8 context;
	u64 now;

	target_states(task, waker, &target, &by_target);
	if (!target && !by_target)
		return;
	context = sched_context();
	/* What an interrupt does is not the doing of whom it interrupted. */
	if (!target && context != TRC_CONTEXT_TASK)
		return;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, waker, TRC_KIND_sched_wakeup, sizeof(event) / 8, now);
	event.target_cpu = task_cpu(task);
	event.context = context;
	event.flags =
		flags | (target ? TRC_WAKEUP_TARGET : 0) | (by_target ? TRC_WAKEUP_BY_TARGET : 0);
	event.prio = task->prio;
	event.woken_tid = task->pid;
	event.woken_tgid = task->tgid;
	record_send(&event, sizeof(event), TRC_KIND_sched_wakeup, now);
}

/* Not at sched_wakeup: that may run on the CPU of the one who is woken, sent there by an interrupt. */
SEC("tp_btf/sched_waking")
int BPF_PROG(sched_wakeup, struct task_struct *task)
{
	send_wakeup(task, 0);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *task)
{
	send_wakeup(task, TRC_WAKEUP_NEW);
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate, struct task_struct *task, int to_cpu)
{
	struct trc_sched_migrate event;
	u64 now;

	if (!begun(task_state(task)))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, bpf_get_current_task_btf(), TRC_KIND_sched_migrate,
		  sizeof(event) / 8, now);
	event.from_cpu = task_cpu(task);
	event.to_cpu = to_cpu;
	event.prio = task->prio;
	event.migrated_tid = task->pid;
	event.migrated_tgid = task->tgid;
	record_send(&event, sizeof(event), TRC_KIND_sched_migrate, now);
	return 0;
}
