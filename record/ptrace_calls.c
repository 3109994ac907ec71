/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls that stop: what bpf/syscall.bpf.c, bpf/call.bpf.h and bpf/filter.bpf.h do, for a thread that is traced. */
#include "record/ptrace_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/metadata.h"

#define WORDS_BEFORE_ARGS 6
#define X32_SYSCALL_BIT	  0x40000000u
#define X32_SLOT	  2
#define SPEC_NONE	  UINT16_MAX /* of a call that no table has */
/* ERESTARTSYS … ERESTART_RESTARTBLOCK: what an interrupted call returns inside the kernel. */
#define RESTART_FIRST (-516)
#define RESTART_LAST  (-512)
#define PR_SET_NAME   15

static u32 slot_of(const struct tracer *tracer, u32 arch, u32 *nr)
{
	for (u32 slot = 0; slot < SPEC_ABIS; slot++) {
		if (tracer->arch_of_slot[slot] != arch)
			continue;
		if (slot == 0 && tracer->arch_of_slot[X32_SLOT] == arch && *nr & X32_SYSCALL_BIT &&
		    *nr != UINT32_MAX) {
			*nr &= ~X32_SYSCALL_BIT;
			return X32_SLOT;
		}
		return slot;
	}
	return 0;
}

struct syscall_spec *call_spec(const struct tracer *tracer, const struct tracee *tracee)
{
	u32 index = tracee->state.spec_index;

	return index == SPEC_NONE ? NULL : &tracer->specs[index];
}

void call_enter(struct tracer *tracer, struct tracee *tracee,
		const struct __ptrace_syscall_info *info)
{
	struct task_state *state = &tracee->state;
	struct trc_syscall *call = &state->call;
	bool by_seccomp = info->op == PTRACE_SYSCALL_INFO_SECCOMP;
	const u64 *args = by_seccomp ? info->seccomp.args : info->entry.args;
	u64 *to = &call->arg0;
	u32 nr = by_seccomp ? info->seccomp.nr : info->entry.nr;
	u32 slot = slot_of(tracer, info->arch, &nr), index = slot * SPEC_PER_ABI + nr;
	struct syscall_spec *spec = NULL;
	u32 flags = 0, arg_count = 6;

	if (nr < SPEC_PER_ABI && tracer->specs[index].flags & SPEC_KNOWN) {
		spec = &tracer->specs[index];
		flags = spec->flags;
		arg_count = spec->arg_count < 6 ? spec->arg_count : 6;
	} else if (tracer->options.unknown_calls_skipped) {
		flags = SPEC_SKIP;
	}
	if (nr == tracer->exit_group_nr[slot])
		tracees_end_as_group(tracer, tracee->tgid);
	if (state->phase == PHASE_HELD && !(flags & SPEC_EXEC))
		return;
	if (flags & SPEC_SKIP && !(spec && tracer->renames[index])) {
		state->phase = PHASE_SKIPPED;
		return;
	}
	state->phase = PHASE_INSIDE;
	state->exit_captures = 0;
	state->again_captures = 0;
	state->spec_index = spec ? index : SPEC_NONE;
	state->tail_end = 0;
	state->quiet = flags & (SPEC_QUIET | SPEC_SKIP) ? 1 : 0;
	state->notes = flags & SPEC_STATE ? NOTE_KEPT : 0;
	call->nr = nr;
	call->abi = tracer->abi_of_slot[slot];
	call->flags = flags & SPEC_HIDDEN ? 1 : 0;
	call->items = 0;
	call->head.words = WORDS_BEFORE_ARGS + arg_count;
	call->head.len = call->head.words * 8;
	call->head.flags = 0;
	for (u32 i = 0; i < 6; i++)
		to[i] = slot == 1 ? (u32)args[i] : args[i];
	if (spec && spec->capture_count && !state->quiet) {
		tracee_memory_begin(tracee->tid);
		call_capture_enter(tracee, spec);
	}
	/* Last, so that the time spent here is not the call's. */
	call->head.ts = monotonic_ns();
}

static bool is_error(s64 ret)
{
	return ret < 0 && ret >= -4095;
}

