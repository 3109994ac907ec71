/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: one record per call, sent when it returns.
 *
 * Entry fills the record in the task's own storage; exit adds result and duration and sends it. A call
 * that never returns is sent by the task's exit (task.bpf.c) or read out of the storage at the end.
 */
#include "bpf/core.bpf.h"
#include "bpf/arch.bpf.h"
#include "bpf/capture.bpf.h"
#include "bpf/call.bpf.h"
#include "bpf/hooks.bpf.h"

/* Are numbers that the tables do not know filtered out? Set before the load. */
const volatile bool unknown_calls_skipped = false;

/* What becomes of a call that a filter rejects at entry. */
static __always_inline u32 spec_rejected(const struct syscall_spec *spec)
{
	if (spec && spec->flags & SPEC_STATE)
		return SPEC_HIDDEN;
	return spec && spec->interest ? SPEC_QUIET : SPEC_SKIP;
}

static __always_inline void call_fill(struct trc_syscall *call, struct pt_regs *regs, u32 nr,
				      u32 slot, u32 arg_count, u8 flags)
{
	if (arg_count > 6)
		arg_count = 6;
	call->nr = nr;
	call->abi = abi_of_slot[slot];
	call->state = TRC_SYSCALL_COMPLETE;
	call->flags = flags;
	call->items = 0;
	call->head.words = WORDS_BEFORE_ARGS + arg_count;
	call->head.len = (WORDS_BEFORE_ARGS + arg_count) * 8;
	call->head.flags = 0;
	call_args(regs, slot, call);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state(task);
	u32 nr = id, slot, index, flags = 0, arg_count = 6;
	struct syscall_spec *spec = NULL;
	struct trc_syscall *call;

	if (!state)
		return 0;
	slot = call_slot(task, &nr);
	index = slot * SPEC_PER_ABI + nr;
	if (nr < SPEC_PER_ABI)
		spec = bpf_map_lookup_elem(&specs, &index);
	if (spec && (spec->flags & SPEC_KNOWN)) {
		flags = spec->flags;
		arg_count = spec->arg_count;
	} else {
		spec = NULL;
		if (unknown_calls_skipped)
			flags = SPEC_SKIP;
	}
	if (state->phase == PHASE_HELD) {
		if (!(flags & SPEC_EXEC))
			return 0;
		control.first_exec_ns = bpf_ktime_get_ns();
	}
	if (filters(FILTER_COMM) && !(flags & (SPEC_SKIP | SPEC_HIDDEN | SPEC_QUIET)) &&
	    !filter_comm(task))
		flags |= spec_rejected(spec);
	if (flags & SPEC_SKIP) {
		state->phase = PHASE_SKIPPED;
		return 0;
	}
	state->phase = PHASE_INSIDE;
	state->exit_captures = 0;
	state->again_captures = 0;
	state->spec_index = index;
	state->tail_end = 0;
	state->quiet = flags & SPEC_QUIET ? 1 : 0;
	state->interest = spec ? spec->interest : 0;
	state->notes = flags & SPEC_STATE ? NOTE_KEPT : 0;

	call = &state->call;
	call_fill(call, regs, nr, slot, arg_count, flags & SPEC_HIDDEN ? TRC_CALL_HIDDEN : 0);
	if (filters(FILTER_PATH) && spec && filter_fd_args(call, spec->fd_args))
		state->notes |= NOTE_PATH;
	if (sampling && spec && spec->sample > 1 && !(flags & (SPEC_HIDDEN | SPEC_QUIET)) &&
	    sample_skips(task, state, index, spec->sample))
		state->notes |= NOTE_COUNTED;
	/* Of what is only counted nothing is read, unless names or the filter need it. */
	if (spec && spec->capture_count &&
	    (!(state->notes & NOTE_COUNTED) || state->notes & NOTE_KEPT || filters(FILTER_PATH)))
		capture_enter(task, state, spec);
	if (state->interest)
		hooks_call_enter(state);
	if (stacks & TRC_STACK_SYSCALL)
		stack_at_call(ctx, state);
	/* Last, so that the time spent here is not the call's. */
	call->head.ts = bpf_ktime_get_ns();
	return 0;
}

