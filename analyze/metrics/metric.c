/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/metric.h"

#include "analyze/metrics/pieces.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>

#define PROGRESS_EVENTS 65536
#define CLASS_COUNT	16

struct run {
	struct walk *walk;
	size_t count;
	struct fold folds[MODEL_SLOTS];
	/* The folds that want calls, apart: the walk's hottest loop. */
	size_t call_count;
	struct fold *call_folds[MODEL_SLOTS];
	/* And those that want other events, by class. */
	size_t event_count[CLASS_COUNT];
	struct fold *event_folds[CLASS_COUNT][MODEL_SLOTS];
	struct span_folds { /* and those that want spans */
		size_t count;
		struct fold *folds[MODEL_SLOTS];
		struct pieces pieces;
	} spans[2]; /* within the window, and whole ones */
};

/* The classes of kinds; of those that this program does not know nobody wants any. */
#define EVENT(id, name, class, doc, ...) [id] = TRC_CLASS_##class,
static const u8 class_of[] = {
	[TRC_KIND_none] = CLASS_COUNT - 1,
#include "common/events.def"
};
#undef EVENT

const struct metric *metric_by_name(const char *name)
{
	for (const struct metric *const *metric = metrics; *metric; metric++)
		if (!strcmp((*metric)->table.name, name))
			return *metric;
	return NULL;
}

u64 metrics_classes(const struct metric *const *list, size_t count)
{
	u64 classes = 1ull << TRC_CLASS_TASK; /* 0 would mean all */

	for (size_t i = 0; i < count; i++)
		classes |= list[i]->classes | (list[i]->later ? WALK_LATER : 0) |
			   (list[i]->span ? WALK_SPANS : 0);
	return classes;
}

void fold_row(struct fold *fold, const struct value *values)
{
	if (!fold->error)
		fold->error = fold->sink->row(fold->sink, &fold->metric->table, values);
}

static void thread_gone(void *context, struct thread *thread)
{
	struct run *run = context;
	const struct selection *selection = &run->walk->selection;
	bool shown = selection_thread(selection, thread) &&
		     (thread->start_ns == MODEL_UNKNOWN || thread->start_ns <= selection->to_ns) &&
		     (thread->end_ns == MODEL_UNKNOWN || thread->end_ns >= selection->from_ns);

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->thread_gone)
			run->folds[i].metric->thread_gone(&run->folds[i], thread, shown);
}

static void process_gone(void *context, struct process *process)
{
	struct run *run = context;
	bool shown = selection_process(&run->walk->selection, process);

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->process_gone)
			run->folds[i].metric->process_gone(&run->folds[i], process, shown);
}

static void futex_gone(void *context, struct futex *futex)
{
	struct run *run = context;

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->futex_gone)
			run->folds[i].metric->futex_gone(&run->folds[i], futex);
}

static void file_gone(void *context, struct open_file *file)
{
	struct run *run = context;

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->file_gone)
			run->folds[i].metric->file_gone(&run->folds[i], file);
}

static void object_gone(void *context, struct object *object)
{
	struct run *run = context;

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->object_gone)
			run->folds[i].metric->object_gone(&run->folds[i], object);
}

static void span(void *context, struct thread *thread, const struct span *whole)
{
	struct run *run = context;
	bool shown = selection_thread(&run->walk->selection, thread);
	struct span piece;

	for (size_t i = 0; i < ARRAY_SIZE(run->spans); i++) {
		struct span_folds *spans = &run->spans[i];
		u64 at = whole->start_ns;

		while (spans->count && pieces_next(&spans->pieces, whole, &at, &piece))
			for (size_t j = 0; j < spans->count; j++)
				spans->folds[j]->metric->span(spans->folds[j], thread, &piece,
							      shown);
	}
}

static void woken(void *context, struct thread *thread, struct thread *waker, u64 at_ns)
{
	struct run *run = context;

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->woken)
			run->folds[i].metric->woken(&run->folds[i], thread, waker, at_ns);
}

static int run_error(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].error)
			return run->folds[i].error;
	return 0;
}

