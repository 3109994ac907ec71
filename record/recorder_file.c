/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/recorder_private.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"

DEFINE_CLEANUP(struct trace_meta *, metadata_free)

int recorder_write_clock(struct trace_writer *writer)
{
	struct trace_clock_sample sample;
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	clock_sample(&sample);
	trace_clock_encode(&sample, 1, &data, &len);
	return trace_writer_put(writer, TRACE_CLOCK, sample.mono_ns, data, len);
}

u32 recorder_worker_count(void)
{
	return libbpf_num_possible_cpus() > 2 ? 1 : 0;
}

/* A writer to the open file, with the HEADER. */
int recorder_open_trace(struct recorder *r, u32 workers, struct trace_writer **ret_writer)
{
	struct trace_writer_options options = {
		.fd = files_fd(&r->files),
		.level = r->settings->level,
		.chunk_bytes = CHUNK_BYTES,
		.worker_count = workers,
		.gives_up = r->gives_up,
		.gives_up_context = r->gives_up_context,
	};
	_cleanup_(metadata_freep) struct trace_meta *meta = NULL;
	_cleanup_free_ u8 *header = NULL;
	struct trace_writer *writer;
	size_t len;
	int err;

	meta = metadata_new(r->settings, r->tables, r->table_count, r->command_pid, r->ring_bytes,
			    probes_missing(r->source.probes));
	metadata_add_extras(meta, r->extras);
	if (r->files.series)
		metadata_add_series(meta, r->series);
	memcpy(options.uuid, meta->uuid, sizeof(options.uuid));
	err = trace_writer_open(&options, &writer);
	if (err)
		return err;
	trace_meta_encode(meta, &header, &len);
	err = trace_writer_put(writer, TRACE_HEADER, monotonic_ns(), header, len);
	if (err) {
		trace_writer_close(writer);
		return err;
	}
	*ret_writer = writer;
	return 0;
}

int recorder_drain_once(void *context)
{
	struct recorder *r = context;
	u32 fill;
	int err = consumer_drain(r->consumer, &fill);

	return err < 0 ? err : 0;
}

int recorder_open_output(struct recorder *r)
{
	struct files *files = &r->files;
	_cleanup_free_ char *existing = NULL;
	const char *path = r->settings->output;
	int err;

	files->path = path;
	files->force = r->settings->force;
	files->series = r->settings->modes.rotate || r->settings->modes.flight;
	files->keep = r->settings->modes.keep;
	err = files_open(files, &existing);
	if (existing)
		path = existing;
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		log_error("%s exists; --force replaces %s, -o FILE names another", path,
			  files->series ? "all files of that name with a number" : "it");
		break;
	case -ELOOP:
		log_error("%s is not a regular file; a trace is never written through a link or a "
			  "device, "
			  "choose another name with -o",
			  path);
		break;
	case -ENOTTY:
		log_error("a trace is not for a terminal: redirect standard output, or name a file "
			  "with -o");
		break;
	case -ENOENT:
		log_error("%s: its directory does not exist; make it first, or choose another name "
			  "with -o",
			  path);
		break;
	default:
		log_error("%s: cannot be written: %s; choose another name with -o", path,
			  strerror(-err));
	}
	return err;
}

void recorder_set_mark(struct recorder *r, struct mark *mark, u64 now)
{
	mark_set(mark, now, r->consumer, r->source.probes, &r->cost);
	/* The first file bears what it took to get there. */
	if (!r->first.start_ns)
		mark->user_ns = mark->system_ns = 0;
}

/* What must stand before the events of a file, or of a stretch of memory. */
int recorder_tell(struct recorder *r)
{
	int err;

	if (r->extras->stacks)
		stacks_begin_part(r->extras->stacks);
	err = source_tell(&r->source, r->consumer, r->found);
	r->found = true;
	return err;
}

u64 recorder_event_count(const struct recorder *r)
{
	const struct tally *tally = consumer_tally(r->consumer);
	u64 count = 0;

	for (u16 kind = 1; kind < TRC_KIND_MAX; kind++)
		count += tally->recorded[kind];
	return count;
}