/*
 * An exec that succeeds takes the memory away in which the caller's strings stood. What of them could not be read at
 * entry the kernel has copied: the path, unless it is one by a descriptor (0), and above the new stack `mm` the
 * arguments, unless a script's interpreter got others, and the environment.
 */
__noinline int syscall_exec(struct task_state *state, u64 mm, u64 filename, bool script)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *memory = (struct mm_struct *)mm;
	struct syscall_spec *spec;
	struct task_tail *tail;
	u64 start = 0, end = 1; /* nothing is there, and that is said */
	u32 index, absent;

	if (!state)
		return 0;
	/* Whatever becomes of it here: at exit the addresses mean something else. */
	absent = state->exit_captures;
	state->exit_captures = 0;
	index = state->spec_index;
	spec = bpf_map_lookup_elem(&specs, &index);
	tail = tail_get(task, state);
	if (!spec || !tail)
		return 0;
	if (!script) {
		start = BPF_CORE_READ(memory, arg_start);
		end = BPF_CORE_READ(memory, arg_end);
	}
	state->last_try = 1;
	for (u32 i = 0; i < SPEC_CAPTURES; i++) {
		struct capture capture = spec->captures[i];
		u32 off = state->tail_end;
		bool missing = absent & 1 << i;

		if (capture.how == CAPTURE_STR) {
			capture.how = CAPTURE_KERNEL_STR;
			if (missing)
				capture_item(tail, state, &capture, filename, 0);
			if (missing && filters(FILTER_PATH) && state->tail_end > off)
				capture_note_path(tail, state, off);
		} else if (capture.how == CAPTURE_STRV) {
			capture.how = CAPTURE_FIXED_IN;
			if (missing)
				capture_item(tail, state, &capture, start, end - start);
			/* The environment comes after the arguments. */
			start = BPF_CORE_READ(memory, env_start);
			end = BPF_CORE_READ(memory, env_end);
		}
	}
	return 0;
}

/*
 * Seccomp or a tracer has answered in the kernel's place: the call returns, but was never entered. What its arguments
 * point to is as it was, and is read at exit: from here the readers would need more stack than there is.
 */
__noinline int syscall_answered(struct task_state *state)
{
	struct syscall_spec *spec;
	u32 index;

	if (!state)
		return 0;
	index = state->spec_index;
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec)
		return 0;
	if (filters(FILTER_PATH) && filter_fd_args(&state->call, spec->fd_args))
		state->notes |= NOTE_PATH;
	for (u32 i = 0; i < SPEC_CAPTURES && i < spec->capture_count; i++) {
		struct capture *capture = &spec->captures[i];

		if (capture_is_asked(state, capture, call_arg(&state->call, capture->arg)))
			state->exit_captures |= 1 << i;
	}
	state->out_bytes = ~0u;
	return 0;
}

#define SIGSYS_BIT     (1ul << (31 - 1))
#define NEVER_RETURNED (-38) /* ENOSYS: nothing was brought back */

