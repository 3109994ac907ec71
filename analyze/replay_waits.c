/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/replay_waits.h"

#include "analyze/model/span.h"
#include "analyze/replay_order.h"

static void add_string(struct text *text, const struct string *string)
{
	text_add_escaped(text, string->data, string->len);
}

static void describe(struct text *text, const struct span *span)
{
	text_clear(text);
	if (span->object && span->object->name)
		add_string(text, span->object->name);
	else
		text_adds(text, wait_reason_text(span->reason));
	if (!span_by_thread(span))
		return;
	if (span->waker && span->waker->comm) {
		text_adds(text, ", ended by ");
		add_string(text, span->waker->comm);
		text_addf(text, "[%u]", span->waker->tid);
	} else {
		text_addf(text, ", ended by [%u]", span->waker_tid);
	}
}

static void on_span(void *context, struct thread *thread, const struct span *span)
{
	struct replay_waits *waits = context;
	u64 ns = span->end_ns - span->start_ns;

	if (!span_waits(span->state) || span->nr == SPAN_NO_CALL)
		return;
	if (waits->thread_id != thread->id || waits->call_start_ns != span->call_start_ns) {
		waits->thread_id = thread->id;
		waits->call_start_ns = span->call_start_ns;
		waits->total_ns = waits->longest_ns = waits->count = 0;
	}
	waits->total_ns += ns;
	waits->count++;
	if (ns <= waits->longest_ns)
		return;
	waits->longest_ns = ns;
	describe(&waits->longest, span);
}

void replay_waits_listen(struct replay_waits *waits, struct walk *walk)
{
	const struct model_hooks hooks = { .context = waits, .span = on_span };

	model_set_hooks(walk->model, &hooks);
}

void replay_waits_add(const struct replay_waits *waits, const struct walk_step *step,
		      struct text *out)
{
	const struct trc_syscall *call = (const struct trc_syscall *)step->event.record;
	u64 start_ns = call->state == TRC_SYSCALL_NO_ENTER ? 0 : replay_begin_ns(&step->event);

	if (!step->thread || waits->thread_id != step->thread->id ||
	    waits->call_start_ns != start_ns || !waits->count)
		return;
	text_adds(out, " <");
	text_add_ns(out, waits->total_ns);
	text_adds(out, " waiting");
	if (waits->count > 1)
		text_addf(out, " in %u parts", waits->count);
	text_adds(out, " for ");
	text_add(out, waits->longest.data, waits->longest.len);
	text_addc(out, '>');
}

void replay_waits_release(struct replay_waits *waits)
{
	text_release(&waits->longest);
}
