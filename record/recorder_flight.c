/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/recorder_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"

#define TRIGGER_NS	 1000000000ull /* triggers write no more files than one in this time */
#define DUMP_DRAIN_BYTES (1u << 20) /* the rings are looked at so often while memory is written */

/* A flight recorder's writer: what it makes stays in memory. */
int recorder_open_memory(struct recorder *r)
{
	struct trace_writer_options options = {
		.fd = -1,
		.level = r->settings->level,
		.chunk_bytes = CHUNK_BYTES,
		.worker_count = recorder_worker_count(),
		.keep = flight_keep,
	};

	r->flight = flight_new(r->settings->modes.flight_ns, r->settings->modes.flight_bytes);
	options.keep_context = r->flight;
	return trace_writer_open(&options, &r->writer);
}

/* A stretch of memory ends, the next begins; all that came so far is in the memory. */
int recorder_cut_memory(struct recorder *r)
{
	int err = recorder_part(r);

	if (!err)
		err = trace_writer_flush(r->writer, UINT64_MAX);
	return err ? err : recorder_begin_part(r);
}

static int copy_stretches(struct recorder *r, const struct flight_stretch *first,
			  struct trace_writer *writer)
{
	u64 copied = 0;
	int err = 0;

	for (const struct flight_stretch *stretch = first; stretch; stretch = stretch->next) {
		for (const struct flight_record *record = stretch->first; record && !err;
		     record = record->next) {
			err = trace_writer_copy(writer, &record->head, record->payload);
			copied += record->head.payload_len;
			if (copied >= DUMP_DRAIN_BYTES && r->writer) {
				copied = 0;
				recorder_drain_once(r);
			}
		}
	}
	return err;
}

static void say_dump(struct recorder *r, const struct mark *from, const struct mark *to,
		     const struct ending *ending, u64 file_bytes)
{
	const struct trace_writer_stats stats = { .file_bytes = file_bytes };
	struct trace_summary *summary = summary_new(from, to, ending, &stats);
	struct text line = { 0 };

	summary_line(summary, from, to, cost_per_syscall_ns(&r->cost, r->source.probes), &line);
	log_info("%s (%s): %s", files_name(&r->files), ending->reason, line.data);
	text_release(&line);
	trace_summary_free(summary);
}

/* The memory as a file. */
static int write_dump(struct recorder *r, const struct flight_stretch *stretches,
		      const struct mark *end, const struct ending *ending)
{
	struct trace_writer *writer = NULL;
	int err = r->dump_count++ ? files_next(&r->files) : 0;
	u64 bytes;

	if (!err)
		err = recorder_open_trace(r, 0, &writer);
	if (!err) {
		err = copy_stretches(r, stretches, writer);
		err = recorder_close_trace(r, writer, &stretches->mark, end, ending, err);
	}
	if (err) {
		log_error("%s: %s; this part of the flight is %s", files_name(&r->files),
			  strerror(-err), writer ? "not whole" : "lost");
		r->dump_failed = true;
	}
	if (!writer) {
		files_discard(&r->files);
		return err;
	}
	/* One that is not whole takes the place of none that is. */
	if (!err)
		files_begun(&r->files);
	bytes = files_done(&r->files, r->closed_bytes);
	if (!err)
		say_dump(r, &stretches->mark, end, ending, bytes);
	return err;
}

int recorder_dump(struct recorder *r, const char *reason)
{
	const struct ending ending = { .reason = reason };
	struct flight_stretch *stretches;
	struct mark end;
	int err = recorder_end_part(r, &end);

	if (!err)
		err = trace_writer_flush(r->writer, UINT64_MAX);
	if (err)
		return err;
	stretches = flight_take(r->flight);
	/* What has asked for a file so far is in this one. */
	consumer_triggered(r->consumer);
	err = recorder_begin_part(r);
	write_dump(r, stretches, &end, &ending);
	flight_stretch_free(stretches);
	r->next_dump_ns = monotonic_ns() + TRIGGER_NS;
	return err;
}

int recorder_dump_if_triggered(struct recorder *r, u64 now)
{
	const struct trigger *trigger;
	_cleanup_free_ char *reason = NULL;

	if (now < r->next_dump_ns)
		return 0;
	trigger = consumer_triggered(r->consumer);
	if (!trigger)
		return 0;
	reason = xasprintf("trigger %s", trigger_text(trigger));
	return recorder_dump(r, reason);
}

int recorder_finish_flight(struct recorder *r, const struct mark *end, const struct ending *ending,
			   int err)
{
	struct flight_stretch *stretches;

	if (!err)
		err = trace_writer_flush(r->writer, UINT64_MAX);
	trace_writer_close(r->writer);
	r->writer = NULL;
	stretches = flight_take(r->flight);
	if (!err)
		err = write_dump(r, stretches, end, ending);
	flight_stretch_free(stretches);
	return err;
}
