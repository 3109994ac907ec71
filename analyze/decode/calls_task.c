/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/calls.h"

#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <string.h>

/* ---- clone ---- */

/* Where the argument of that name stands: ABIs disagree. args->count if it is not there. */
static unsigned find_arg(const struct args *args, const char *name)
{
	unsigned i = 0;

	while (i < args->count && strcmp(args->plan->desc->args[i].name, name))
		i++;
	return i;
}

static void add_clone_address(struct args *args, const char *arg_name, const char *label)
{
	unsigned i = find_arg(args, arg_name);

	if (i == args->count)
		return;
	args_next(args);
	text_adds(args->out, label);
	text_add_address(args->out, args->values[i]);
}

static void add_clone_flags(struct args *args, u64 flags)
{
	args_next(args);
	text_add_literal(args->out, "flags=");
	if (flags & ~(u64)CSIGNAL || !(flags & CSIGNAL))
		value_set_add(&set_clone_flags, flags & ~(u64)CSIGNAL, args->out);
	if (flags & CSIGNAL) {
		if (flags & ~(u64)CSIGNAL)
			text_addc(args->out, '|');
		text_add_signal(args->decoder, flags & CSIGNAL, args->out);
	}
}

void print_clone(struct args *args)
{
	u64 flags = args->values[0];

	if (!args->count)
		return;
	if (args->count > 1)
		add_clone_address(args, args->plan->desc->args[1].name, "child_stack=");
	add_clone_flags(args, flags);
	if (flags & (CLONE_PARENT_SETTID | CLONE_PIDFD))
		add_clone_address(args, "parent_tidptr", "parent_tid=");
	if (flags & CLONE_SETTLS)
		add_clone_address(args, "tls", "tls=");
	if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		add_clone_address(args, "child_tidptr", "child_tidptr=");
}

/* ---- futex ---- */

/*
 * What follows the operation: v value, t timeout, n value in the timeout's place, u second futex,
 * c third value, b bit set, w operation of FUTEX_WAKE_OP.
 */
static const char *const futex_forms[] = {
	[FUTEX_WAIT] = "vt",
	[FUTEX_WAKE] = "v",
	[FUTEX_FD] = "v",
	[FUTEX_REQUEUE] = "vnu",
	[FUTEX_CMP_REQUEUE] = "vnuc",
	[FUTEX_WAKE_OP] = "vnuw",
	[FUTEX_LOCK_PI] = "t",
	[FUTEX_UNLOCK_PI] = "",
	[FUTEX_TRYLOCK_PI] = "",
	[FUTEX_WAIT_BITSET] = "vtb",
	[FUTEX_WAKE_BITSET] = "vb",
	[FUTEX_WAIT_REQUEUE_PI] = "vtu",
	[FUTEX_CMP_REQUEUE_PI] = "vnuc",
	[FUTEX_LOCK_PI2] = "t",
};

static void add_futex_op(struct args *args, u32 op)
{
	const struct value_name *name = value_set_name(
		&set_futex_op, op & ~(u32)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME));

	args_next(args);
	if (!name) {
		text_add_unknown(args->out, op, set_futex_op.unknown);
		return;
	}
	text_add(args->out, name->name, name->len);
	if (op & FUTEX_PRIVATE_FLAG)
		text_add_literal(args->out, "_PRIVATE");
	if (op & FUTEX_CLOCK_REALTIME)
		text_add_literal(args->out, "|FUTEX_CLOCK_REALTIME");
}

static void add_futex_wake_op(struct args *args, u32 code)
{
	struct text *out = args->out;

	args_next(args);
	if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
		text_add_literal(out, "FUTEX_OP_OPARG_SHIFT<<28|");
	value_set_add(&set_futex_wake_op, code >> 28 & 7, out);
	text_add_literal(out, "<<28|");
	text_addx(out, code >> 12 & 0xfff);
	text_add_literal(out, "<<12|");
	value_set_add(&set_futex_wake_compare, code >> 24 & 0xf, out);
	text_add_literal(out, "<<24|");
	text_addx(out, code & 0xfff);
}

static void add_futex_arg(struct args *args, char form)
{
	switch (form) {
	case 'v':
		args_next(args);
		text_addu(args->out, (u32)args->values[2]);
		break;
	case 't':
		args_print(args, 3);
		break;
	case 'n':
		args_next(args);
		text_addu(args->out, (u32)args->values[3]);
		break;
	case 'u':
		args_address(args, 4);
		break;
	case 'c':
		args_next(args);
		text_addu(args->out, (u32)args->values[5]);
		break;
	case 'b':
		args_next(args);
		if ((u32)args->values[5] == FUTEX_BITSET_MATCH_ANY)
			text_add_literal(args->out, "FUTEX_BITSET_MATCH_ANY");
		else
			text_addx(args->out, (u32)args->values[5]);
		break;
	case 'w':
		add_futex_wake_op(args, (u32)args->values[5]);
		break;
	}
}

void print_futex(struct args *args)
{
	const char *form;
	u32 op, base;

	args_print(args, 0);
	if (args->count < 2)
		return;
	op = (u32)args->values[1];
	base = op & ~(u32)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	add_futex_op(args, op);
	form = base < ARRAY_SIZE(futex_forms) ? futex_forms[base] : "vtuc";
	if (args->count < 6)
		return; /* the record has not got them */
	for (; *form; form++)
		add_futex_arg(args, *form);
}

