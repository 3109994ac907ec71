/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The shown events of a walk in the order in which they began.
 *
 * A trace has its calls in the order in which they ended. A call's line belongs where it was
 * entered, but that it was is known only at its end, which may be an hour later. One pass over the
 * trace can give the right order in bounded memory only to calls that last less than some window:
 * it holds back what ended less than a window ago. So several passes run side by side, each ahead
 * of the output by its own window and each holding only calls of its own range of durations:
 *
 *   pass 0: shorter than W         a window W of events: about REPLAY_WINDOW_EVENTS
 *   pass 1: from W up to 64 W       at most 65 calls per thread: it is in one call at a time
 *   pass 2: from 64 W up to 64² W   the same; and so on
 *
 * The last one has no upper end; it starts where no more than 64 of its calls fit into the trace.
 * Memory is that of a window and of 65 calls per pass and thread alive, however long the trace is. A file may hold
 * any number of calls of one thread at a time, and long ones: when they are too many what is first goes early.
 * A trace of 10 M events needs three passes; each beyond the first costs as much as reading it.
 */
#pragma once

#include "analyze/replay_waits.h"
#include "analyze/walk.h"
#include "common/text.h"

#define REPLAY_WINDOW_EVENTS 16384

struct replay_item {
	u64 key, seq; /* place in the queue that holds it; seq: its number in the trace */
	u64 begin_ns, end_ns;
	u32 begin_tid; /* not the record's after an execve by another thread than the leader */
	u16 kind_id;
	bool split; /* for the printer: its beginning has been printed */
	/* Of a call, as it was written when its event came, with the names that held then: behind the record. */
	const char *args, *result, *waits;
	u32 args_len, entry_len; /* entry_len: how much of args was known at entry */
	u32 result_len, waits_len;
	u32 bytes;		  /* of all of it */
	struct trc_head record[]; /* head and fixed fields; of others than calls all of it */
};

/* From an event that was shown; `scratch` is used while it is made. `waits` of the same walk. */
struct replay_item *replay_item_new(struct walk *walk, const struct walk_step *step,
				    const struct replay_waits *waits, struct text *scratch);

/* ---- a queue of items, the least key first ---- */

/*
 * Sorted as it stands: what is pushed nearly always belongs at the end or close to it, and then
 * push and pop touch one or two cache lines, where a heap of this size would miss at every level.
 */
struct item_queue {
	struct replay_item **items;
	size_t first, end, capacity; /* items[first … end) */
	struct replay_item **heap;   /* those that belonged far from the end */
	size_t heap_count, heap_capacity;
};

void item_queue_push(struct item_queue *queue, struct replay_item *item);
struct replay_item *item_queue_first(const struct item_queue *queue); /* NULL if it is empty */
struct replay_item *item_queue_pop(struct item_queue *queue);	      /* the same */
void item_queue_release(struct item_queue *queue);		      /* frees the items too */

/* ---- the order ---- */

struct replay_order;

/*
 * Walks `walk`, which must be at its start, and passes of its own on the same reader.
 * `window_events` says about how many events pass 0 holds back. 0 or -errno.
 */
int replay_order_new(struct walk *walk, u64 window_events, struct replay_order **ret_order);
/* The next event to begin; NULL at the end. peek leaves it there; next gives it away, to replay_order_put(). */
struct replay_item *replay_order_peek(struct replay_order *order);
struct replay_item *replay_order_next(struct replay_order *order);
/* It was written: frees it. */
void replay_order_put(struct replay_order *order, struct replay_item *item);
/* So much is held, items that were given away among it, that some must be put back, whatever their order. */
bool replay_order_is_full(const struct replay_order *order);
size_t replay_order_pass_count(const struct replay_order *order);
size_t replay_order_held_max(
	const struct replay_order *order); /* the most items that were held at a time */
void replay_order_free(struct replay_order *order);

/* What writes none interrupts none. */
bool replay_has_line(const struct event *event);
/* A call began at its entry, losses with the first, anything else when it was noted. */
u64 replay_begin_ns(const struct event *event);
