/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/replay.h"

#include "analyze/model/idmap.h"
#include "analyze/replay_order.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S    1000000000
#define FLUSH_BYTES 65536
#define CORE_DUMPED 0x80

struct replay {
	struct walk *walk;
	const struct replay_options *options;
	struct text text; /* whole lines, and the one that is being made */
	struct text scratch;
	size_t line;		  /* where that one begins in text */
	struct item_queue calls;  /* begun and not ended, by end */
	struct replay_item *open; /* of them, the last one, if nothing of it has been written yet */
	u64 last_ns;		  /* of the line before; 0: none */
	struct idmap modes;	  /* by tid: the mode that was told last */
};

/* ---- pieces of a line ---- */

static void add_padded(struct text *text, u64 value, unsigned width)
{
	char digits[20];

	for (unsigned i = width; i--; value /= 10)
		digits[i] = (char)('0' + value % 10);
	text_add(text, digits, width);
}

static void add_fraction(struct replay *replay, u64 ns)
{
	text_addc(&replay->text, '.');
	if (replay->options->nanoseconds)
		add_padded(&replay->text, ns, 9);
	else
		add_padded(&replay->text, ns / 1000, 6);
}

static void add_seconds(struct replay *replay, u64 ns)
{
	text_addu(&replay->text, ns / NS_PER_S);
	add_fraction(replay, ns % NS_PER_S);
}

static void add_clock(struct replay *replay, u64 wall_ns)
{
	s64 seconds = (s64)(wall_ns / NS_PER_S) + replay->walk->meta->utc_offset_s;
	u64 of_day = (u64)(((seconds % 86400) + 86400) % 86400);

	add_padded(&replay->text, of_day / 3600, 2);
	text_addc(&replay->text, ':');
	add_padded(&replay->text, of_day / 60 % 60, 2);
	text_addc(&replay->text, ':');
	add_padded(&replay->text, of_day % 60, 2);
	if (replay->options->time == REPLAY_TIME_CLOCK)
		add_fraction(replay, wall_ns % NS_PER_S);
}

/* As wide as strace has it. */
static void add_delta(struct replay *replay, u64 ns)
{
	for (u64 limit = 100000; limit > 1 && ns / NS_PER_S < limit; limit /= 10)
		text_addc(&replay->text, ' ');
	add_seconds(replay, ns);
}

static void add_time(struct replay *replay, u64 ts)
{
	s64 since_start = walk_relative_ns(replay->walk, ts);
	s64 wall_ns;

	switch (replay->options->time) {
	case REPLAY_TIME_UNIX:
		wall_ns = trace_reader_wall_ns(replay->walk->reader, ts);
		add_seconds(replay, wall_ns > 0 ? (u64)wall_ns : 0);
		break;
	case REPLAY_TIME_CLOCK:
	case REPLAY_TIME_CLOCK_SECONDS:
		wall_ns = trace_reader_wall_ns(replay->walk->reader, ts);
		add_clock(replay, wall_ns > 0 ? (u64)wall_ns : 0);
		break;
	case REPLAY_TIME_START:
		if (since_start < 0)
			text_addc(&replay->text, '-');
		add_seconds(replay, since_start < 0 ? -(u64)since_start : (u64)since_start);
		break;
	case REPLAY_TIME_DELTA:
		add_delta(replay,
			  replay->last_ns && ts > replay->last_ns ? ts - replay->last_ns : 0);
		break;
	case REPLAY_TIME_NONE:
		return;
	}
	text_addc(&replay->text, ' ');
}

static void line_begin(struct replay *replay, u32 tid, u64 ts)
{
	size_t start = replay->text.len;

	replay->line = start;
	text_addu(&replay->text, tid);
	while (replay->text.len - start < 5)
		text_addc(&replay->text, ' ');
	text_addc(&replay->text, ' ');
	add_time(replay, ts);
	replay->last_ns = ts;
}

static void line_end(struct replay *replay)
{
	text_addc(&replay->text, '\n');
}

static int flush(struct replay *replay, FILE *out, size_t least)
{
	if (replay->text.len < least || !replay->text.len)
		return 0;
	if (fwrite(replay->text.data, 1, replay->text.len, out) != replay->text.len)
		return -EIO;
	text_clear(&replay->text);
	return 0;
}

/* ---- calls ---- */

static const struct trc_syscall *item_call(const struct replay_item *item)
{
	return (const struct trc_syscall *)item->record;
}

static void add_name(struct replay *replay, const struct trc_syscall *call)
{
	text_adds(&replay->text, decoder_syscall_name(replay->walk->decoder, call->abi, call->nr));
}

static const char *mode_of(u8 abi)
{
	static const char bits32[] = "32 bit", bits64[] = "64 bit", x32[] = "x32";

	switch (abi) {
	case SYSCALL_ABI_X32:
		return x32;
	case SYSCALL_ABI_I386:
	case SYSCALL_ABI_ARM:
		return bits32;
	}
	return bits64;
}