/* By a SIGSYS that seccomp answered with: the registers are as they were before the call, and hold no result. */
static __always_inline bool is_trapped(struct task_struct *task)
{
	return task->pending.signal.sig[0] & SIGSYS_BIT;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state(task);
	u8 answer = TRC_SYSCALL_COMPLETE;
	struct trc_syscall *call;
	u32 phase;
	u64 now;

	if (!state)
		return 0;
	phase = state->phase;
	if (phase == PHASE_HELD)
		return 0;
	state->phase = PHASE_OUTSIDE;
	if (phase == PHASE_SKIPPED || phase == PHASE_NEWBORN)
		return 0;
	/* Entered after the entry's probe was taken away. */
	if (phase != PHASE_INSIDE && control.stopping)
		return 0;
	/* Only now: reading the clock is half of what the hook would cost everybody else. */
	now = bpf_ktime_get_ns();
	call = &state->call;
	if (phase != PHASE_INSIDE) {
		u32 nr = call_nr_at_exit(regs), slot = call_slot(task, &nr);
		u32 index = slot * SPEC_PER_ABI + nr;
		struct syscall_spec *spec = NULL;

		if (nr < SPEC_PER_ABI)
			spec = bpf_map_lookup_elem(&specs, &index);
		if (spec && spec->flags ? spec->flags & SPEC_SKIP : unknown_calls_skipped)
			return 0;
		if (filters(FILTER_COMM) && !filter_comm(task) &&
		    !(spec && spec->flags & SPEC_STATE))
			return 0;
		/* The kernel leaves the arguments where they were; exec and sigreturn do not. */
		call_fill(call, regs, nr, slot,
			  spec && spec->flags & SPEC_KNOWN ? spec->arg_count : 0,
			  spec && (spec->flags & SPEC_HIDDEN ||
				   (filters(FILTER_COMM) && !filter_comm(task)))
				  ? TRC_CALL_HIDDEN
				  : 0);
		call->head.ts = now;
		state->tail_end = 0;
		state->exit_captures = 0;
		state->quiet = spec && (spec->flags & SPEC_QUIET);
		state->interest = spec ? spec->interest : 0;
		state->spec_index = index;
		state->again_captures = 0;
		state->notes = spec && spec->flags & SPEC_STATE ? NOTE_KEPT : 0;
		state->user_stack = 0;
		state->stack_state = 0;
		if (phase == PHASE_ATTACHED) {
			call->state = TRC_SYSCALL_NO_ENTER;
			if (state->interest)
				hooks_call_exit(state, ret, now);
			call_send(task, state, ret, TRC_SYSCALL_NO_ENTER, now);
			return 0;
		}
		syscall_answered(state);
		if (is_trapped(task)) {
			answer = TRC_SYSCALL_UNFINISHED;
			ret = NEVER_RETURNED;
			state->interest = 0;
		}
	}
	if (state->exit_captures | state->again_captures) {
		u32 index = state->spec_index;
		struct syscall_spec *spec = bpf_map_lookup_elem(&specs, &index);

		if (spec)
			capture_exit(task, state, spec, ret);
	}
	if (filters(FILTER_PATH) && ret >= 0 && !(state->notes & NOTE_PATH)) {
		u32 index = state->spec_index;
		struct syscall_spec *spec = bpf_map_lookup_elem(&specs, &index);

		/* Opened by a relative path. */
		if (spec && spec->flags & SPEC_RETURNS_FD && filter_fd(ret))
			state->notes |= NOTE_PATH;
	}
	if (state->interest)
		hooks_call_exit(state, ret, now);
	if (stacks)
		stack_call_exit(state, ret, now);
	/* A signal that kills ended the wait: to the caller this call never returns. The task's exit sends it. */
	if (is_restart(ret) && is_being_killed(task)) {
		state->phase = PHASE_INSIDE;
		return 0;
	}
	call_send(task, state, ret, answer, now);
	return 0;
}

/*
 * A task that has neither entered nor left a call since it was taken over, and sleeps: its registers, as it came into
 * the kernel, tell what it is in since before that.
 */
static __always_inline void found_inside(struct task_struct *task, struct task_state *state)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u32 nr, slot, index;
	struct syscall_spec *spec;

	/* io_uring's threads have their maker's registers; one that is stopped has returned. */
	if (!task->__state || task->__state & (TASK_STOPPED | TASK_TRACED) ||
	    task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	nr = call_nr_at_exit(regs);
	slot = call_slot(task, &nr);
	index = slot * SPEC_PER_ABI + nr;
	if (nr >= SPEC_PER_ABI)
		return;
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec || !(spec->flags & SPEC_KNOWN) || spec->flags & (SPEC_SKIP | SPEC_QUIET))
		return;
	if (filters(FILTER_COMM) && !filter_comm(task))
		return;
	call_fill(&state->call, regs, nr, slot, spec->arg_count,
		  TRC_CALL_FOUND | (spec->flags & SPEC_HIDDEN ? TRC_CALL_HIDDEN : 0));
	state->call.head.ts = state->added_ns;
	state->tail_end = 0;
	state->quiet = 0;
	state->notes = spec->flags & SPEC_STATE ? NOTE_KEPT : 0;
	state->spec_index = index;
	state->phase = PHASE_INSIDE;
}