static void run_begin(struct run *run, const struct metric *const *list, struct sink *sink)
{
	const struct selection *selection = &run->walk->selection;
	bool windowed = selection->from_ns || selection->to_ns != UINT64_MAX;

	for (size_t i = 0; i < run->count; i++) {
		struct fold *fold = &run->folds[i];

		*fold = (struct fold){
			.metric = list[i], .walk = run->walk, .sink = sink, .slot = (unsigned)i
		};
		fold->state = xcalloc(1, list[i]->state_size);
		fold->error = sink->begin(sink, &list[i]->table);
		if (list[i]->init)
			list[i]->init(fold);
		if (list[i]->call)
			run->call_folds[run->call_count++] = fold;
		for (unsigned class = 0; list[i]->event && class < CLASS_COUNT; class ++)
			if (list[i]->classes & (1ull << class))
				run->event_folds[class][run->event_count[class]++] = fold;
		if (list[i]->span) {
			struct span_folds *spans = &run->spans[windowed && list[i]->whole_spans];

			spans->folds[spans->count++] = fold;
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(run->spans); i++)
		if (run->spans[i].count)
			pieces_init(&run->spans[i].pieces, run->walk, i);
}

static void run_step(struct run *run, const struct walk_step *step)
{
	u8 class = class_of[step->event.kind_id];

	if (step->event.kind_id == TRC_KIND_syscall) {
		const struct trc_syscall *record = (const struct trc_syscall *)step->event.record;

		for (size_t i = 0; i < run->call_count; i++)
			run->call_folds[i]->metric->call(run->call_folds[i], step, record);
		return;
	}
	for (size_t i = 0; i < run->event_count[class]; i++)
		run->event_folds[class][i]->metric->event(run->event_folds[class][i], step);
}

static void run_later(struct run *run, const struct walk_step *step)
{
	const struct trc_syscall *record = (const struct trc_syscall *)step->event.record;

	for (size_t i = 0; i < run->count; i++)
		if (run->folds[i].metric->later)
			run->folds[i].metric->later(&run->folds[i], step, record);
}

static void run_end(struct run *run)
{
	bool failed = run_error(run) != 0;

	for (size_t i = 0; i < run->count; i++) {
		struct fold *fold = &run->folds[i];

		if (fold->metric->finish && !failed)
			fold->metric->finish(fold);
		if (!failed && !fold->error)
			fold->error = fold->sink->end(fold->sink, &fold->metric->table);
	}
}

int metrics_run(struct walk *walk, const struct metric *const *list, size_t count,
		struct sink *sink, metrics_progress_fn progress, void *context)
{
	struct run run = { .walk = walk, .count = count };
	const struct model_hooks hooks = { .context = &run,
					   .slot_count = count,
					   .thread_gone = thread_gone,
					   .process_gone = process_gone,
					   .file_gone = file_gone,
					   .object_gone = object_gone,
					   .futex_gone = futex_gone,
					   .span = span,
					   .woken = woken };
	struct walk_step step;
	int r;

	if (!count || count > MODEL_SLOTS)
		return -E2BIG;
	run_begin(&run, list, sink);
	model_set_hooks(walk->model, &hooks);
	for (u64 n = 1; walk_next(walk, &step); n++) {
		/* Calls of threads that are not known are nobody's: tid 0 does not call. */
		if (step.shown && (step.thread || step.event.kind_id != TRC_KIND_syscall))
			run_step(&run, &step);
		else if (step.later)
			run_later(&run, &step);
		if (n % PROGRESS_EVENTS)
			continue;
		if (run_error(&run))
			break;
		if (progress && !progress(context, walk)) {
			run.folds[0].error = -EINTR;
			break;
		}
	}
	walk_finish(walk);
	run_end(&run);
	r = run_error(&run);
	for (size_t i = 0; i < count; i++) {
		if (run.folds[i].metric->release)
			run.folds[i].metric->release(&run.folds[i]);
		text_release(&run.folds[i].text);
		free(run.folds[i].state);
	}
	model_set_hooks(walk->model, &(struct model_hooks){});
	for (size_t i = 0; i < ARRAY_SIZE(run.spans); i++)
		pieces_release(&run.spans[i].pieces);
	return r;
}