/* Numbers and structs of the calls below are those of another ABI than before: strace tells it like this. */
static void tell_mode(struct replay *replay, const struct replay_item *item)
{
	const char *mode = mode_of(item_call(item)->abi),
		   *told = idmap_find(&replay->modes, item->begin_tid);

	if (!told)
		told = mode_of(replay->walk->meta->pointer_size == 4 ? SYSCALL_ABI_I386
								     : SYSCALL_ABI_X86_64);
	if (mode == told)
		return;
	idmap_put(&replay->modes, item->begin_tid, (void *)mode);
	line_begin(replay, item->begin_tid, item->begin_ns);
	text_addf(&replay->text, "[ Process PID=%u runs in %s mode. ]", item->begin_tid, mode);
	line_end(replay);
}

static void add_result(struct replay *replay, const struct replay_item *item)
{
	const struct trc_syscall *call = item_call(item);
	struct text *text = &replay->text;

	text_adds(text, ") ");
	while (text->len - replay->line < replay->options->column)
		text_addc(text, ' ');
	text_adds(text, "= ");
	text_add(text, item->result, item->result_len);
	if (call->state == TRC_SYSCALL_COMPLETE && !replay->options->no_durations) {
		text_adds(text, " <");
		add_seconds(replay, call->duration_ns);
		text_addc(text, '>');
	}
	text_add(text, item->waits, item->waits_len);
}

static void add_args(struct replay *replay, const struct replay_item *item, size_t from)
{
	bool unfinished = item_call(item)->state == TRC_SYSCALL_UNFINISHED;
	size_t to = unfinished ? item->entry_len : item->args_len;

	text_add(&replay->text, item->args + from, to - from);
	/* A call that never returned did not give what is missing. */
	if (to < item->args_len)
		text_adds(&replay->text, " <unfinished ...>");
}

static void write_resumed(struct replay *replay, const struct replay_item *item)
{
	const struct trc_syscall *call = item_call(item);

	line_begin(replay, call->head.tid, item->end_ns);
	text_adds(&replay->text, "<... ");
	add_name(replay, call);
	text_adds(&replay->text, " resumed>");
	if (call->state == TRC_SYSCALL_NO_ENTER)
		text_adds(&replay->text, " /* entered before it was watched */");
	add_args(replay, item, item->entry_len);
	add_result(replay, item);
	line_end(replay);
}

static void write_whole(struct replay *replay, const struct replay_item *item)
{
	if (item_call(item)->state == TRC_SYSCALL_NO_ENTER) {
		write_resumed(replay, item);
		return;
	}
	tell_mode(replay, item);
	line_begin(replay, item->begin_tid, item->begin_ns);
	add_name(replay, item_call(item));
	text_addc(&replay->text, '(');
	add_args(replay, item, 0);
	add_result(replay, item);
	line_end(replay);
}

/* Another line comes in between: what was known at entry is written now. */
static void interrupt(struct replay *replay)
{
	const struct replay_item *item = replay->open;

	if (!item)
		return;
	replay->open->split = true;
	replay->open = NULL;
	if (item_call(item)->state == TRC_SYSCALL_NO_ENTER)
		return;
	tell_mode(replay, item);
	line_begin(replay, item->begin_tid, item->begin_ns);
	add_name(replay, item_call(item));
	text_addc(&replay->text, '(');
	text_add(&replay->text, item->args, item->entry_len);
	text_adds(&replay->text, " <unfinished ...>");
	line_end(replay);
}

/* ---- other events ---- */

static void write_exit(struct replay *replay, const struct replay_item *item)
{
	const struct trc_task_exit *exit = (const struct trc_task_exit *)item->record;
	u32 signal = exit->exit_code & 0x7f;
	const char *name = decoder_signal_name(replay->walk->decoder, signal);

	idmap_remove(&replay->modes, exit->head.tid);
	line_begin(replay, exit->head.tid, item->begin_ns);
	if (!signal) {
		text_adds(&replay->text, "+++ exited with ");
		text_addu(&replay->text, exit->exit_code >> 8 & 0xff);
	} else {
		text_adds(&replay->text, "+++ killed by ");
		if (name)
			text_adds(&replay->text, name);
		else
			text_addu(&replay->text, signal);
		if (exit->exit_code & CORE_DUMPED)
			text_adds(&replay->text, " (core dumped)");
	}
	text_adds(&replay->text, " +++");
	line_end(replay);
}

static void write_superseded(struct replay *replay, const struct replay_item *item)
{
	const struct trc_exec *exec = (const struct trc_exec *)item->record;

	line_begin(replay, exec->head.tid, item->begin_ns);
	text_adds(&replay->text, "+++ superseded by execve in pid ");
	text_addu(&replay->text, exec->old_tid);
	text_adds(&replay->text, " +++");
	line_end(replay);
}

static void write_signal(struct replay *replay, const struct replay_item *item)
{
	const struct trc_signal_deliver *signal = (const struct trc_signal_deliver *)item->record;

	line_begin(replay, signal->head.tid, item->begin_ns);
	text_adds(&replay->text, "--- ");
	decode_signal(replay->walk->decoder, signal, &replay->text);
	text_adds(&replay->text, " ---");
	line_end(replay);
}

