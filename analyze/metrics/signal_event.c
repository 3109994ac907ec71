/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table signal_event: a row per signal sent, and per signal that reached a thread. */
#include "analyze/metrics/instance.h"

#include <signal.h>

#define COLUMNS(C)                                                                                   \
	C(ts_ns, INTEGER, TS,                                                                        \
	  "when it was; rows stand in its order, but that of a death comes when the thread has "     \
	  "ended, which tells by what")                                                              \
	C(event, TEXT, NONE,                                                                         \
	  "sent; delivered: it reached its thread; one that ends the process reaches all of them")   \
	C(signal, INTEGER, NUMBER, "number")                                                         \
	C(name, TEXT, NONE, "name, as the recording machine has it")                                 \
	C(code, TEXT, NONE,                                                                          \
	  "why: kill, tgkill, sigqueue, timer, kernel …, of SIGCHLD exited, killed …; else the " \
	  "number of si_code; NULL: not known, as of a death whose signal was not seen")             \
	C(sender_thread_id, INTEGER, ID,                                                             \
	  "thread that sent it; NULL: not in the trace, not a thread, or of delivered ones not "     \
	  "seen")                                                                                    \
	C(sender_tid, INTEGER, NUMBER, "its tid; of one that is not in the trace too")               \
	C(sender_comm, TEXT, NONE, "its name when it sent it")                                       \
	C(target_thread_id, INTEGER, ID,                                                             \
	  "thread that it was sent to, or that it reached; NULL: not in the trace")                  \
	C(target_tid, INTEGER, NUMBER, "its tid")                                                    \
	C(target_comm, TEXT, NONE, "its name then")                                                  \
	C(to_process, INTEGER, BOOL,                                                                 \
	  "1: it was for the process, not for one of its threads; NULL where not seen")              \
	C(result, TEXT, NONE,                                                                        \
	  "sent: queued, ignored, pending (it was already), no room; delivered: default, "           \
	  "ignored, handler")                                                                        \
	C(wait_ns, INTEGER, NS, "delivered: time since it was sent; NULL: that was not seen")        \
	C(handler, INTEGER, ADDRESS, "address of the handler; NULL: none")                           \
	C(addr, INTEGER, ADDRESS,                                                                    \
	  "delivered: address of the fault that the signal is for; NULL: it is for none")            \
	C(sender_uid, INTEGER, NUMBER, "delivered: user id of the sender; NULL: not a process")      \
	C(status, INTEGER, NUMBER,                                                                   \
	  "delivered SIGCHLD: the child's exit code, or number of the signal that ended, stopped "   \
	  "or "                                                                                      \
	  "continued it")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define SIGNALS	       65
#define ACTION_DEFAULT 0 /* of signal_deliver */

struct sent { /* and not delivered yet */
	u64 ts;
	s32 code;
	u32 sender_id, sender_tid;
	struct string *sender_comm;
	bool to_process;
};

/* What is under way to a process, in its slot. Of two of a number the earlier one is taken for it. */
struct pending {
	struct sent by_number[SIGNALS];
	/* The last that did what signals do by default: if it ended the process, it ends the other threads, too. */
	u32 acted; /* 0: none did */
	s32 acted_code;
	struct sent acted_sent;
};

static bool is_of_child(const char *signal, s32 code)
{
	return code > 0 && code != 128 && signal && !strcmp(signal, "SIGCHLD");
}

/* Else it is of a timer or the kernel, and strikes whoever runs. */
static bool has_sender(const char *signal, s32 code)
{
	return (code <= 0 && code != -2) || is_of_child(signal, code);
}

/* What si_code means depends on the signal. */
static struct value code_value(struct fold *fold, const char *signal, s32 code)
{
	static const char *const children[] = { "exited",  "killed",  "dumped",
						"trapped", "stopped", "continued" };
	static const struct {
		s32 code;
		const char *name;
	} names[] = { { 0, "kill" }, { -1, "sigqueue" }, { -2, "timer" },  { -3, "mq" },
		      { -4, "aio" }, { -5, "sigio" },	 { -6, "tgkill" }, { 128, "kernel" } };

