/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A metric folds a walk into the rows of one table. One file per metric, one line in metrics.c.
 *
 * report, load and export --format csv are the same walk with other metrics and sinks, so they agree.
 * A metric never prints.
 */
#pragma once

#include "analyze/model/span.h"
#include "analyze/table.h"
#include "analyze/walk.h"
#include "common/text.h"

struct fold;

struct metric {
	struct table table;
	u64 classes; /* bits of enum trc_class: the events it needs; 0: none, it knows all from the start */
	size_t state_size; /* of fold->state, zeroed */
	void (*init)(struct fold *fold);
	/* A call that the selection shows. */
	void (*call)(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record);
	/* A call that it would show, but that it ended after the window: it may have begun in it. */
	void (*later)(struct fold *fold, const struct walk_step *step,
		      const struct trc_syscall *record);
	/* Any other event of its classes that the selection shows. */
	void (*event)(struct fold *fold, const struct walk_step *step);
	/*
	 * What a thread did, or a piece of it: within the window, none across a pause of the recording. Those of
	 * a thread come in the order of time. `shown`: the selection wants the thread.
	 */
	void (*span)(struct fold *fold, struct thread *thread, const struct span *span, bool shown);
	bool whole_spans; /* of all the recording, whatever the window */
	/* As it happens, long before the spans around it are told: one was woken, or made, by another. */
	void (*woken)(struct fold *fold, struct thread *thread, struct thread *waker, u64 at_ns);
	/*
	 * An instance leaves; what it has in slots[fold->slot] must be freed. Not `shown`: no row for it.
	 * A process leaves after its threads.
	 */
	void (*thread_gone)(struct fold *fold, struct thread *thread, bool shown);
	void (*process_gone)(struct fold *fold, struct process *process, bool shown);
	/* A futex goes with its address space; at most one metric may keep something in its slot. */
	void (*futex_gone)(struct fold *fold, struct futex *futex);
	/*
	 * With WALK_FDS in `classes`: the last descriptor of an open file is closed; the last open file of a pipe
	 * or socket is. What happened to it may not have been shown.
	 */
	void (*file_gone)(struct fold *fold, struct open_file *file);
	void (*object_gone)(struct fold *fold, struct object *object);
	void (*finish)(struct fold *fold); /* after the last event: rows that only then are known */
	void (*release)(struct fold *fold);
};

struct fold { /* a metric at work */
	const struct metric *metric;
	struct walk *walk;
	struct sink *sink;
	unsigned slot;
	void *state;
	struct text text; /* scratch of the metric */
	int error;	  /* the first that the sink gave */
};

/* All of them, in the order in which they are listed; NULL ends. */
extern const struct metric *const metrics[];
const struct metric *metric_by_name(const char *name);

void fold_row(struct fold *fold, const struct value *values);

/* Called now and then during a run: for a progress bar. False ends the run with -EINTR. */
typedef bool (*metrics_progress_fn)(void *context, const struct walk *walk);

/*
 * Walks to the end and pushes the rows of `count` metrics (at most MODEL_SLOTS) into the sink, begin()
 * and end() included, close() not. 0 or the first -errno of the sink.
 */
int metrics_run(struct walk *walk, const struct metric *const *list, size_t count,
		struct sink *sink, metrics_progress_fn progress, void *context);
u64 metrics_classes(const struct metric *const *list, size_t count);