static bool is_wanted(const struct tracer *tracer, s64 ret, u8 call_state, u64 duration_ns)
{
	const struct call_filter *filter = tracer->options.filter;
	bool returned = call_state == TRC_SYSCALL_COMPLETE, failed = returned && is_error(ret);
	u64 number = -ret;

	if (filter->flags & FILTER_FAILED && !failed)
		return false;
	if (filter->flags & FILTER_SUCCESSFUL && !(returned && !failed))
		return false;
	if (filter->flags & FILTER_ERRNO &&
	    !(failed && number < FILTER_ERRNOS && filter->errnos[number / 64] >> (number & 63) & 1))
		return false;
	return !(filter->flags & FILTER_DURATION) || duration_ns >= filter->min_duration_ns;
}

/* The finished record; NULL: a filter leaves it out. */
static const struct trc_head *call_finish(struct tracer *tracer, struct tracee *tracee, s64 ret,
					  u8 call_state, u64 now)
{
	struct task_state *state = &tracee->state;
	struct trc_syscall *call = &state->call;
	u64 enter = call->head.ts;
	u8 head_flags = call->head.flags;

	if (state->quiet)
		return NULL;
	if (!(call->flags & 1) && !is_wanted(tracer, ret, call_state, now - enter)) {
		if (!(state->notes & NOTE_KEPT))
			return NULL;
		call->flags |= 1;
	}
	tracer_head(&call->head, tracee, TRC_KIND_syscall, call->head.words, now);
	call->head.flags = head_flags;
	call->state = call_state;
	call->ret = ret;
	call->duration_ns = now - enter;
	if (!call->items)
		return &call->head;
	call->head.len = state->tail_end;
	memcpy(tracee->tail, call, call->head.words * 8);
	return (const struct trc_head *)tracee->tail;
}

/* A pending signal that ends it: to the caller the call never returns. Asked only of interrupted calls. */
static bool is_being_killed(const struct tracee *tracee)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
					SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	_cleanup_free_ char *path = xasprintf("/proc/%u/task/%u/status", tracee->tgid, tracee->tid);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	unsigned long long pending = 0, blocked = 0, ignored = 0, caught = 0, mask;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SigPnd: %llx", &mask) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &mask) == 1)
			pending |= mask;
		else if (sscanf(line, "SigBlk: %llx", &mask) == 1)
			blocked = mask;
		else if (sscanf(line, "SigIgn: %llx", &mask) == 1)
			ignored = mask;
		else if (sscanf(line, "SigCgt: %llx", &mask) == 1)
			caught = mask;
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		ignored |= 1ull << (harmless[i] - 1);
	return pending & ~(blocked | ignored | caught);
}

void call_exit(struct tracer *tracer, struct tracee *tracee, s64 ret, u64 now)
{
	struct task_state *state = &tracee->state;
	const struct trc_head *record;
	struct syscall_spec *spec;
	u8 phase = state->phase;

	if (phase == PHASE_HELD)
		return;
	state->phase = PHASE_OUTSIDE;
	if (phase != PHASE_INSIDE)
		return;
	spec = call_spec(tracer, tracee);
	/* After a successful exec the addresses mean nothing any more. */
	if (spec && state->exit_captures | state->again_captures &&
	    !(spec->flags & SPEC_EXEC && ret == 0)) {
		tracee_memory_begin(tracee->tid);
		call_capture_exit(tracee, spec, ret);
	}
	if (ret >= RESTART_FIRST && ret <= RESTART_LAST && is_being_killed(tracee)) {
		state->phase = PHASE_INSIDE;
		return;
	}
	if (spec && tracer->renames[state->spec_index] && state->call.arg0 == PR_SET_NAME && !ret)
		tracee_renamed(tracer, tracee, now);
	record = call_finish(tracer, tracee, ret, TRC_SYSCALL_COMPLETE, now);
	if (record)
		tracer_send(tracer, record);
}

bool call_unfinished(struct tracer *tracer, struct tracee *tracee, u64 now,
		     const struct trc_head **ret_record)
{
	if (tracee->state.phase != PHASE_INSIDE)
		return false;
	tracee->state.phase = PHASE_OUTSIDE;
	*ret_record = call_finish(tracer, tracee, 0, TRC_SYSCALL_UNFINISHED, now);
	return *ret_record;
}
