/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The segments of a thread: on a CPU, ready, waiting. What a tracepoint did not show is repaired by the
 * next evidence: who makes a call or wakes another is on a CPU, who is woken was waiting.
 */
#include "analyze/model/fds.h"
#include "analyze/model/spans_private.h"
#include "common/alloc.h"

/* A waker on another CPU may be seen before the switch of whom it wakes. */
#define EARLY_MAX_NS 100000

void spans_turn(struct span_thread *st, u64 at_ns, u8 state)
{
	struct segment *open = spans_open_segment(st);

	if (at_ns > open->start_ns) {
		ARRAY_RESERVE(st->segments, st->capacity, st->count + 1);
		open = &st->segments[st->count++];
		*open = (struct segment){ .start_ns = at_ns };
	} else { /* it lasted for no time */
		segment_drop(open);
		*open = (struct segment){ .start_ns = open->start_ns };
	}
	open->state = state;
	open->waker_context = WAKER_unknown;
}

/* A wait may have gone on all the time, of anything else the end may not have been seen. */
void spans_pass_blind(struct spans *spans, struct span_thread *st, u64 now_ns, bool waited_through)
{
	const struct intervals *blind = spans->options.blind;
	struct segment *open = spans_open_segment(st);
	u64 from_ns = open->start_ns > st->blind_ns ? open->start_ns : st->blind_ns;
	size_t first = intervals_after(blind, from_ns), last = intervals_after(blind, now_ns);

	/* Of those between, the last that is over. */
	if (first >= last)
		return;
	st->blind_ns = blind->list[last - 1].last_ns;
	if (waited_through && (span_waits(open->state) || !spans->has_sched))
		return;
	from_ns = blind->list[first].first_ns;
	spans_turn(st, from_ns > open->start_ns ? from_ns : open->start_ns, SPAN_unknown);
	spans_turn(st, st->blind_ns, SPAN_unknown);
	spans_open_segment(st)->guess = true;
}

/* The command was forked early, and held until the probes were live. */
static bool is_held(const struct model *model, const struct thread *thread)
{
	for (size_t i = 0; i < model->command_count; i++)
		if (model->commands[i].pid == thread->tid &&
		    model->commands[i].start_ns == thread->start_ns)
			return true;
	return false;
}

struct span_thread *spans_follow(struct spans *spans, struct thread *thread, u64 at_ns, u8 state)
{
	u64 start_ns = thread->start_ns;
	struct span_thread *st = xcalloc(1, sizeof(*st));
	struct segment *open;

	st->thread = thread;
	thread->span = st;
	if (start_ns != MODEL_UNKNOWN && start_ns < spans->options.start_ns)
		start_ns = spans->options.start_ns;
	st->begin_ns = st->seen_ns = start_ns < at_ns ? start_ns : at_ns;
	st->capacity = 4;
	st->segments = xcalloc(st->capacity, sizeof(*st->segments));
	st->count = 1;
	open = &st->segments[0];
	open->start_ns = st->begin_ns;
	open->waker_context = WAKER_unknown;
	if (!spans->has_sched) {
		open->state = SPAN_outside;
	} else if (thread->start_ns == MODEL_UNKNOWN) {
		open->state = state;
	} else {
		/* There before the recording, or its birth was lost. */
		open->state = is_held(spans->model, thread) ? SPAN_stopped : SPAN_unknown;
		open->guess = thread->start_ns <= spans->options.start_ns;
		if (!open->guess)
			spans_turn(st, at_ns, state);
	}
	return st;
}

static void tell_woken(const struct spans *spans, struct thread *thread, struct thread *waker,
		       u64 at_ns)
{
	const struct model_hooks *hooks = &spans->model->hooks;

	if (waker && hooks->woken)
		hooks->woken(hooks->context, thread, waker, at_ns);
}

static void set_waker(struct segment *segment, const struct segment *from)
{
	segment->waker_tid = from->waker_tid;
	segment->waker_context = from->waker_context;
	if (segment->waker)
		segment->waker->held--;
	segment->waker = from->waker;
	if (segment->waker)
		segment->waker->held++;
}

static void born(struct spans *spans, const struct trc_task_new *record, struct thread *creator)
{
	struct thread *child = idmap_find(&spans->model->threads, record->child_tid);
	const struct segment from = { .waker_context = WAKER_task,
				      .waker = creator,
				      .waker_tid = record->head.tid };
	struct segment *open;

	if (!child || child->span || child->ended || child->start_ns != record->head.ts)
		return;
	spans_follow(spans, child, record->head.ts, SPAN_runnable);
	open = spans_open_segment(child->span);
	open->guess = false;
	if (spans->has_sched)
		open->state = SPAN_runnable;
	set_waker(open, &from);
	tell_woken(spans, child, creator, record->head.ts);
}