static void add_lost_what(struct replay *replay, const struct trc_lost *lost)
{
	static const char *const causes[] = { [TRC_LOST_RING] = " (ring full)",
					      [TRC_LOST_TASK] = " (no memory for a task)",
					      [TRC_LOST_BUFFER] = " (no buffer)",
					      [TRC_LOST_WRITE] = " (write error)",
					      [TRC_LOST_STRING] = " (no memory for strings)",
					      [TRC_LOST_BUSY] = " (probe busy)" };
	const struct schema *schema = &replay->walk->meta->schema;
	const struct schema_kind *kind = lost->lost_kind <= UINT16_MAX
						 ? schema_kind_by_id(schema, (u16)lost->lost_kind)
						 : NULL;

	text_addu(&replay->text, lost->count);
	if (kind) {
		text_addc(&replay->text, ' ');
		text_add_escaped(&replay->text, kind->name, strlen(kind->name));
	}
	text_adds(&replay->text, lost->count == 1 ? " event" : " events");
	if (lost->cause < ARRAY_SIZE(causes) && causes[lost->cause])
		text_adds(&replay->text, causes[lost->cause]);
}

static void add_moment(struct replay *replay, u64 ts)
{
	s64 wall_ns = trace_reader_wall_ns(replay->walk->reader, ts);

	add_seconds(replay, wall_ns > 0 ? (u64)wall_ns : 0);
}

static void write_lost(struct replay *replay, const struct replay_item *item)
{
	const struct trc_lost *lost = (const struct trc_lost *)item->record;

	line_begin(replay, lost->head.tid, item->begin_ns);
	if (lost->cause == TRC_LOST_PAUSED) {
		text_adds(&replay->text, "--- recording paused");
	} else {
		text_adds(&replay->text, "--- lost ");
		add_lost_what(replay, lost);
	}
	text_adds(&replay->text, " between ");
	add_moment(replay, lost->first_ns);
	text_adds(&replay->text, " and ");
	add_moment(replay, lost->last_ns);
	text_adds(&replay->text, " ---");
	line_end(replay);
}

static void write_point(struct replay *replay, const struct replay_item *item)
{
	switch (item->kind_id) {
	case TRC_KIND_task_exit:
		write_exit(replay, item);
		break;
	case TRC_KIND_exec:
		write_superseded(replay, item);
		break;
	case TRC_KIND_lost:
		write_lost(replay, item);
		break;
	case TRC_KIND_signal_deliver:
		write_signal(replay, item);
		break;
	}
}

/* ---- the walk ---- */

static void begin_item(struct replay *replay, struct replay_order *order, struct replay_item *item)
{
	interrupt(replay);
	if (item->kind_id != TRC_KIND_syscall) {
		write_point(replay, item);
		replay_order_put(order, item);
		return;
	}
	item->key = item->end_ns;
	item_queue_push(&replay->calls, item);
	replay->open = item;
}

static void end_call(struct replay *replay, struct replay_order *order)
{
	struct replay_item *item = item_queue_pop(&replay->calls);

	if (replay->open == item) {
		replay->open = NULL;
		write_whole(replay, item);
	} else {
		interrupt(replay);
		write_resumed(replay, item);
	}
	replay_order_put(order, item);
}

static int write_in_order(struct replay *replay, FILE *out)
{
	struct replay_order *order;
	int r = replay_order_new(replay->walk, replay->options->window_events, &order);

	while (!r) {
		struct replay_item *next = replay_order_peek(order);
		struct replay_item *call = item_queue_first(&replay->calls);

		if (!next && !call)
			break;
		/* What ends now ends before another thing begins. */
		if (call &&
		    (!next || call->end_ns <= next->begin_ns || replay_order_is_full(order)))
			end_call(replay, order);
		else
			begin_item(replay, order, replay_order_next(order));
		r = flush(replay, out, FLUSH_BYTES);
	}
	replay_order_free(order);
	return r;
}

static int write_at_end(struct replay *replay, FILE *out)
{
	struct replay_waits waits = {};
	struct walk_step step;
	int r = 0;

	if (replay->walk->has_sched)
		replay_waits_listen(&waits, replay->walk);
	while (!r && walk_next(replay->walk, &step)) {
		struct replay_item *item;

		if (!step.shown || !replay_has_line(&step.event))
			continue;
		item = replay_item_new(replay->walk, &step, &waits, &replay->scratch);
		if (step.event.kind_id == TRC_KIND_syscall)
			write_whole(replay, item);
		else
			write_point(replay, item);
		free(item);
		r = flush(replay, out, FLUSH_BYTES);
	}
	model_set_hooks(replay->walk->model, &(struct model_hooks){});
	replay_waits_release(&waits);
	return r;
}

int replay_write(struct walk *walk, const struct replay_options *options, FILE *out)
{
	struct replay replay = { .walk = walk, .options = options };
	int r = options->whole ? write_at_end(&replay, out) : write_in_order(&replay, out);

	if (!r)
		r = flush(&replay, out, 0);
	item_queue_release(&replay.calls);
	idmap_release(&replay.modes);
	text_release(&replay.text);
	text_release(&replay.scratch);
	return r;
}
