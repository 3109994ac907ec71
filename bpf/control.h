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
#define SPEC_CAPTURES 6

enum spec_flag {
	SPEC_KNOWN = 1,
	SPEC_SKIP = 2,	 /* filtered out: neither saved nor sent */
	SPEC_HIDDEN = 4, /* filtered out but kept for the names: sent with the hidden bit */
	SPEC_EXEC =
		8, /* arms a held target; success replaces the memory that the arguments were in */
	SPEC_QUIET = 16, /* not sent, but a group looks at it: see call_interest */
	SPEC_STATE = 32, /* what a filter leaves out of these is sent with the hidden bit */
	SPEC_RETURNS_FD = 64,
};

/* What groups look for in a call when it returns: syscall.bpf.c asks them. */
enum call_interest {
	INTEREST_NONE = 0,
	INTEREST_OBJECT = 1, /* bits; it makes or names something: see struct call_object */
	INTEREST_CLOSE = 2,  /* looked at when it is entered: it may close a socket */
	INTEREST_FUTEX = 4,
	INTEREST_FUTEX_LIST = 16, /* beside the one above: it waits for several */
	INTEREST_MEMORY = 8,	  /* it may change the address space */
};

/* Which of the calls that work on futexes it is: what its arguments mean. */
enum futex_call {
	FUTEX_CALL_NONE = 0,
	FUTEX_CALL_FUTEX, /* the one that multiplexes */
	FUTEX_CALL_WAIT,
	FUTEX_CALL_WAKE,
	FUTEX_CALL_REQUEUE,
	FUTEX_CALL_WAITV,
};

/* What a call makes, as its signature says. */
enum object_role {
	OBJECT_NONE = 0,
	OBJECT_FD,	    /* returns a descriptor */
	OBJECT_FD_COMMAND,  /* returns one if argument `arg` is one of `commands` */
	OBJECT_FD_PAIR,	    /* writes two to argument `arg` */
	OBJECT_SOCKET,	    /* returns a new socket */
	OBJECT_SOCKET_PAIR, /* writes two of them to argument `arg` */
	OBJECT_ACCEPT,	    /* returns a new socket; the listener is argument `arg` */
	OBJECT_MESSAGE,	    /* brings descriptors along: argument `arg` is a msghdr */
	OBJECT_MESSAGES,    /* argument `arg` is an array of mmsghdr, the result their count */
	OBJECT_CLONE, /* writes a pidfd to argument `aux`, if the flags, argument `arg`, say so */
	OBJECT_CLONE_ARGS, /* the same with struct clone_args, argument `arg` */
	OBJECT_DIR,	   /* changes directory or root */
	OBJECT_MAP,	   /* maps: address, length, protection, flags, descriptor, offset */
	OBJECT_BIND,	/* names socket `arg` with address `aux`, whose length is argument `len` */
	OBJECT_CONNECT, /* the same for the peer */
};

enum object_flag {
	OBJECT_MAY_BE_SOCKET = 1,
	OBJECT_IN_PAGES = 2, /* the offset counts units of 4096 bytes */
};

#define OBJECT_COMMANDS 3

struct call_object {
	u8 role; /* enum object_role */
	u8 arg, aux, len;
	u8 flags;  /* enum object_flag */
	u8 closes; /* 1 + the argument whose descriptor it closes; 0: none */
	u8 keeps;  /* 1 + the argument that, if it is the same, makes it close nothing */
	u8 zero;
	struct {
		u32 first, last;
	} commands[OBJECT_COMMANDS];
};

enum capture_how {
	/* at entry */
	CAPTURE_STR = 1,    /* bytes up to NUL, at most `limit` */
	CAPTURE_KERNEL_STR, /* the same, of the kernel's memory */
	CAPTURE_STRV,	    /* array of pointers to strings, at most `limit` bytes of them */
	CAPTURE_FIXED_IN,   /* `limit` bytes */
	CAPTURE_SIZED_IN,   /* `unit` bytes for each one that argument `aux` counts */
	CAPTURE_BITS_IN, /* a set of as many bits as argument `aux` says, in words of `unit` bytes */
	CAPTURE_BEHIND_IN,	 /* `limit` bytes at the address that stands there */
	CAPTURE_VECTOR_IN,	 /* argument `aux` iovecs: their lengths */
	CAPTURE_VECTOR_DATA_IN,	 /* and what they hold, `limit` bytes */
	CAPTURE_MESSAGE_IN,	 /* msghdr: name, lengths, control messages */
	CAPTURE_MESSAGE_DATA_IN, /* and what its iovecs hold */
	/* at exit, if the call succeeded */
	CAPTURE_OUT,
	CAPTURE_RET_OUT =
		CAPTURE_OUT, /* as many units as the call returned, at most those of argument `aux` */
	CAPTURE_FIXED_OUT,   /* `limit` bytes */
	CAPTURE_SIZED_OUT,   /* argument `aux` points to the length, a u32 */
	CAPTURE_LEFT_OUT,    /* `limit` bytes, only if a signal interrupted the call */
	CAPTURE_PICK_OUT,    /* the fields that picks[aux] names */
	CAPTURE_RECORDS_OUT, /* how many records, each with its size in a u16 at `aux`, fill what was returned */
	CAPTURE_VECTOR_DATA_OUT, /* as many bytes as the call returned */
	CAPTURE_MESSAGE_OUT,
	CAPTURE_MESSAGE_DATA_OUT,
	CAPTURE_MESSAGES_OUT, /* as many mmsghdrs as the call returned: their msg_len, in and out */
};

