/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/spans.h"

#include "analyze/model/spans_private.h"
#include "analyze/model/waits.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

struct spans *spans_new(struct model *model, const struct spans_options *options)
{
	struct spans *spans = xcalloc(1, sizeof(*spans));

	spans->model = model;
	spans->options = *options;
	spans->waits = waits_new(model, options->decoder);
	return spans;
}

void spans_free(struct spans *spans)
{
	if (!spans)
		return;
	waits_free(spans->waits);
	free(spans);
}

/* ---- what is told ---- */

/* What a wait outside of calls is for, as far as the state tells. */
static u8 reason_outside(const struct span_thread *st, const struct segment *segment)
{
	if (segment->in_call)
		return WAIT_kernel;
	if (process_is_of_kernel(st->thread->process))
		return segment->state == SPAN_iowait ? WAIT_disk : WAIT_kernel_thread;
	return segment->state == SPAN_sleep ? WAIT_unknown : WAIT_fault;
}

static void emit(struct spans *spans, struct span_thread *st, const struct segment *segment,
		 u64 start_ns, u64 end_ns, const struct span_call *call, bool last_wait)
{
	struct span span = { .start_ns = start_ns,
			     .end_ns = end_ns,
			     .state = segment->state,
			     .waker_context = segment->waker_context,
			     .complete = true,
			     .begins = !segment->told,
			     .early = segment->early,
			     .nr = SPAN_NO_CALL,
			     .waker = segment->waker,
			     .waker_tid = segment->waker_tid };
	bool waits = span_waits(segment->state);

	if (call) {
		span.abi = call->abi;
		span.nr = call->nr;
		span.call_start_ns = call->start_ns;
		span.interrupted = call->cause.interrupted && last_wait;
		if (segment->state == SPAN_user ||
		    (segment->state == SPAN_stopped && segment->guess))
			span.state = SPAN_system;
		else if (segment->state == SPAN_outside)
			span.state = SPAN_call;
		if (waits || span.state == SPAN_call) {
			span.reason = segment->state == SPAN_iowait ? call->cause.disk_reason
								    : call->cause.reason;
			span.object = segment->state == SPAN_iowait && call->cause.disk_object
					      ? call->cause.disk_object
					      : call->cause.object;
		}
	} else if (waits) {
		span.reason = reason_outside(st, segment);
	}
	if (segment->mapped) {
		span.reason = WAIT_fault;
		span.object = segment->mapped;
	}
	spans->model->hooks.span(spans->model->hooks.context, st->thread, &span);
}

void segment_drop(struct segment *segment)
{
	if (segment->waker)
		segment->waker->held--;
	segment->waker = NULL;
	object_unref(segment->mapped);
	segment->mapped = NULL;
}

/* All before `until` is known: it lay in the call, or in none. */
void spans_tell(struct spans *spans, struct span_thread *st, u64 until_ns,
		const struct span_call *call)
{
	size_t told = 0, last_wait = SIZE_MAX; /* what ended the others did not end the call */

	for (size_t i = 0; call && i < st->count && st->segments[i].start_ns < until_ns; i++)
		if (span_waits(st->segments[i].state))
			last_wait = i;
	for (;; told++) {
		struct segment *segment = &st->segments[told];
		bool last = told + 1 == st->count;
		u64 end_ns =
			last || segment[1].start_ns > until_ns ? until_ns : segment[1].start_ns;

		if (segment->start_ns < end_ns)
			emit(spans, st, segment, segment->start_ns, end_ns, call,
			     told == last_wait);
		if (last || segment[1].start_ns > until_ns) {
			if (segment->start_ns < end_ns) {
				segment->start_ns = end_ns;
				segment->told = true;
			}
			break;
		}
		segment_drop(segment);
	}
	if (!told)
		return;
	st->count -= told;
	memmove(st->segments, st->segments + told, st->count * sizeof(*st->segments));
}

/* ---- calls ---- */

/* The call ran from entry to end: both times the thread was on a CPU. */
static void ran(struct span_thread *st, u64 entry_ns, u64 end_ns)
{
	struct segment *open = spans_open_segment(st);

	if (open->state == SPAN_user || open->state == SPAN_outside)
		return;
	if (open->state == SPAN_unknown && open->guess)
		open->state = SPAN_user; /* or its coming to the CPU would have been seen */
	else
		spans_turn(st, entry_ns > open->start_ns ? entry_ns : end_ns, SPAN_user);
}

