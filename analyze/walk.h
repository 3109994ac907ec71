/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One walk over a trace: every event in the order of time, with the thread it belongs to and whether
 * the user's selection shows it. Every command is such a walk; they differ in what they do with it.
 *
 *   while (walk_next(walk, &step))
 *           if (step.shown) …
 */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/model/model.h"
#include "analyze/select.h"
#include "analyze/stream.h"

struct loss_list;
struct call_names;

struct walk {
	const char *path;
	struct trace_reader *reader;
	const struct trace_meta *meta;
	const struct trace_state *state;     /* may be NULL */
	const struct trace_summary *summary; /* NULL: the recorder did not end in peace */
	struct decoder *decoder;
	struct model *model;
	struct selection selection;
	struct stream *stream;
	u64 start_ns, end_ns;	  /* of the recording, on the trace clock */
	u64 event_count;	  /* as the chunks' heads say */
	u64 lost_count;		  /* lost while recording; 0 if nothing is known of any */
	struct loss_list *losses; /* intervals in which events are missing */
	u64 period_ns;		  /* of the tables by period */
	u32 recording_count;	  /* in the file: `cat a b` makes two */
	u64 walked_count;	  /* events seen by walk_next() */
	bool fds;		  /* WALK_FDS */
	u64 until_ns;		  /* walk_next() takes in no event after it; UINT64_MAX: all */
	u64 unread; /* classes of which it takes up no chunk; 0 if it is for a time window only */
	struct call_names *calls;
	bool *continued; /* per section: see series.h */
	bool *has_sched; /* per section: it tells of the scheduler; NULL: nobody asked */
};

/* With the classes: calls that were under way when the window ended come too, as walk_step.later. */
#define WALK_LATER (1ull << 63)
/* The model follows descriptors: thread_fd() knows. It needs all that happened before a time window, too. */
#define WALK_FDS (1ull << 61)
/* The model tells spans (and follows descriptors): the walk reads all that happened, shown or not. */
#define WALK_SPANS (1ull << 60)

struct walk_step {
	struct event event;
	struct thread *
		thread; /* whose event it is; for task_new the creator; NULL for events of no thread (lost) */
	bool selected; /* the selection wants it */
	bool shown;    /* that, and it is not a call kept only for its state */
	bool later;    /* a call that would be shown, but that it ended after the window */
};

/*
 * `classes` as in struct stream_options; commands that need no syscalls ask for TASK only and get more where
 * the trace is incomplete and processes are known by their calls only. 0, or the -errno of
 * trace_reader_open(), or -EINVAL for a wrong selection. *ret_error (free it) may have more words.
 */
int walk_open(const char *path, const struct selection_options *options, u64 classes,
	      struct walk **ret_walk, char **ret_error);
/* For a walk that was copied from one with WALK_SPANS: its model tells spans too. */
void walk_follow_spans(struct walk *walk);
bool walk_next(struct walk *walk, struct walk_step *ret_step);
/* Reads the chunks of these classes, so that their damage is known too. */
void walk_check(struct walk *walk, u64 classes);
/* After the last event: threads and processes still there go through the model's hooks. */
void walk_finish(struct walk *walk);
void walk_close(struct walk *walk);

/* May events of this kind (enum trc_kind; 0: any) be missing between these times? MODEL_UNKNOWN: from or to wherever. */
bool walk_is_lossy(const struct walk *walk, u16 kind, u64 from_ns, u64 to_ns);

/* How long the recording was paused, within its time. */
u64 walk_paused_ns(const struct walk *walk);

/* ns since the start of the recording, as people read times; negative before it. */
static inline s64 walk_relative_ns(const struct walk *walk, u64 ts)
{
	return (s64)(ts - walk->start_ns);
}

/* "SIGTERM", or "signal 77" */
void walk_add_signal(const struct walk *walk, struct text *text, u32 number);

#define TRACE_UUID_TEXT 37

/* "01234567-89ab-cdef-0123-456789abcdef" */
void trace_uuid_text(const struct trace_meta *meta, char out[TRACE_UUID_TEXT]);