enum capture_flag {
	CAPTURE_AGAIN = 1,    /* of what is read at entry: once more at exit, the call changes it */
	CAPTURE_POSITIVE = 2, /* at exit only if more than 0 was returned */
	CAPTURE_OPTION =
		4, /* a socket option: not those of levels above 255, which set keys (ALG, TLS) */
	CAPTURE_PATH = 8, /* what --path looks at */
};

struct capture {
	u8 arg;
	u8 how;	 /* enum capture_how */
	u8 type; /* enum trc_type of the item */
	u8 aux;
	u16 limit; /* bytes */
	u8 unit;   /* bytes */
	u8 flags;  /* enum capture_flag */
};

/* Of a struct that the kernel fills, the fields worth keeping, for each of the ABIs' layouts. */
#define PICK_FIELDS  5
#define PICK_LAYOUTS 16

struct pick {
	struct {
		u8 at, size; /* bytes; at a multiple of 4 */
	} fields[PICK_FIELDS];
	u8 span; /* where the last of them ends */
	u8 zero;
};

struct syscall_spec {
	u8 arg_count;
	u8 flags; /* enum spec_flag */
	u8 capture_count;
	u8 interest; /* enum call_interest */
	u8 futex;    /* enum futex_call */
	u8 fd_args;  /* bit per argument that is a descriptor */
	u16 sample;  /* one of so many is sent, the rest is counted; 0 and 1: all are */
	struct capture captures[SPEC_CAPTURES];
	struct call_object object;
};

/* --- filters of calls, beside the choice by number: rodata, so that what is not asked for is folded away */

enum filter_flag {
	FILTER_FAILED = 1,
	FILTER_SUCCESSFUL = 2,
	FILTER_ERRNO = 4,
	FILTER_DURATION = 8,
	FILTER_PATH = 16,
	FILTER_COMM = 32,
};

#define FILTER_ERRNOS	  640 /* above the kernel's own, 512 … 529 */
#define FILTER_PATH_WORDS 32

struct call_filter {
	u64 flags; /* enum filter_flag */
	u64 min_duration_ns;
	u64 errnos[FILTER_ERRNOS / 64];
	/* Bytes of the prefix that count, as masks of whole words. */
	u64 path[FILTER_PATH_WORDS], path_mask[FILTER_PATH_WORDS];
	u64 path_len;
	/*
	 * Globs of comm as one automaton: a bit is a place in a pattern, before the character that `accepts` says. In a
	 * place of `loops` stands a *, at the start `first` is on, in the end one of `last` must be.
	 */
	u64 accepts[256], first, loops, last;
};

/* --- what was counted and not sent: a task storage that is there only with --sample */

#define COUNTED_MAX 64 /* calls of different number that a thread makes; of more all are sent */
#define COUNTED_NS  1000000000ull

struct counted_call {
	u16 spec_index;
	u16 one_of; /* 0: free */
	u32 seen;   /* of all, to choose one of N */
	u64 count, error_count, total_ns, first_ns;
};