static void keep_cause(struct span_thread *st, const struct trc_syscall *record,
		       const struct wait_cause *cause)
{
	struct object *old = st->again.object;

	st->again = (struct wait_cause){};
	if (waits_again(record))
		st->again = (struct wait_cause){ .reason = cause->reason,
						 .object = object_ref(cause->object) };
	object_unref(old);
}

void spans_call(struct spans *spans, struct span_thread *st, const struct trc_syscall *record)
{
	u64 end_ns = record->head.ts, entry_ns = end_ns - record->duration_ns, from_ns;
	struct span_call call = { .nr = record->nr, .abi = record->abi };

	if (record->state == TRC_SYSCALL_NO_ENTER || record->duration_ns > end_ns)
		entry_ns = 0; /* before all that is not told yet */
	if (st->ended && end_ns > st->end_ns)
		end_ns = st->end_ns;
	if (!st->ended)
		spans_pass_blind(spans, st, end_ns, true);
	/* What is read out at the end of the recording was sleeping. */
	if (!st->ended && record->state != TRC_SYSCALL_UNFINISHED)
		ran(st, entry_ns, end_ns);
	else if (spans_open_segment(st)->state == SPAN_unknown && spans_open_segment(st)->guess)
		spans_open_segment(st)->state = SPAN_sleep;
	st->seen_ns = end_ns;
	from_ns = entry_ns > st->outside_ns ? entry_ns : st->outside_ns;
	if (from_ns > spans_told_ns(st))
		spans_tell(spans, st, from_ns < end_ns ? from_ns : end_ns, NULL);
	call.start_ns = entry_ns;
	/* Else it was on a CPU all the time. */
	if (st->count > 1 || spans_open_segment(st)->state != SPAN_user || waits_again(record))
		call.cause = waits_call(spans->waits, st->thread, record, &st->again);
	if (end_ns > spans_told_ns(st))
		spans_tell(spans, st, end_ns, &call);
	keep_cause(st, record, &call.cause);
}

/* ---- the end ---- */

/* When the thread's life ends, as far as the trace knows. */
static u64 life_end(const struct spans *spans, const struct span_thread *st)
{
	const struct thread *thread = st->thread;

	if (st->ended)
		return st->end_ns;
	if (!thread->ended)
		return spans->options.end_ns;
	return thread->end_ns != MODEL_UNKNOWN ? thread->end_ns : st->seen_ns;
}

/* Its beginning became known when what follows had been told already. */
static void tell_beginning(struct spans *spans, struct span_thread *st)
{
	const struct segment unknown = { .state = SPAN_unknown };
	u64 start_ns = st->thread->start_ns;

	if (start_ns < spans->options.start_ns)
		start_ns = spans->options.start_ns;
	if (start_ns < st->begin_ns)
		emit(spans, st, &unknown, start_ns, st->begin_ns, NULL, false);
}

static void finish_thread(struct spans *spans, struct thread *thread)
{
	struct span_thread *st = thread->span;
	struct segment *open;
	u64 end_ns;

	if (!st && thread->start_ns != MODEL_UNKNOWN && spans->model->hooks.span)
		st = spans_follow(spans, thread, thread->start_ns, SPAN_unknown);
	if (!st)
		return;
	if (spans->model->hooks.span) {
		open = spans_open_segment(st);
		/* Nothing at all happened to it: it waited. */
		if (open->state == SPAN_unknown && open->guess)
			open->state = SPAN_sleep;
		end_ns = life_end(spans, st);
		if (!st->ended)
			spans_pass_blind(spans, st, end_ns, false);
		if (end_ns > spans_told_ns(st))
			spans_tell(spans, st, end_ns, NULL);
		tell_beginning(spans, st);
	}
	for (size_t i = 0; i < st->count; i++)
		segment_drop(&st->segments[i]);
	segment_drop(&st->early);
	object_unref(st->again.object);
	free(st->segments);
	free(st);
	thread->span = NULL;
}

void spans_thread_gone(struct spans *spans, struct thread *thread)
{
	if (!spans->finished)
		finish_thread(spans, thread);
}

void spans_finish(struct spans *spans)
{
	struct model *model = spans->model;

	for (struct process *process = model->first; process; process = process->next)
		for (struct thread *thread = process->threads; thread; thread = thread->next)
			finish_thread(spans, thread);
	spans->finished = true;
}