	if (is_of_child(signal, code) && code <= (s32)ARRAY_SIZE(children))
		return value_text(children[code - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return value_text(names[i].name);
	text_clear(&fold->text);
	text_addf(&fold->text, "%d", code);
	return value_bytes(fold->text.data, fold->text.len);
}

static struct value word_value(const char *const *words, size_t count, u32 number)
{
	return number < count ? value_text(words[number]) : value_null();
}

static struct pending *pending_of(struct fold *fold, struct process *process)
{
	if (!process->slots[fold->slot])
		process->slots[fold->slot] = xcalloc(1, sizeof(struct pending));
	return process->slots[fold->slot];
}

static void sent_clear(struct sent *sent)
{
	string_unref(sent->sender_comm);
	*sent = (struct sent){};
}

static void note_sent(struct fold *fold, struct process *process,
		      const struct trc_signal_generate *record, const struct thread *sender)
{
	const char *name = decoder_signal_name(fold->walk->decoder, record->signal);
	struct sent *sent;

	if (record->signal >= SIGNALS || record->result)
		return;
	sent = &pending_of(fold, process)->by_number[record->signal];
	if (sent->ts)
		return;
	*sent = (struct sent){ .ts = record->head.ts,
			       .code = record->code,
			       .to_process = record->group };
	if (has_sender(name, record->code)) {
		sent->sender_id = sender ? sender->id : 0;
		sent->sender_tid = record->head.tid;
		sent->sender_comm = sender ? string_ref(sender->comm) : NULL;
	}
}

static void put_target(struct value *row, const struct thread *target, u32 tid)
{
	row[COLUMN_target_tid] = value_int(tid);
	if (!target)
		return;
	row[COLUMN_target_thread_id] = value_int(target->id);
	row[COLUMN_target_comm] = value_string(target->comm);
}

static void put_sent(struct fold *fold, const struct walk_step *step,
		     const struct trc_signal_generate *record)
{
	static const char *const results[] = { "queued", "ignored", "pending", "no room",
					       "no room for its information" };
	const char *name = decoder_signal_name(fold->walk->decoder, record->signal);
	struct thread *target = model_thread(fold->walk->model, record->target_tid, 0);
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_ts_ns] = value_int((s64)record->head.ts);
	row[COLUMN_event] = value_text("sent");
	row[COLUMN_signal] = value_int(record->signal);
	row[COLUMN_name] = value_text(name);
	row[COLUMN_code] = code_value(fold, name, record->code);
	if (has_sender(name, record->code)) {
		row[COLUMN_sender_tid] = value_int(record->head.tid);
		if (step->thread) {
			row[COLUMN_sender_thread_id] = value_int(step->thread->id);
			row[COLUMN_sender_comm] = value_string(step->thread->comm);
		}
	}
	put_target(row, target, record->target_tid);
	row[COLUMN_to_process] = value_int(record->group != 0);
	row[COLUMN_result] = word_value(results, ARRAY_SIZE(results), record->result);
	if (target)
		note_sent(fold, target->process, record, step->thread);
	fold_row(fold, row);
}

static struct sent *sent_to(struct fold *fold, const struct thread *thread, u32 signal)
{
	struct pending *pending = thread ? thread->process->slots[fold->slot] : NULL;

	return pending && signal < SIGNALS ? &pending->by_number[signal] : NULL;
}

static void put_delivered(struct fold *fold, const struct thread *thread,
			  const struct trc_signal_deliver *record, const s32 *code,
			  const struct sent *sent)
{
	static const char *const actions[] = { "default", "ignored", "handler" };
	const char *name = decoder_signal_name(fold->walk->decoder, record->signal);
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_ts_ns] = value_int((s64)record->head.ts);
	row[COLUMN_event] = value_text("delivered");
	row[COLUMN_signal] = value_int(record->signal);
	row[COLUMN_name] = value_text(name);
	if (code)
		row[COLUMN_code] = code_value(fold, name, *code);
	put_target(row, thread, record->head.tid);
	row[COLUMN_result] = word_value(actions, ARRAY_SIZE(actions), record->action);
	row[COLUMN_handler] = value_known(record->handler, 0);
	if (record->known & TRC_SIGNAL_ADDR)
		row[COLUMN_addr] = value_int((s64)record->addr);
	if (record->known & TRC_SIGNAL_SENDER)
		row[COLUMN_sender_uid] = value_int(record->sender_uid);
	if (record->known & TRC_SIGNAL_STATUS)
		row[COLUMN_status] = value_int(record->status);
	if (sent && sent->ts && sent->ts <= record->head.ts) {
		row[COLUMN_sender_thread_id] = value_known(sent->sender_id, 0);
		row[COLUMN_sender_tid] = value_known(sent->sender_tid, 0);
		row[COLUMN_sender_comm] = value_string(sent->sender_comm);
		row[COLUMN_to_process] = value_int(sent->to_process);
		row[COLUMN_wait_ns] = value_int((s64)(record->head.ts - sent->ts));
	}
	fold_row(fold, row);
}

