/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/recorder_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"

#define NS_PER_S	1000000000ull
#define FLUSH_NS	NS_PER_S /* at most so much is lost when the recorder is killed */
#define DRAIN_TURNS_MAX 128
#define LOSS_CHECK_NS	(NS_PER_S / 10)
#define END_BYTES	(16u << 10) /* SUMMARY, INDEX and END, about */
#define CALL_BYTES	32	    /* of a task that is in a call when the file ends, about */

const char reason_command[] = "command ended";
const char reason_targets[] = "targets ended";
const char reason_duration[] = "duration";
const char reason_signal[] = "signal";
const char reason_write_error[] = "write error";
const char reason_max_size[] = "max-size";
const char reason_max_events[] = "max-events";
const char reason_control[] = "control";

static void say_write_error(const struct recorder *r, int err)
{
	if (err == -EPIPE)
		log_error(
			"standard output: nobody reads the trace any more; recording has stopped");
	else if (err == -ECANCELED)
		log_error("standard output: its reader takes nothing; recording has stopped, the "
			  "rest of the trace is lost");
	else
		log_error("%s: %s; recording has stopped, what was written is readable",
			  files_name(&r->files), strerror(-err));
}

/* What stands before the events cannot be left out: then the promise is not kept, and that is said. */
static void warn_of_size(const struct recorder *r)
{
	const struct modes *modes = &r->settings->modes;
	u64 limit_bytes = modes->max_bytes ?: modes->rotate_bytes ?: modes->flight_bytes;

	if (limit_bytes && r->head_bytes > limit_bytes)
		log_warning("what is there when a file begins takes %llu bytes, more than the "
			    "%llu that were allowed; allow several times as much",
			    (unsigned long long)r->head_bytes, (unsigned long long)limit_bytes);
}

int recorder_begin(struct recorder *r)
{
	int err = r->settings->modes.flight
			  ? recorder_open_memory(r)
			  : recorder_open_trace(r, recorder_worker_count(), &r->writer);

	if (!err)
		err = recorder_begin_part(r);
	if (err)
		return err;
	r->first = r->mark;
	r->next_loss_ns = r->mark.start_ns + LOSS_CHECK_NS;
	r->next_flush_ns = r->mark.start_ns + FLUSH_NS;
	if (!r->flight)
		files_begun(&r->files);
	warn_of_size(r);
	return 0;
}

bool recorder_has_begun(const struct recorder *r)
{
	return r->writer;
}

/* Bytes that the file would have if it were ended now. */
static u64 expected_bytes(struct recorder *r)
{
	struct trace_writer_stats stats;
	u64 closed_bytes, open_bytes, turn_bytes;
	double packed = 0.25;
	size_t rings;

	trace_writer_stats(r->writer, &stats);
	rings_get(r->rings, &rings);
	closed_bytes = stats.raw_bytes - stats.open_bytes - r->head_raw_bytes;
	if (closed_bytes && stats.file_bytes > r->head_bytes)
		packed = 1.25 * (double)(stats.file_bytes - r->head_bytes) / (double)closed_bytes;
	/* What the next turn may bring is in it too: the limit is kept, not passed. */
	turn_bytes = rings * CONSUMER_TURN_BYTES;
	open_bytes = (u64)(packed * (double)(stats.open_bytes + turn_bytes));
	/* HEADER comes twice. */
	return stats.file_bytes + r->head_bytes + open_bytes + END_BYTES + stats.file_bytes / 128 +
	       source_live_tasks(&r->source) * CALL_BYTES;
}

/* Chunks that are still open are a guess: near the limit they are closed, and it is known. */
static bool reaches(struct recorder *r, u64 limit_bytes)
{
	if (expected_bytes(r) < limit_bytes)
		return false;
	return trace_writer_flush(r->writer, UINT64_MAX) || expected_bytes(r) >= limit_bytes;
}

const char *recorder_limit(struct recorder *r)
{
	const struct modes *modes = &r->settings->modes;

	if (consumer_is_full(r->consumer))
		return reason_max_events;
	if (modes->max_bytes && reaches(r, modes->max_bytes))
		return reason_max_size;
	return NULL;
}

