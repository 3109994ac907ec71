/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records as they travel: written by the BPF programs, held by the file, read by analyze.
 *
 * The one header that BPF and user space share; BPF code includes vmlinux.h first. Everything of a
 * kind comes from its block in events.def. Integers are in the recording machine's byte order.
 */
#pragma once

#ifndef __bpf__
#include "common/types.h"
#endif

#define TRC_RECORD_MAX 16384 /* bytes, head and tail included; every length is a multiple of 8 */

/*
 * Classes group kinds into streams of the file; a reader may skip a class as a whole. Of events of the same time
 * those of the lower class come first: a name before the call that uses it.
 */
enum trc_class {
	TRC_CLASS_TASK = 0, /* life cycle: small, always read first */
	TRC_CLASS_OBJECT =
		1, /* what descriptors, addresses and stacks are: files, sockets, maps, frames */
	TRC_CLASS_SYSCALL = 2,
	TRC_CLASS_FUTEX = 3,
	TRC_CLASS_SCHED = 4,
	TRC_CLASS_SIGNAL = 5, /* and capabilities, cgroups */
	TRC_CLASS_MEMORY = 6, /* faults, page cache, sizes */
	TRC_CLASS_IO = 7,     /* disks, io_uring, TCP */
	TRC_CLASS_STACK = 8,  /* where threads were */
	TRC_CLASS_COUNTER = 9,
};

struct trc_head {
	u64 ts;	 /* CLOCK_MONOTONIC, ns, when the record was made */
	u32 tid; /* in the initial pid namespace */
	u32 tgid;
	u16 kind; /* enum trc_kind */
	u16 len;  /* bytes of the whole record, a multiple of 8 */
	u16 cpu;
	u8 words; /* 8-byte words of head and fixed fields; what follows is the tail */
	u8 flags; /* TRC_FLAG_* */
};

#define TRC_HEAD_WORDS 3

enum trc_flag {
	TRC_FLAG_TRUNCATED = 1, /* the tail is missing items for which there was no room */
};

/*
 * The tail is a sequence of items, each an 8-byte head and its bytes, zero padded to 8.
 * Strings carry no NUL. An unreadable item has len 0.
 */
struct trc_item {
	u8 field; /* index among the V() fields of the kind; for a syscall the argument's number */
	u8 type;  /* enum trc_type: TRC_TYPE_STR … */
	u8 state; /* enum trc_item_state */
	u8 zero;
	u16 len;  /* bytes that follow, padding not counted */
	u16 more; /* how many bytes, or elements of a TRC_TYPE_STRV, were left out; 65535: unknown */
};

enum trc_item_state {
	TRC_ITEM_WHOLE = 0,
	TRC_ITEM_TRUNCATED = 1,	 /* cut at len */
	TRC_ITEM_UNREADABLE = 2, /* the address could not be read, at entry nor at exit */
};

/* Types of fixed fields and of items; the file's schema uses these numbers. */
enum trc_type {
	TRC_TYPE_u8 = 1,
	TRC_TYPE_u16 = 2,
	TRC_TYPE_u32 = 3,
	TRC_TYPE_u64 = 4,
	TRC_TYPE_s32 = 5,
	TRC_TYPE_s64 = 6,
	TRC_TYPE_chars = 7, /* fixed bytes, NUL padded */
	TRC_TYPE_any = 16,  /* item of the type that its own head says */
	TRC_TYPE_str = 17,  /* bytes without NUL */
	TRC_TYPE_strv = 18, /* strings, each ended by a NUL */
	TRC_TYPE_bytes = 19,
	TRC_TYPE_sockaddr = 20, /* struct sockaddr of the recording machine */
	TRC_TYPE_fds = 21,	/* s32 each */
	TRC_TYPE_u32s = 22,
	TRC_TYPE_u64s = 23,
	TRC_TYPE_cmsgs = 24, /* struct cmsghdr, each aligned to a long, of the recording ABI */
};

enum trc_syscall_state {
	TRC_SYSCALL_COMPLETE = 0,
	TRC_SYSCALL_UNFINISHED = 1,
	TRC_SYSCALL_NO_ENTER = 2,
};

/* Bits of syscall.flags. */
enum trc_call_flag {
	TRC_CALL_HIDDEN = 1,
	TRC_CALL_FOUND = 2,
	TRC_CALL_GOES_ON = 4,
};

enum trc_sched_state {
	TRC_SCHED_RUNNABLE = 0,
	TRC_SCHED_SLEEP = 1,
	TRC_SCHED_UNINTERRUPTIBLE = 2,
	TRC_SCHED_STOPPED = 3,
	TRC_SCHED_TRACED = 4,
	TRC_SCHED_DEAD = 5,
	TRC_SCHED_PARKED = 6,
	TRC_SCHED_IDLE = 7,
	TRC_SCHED_NEW = 8,
	TRC_SCHED_FROZEN = 9,
	TRC_SCHED_LOCK = 10,
	TRC_SCHED_OTHER = 255,
};