int recorder_begin_part(struct recorder *r)
{
	struct trace_writer_stats stats;
	int err;

	recorder_set_mark(r, &r->mark, monotonic_ns());
	if (r->flight)
		flight_cut(r->flight, &r->mark);
	/* Memory has one writer for ever: its counts of losses go on. */
	if (!r->flight || !r->first.start_ns)
		consumer_set_writer(r->consumer, r->writer);
	err = recorder_tell(r);
	if (!err)
		err = recorder_write_clock(r->writer);
	/* Apart from what follows, so that it is known how much it is. */
	if (!err)
		err = trace_writer_flush(r->writer, UINT64_MAX);
	if (r->flight)
		flight_told(r->flight);
	trace_writer_stats(r->writer, &stats);
	r->head_bytes = stats.file_bytes;
	r->head_raw_bytes = stats.raw_bytes - stats.open_bytes;
	r->head_events = recorder_event_count(r);
	return err;
}

static int put_summary(struct recorder *r, struct trace_writer *writer, const struct mark *from,
		       const struct mark *to, const struct ending *ending)
{
	_cleanup_free_ u8 *data = NULL;
	struct trace_writer_stats stats;
	struct trace_summary *summary;
	size_t len;

	trace_writer_stats(writer, &stats);
	summary = summary_new(from, to, ending, &stats);
	summary->ring_bytes = r->ring_bytes;
	summary->ring_high_bytes = consumer_high_bytes(r->consumer);
	summary->empty_probe_ns = r->cost.empty_probe_ns;
	trace_summary_encode(summary, &data, &len);
	trace_summary_free(summary);
	return trace_writer_put(writer, TRACE_SUMMARY, to->start_ns, data, len);
}

/* Ends the open file after the events that it has. */
int recorder_close_trace(struct recorder *r, struct trace_writer *writer, const struct mark *from,
			 const struct mark *to, const struct ending *ending, int err)
{
	struct trace_writer_stats stats;
	int close_err;

	if (!err)
		err = trace_writer_flush(writer, UINT64_MAX);
	if (!err)
		err = recorder_write_clock(writer);
	if (!err)
		err = put_summary(r, writer, from, to, ending);
	trace_writer_stats(writer, &stats);
	r->lost_user += stats.lost_user;
	r->closed_bytes = stats.file_bytes;
	close_err = trace_writer_close(writer);
	return err ? err : close_err;
}

int recorder_note_losses(struct recorder *r)
{
	u64 now = monotonic_ns();
	int err = consumer_losses(r->consumer, now);

	if (!err)
		err = consumer_missed(r->consumer, now);
	if (err || !r->paused_ns)
		return err;
	/* The pause goes on: each file tells its part of it. */
	err = consumer_paused(r->consumer, r->paused_ns, now);
	r->paused_ns = now;
	return err;
}

int recorder_part(struct recorder *r)
{
	/* What a limit of bytes allows for: one turn. */
	u64 turns = r->settings->modes.rotate_bytes ? 1 : r->ring_bytes / CONSUMER_TURN_BYTES + 1;
	int err = 1;
	u32 fill;

	source_next_part(&r->source);
	/* What was sent before that goes where it belongs. */
	while (err > 0 && turns--)
		err = consumer_drain(r->consumer, &fill);
	return err < 0 ? err : recorder_note_losses(r);
}

int recorder_end_part(struct recorder *r, struct mark *ret_end)
{
	int err = recorder_part(r);
	u64 end_ns = monotonic_ns();

	if (!err && !r->paused_ns)
		err = source_tell_calls(&r->source, r->consumer, end_ns);
	recorder_set_mark(r, ret_end, end_ns);
	return err;
}

int recorder_rotate(struct recorder *r)
{
	const struct ending ending = { .reason = "rotated" };
	struct mark end;
	int err = recorder_end_part(r, &end);

	err = recorder_close_trace(r, r->writer, &r->mark, &end, &ending, err);
	r->writer = NULL;
	consumer_set_writer(r->consumer, NULL);
	files_done(&r->files, r->closed_bytes);
	if (err)
		return err;
	err = files_next(&r->files);
	if (!err)
		err = recorder_open_trace(r, recorder_worker_count(), &r->writer);
	if (!err)
		err = recorder_begin_part(r);
	if (!err) {
		files_begun(&r->files);
		return 0;
	}
	/* Not even its beginning could be written: it holds nothing. */
	if (r->writer) {
		trace_writer_close(r->writer);
		r->writer = NULL;
		consumer_set_writer(r->consumer, NULL);
	}
	files_discard(&r->files);
	return err;
}
