/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For each thread the chain of what had to happen for it to be where it is, back to the beginning: its own
 * doing, but for a wait that a thread ended the chain of that thread up to then. Chains share their past.
 *
 * What is told of a thread lags behind what happens, and not all lag alike: a jump to another thread is made
 * when that wakes this one, and waits there until the chain has got to that moment.
 */
#pragma once

#include "analyze/metrics/metric.h"

struct path_who { /* outlives the thread */
	u32 references;
	u32 thread_id, process_id, tid;
	struct string *comm;
};

struct path_node {
	struct path_node *parent; /* what was before; held */
	u32 references;
	u32 count; /* 1; more: so many were summed up */
	struct path_who *who;
	struct object *object;
	u64 start_ns, end_ns;
	u64 ns;	       /* of it: less than end - start only where it was summed up */
	u64 system_ns; /* of a run in system calls */
	u32 nr;
	u8 abi;
	u8 state;     /* enum span_state; SPAN_user for all of a run */
	u8 reason;    /* enum wait_reason; of a jump what the wait was for */
	bool jump;    /* lasts for no time: from here on another thread goes on */
	bool is_new;  /* a jump to the maker of a new thread */
	bool is_sum;  /* of what is long ago, all of it on one side */
	bool pending; /* a jump that waits for its place in the waker's chain: no parent yet */
	/* Numbers of foldings: walked while it was young, passed when it was old, another chain joins there. */
	u32 walked, passed, joined;
	struct path_node *folded; /* while it is done: the sums from here on; held */
};

struct path { /* of a thread */
	struct paths *paths;
	struct path *next, *previous;
	struct path_who *who;
	struct path_node *tip; /* NULL: nothing yet */
	u64 begin_ns, told_ns;
	/* Jumps that lead here, to a time that is not told yet; held, by time. */
	struct path_node **jumps;
	size_t jump_count, jump_capacity;
	/* Those from here, of wake-ups that are not told yet; the same. */
	struct path_node **wakes;
	size_t wake_count, wake_capacity;
};

struct paths {
	struct path *first;
	size_t node_count;
	size_t node_max;    /* more are folded; set it first */
	u64 folded_ns;	    /* what is older is; set it to the beginning */
	u64 from_ns, to_ns; /* the window: no node goes over an end of it; set it */
	u32 folding;	    /* number of it */
	/* While it is done: those whose parents are old; those from which on there are sums, held. */
	struct path_node **young, **old;
	size_t young_count, young_capacity, old_count, old_capacity;
};

#define PATH_NODES_MAX (1u << 18)

/* The chain of a thread; made at first sight. */
struct path *path_of(struct paths *paths, struct thread *thread, void **slot);
/* As it happens, before the spans around it are told: the waker woke it, or made it. */
void path_woken(struct path *path, struct path *waker, u64 at_ns);
/* `by_thread`: if another thread woke it at the end of the wait, or made it, the path goes on there. */
void path_span(struct path *path, const struct span *span, bool by_thread);
/* Nothing more is told of the thread. */
void path_free(struct path *path);

struct path_node *path_node_ref(struct path_node *node); /* NULL stays NULL */
void path_node_unref(struct paths *paths, struct path_node *node);

enum path_side { PATH_BEFORE, PATH_WITHIN, PATH_BEHIND, PATH_SIDES };

/* Where a node that begins then lies: in the window or not. */
static inline enum path_side path_side(const struct paths *paths, u64 start_ns)
{
	return start_ns < paths->from_ns ? PATH_BEFORE
	       : start_ns < paths->to_ns ? PATH_WITHIN
					 : PATH_BEHIND;
}

/* path_fold.c: what is long ago is summed up, so that memory does not grow with the trace. */
void paths_fold(struct paths *paths, u64 now_ns);
struct path_node *path_node_new(struct paths *paths, struct path_who *who);