enum trc_sched_switch_flag {
	TRC_SWITCH_PREEMPTED = 1,
	TRC_SWITCH_IOWAIT = 2,
	TRC_SWITCH_FROM_TARGET = 4,
	TRC_SWITCH_TO_TARGET = 8,
	TRC_SWITCH_IN_CALL = 16,
	TRC_SWITCH_NOT_IN_CALL = 32,
};

enum trc_sched_context {
	TRC_CONTEXT_TASK = 0,
	TRC_CONTEXT_SOFTIRQ = 1,
	TRC_CONTEXT_HARDIRQ = 2,
	TRC_CONTEXT_NMI = 3,
	TRC_CONTEXT_UNKNOWN = 255,
};

enum trc_sched_wakeup_flag {
	TRC_WAKEUP_NEW = 1,
	TRC_WAKEUP_TARGET = 2,
	TRC_WAKEUP_BY_TARGET = 4,
};

/* Bits of signal_deliver.known. */
enum trc_signal_known {
	TRC_SIGNAL_ADDR = 1,
	TRC_SIGNAL_SENDER = 2,
	TRC_SIGNAL_STATUS = 4,
};

enum trc_futex_outcome {
	TRC_FUTEX_DONE = 0,
	TRC_FUTEX_WOKEN = 1,
	TRC_FUTEX_TIMEOUT = 2,
	TRC_FUTEX_SIGNAL = 3,
	TRC_FUTEX_AGAIN = 4,
	TRC_FUTEX_ERROR = 5,
	TRC_FUTEX_UNFINISHED = 6,
};

enum trc_futex_flag {
	TRC_FUTEX_PRIVATE = 1,
	TRC_FUTEX_REALTIME = 2,
	TRC_FUTEX_TIMED = 4,
	TRC_FUTEX_IN_FILE = 8,
	TRC_FUTEX_UNKNOWN = 16,
	TRC_FUTEX_SECOND_SHIFT = 2, /* of the last two, for the second futex */
};

enum trc_lost_cause {
	TRC_LOST_RING = 1,
	TRC_LOST_TASK = 2,
	TRC_LOST_BUFFER = 3,
	TRC_LOST_WRITE = 4,
	TRC_LOST_STRING = 5,
	TRC_LOST_BUSY = 6,
	TRC_LOST_PAUSED = 7,
};

/* What stacks are taken of: bits of stack_use.why. */
enum trc_stack_why {
	TRC_STACK_OFF_CPU = 1,
	TRC_STACK_FUTEX = 2,
	TRC_STACK_SYSCALL = 4,
};

enum trc_stack_state {
	TRC_STACK_KNOWN = 0,
	TRC_STACK_UNASKED = 1,
	TRC_STACK_UNREADABLE = 2,
	TRC_STACK_LOST = 3,
};

enum trc_counters_why {
	TRC_COUNTERS_SECOND = 0,
	TRC_COUNTERS_EXIT = 1,
	TRC_COUNTERS_END = 2,
};

/* enum trc_kind */
#define F(type, name, unit, doc)
#define C(name, size, unit, doc)
#define V(type, name, doc)
#define EVENT(id, name, class, doc, ...) TRC_KIND_##name = id,
enum trc_kind {
	TRC_KIND_none = 0,
#include "common/events.def"
	TRC_KIND_MAX, /* one past the highest id, as long as the highest stands last */
};
#undef F
#undef C
#undef V
#undef EVENT

/* struct trc_NAME: head and fixed fields */
#define F(type, name, unit, doc) type name;
#define C(name, size, unit, doc) char name[size];
#define V(type, name, doc)
#define EVENT(id, name, class, doc, ...)                                                           \
	struct trc_##name {                                                                        \
		struct trc_head head;                                                              \
		__VA_ARGS__                                                                        \
	};
#include "common/events.def"
#undef F
#undef C
#undef EVENT

/* No padding: the sizes of the fields add up; and whole words. */
#define F(type, name, unit, doc) +sizeof(type)
#define C(name, size, unit, doc) +(size)
#define EVENT(id, name, class, doc, ...)                                                           \
	_Static_assert(sizeof(struct trc_##name) == sizeof(struct trc_head) __VA_ARGS__,           \
		       #name " has padding");                                                      \
	_Static_assert(sizeof(struct trc_##name) % 8 == 0, #name " is not whole words");
#include "common/events.def"
#undef F
#undef C
#undef V
#undef EVENT