struct counted_calls {
	u64 sent_ns;
	struct counted_call calls[COUNTED_MAX];
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

/* Why a task is a target; the numbers are those of task_found's reason. */
enum target_reason {
	REASON_NONE = 0,
	REASON_COMMAND,
	REASON_PID,
	REASON_TID,
	REASON_NAME,
	REASON_CGROUP,
	REASON_CONTAINER,
	REASON_USER,
	REASON_ALL,
	REASON_INHERITED, /* a thread or descendant of a target */
};
#define REASON_BIT(reason) (1u << (reason))

enum target_told {
	TOLD_FOUND = 1,	  /* its birth or its task_found is in the trace */
	TOLD_ADDED = 2,	  /* its target_added is, if it was chosen */
	TOLD_REMOVED = 4, /* its end is */
};

#define FDS_KNOWN 0xffffffff

enum call_note {
	NOTE_KEPT = 1,	  /* SPEC_STATE */
	NOTE_PATH = 2,	  /* it names a path that --path asks for, or uses such a file */
	NOTE_COUNTED = 4, /* not one of the sample */
};

enum target_live {
	LIVE_UNCOUNTED = 0,
	LIVE_COUNTED = 1, /* among control.live_tasks, or was */
	LIVE_ENDED = 2,	  /* of a leader: so has the last thread of its process */
};

struct task_state {
	u8 phase;	  /* enum task_phase */
	u8 exit_captures; /* bit per capture: to be read at exit, or unreadable at entry and tried again */
	u16 spec_index;	   /* of the call that it is in */
	u16 tail_end;	   /* end of the items in the task's tail; 0: there are none */
	u8 last_try;	   /* what cannot be read now is written as unreadable */
	u8 interest;	   /* of the call that it is in */
	u32 out_bytes;	   /* room for what CAPTURE_SIZED_OUT brings, as the caller said at entry */
	u8 quiet;	   /* the call that it is in is not to be sent */
	u8 again_captures; /* bit per capture: to be read at exit too, the call may change it */
	u8 reason;	   /* enum target_reason */
	u8 told;	   /* enum target_told */
	u8 later;	   /* became a target when the recording went on */
	u8 notes;	   /* enum call_note */
	u8 counted;	   /* with NOTE_COUNTED: where among the thread's counted_calls */
	u64 added_ns;	   /* watched since */
	u32 in_live_tasks; /* enum target_live */
	u32 fds_pass;	   /* the pass that told of its descriptors; 0: none yet; FDS_KNOWN */
	u32 user_stack; /* at the entry of the call that it is in; 0 and state 0: none was taken */
	u8 stack_state; /* enum trc_stack_state of it */
	u8 part;	/* that its beginning was last told in: control.part */
	u8 zero[2];
	struct trc_syscall call;
};

/*
 * Room for the items of one call: offsets up to TAIL_START_MAX, then at most TAIL_ITEM_MAX bytes; as much again, so that
 * the verifier believes of an item made of parts that each fits. The kernel rounds up to 16 KiB in any case.
 */
#define TAIL_START_MAX 4216 /* two paths of PATH_MAX: rename */
#define TAIL_ITEM_MAX  4128
struct task_tail {
	u64 words[(TAIL_START_MAX + 2 * TAIL_ITEM_MAX + 72) / 8];
};

/* --- stacks: bits of the variable `stacks` and of the array `stack_calls`, a byte per struct syscall_spec */

/* TRC_STACK_FUTEX, TRC_STACK_SYSCALL of events.h, and: */
#define STACK_MODULE 8	/* the call may map code of a file */
#define STACK_PROT   16 /* the same, if its third argument has PROT_EXEC */

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
	u64 unseen; /* runs from which a target was hidden (see task_is_hidden()), or its memory map */
};

/* --- shared variables, in .bss, read by record through the mapping */

struct control {
	u64 live_tasks;	   /* targets that have not exited */
	u64 stopping;	   /* set before the probes are detached, one after the other */
	u64 first_exec_ns; /* when the held command entered its exec; 0 before */
	u64 paused;	   /* targets are followed, nothing is sent */

	/* Numbers of the initial pid namespace, whatever record and the command see of themselves. */
	s32 recorder_tgid;
	u32 recorder_level; /* depth of record's own pid namespace */
	u32 command_tgid;
	/* Finding targets that exist already: bpf/targets.bpf.c and record/attach.c. */
	u32 attaching; /* the hooks look at tasks that are no targets, too */
	u32 counting;  /* the pass adds nothing, it counts what matches */
	u32 matched;
	u32 adopted; /* targets that were not born of targets */
	u32 wanted; /* a hook made a target of a process, whose other threads and files are to be found */
	u32 pass;
	u32 telling_all; /* also what was told before */
	u32 arriving;	 /* all hooks are there: they may make targets */
	u32 parting;	 /* a file begins: who is born now may be told of in the one before */
	u32 part;	 /* the number of the file, or of the stretch of memory, that begins */
	u32 started;	 /* what is added now was no target at the start */

	u64 end_ns;	 /* where the file ends of which the last is told */
	u64 stack_count; /* ids of stacks that were given */
};