/*
 * What is followed of a thread that an event tells of; NULL: it has ended. `before` is what it must have been doing until
 * then, where nothing else is known.
 */
static struct span_thread *told_of(struct spans *spans, struct thread *thread, u64 ts, u8 before)
{
	struct span_thread *st =
		thread->span ? thread->span : spans_follow(spans, thread, ts, before);
	struct segment *open;

	if (st->ended)
		return NULL;
	spans_pass_blind(spans, st, ts, true);
	open = spans_open_segment(st);
	if (open->state == SPAN_unknown && open->guess)
		open->state = before;
	return st;
}

/* ---- switches ---- */

static u8 waiting_state(const struct trc_sched_switch *record)
{
	switch (record->state) {
	case TRC_SCHED_RUNNABLE:
		return SPAN_preempted;
	case TRC_SCHED_SLEEP:
	case TRC_SCHED_IDLE:
		return record->flags & TRC_SWITCH_IOWAIT ? SPAN_iowait : SPAN_sleep;
	case TRC_SCHED_STOPPED:
	case TRC_SCHED_TRACED:
	case TRC_SCHED_PARKED:
	case TRC_SCHED_FROZEN:
		return SPAN_stopped;
	case TRC_SCHED_NEW:
		return SPAN_runnable;
	default:
		return record->flags & TRC_SWITCH_IOWAIT ? SPAN_iowait : SPAN_block;
	}
}

/* Called wherever a thread leaves the CPU, seen or not: between two of these only a few segments are added. */
static void hold_back(struct spans *spans, struct span_thread *st)
{
	bool outside = st->outside_ns == spans_open_segment(st)->start_ns;
	size_t max = outside ? SEGMENTS_OUTSIDE_MAX : SEGMENTS_MAX;

	if (st->count > max)
		spans_tell(spans, st, st->segments[max / 2].start_ns, NULL);
}

static void left(struct spans *spans, struct thread *thread, const struct trc_sched_switch *record)
{
	u64 ts = record->head.ts;
	struct span_thread *st = told_of(spans, thread, ts, SPAN_user);

	if (!st)
		return;
	st->seen_ns = ts;
	if (record->state == TRC_SCHED_DEAD) { /* its own event is missing */
		st->ended = true;
		st->end_ns = ts;
		return;
	}
	spans_turn(st, ts, waiting_state(record));
	if (record->flags & TRC_SWITCH_IN_CALL)
		spans_open_segment(st)->in_call = true;
	else if (record->flags & TRC_SWITCH_NOT_IN_CALL)
		st->outside_ns = ts;
	hold_back(spans, st);
}

static void came(struct spans *spans, struct thread *thread, u64 ts)
{
	/* Or its being woken would have been seen. */
	struct span_thread *st = told_of(spans, thread, ts, SPAN_runnable);
	struct segment *open;

	if (!st)
		return;
	open = spans_open_segment(st);
	if (span_waits(open->state) && st->early_ns &&
	    open->start_ns - st->early_ns < EARLY_MAX_NS) {
		open->state = SPAN_runnable;
		open->early = true;
		set_waker(open, &st->early);
	} else if (open->state == SPAN_user) { /* that it left is missing */
		spans_turn(st, st->seen_ns, SPAN_unknown);
		hold_back(spans, st);
	}
	segment_drop(&st->early);
	st->early_ns = 0;
	st->seen_ns = ts;
	spans_turn(st, ts, SPAN_user);
}

static void switched(struct spans *spans, const struct trc_sched_switch *record,
		     struct thread *thread)
{
	struct thread *next;

	if (record->flags & TRC_SWITCH_FROM_TARGET && thread)
		left(spans, thread, record);
	if (!(record->flags & TRC_SWITCH_TO_TARGET))
		return;
	next = idmap_find(&spans->model->threads, record->next_tid);
	if (next)
		came(spans, next, record->head.ts);
}

/* ---- wake-ups ---- */

