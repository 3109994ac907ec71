/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What poll, select and epoll are given to wait for, and what they find ready. An epoll instance remembers what it
 * watches; that an event is of which descriptor, only epoll_ctl has told, or epoll_found of what was there before.
 */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/model/model.h"
#include "analyze/model/object.h"

#define POLL_ENTRIES_MAX 4096  /* of a call */
#define EPOLL_WATCH_MAX	 65536 /* of an instance */

enum poll_call {
	POLL_CALL_none,
	POLL_CALL_control, /* epoll_ctl */
	POLL_CALL_poll,
	POLL_CALL_select,
	POLL_CALL_epoll,
};

struct poll_entry {
	s32 fd;		       /* -1: not known */
	u32 asked, ready;      /* POLL*, as the recording ABI has them; of select IN, OUT, PRI */
	struct object *object; /* NULL: not known */
};

struct poll_step {	      /* a call that waits, during its event */
	u8 call;	      /* enum poll_call */
	struct object *epoll; /* the instance */
	u32 watched;	      /* how many descriptors it waits for */
	bool known;	      /* the entries are all of them; never of epoll */
	size_t count;	      /* entries: of epoll only those that are ready */
	struct poll_entry *entries;
};

struct polls;

struct polls *polls_new(struct decoder *decoder);
void polls_free(struct polls *polls);
void polls_event(struct polls *polls, struct thread *thread, const struct trc_syscall *record);
void polls_found(struct thread *thread, const struct trc_epoll_found *record);

/* NULL: it does not wait for descriptors. The same answer is given until the next event. */
const struct poll_step *polls_step(struct model *model, struct thread *thread,
				   const struct trc_syscall *record);

struct epoll; /* what an instance watches: object->epoll */

void epoll_free(struct epoll *epoll);
