/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every thread did, from the scheduler's events and the calls' records.
 *
 * A call's record comes at its end, the switches inside it before: a thread's segments are held back
 * until it is known which of them lie in a call. The model follows them only where it was asked to.
 */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/model/intervals.h"
#include "analyze/model/model.h"
#include "analyze/model/span.h"

struct spans;
struct span_thread;

struct spans_options {
	struct decoder *decoder;
	u64 start_ns, end_ns; /* of the recording */
	/* Per section of the file: does it tell of the scheduler? Borrowed. */
	const bool *has_sched;
	u32 section_count;
	/* Where the events that tell what threads did cannot be read; it may grow. Borrowed. */
	const struct intervals *blind;
};

struct spans *spans_new(struct model *model, const struct spans_options *options);
void spans_free(struct spans *spans);
/* After all others that follow the event. `thread` may be NULL. */
void spans_event(struct spans *spans, const struct event *event, struct thread *thread);
/* Tells what is left of all threads: nothing follows. */
void spans_finish(struct spans *spans);
/* Tells what is left of a thread that is about to be freed. */
void spans_thread_gone(struct spans *spans, struct thread *thread);