/* ---- prctl ---- */

/*
 * What follows the option: d number, x hexadecimal, p address, o address that the kernel writes to,
 * s string, S signal, C capability, M mm field, A ambient, V vma, U dumpable, E seccomp mode, B
 * securebits, T any tracer.
 */
static const struct {
	u32 option;
	const char *form;
} prctl_forms[] = {
	{ PR_SET_PDEATHSIG, "S" },
	{ PR_GET_PDEATHSIG, "o" },
	{ PR_GET_DUMPABLE, "" },
	{ PR_SET_DUMPABLE, "U" },
	{ PR_GET_KEEPCAPS, "" },
	{ PR_SET_KEEPCAPS, "d" },
	{ PR_GET_TIMING, "" },
	{ PR_SET_TIMING, "d" },
	{ PR_SET_NAME, "s" },
	{ PR_GET_NAME, "o" },
	{ PR_GET_SECCOMP, "" },
	{ PR_SET_SECCOMP, "Ep" },
	{ PR_CAPBSET_READ, "C" },
	{ PR_CAPBSET_DROP, "C" },
	{ PR_GET_SECUREBITS, "" },
	{ PR_SET_SECUREBITS, "B" },
	{ PR_SET_TIMERSLACK, "d" },
	{ PR_GET_TIMERSLACK, "" },
	{ PR_TASK_PERF_EVENTS_DISABLE, "" },
	{ PR_TASK_PERF_EVENTS_ENABLE, "" },
	{ PR_MCE_KILL_GET, "dddd" },
	{ PR_SET_MM, "Mxxd" },
	{ PR_SET_CHILD_SUBREAPER, "d" },
	{ PR_GET_CHILD_SUBREAPER, "o" },
	{ PR_SET_NO_NEW_PRIVS, "dddd" },
	{ PR_GET_NO_NEW_PRIVS, "dddd" },
	{ PR_GET_TID_ADDRESS, "o" },
	{ PR_SET_THP_DISABLE, "dddd" },
	{ PR_GET_THP_DISABLE, "dddd" },
	{ PR_CAP_AMBIENT, "ACdd" },
	{ PR_SET_IO_FLUSHER, "dddd" },
	{ PR_GET_IO_FLUSHER, "dddd" },
	{ PR_SET_VMA, "Vxdp" },
	{ PR_SET_PTRACER, "T" },
};

static void add_prctl_arg(struct args *args, unsigned i, char form)
{
	switch (form) {
	case 'd':
		args_unsigned(args, i);
		break;
	case 'p':
		args_address(args, i);
		break;
	case 'o':
		args_next_out(args);
		text_add_address(args->out, args->values[i]);
		break;
	case 's':
		args_string(args, i);
		break;
	case 'S':
		args_signal(args, i);
		break;
	case 'C':
		args_set(args, i, &set_capability);
		break;
	case 'M':
		args_set(args, i, &set_prctl_mm);
		break;
	case 'A':
		args_set(args, i, &set_prctl_ambient);
		break;
	case 'V':
		args_set(args, i, &set_prctl_vma);
		break;
	case 'U':
		args_set(args, i, &set_prctl_dumpable);
		break;
	case 'E':
		args_set(args, i, &set_seccomp_mode);
		break;
	case 'B':
		args_set(args, i, &set_securebits);
		break;
	case 'T':
		if ((s32)args->values[i] == -1) {
			args_next(args);
			text_add_literal(args->out, "PR_SET_PTRACER_ANY");
		} else {
			args_int(args, i);
		}
		break;
	default:
		args_hex(args, i);
	}
}

void print_prctl(struct args *args)
{
	const char *form = "xxxx";

	args_print(args, 0);
	for (size_t i = 0; i < ARRAY_SIZE(prctl_forms); i++)
		if (prctl_forms[i].option == (u32)args->values[0])
			form = prctl_forms[i].form;
	for (unsigned i = 1; i < args->count && *form; i++)
		add_prctl_arg(args, i, *form++);
}

/* ---- others ---- */

void print_ptrace(struct args *args)
{
	u32 request = (u32)args->values[0];

	if (request == PTRACE_TRACEME || args->count < 4) {
		args_print_range(args, 0, request == PTRACE_TRACEME ? 0 : 5);
		return;
	}
	args_print_range(args, 0, 2);
	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_DETACH:
		args_signal(args, 3);
		break;
	case PTRACE_SETOPTIONS:
	case PTRACE_SEIZE:
		args_set(args, 3, &set_ptrace_options);
		break;
	default:
		args_address(args, 3);
	}
}

void print_personality(struct args *args)
{
	if (!args->count)
		return;
	if ((u32)args->values[0] == 0xffffffff) /* only asks */
		args_hex(args, 0);
	else
		args_set(args, 0, &set_personality_flags);
}

/* The CPU counts only with its flag. */
void print_membarrier(struct args *args)
{
	args_print_range(args, 0, args->count > 1 && args->values[1] ? 2 : 1);
}