/* A call that goes on, as it is; its task may go on meanwhile. Behind a number, as all that the reader gets. */
struct call_copy {
	u64 number;
	struct task_tail record;
	struct task_state state;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call_copy);
} calls_copy SEC(".maps");

/* Completes the record of the copied call; returns its bytes, 0: there is nothing to tell. */
static __always_inline u32 copy_complete(struct task_struct *task, struct call_copy *copy)
{
	struct trc_syscall *call = &copy->state.call;
	u64 enter = call->head.ts, now = control.end_ns, *from = (u64 *)call;
	u32 words = call->head.words, end = copy->state.tail_end, len = words * 8;
	u8 head_flags = call->head.flags;
	struct task_tail *tail;

	if (copy->state.quiet || enter > now || words < CALL_WORDS_MIN || words > CALL_WORDS_MAX ||
	    !call_wanted(task, &copy->state, 0, TRC_SYSCALL_UNFINISHED, now, now - enter))
		return 0;
	tail = end && call->items ? bpf_task_storage_get(&tails, task, 0, 0) : NULL;
	if (tail && end > len && end <= sizeof(*tail)) {
		barrier_var(end);
		if (end > sizeof(*tail) ||
		    bpf_probe_read_kernel(copy->record.words, end, tail->words))
			return 0;
		len = end;
	} else {
		call->items = 0;
	}
	head_fill(&call->head, task, TRC_KIND_syscall, words, now);
	call->head.flags = head_flags;
	call->head.len = len;
	call->state = TRC_SYSCALL_UNFINISHED;
	call->flags |= TRC_CALL_GOES_ON;
	call->ret = 0;
	call->duration_ns = now - enter;
#pragma unroll
	for (u32 i = 0; i < CALL_WORDS_MAX; i++)
		if (i < words)
			copy->record.words[i] = from[i];
	return len;
}

/* At the end of a file that another follows: the calls that tasks sleep in. */
SEC("iter/task")
int syscall_under_way(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_state *state;
	struct call_copy *copy;
	u32 zero = 0, phase, len;
	u64 enter;

	if (!task || !task->__state)
		return 0;
	state = task_state(task);
	copy = bpf_map_lookup_elem(&calls_copy, &zero);
	if (!state || !copy || bpf_probe_read_kernel(&copy->state, sizeof(copy->state), state))
		return 0;
	phase = copy->state.phase;
	enter = copy->state.call.head.ts;
	if (phase == PHASE_ATTACHED)
		found_inside(task, &copy->state);
	if (copy->state.phase != PHASE_INSIDE)
		return 0;
	len = copy_complete(task, copy);
	/* It may have left the call while it was copied. */
	if (!len || state->phase != phase || state->call.head.ts != enter)
		return 0;
	barrier_var(len);
	if (len > sizeof(copy->record))
		return 0;
	return bpf_seq_write(ctx->meta->seq, copy, sizeof(copy->number) + len) ? 1 : 0;
}

/* At the end of a recording, with the other probes detached: the calls that are still going on, and counts. */
SEC("iter/task")
int syscall_unfinished(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_state *state;

	if (!task)
		return 0;
	state = task_state(task);
	if (!state)
		return 0;
	if (state->phase == PHASE_ATTACHED)
		found_inside(task, state);
	if (state->phase == PHASE_INSIDE) {
		state->phase = PHASE_OUTSIDE;
		call_send(task, state, 0, TRC_SYSCALL_UNFINISHED, control.end_ns);
	}
	if (sampling)
		sample_send(task, control.end_ns, true);
	return 0;
}