static bool wants_rotation(struct recorder *r, u64 now)
{
	const struct modes *modes = &r->settings->modes;

	/* Paused, nothing comes that would take the place of what is thrown away. */
	if (!modes->rotate || r->paused_ns)
		return false;
	/* A difference: with a long time the sum would be past the end of the clock. */
	if (modes->rotate_ns && now > r->mark.start_ns &&
	    now - r->mark.start_ns >= modes->rotate_ns)
		return true;
	/* A snapshot larger than the limit must not rotate without end. */
	return modes->rotate_bytes && recorder_event_count(r) > r->head_events &&
	       reaches(r, modes->rotate_bytes);
}

/* What is due by time: losses ten times a second, clocks and flush once. */
static int housekeeping(struct recorder *r, u64 now)
{
	int err = 0;

	if (now >= r->next_loss_ns) {
		r->next_loss_ns = now + LOSS_CHECK_NS;
		err = consumer_losses(r->consumer, now);
	}
	if (!err && now >= r->next_flush_ns) {
		r->next_flush_ns = now + FLUSH_NS;
		err = recorder_write_clock(r->writer);
		/* Memory needs no flush: a cut or a dump makes one. */
		if (!err && !r->flight)
			err = trace_writer_flush(r->writer, now - FLUSH_NS / 2);
	}
	return err;
}

/* 1 if there is more, 0 or -errno. However fast the rings fill, the caller gets its say; and every limit its chance. */
static int drain(struct recorder *r, u64 now, u32 *ret_fill)
{
	int err = consumer_drain(r->consumer, ret_fill);
	u32 fill;

	for (int turn = 1;
	     err > 0 && turn < DRAIN_TURNS_MAX && !wants_rotation(r, now) && !recorder_limit(r);
	     turn++)
		err = consumer_drain(r->consumer, &fill);
	return err;
}

int recorder_turn(struct recorder *r, u64 now, bool *ret_more, u32 *ret_fill)
{
	/* Who became a target by what it did: the rest of it. */
	int err = r->paused_ns ? 0 : source_tell_later(&r->source, r->consumer);

	if (!err)
		err = drain(r, now, ret_fill);
	*ret_more = err > 0;
	if (err > 0)
		err = 0;
	if (!err && !r->paused_ns)
		err = housekeeping(r, now);
	/* Calls that are still in the rings would be missing from its count. */
	if (!*ret_more)
		cost_tick(&r->cost, r->source.probes, now,
			  consumer_tally(r->consumer)->recorded[TRC_KIND_syscall]);
	if (!err && r->flight) {
		err = recorder_dump_if_triggered(r, now);
		if (!err && !r->paused_ns && flight_wants_cut(r->flight, now))
			err = recorder_cut_memory(r);
	} else if (!err && wants_rotation(r, now)) {
		err = recorder_rotate(r);
	}
	return err;
}

static int drain_all(struct recorder *r)
{
	u32 fill;
	int err;

	/* One call takes only so much from each ring. */
	while ((err = consumer_drain(r->consumer, &fill)) > 0)
		;
	return err;
}

int recorder_pause(struct recorder *r)
{
	u64 from_ns;
	int err;

	if (r->paused_ns)
		return 0;
	from_ns = source_pause(&r->source, true);
	err = drain_all(r);
	if (!err)
		err = recorder_note_losses(r);
	r->paused_ns = from_ns;
	return err ? err : trace_writer_flush(r->writer, r->flight ? 0 : UINT64_MAX);
}

int recorder_resume(struct recorder *r)
{
	u64 until_ns;
	int err;

	if (!r->paused_ns)
		return 0;
	/* First the events, then the snapshot: what changes in between is in one of them. */
	until_ns = source_pause(&r->source, false);
	err = consumer_paused(r->consumer, r->paused_ns, until_ns);
	r->paused_ns = 0;
	if (err)
		return err;
	if (r->flight)
		return recorder_cut_memory(r);
	return recorder_tell(r);
}

