/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a thread did from one moment to another. The spans of a thread follow each other without gap or
 * overlap from its first to its last moment in the trace, so their sum is its life, to the nanosecond.
 *
 * A span is told when nothing can change it any more: whether a thread was in a system call is known
 * only when the call's record comes, at its end.
 */
#pragma once

#include "analyze/model/object.h"
#include "common/types.h"

struct thread;

/* S(name, what a person reads) */
#define SPAN_STATES(S)                                                                             \
	S(user, "on CPU, user code")                                                               \
	S(system, "on CPU, in system calls")                                                       \
	S(preempted, "ready, taken off the CPU")                                                   \
	S(runnable, "ready, waiting for a CPU")                                                    \
	S(sleep, "waiting, interruptible")                                                         \
	S(block, "waiting, uninterruptible")                                                       \
	S(iowait, "waiting for block I/O")                                                         \
	S(stopped, "stopped, or held by the recorder")                                             \
	S(call, "in calls, waiting or not")                                                        \
	S(outside, "outside system calls: own code")                                               \
	S(unknown, "not known: events are missing")

#define SPAN_ENUM(name, text) SPAN_##name,
enum span_state { SPAN_STATES(SPAN_ENUM) SPAN_STATE_COUNT };

/* What a wait was for: W(name, what a person reads) */
#define WAIT_REASONS(W)                                                                            \
	W(none, "")                                                                                \
	W(file, "file")                                                                            \
	W(lock, "lock of a file (flock, fcntl)")                                                   \
	W(directory, "directory")                                                                  \
	W(device, "device")                                                                        \
	W(pipe, "pipe")                                                                            \
	W(socket, "socket")                                                                        \
	W(event, "eventfd, signalfd, inotify and the like")                                        \
	W(futex, "futex")                                                                          \
	W(poll, "several descriptors")                                                             \
	W(child, "child")                                                                          \
	W(timer, "timer")                                                                          \
	W(signal, "signal")                                                                        \
	W(disk, "disk")                                                                            \
	W(fault, "page fault")                                                                     \
	W(memory, "memory: its mappings are being changed")                                        \
	W(ipc, "System V or POSIX queue or semaphore")                                             \
	W(vfork, "child of vfork")                                                                 \
	W(exit, "other threads, at the end")                                                       \
	W(uring, "io_uring")                                                                       \
	W(kernel, "the kernel, in another call")                                                   \
	W(kernel_thread, "what a kernel thread waits for")                                         \
	W(unknown, "unknown")

#define WAIT_ENUM(name, text) WAIT_##name,
enum wait_reason { WAIT_REASONS(WAIT_ENUM) WAIT_REASON_COUNT };

enum waker_context { /* as sched_wakeup.context */
		     WAKER_task,
		     WAKER_softirq,
		     WAKER_irq,
		     WAKER_nmi,
		     WAKER_unknown = 255,
};

#define SPAN_NO_CALL UINT32_MAX

struct span {
	u64 start_ns, end_ns; /* start_ns < end_ns */
	u8 state;	      /* enum span_state */
	u8 reason;	      /* enum wait_reason: of sleep, block, iowait, call */
	u8 abi;		      /* of the call */
	u8 waker_context;     /* who ended the wait; also of the runnable span after it */
	bool complete;	      /* false: it touches an interval in which events were lost */
	bool begins;	      /* the state begins here: no other span of it lies before this one */
	bool early;	      /* runnable: it left to wait, and was woken before it had left */
	bool interrupted;     /* a signal ended it, and the call; or neither has ended */
	u32 nr;		      /* the system call it lies in; SPAN_NO_CALL: none, or not known */
	u64 call_start_ns;    /* when that began; 0: none */
	struct object
		*object; /* what was waited for; NULL unknown or none. Borrowed during the call */
	struct thread *waker; /* NULL: unknown, or not in the trace. Borrowed during the call */
	u32 waker_tid;	      /* 0: none or unknown; known even if the waker is not a target */
};

/* Of SPAN_unknown the part that is known to lie in a pause of the recording. */
#define SPAN_PAUSED_NAME "paused"
#define SPAN_PAUSED_TEXT "not recorded: paused"

const char *span_state_name(u8 state); /* "sleep": the column's value */
const char *span_state_text(u8 state); /* "waiting, interruptible" */
const char *wait_reason_name(u8 reason);
const char *wait_reason_text(u8 reason);

/*
 * Did the waker end the wait? A soft interrupt is the doing of the thread that it interrupted only where that may have
 * sent what it brought: over a loopback.
 */
static inline bool span_by_thread(const struct span *span)
{
	return span->waker_tid && (span->waker_context != WAKER_softirq ||
				   span->reason == WAIT_socket || span->reason == WAIT_poll);
}

/* Did it wait, whatever for? */
static inline bool span_waits(u8 state)
{
	return state == SPAN_sleep || state == SPAN_block || state == SPAN_iowait;
}
