/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: spans.c tells spans, spans_sched.c makes the segments that they are cut from. */
#pragma once

#include "analyze/model/instances.h"
#include "analyze/model/spans.h"
#include "analyze/model/waits.h"

/* More are not held back: the oldest are told without the call that they lie in. */
#define SEGMENTS_MAX 512
/* Of what lies in no call for sure only so many: a page fault that is told at its end may be for some of them. */
#define SEGMENTS_OUTSIDE_MAX 32

struct segment { /* ends where the next one begins */
	u64 start_ns;
	u8 state; /* enum span_state; SPAN_user, SPAN_outside: whether in a call is not known yet */
	u8 waker_context;
	bool in_call; /* the kernel says that it lies in a call */
	bool guess;   /* the next evidence tells what it was */
	bool told;    /* its beginning */
	bool early;   /* runnable: it left to wait, and was woken before it had left */
	u32 waker_tid;
	struct thread *waker;  /* held */
	struct object *mapped; /* held: it is a page fault's wait, for this file */
};

struct span_call {
	u8 abi;
	u32 nr;
	u64 start_ns;
	struct wait_cause cause;
};

struct span_thread {
	struct thread *thread;
	size_t count, capacity; /* count > 0 */
	struct segment
		*segments; /* from the first moment that is not told; the last one is going on */
	u64 begin_ns;
	u64 seen_ns; /* the last moment at which something was heard of it */
	u64 end_ns;
	bool ended;
	u64 blind_ns; /* blind intervals up to here have been passed */
	/* The last moment at which it was in no call for sure: nothing before lies in one that ends later. */
	u64 outside_ns;
	/* Woken before it went to sleep, or so it looked: both at once, on two CPUs. */
	u64 early_ns;
	struct segment early; /* by whom */
	/* Of the last call, if restart_syscall may go on with it: the reason (or none), and the object, held. */
	struct wait_cause again;
};

struct spans {
	struct model *model;
	struct spans_options options;
	struct waits *waits;
	bool has_sched; /* in the section of the event */
	bool finished;
};

static inline struct segment *spans_open_segment(const struct span_thread *st)
{
	return &st->segments[st->count - 1];
}

static inline u64 spans_told_ns(const struct span_thread *st)
{
	return st->segments[0].start_ns;
}

void segment_drop(struct segment *segment);
/* All before `until_ns`, which is after all that was told, lay in the call, or in none (NULL). */
void spans_tell(struct spans *spans, struct span_thread *st, u64 until_ns,
		const struct span_call *call);
void spans_call(struct spans *spans, struct span_thread *st, const struct trc_syscall *record);

/* From its first event on. `state` is what it is then, if nothing is known of the time before. */
struct span_thread *spans_follow(struct spans *spans, struct thread *thread, u64 at_ns, u8 state);
/* It is heard of again: what it did where that could not be seen, and since then, is not known. */
void spans_pass_blind(struct spans *spans, struct span_thread *st, u64 now_ns, bool waited_through);
/* From now on it is in that state. */
void spans_turn(struct span_thread *st, u64 at_ns, u8 state);
