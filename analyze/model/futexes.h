/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Futexes: which one a call is about, who woke its waiters, who seems to hold it.
 *
 * A futex is a place: an address in an address space, or an offset in a file that several have mapped. It
 * goes with its address space; those in files stay to the end. The kernel's own word for the address space
 * stands in the events, so a fork, an exec or a CLONE_VM needs no guess.
 */
#pragma once

#include "analyze/model/model.h"
#include "analyze/model/object.h"

/* Of one address space, and in files. A program that uses more has the oldest ones told as gone. */
#define FUTEXES_MAX 65536

enum futex_place {
	FUTEX_IN_SPACE,
	FUTEX_IN_FILE,
	FUTEX_GUESSED, /* its address space is not known: taken for that of its process */
};

struct futex_owner {   /* who seems to hold it */
	u32 thread_id; /* 0: nobody is known */
	u32 tid;
	u64 ns; /* since when; of a release when it was */
};

struct futex {
	u64 id; /* 1, 2, … : futex_id in the tables */
	struct futex_space *space;
	u64 offset; /* in its space: the address, or the place in the file */
	u64 inode;  /* of the file */
	u32 device;
	u8 place;	       /* enum futex_place */
	bool pi;	       /* a lock with priority inheritance: the kernel keeps its owner */
	u32 process_id, pid;   /* who was the first to use it */
	struct object *object; /* its name */
	struct futex_owner owner, releaser;
	u64 released_ns; /* by anybody */
	struct futex_owner
		waker; /* the last call that woke somebody, and how many it still has to wake */
	u32 waker_left;
	u64 releaser_since_ns; /* the release before the releaser's: it held it later */
	void *slot;	       /* for the table futex */
	struct futex *next_in_bucket;
	struct futex *next, *previous; /* in the space, by age */
};

/* What the events of one call mean; valid during the event that ends it. */
struct futex_step {
	struct futex *futex;  /* NULL: the event is damaged */
	struct futex *second; /* of a requeue, wake_op; else NULL */
	bool waits;	      /* the operation is one that waits, or takes a lock */
	bool waited;	      /* and it did: woken, timeout, signal, never returned */
	u32 waker_tid;	      /* who ended the wait; 0: unknown, or nobody did */
	u32 waker_id;	      /* its thread instance; 0: unknown, or outside the trace */
	u32 woken, requeued;  /* of a wake: how many */
	/* A hold that this event lets us see: who held the futex, until when, for how long at least. */
	u32 holder_id, holder_tid;
	u64 held_ns;
};

struct futexes; /* one in the model */

struct futexes *futexes_new(void);
/* The processes are gone: so are the futexes in files. */
void futexes_finish(struct model *model);
void futexes_free(struct model *model);

/* A futex event of the thread. */
void futexes_event(struct model *model, struct thread *thread, const struct trc_futex *record);
void futexes_waiter_event(struct model *model, struct thread *thread,
			  const struct trc_futex_waiter *record);
/* The process has another address space now, or none. */
void futexes_leave(struct model *model, struct process *process);
void futexes_forget(struct thread *thread);

/* What the last futex event meant. */
const struct futex_step *futexes_step(const struct model *model);

/*
 * The futex of a call that ended at `ts`: what its event said, which comes before the call's record; without one
 * what stands at the address. It is made if need be. Borrowed; NULL for address 0.
 */
struct object *futex_object(struct model *model, struct thread *thread, u64 address, u64 ts);