/*
 * It was SIGKILL that reached the thread, for whatever ended the process: its end tells. The kernel makes that one up:
 * its code is nobody's.
 */
static void put_death(struct fold *fold, struct thread *thread)
{
	struct trc_signal_deliver *record = thread->slots[fold->slot];
	const struct pending *pending = thread->process->slots[fold->slot];
	u32 signal = thread->has_totals ? thread->status & 0x7f : 0;
	const struct sent *sent = NULL;
	const s32 *code = NULL;

	if (!record)
		return;
	if (signal && signal != SIGKILL) {
		record->signal = signal;
		sent = sent_to(fold, thread, signal);
		if (sent && sent->ts) {
			code = &sent->code;
		} else if (pending && pending->acted == signal) {
			sent = &pending->acted_sent;
			code = &pending->acted_code;
		}
	}
	put_delivered(fold, thread, record, code, sent);
	free(record);
	thread->slots[fold->slot] = NULL;
}

/* It has been delivered. */
static void take_sent(struct fold *fold, struct process *process,
		      const struct trc_signal_deliver *record, struct sent *sent)
{
	struct pending *pending;

	if (record->action == ACTION_DEFAULT) {
		pending = pending_of(fold, process);
		sent_clear(&pending->acted_sent);
		pending->acted = record->signal;
		pending->acted_code = record->code;
		if (sent)
			pending->acted_sent = *sent;
	} else if (sent) {
		string_unref(sent->sender_comm);
	}
	if (sent)
		*sent = (struct sent){};
}

static void delivered(struct fold *fold, struct thread *thread,
		      const struct trc_signal_deliver *record)
{
	struct sent *sent = sent_to(fold, thread, record->signal);
	bool kills = record->signal == SIGKILL;

	if (thread && kills && !(sent && sent->ts) && !thread->slots[fold->slot]) {
		thread->slots[fold->slot] = xmemdup(record, sizeof(*record));
		return;
	}
	if (kills) {
		put_delivered(fold, thread, record, sent && sent->ts ? &sent->code : NULL, sent);
		return;
	}
	put_delivered(fold, thread, record, &record->code, sent);
	if (thread)
		take_sent(fold, thread->process, record, sent);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_head *record = step->event.record;

	if (step->event.kind_id == TRC_KIND_signal_generate)
		put_sent(fold, step, (const struct trc_signal_generate *)record);
	else if (step->event.kind_id == TRC_KIND_signal_deliver)
		delivered(fold, step->thread, (const struct trc_signal_deliver *)record);
	else if (step->event.kind_id == TRC_KIND_task_exit && step->thread)
		put_death(fold, step->thread);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	put_death(fold, thread);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct pending *pending = process->slots[fold->slot];

	if (!pending)
		return;
	for (size_t i = 0; i < SIGNALS; i++)
		sent_clear(&pending->by_number[i]);
	sent_clear(&pending->acted_sent);
	free(pending);
	process->slots[fold->slot] = NULL;
}

const struct metric metric_signal_event = {
	.table = { .name = "signal_event",
		   .doc = "signals sent and delivered (record --events +signal)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .brief = "ts_ns,event,name,code,sender_tid,sender_comm,target_tid,target_comm,"
			    "result,wait_ns",
		   .stream = true },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_SIGNAL,
	.event = event,
	.thread_gone = thread_gone,
	.process_gone = process_gone,
};
