/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What record and the BPF programs say to each other through maps: targets, what to do with each
 * system call, loss counters. Not part of the file format. BPF code includes vmlinux.h first.
 */
#pragma once

#include "common/events.h"

/* --- groups: bits of the variable `groups` */

#define GROUP(name, on, calls, doc) GROUP_##name,
enum group {
#include "bpf/groups.def"
	GROUP_COUNT,
};
#undef GROUP
#define GROUP_BIT(group) (1ull << (group))

/* --- system calls: an array map of struct syscall_spec, SPEC_PER_ABI for each of the machine's ABIs */

#define SPEC_PER_ABI  1024
#define SPEC_ABIS     3 /* native, 32-bit, x32 */
#define SPEC_CAPTURES 4

enum spec_flag {
	SPEC_KNOWN = 1,
	SPEC_SKIP = 2,	 /* filtered out: neither saved nor sent */
	SPEC_HIDDEN = 4, /* filtered out but kept for the names: sent with the hidden bit */
	SPEC_EXEC =
		8, /* arms a held target; success replaces the memory that the arguments were in */
	SPEC_QUIET = 16, /* not sent, but a group looks at it: see call_interest */
};

/* What groups look for in a call when it returns: syscall.bpf.c asks them. */
enum call_interest {
	INTEREST_NONE = 0,
};

enum capture_how {
	CAPTURE_STR = 1,   /* at entry: bytes up to NUL, at most `limit` */
	CAPTURE_STRV,	   /* at entry: array of pointers to strings */
	CAPTURE_SIZED_IN,  /* at entry: bytes; the length is argument `aux` */
	CAPTURE_FIXED_IN,  /* at entry: `limit` bytes */
	CAPTURE_RET_OUT,   /* at exit: as many bytes as the call returned */
	CAPTURE_FIXED_OUT, /* at exit: `limit` bytes */
	CAPTURE_SIZED_OUT, /* at exit: bytes; argument `aux` points to the length, a u32 */
};

struct capture {
	u8 arg;
	u8 how;	 /* enum capture_how */
	u8 type; /* enum trc_type of the item */
	u8 aux;
	u16 limit; /* bytes */
	u16 zero;
};

struct syscall_spec {
	u8 arg_count;
	u8 flags; /* enum spec_flag */
	u8 capture_count;
	u8 interest; /* enum call_interest */
	struct capture captures[SPEC_CAPTURES];
};

/* --- targets: a task is one if it has this in the map `tasks`, a task storage */

enum task_phase {
	PHASE_OUTSIDE = 0, /* not in a call that is to be sent */
	PHASE_INSIDE,	   /* in a call: the record's arguments are filled */
	PHASE_SKIPPED,	   /* in a call that is not to be sent */
	PHASE_NEWBORN, /* never entered a call: its first exit is the return from its own creation */
	PHASE_ATTACHED, /* was taken over while it may have been inside a call */
	PHASE_HELD,	/* record holds it before its exec: nothing before that is sent */
};

struct task_state {
	u8 phase;	  /* enum task_phase */
	u8 exit_captures; /* bit per capture: to be read at exit, or unreadable at entry and tried again */
	u16 spec_index; /* of the call that it is in */
	u16 tail_end;	/* end of the items in the task's tail; 0: there are none */
	u8 last_try;	/* what cannot be read now is written as unreadable */
	u8 interest;	/* of the call that it is in */
	u32 out_bytes;	/* room for what CAPTURE_SIZED_OUT brings, as the caller said at entry */
	u8 quiet;	/* the call that it is in is not to be sent */
	u8 zero[2];
	u8 stack_state; /* enum trc_stack_state of: */
	u32 user_stack; /* at the entry of the call that it is in; 0 and state 0: none was taken */
	u32 zero2;
	struct trc_syscall call;
};

/* Room for the items of one call: offsets up to TAIL_START_MAX, then at most TAIL_ITEM_MAX bytes. */
#define TAIL_START_MAX 4216 /* two paths of PATH_MAX: rename */
#define TAIL_ITEM_MAX  4128
struct task_tail {
	u64 words[(TAIL_START_MAX + TAIL_ITEM_MAX + 72) / 8];
};

/* --- stacks: bits of the variable `stacks` and of the array `stack_calls`, a byte per struct syscall_spec */

/* TRC_STACK_FUTEX, TRC_STACK_SYSCALL of events.h, and: */
#define STACK_MODULE 8 /* the call may map code of a file */

#define STACK_FRAMES_MAX                                                                           \
	127		/* what the kernel gives at most by default: kernel.perf_event_max_stack */
#define STACK_IDS 16384 /* stacks that are known to be in the trace; others are sent again */

/* --- counters, per thread */

#define COUNTERS_MAX 16

/* Counted for each task by the kernel itself. */
enum task_counter {
	TASK_COUNTER_CLOCK, /* on a CPU, ns */
	TASK_COUNTER_SWITCHES,
	TASK_COUNTER_MIGRATIONS,
	TASK_COUNTER_FAULTS,
	TASK_COUNTER_MINOR_FAULTS,
	TASK_COUNTER_MAJOR_FAULTS,
	TASK_COUNTER_PERF, /* none of them: a perf event of the CPU */
};

/* --- losses, per CPU */

struct cpu_counters {
	u64 lost[TRC_KIND_MAX]; /* by kind: the ring was full */
	u64 lost_task;		/* a new task got no storage: it and its children are not watched */
	u64 lost_string;	/* a call's items found no memory */
};

/* --- shared variables, in .bss, read by record through the mapping */

struct control {
	u64 live_tasks;	   /* targets that have not exited */
	u64 stopping;	   /* set before the probes are detached, one after the other */
	u64 first_exec_ns; /* when the held command entered its exec; 0 before */
	u64 stack_count;   /* ids of stacks that were given */
	u32 stack_epoch;   /* raised: every stack is sent again when it is next seen */
	u32 zero;
};
