/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sums of spans by state: the columns that thread_time and its like share. The states add up to total_ns. */
#pragma once

#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"

struct time_sums { /* zero it first */
	u64 by_state[SPAN_STATE_COUNT];
	u64 run_count, voluntary_count, involuntary_count, wakeup_count;
	struct latency latency; /* of the wake-ups */
	bool lossy;
};

#define STATE_COLUMNS(C)                                                                           \
	C(total_ns, INTEGER, NS,                                                                   \
	  "time that it lived within the trace, or the window: the sum of "                        \
	  "the states below, of which each moment is in one")                                      \
	C(run_user_ns, INTEGER, NS,                                                                \
	  "on a CPU, in its own code (page faults and interrupts in it included)")                 \
	C(run_system_ns, INTEGER, NS, "on a CPU, in system calls")                                 \
	C(preempted_ns, INTEGER, NS, "ready: taken off the CPU for another")                       \
	C(runnable_ns, INTEGER, NS, "ready: woken or new, not yet on a CPU")                       \
	C(sleep_ns, INTEGER, NS, "waiting, interruptible")                                         \
	C(block_ns, INTEGER, NS, "waiting, uninterruptible, not for block I/O")                    \
	C(iowait_ns, INTEGER, NS, "waiting for block I/O")                                         \
	C(stopped_ns, INTEGER, NS,                                                                 \
	  "stopped or traced; of a recorded command also: held until the recorder was ready")      \
	C(call_ns, INTEGER, NS,                                                                    \
	  "in system calls, of a recording that does not tell of the scheduler")                   \
	C(outside_ns, INTEGER, NS, "in no system call, of such a recording")                       \
	C(unknown_ns, INTEGER, NS, "not known: events are missing, or the recording was paused")

#define SWITCH_COLUMNS(C)                                                                          \
	C(run_count, INTEGER, COUNT, "times that it came to a CPU")                                \
	C(voluntary_count, INTEGER, COUNT, "times that it left the CPU to wait")                   \
	C(involuntary_count, INTEGER, COUNT, "times that the CPU was taken from it, or yielded")   \
	C(wakeup_count, INTEGER, COUNT, "times that it was woken")                                 \
	LATENCY_COLUMNS(C, latency_, "the run-queue latencies, from wake-up to CPU")

void time_sums_add(struct time_sums *sums, const struct thread *thread, const struct span *span);
void time_sums_merge(struct time_sums *into, const struct time_sums *from);
void time_sums_release(struct time_sums *sums);
/* Fill the columns of the two lists. */
void time_sums_states(const struct time_sums *sums, struct value *values);
void time_sums_switches(const struct time_sums *sums, struct value *values);

/* Is it woken there? */
static inline bool span_is_wakeup(const struct thread *thread, const struct span *span)
{
	return span->begins && span->state == SPAN_runnable &&
	       span->start_ns != thread->start_ns; /* else it is new */
}