int recorder_flush(struct recorder *r)
{
	return trace_writer_flush(r->writer, UINT64_MAX);
}

static struct trace_summary *total(struct recorder *r, const struct mark *now,
				   const struct ending *ending)
{
	struct trace_writer_stats stats = { 0 };

	if (r->writer)
		trace_writer_stats(r->writer, &stats);
	stats.lost_user += r->lost_user;
	stats.file_bytes += r->files.done_bytes;
	return summary_new(&r->first, now, ending, &stats);
}

void recorder_status(struct recorder *r, struct text *out)
{
	const struct ending ending = { .reason = "" };
	struct trace_summary *summary;
	struct mark now;

	if (!r->writer) {
		text_adds(out, "waiting, recording has not begun");
		return;
	}
	recorder_set_mark(r, &now, monotonic_ns());
	summary = total(r, &now, &ending);
	text_adds(out, r->paused_ns ? "paused, " : "recording, ");
	summary_line(summary, &r->first, &now, 0, out);
	text_addf(out, "; %s", files_name(&r->files));
	trace_summary_free(summary);
}

static void say_end(struct recorder *r, const struct mark *end, const struct ending *ending)
{
	_cleanup_(text_release) struct text line = { 0 };
	struct trace_summary *summary = total(r, end, ending);

	summary_line(summary, &r->first, end, cost_per_syscall_ns(&r->cost, r->source.probes),
		     &line);
	if (r->files.done_count > 1)
		log_info("%llu files up to %s: %s", (unsigned long long)r->files.done_count,
			 files_done_name(&r->files), line.data);
	else
		log_info("%s: %s", files_done_name(&r->files), line.data);
	trace_summary_free(summary);
}

int recorder_finish(struct recorder *r, struct ending *ending, int err)
{
	/* What is in the rings came after the end. */
	bool is_full = ending->reason == reason_max_size || ending->reason == reason_max_events;
	bool all_ended = ending->reason == reason_command || ending->reason == reason_targets;
	struct mark end;
	u64 end_ns;

	source_stop(&r->source);
	/* Also of those that outlive the command. */
	end_ns = monotonic_ns();
	if (!all_ended && !is_full && !r->paused_ns)
		source_unfinished(&r->source, r->consumer, end_ns);
	if (!r->writer && !err)
		err = recorder_begin(r);
	if (!r->writer) {
		/* Between two files, because the next could not be begun: what is done is whole. */
		r->lost_user += consumer_abandon(r->consumer);
		recorder_note_losses(r);
		say_write_error(r, err);
		recorder_set_mark(r, &end, end_ns);
		say_end(r, &end, ending);
		return err;
	}
	if (!err && !is_full)
		err = drain_all(r);
	if (err)
		/* Nothing is written any more, but what is missing is counted. */
		r->lost_user += consumer_abandon(r->consumer);
	cost_stop(&r->cost, r->source.probes, end_ns,
		  consumer_tally(r->consumer)->recorded[TRC_KIND_syscall]);
	if (!err)
		err = recorder_note_losses(r);
	else
		recorder_note_losses(r);
	if (consumer_last_ns(r->consumer) && all_ended && !r->paused_ns)
		end_ns = consumer_last_ns(r->consumer);
	recorder_set_mark(r, &end, end_ns);
	if (r->flight) {
		err = recorder_finish_flight(r, &end, ending, err);
		return err ? err : r->dump_failed ? -EIO : 0;
	}
	err = recorder_close_trace(r, r->writer, &r->mark, &end, ending, err);
	r->writer = NULL;
	files_done(&r->files, r->closed_bytes);
	if (err)
		say_write_error(r, err);
	say_end(r, &end, ending);
	return err;
}

void recorder_discard(struct recorder *r)
{
	if (r->writer)
		trace_writer_close(r->writer);
	r->writer = NULL;
	files_discard(&r->files);
}

void recorder_release(struct recorder *r)
{
	if (r->writer)
		trace_writer_close(r->writer);
	flight_free(r->flight);
	files_release(&r->files);
}