static void woken(struct spans *spans, const struct trc_sched_wakeup *record, struct thread *waker)
{
	struct thread *thread = idmap_find(&spans->model->threads, record->woken_tid);
	struct segment from = { .waker_context = record->context };
	struct span_thread *st;
	struct segment *open;
	u64 ts = record->head.ts;

	if (!thread || !(record->flags & TRC_WAKEUP_TARGET))
		return;
	st = told_of(spans, thread, ts, SPAN_sleep);
	if (!st)
		return;
	/* An interrupt is not the doing of whom it interrupted. */
	if (record->context <= TRC_CONTEXT_SOFTIRQ || record->context == TRC_CONTEXT_UNKNOWN) {
		from.waker_tid = record->head.tid;
		if (record->flags & TRC_WAKEUP_BY_TARGET)
			from.waker = waker;
	}
	open = spans_open_segment(st);
	if (span_waits(open->state) || open->state == SPAN_stopped) {
		set_waker(open, &from);
		tell_woken(spans, thread, from.waker, ts);
		spans_turn(st, ts, SPAN_runnable);
		set_waker(spans_open_segment(st), &from);
	} else if (open->state == SPAN_runnable && record->flags & TRC_WAKEUP_NEW) {
		set_waker(open, &from);
	} else if (open->state == SPAN_user) {
		st->early_ns = ts;
		set_waker(&st->early, &from);
	}
	st->seen_ns = ts;
}

/* ---- page faults ---- */

/* Told at its end: the waits since it began were for the file, in a call or not. */
static void faulted(struct spans *spans, struct thread *thread, const struct trc_page_fault *record)
{
	struct span_thread *st = thread->span;
	u64 from_ns = record->head.ts - record->duration_ns;
	struct object *object;

	if (!record->inode || !st || st->ended || !spans->model->fds)
		return;
	object = fds_mapped_object(spans->model->fds, record);
	for (size_t i = st->count; object && i-- > 0;) {
		struct segment *segment = &st->segments[i];

		/* Where the kernel does not tell when it began, it is the last wait. */
		if (record->duration_ns && segment->start_ns < from_ns)
			break;
		if (!span_waits(segment->state) || segment->mapped)
			continue;
		segment->mapped = object_ref(object);
		if (!record->duration_ns)
			break;
	}
	object_unref(object);
}

/* ---- dispatch ---- */

/* It runs now: it does something. */
static void acts(struct spans *spans, struct thread *thread, u64 ts)
{
	struct span_thread *st = told_of(spans, thread, ts, SPAN_user);
	u8 state;

	if (!st)
		return;
	state = spans_open_segment(st)->state;
	if (state != SPAN_user && state != SPAN_outside)
		spans_turn(st, ts, SPAN_user);
	st->seen_ns = ts;
}

static void exited(struct spans *spans, struct thread *thread, u64 ts)
{
	struct span_thread *st = thread->span;

	if (st && st->ended)
		return;
	acts(spans, thread, ts);
	st = thread->span;
	st->ended = true;
	st->end_ns = ts;
}

void spans_event(struct spans *spans, const struct event *event, struct thread *thread)
{
	const struct trc_head *record = event->record;

	if (!spans->model->hooks.span)
		return;
	spans->has_sched = event->section < spans->options.section_count &&
			   spans->options.has_sched[event->section];
	switch (event->kind_id) {
	case TRC_KIND_syscall: {
		const struct trc_syscall *call = (const struct trc_syscall *)record;

		if (!thread)
			return;
		if (!thread->span)
			spans_follow(spans, thread,
				     call->duration_ns < record->ts ? record->ts - call->duration_ns
								    : record->ts,
				     SPAN_user);
		spans_call(spans, thread->span, call);
		return;
	}
	case TRC_KIND_sched_switch:
		switched(spans, (const struct trc_sched_switch *)record, thread);
		return;
	case TRC_KIND_sched_wakeup:
		if (thread &&
		    ((const struct trc_sched_wakeup *)record)->flags & TRC_WAKEUP_BY_TARGET)
			acts(spans, thread, record->ts);
		woken(spans, (const struct trc_sched_wakeup *)record, thread);
		return;
	case TRC_KIND_task_new:
		if (thread) {
			acts(spans, thread, record->ts);
			born(spans, (const struct trc_task_new *)record, thread);
		}
		return;
	case TRC_KIND_exec:
		if (thread)
			acts(spans, thread, record->ts);
		return;
	case TRC_KIND_task_exit:
		if (thread)
			exited(spans, thread, record->ts);
		return;
	case TRC_KIND_page_fault:
		if (thread)
			faulted(spans, thread, (const struct trc_page_fault *)record);
		return;
	}
}
