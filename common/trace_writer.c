/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cbor.h"
#include "common/trace_jobs.h"
#include "common/trace_output.h"
#include "common/word_filter.h"

#define LEVEL_MAX	19
#define CHUNK_BYTES	(1u << 20)
#define CHUNK_BYTES_MAX (16u << 20)

struct trace_stream {
	struct trace_writer *writer;
	u64 first_ts, last_ts;	/* of the events of the chunk, in the order in which they came */
	struct trace_head head; /* of the chunk that is being filled */
	u64 lost_kernel, lost_user;
	struct word_encoder encoder;
};

struct trace_writer {
	struct trace_output output;
	struct trace_jobs *jobs;
	u32 chunk_bytes;
	size_t stream_count, stream_capacity;
	struct trace_stream **streams;
	u64 events, raw_bytes; /* of chunks that are closed */
	u64 lost;	       /* events refused */
};

int trace_writer_open(const struct trace_writer_options *options, struct trace_writer **ret_writer)
{
	struct trace_writer *writer = xcalloc(1, sizeof(*writer));
	int level, err;

	writer->output.fd = options->fd;
	writer->output.keep = options->keep;
	writer->output.keep_context = options->keep_context;
	writer->output.gives_up = options->gives_up;
	writer->output.gives_up_context = options->gives_up_context;
	err = trace_output_open(&writer->output, options->uuid);
	if (err) {
		free(writer);
		return err;
	}
	/* Above 19 zstd takes windows that readers need not have. */
	level = options->level > LEVEL_MAX ? LEVEL_MAX : options->level ? options->level : 1;
	writer->jobs = trace_jobs_new(&writer->output, level, options->worker_count);
	writer->chunk_bytes = options->chunk_bytes ? options->chunk_bytes : CHUNK_BYTES;
	if (writer->chunk_bytes < TRC_RECORD_MAX)
		writer->chunk_bytes = TRC_RECORD_MAX;
	if (writer->chunk_bytes > CHUNK_BYTES_MAX)
		writer->chunk_bytes = CHUNK_BYTES_MAX;
	*ret_writer = writer;
	return 0;
}

static u8 *job_room(struct trace_job *job, size_t size)
{
	if (job->mid_capacity < size) {
		free(job->mid);
		job->mid = xmalloc(size);
		job->mid_capacity = size;
	}
	return job->mid;
}

static int writer_error(const struct trace_writer *writer)
{
	return atomic_load_explicit(&writer->output.error, memory_order_relaxed);
}

int trace_writer_put(struct trace_writer *writer, enum trace_record_type type, u64 ts,
		     const u8 *data, size_t len)
{
	struct trace_job *job;

	if (len > trace_content_max(type))
		return -E2BIG;
	if (writer_error(writer))
		return writer_error(writer);
	job = trace_jobs_take(writer->jobs);
	job->head.type = type;
	job->head.stream = TRACE_STREAM_NONE;
	job->head.ts_min = job->head.ts_max = ts;
	memcpy(job_room(job, len), data, len);
	job->mid_len = len;
	job->head.raw_len = (u32)len;
	trace_jobs_submit(writer->jobs, job);
	return writer_error(writer);
}

int trace_writer_copy(struct trace_writer *writer, const struct trace_head *head, const u8 *payload)
{
	struct trace_head copy = *head;
	int err;

	trace_jobs_drain(writer->jobs);
	err = trace_output_record(&writer->output, &copy, payload);
	if (err)
		writer->lost += head->event_count;
	writer->events += head->event_count;
	writer->raw_bytes += head->event_count ? head->raw_len : 0;
	return err;
}

static void chunk_begin(struct trace_stream *stream)
{
	u32 id = stream->head.stream;

	stream->head = (struct trace_head){
		.type = TRACE_EVENTS,
		.flags = TRACE_COLUMNS | TRACE_SORTED,
		.stream = id,
		.ts_min = TRACE_TS_NONE,
	};
	stream->last_ts = 0;
	word_encoder_reset(&stream->encoder);
}

/* The word in which the records of a class keep how long they took; the filter makes use of it. */
static u32 duration_word(u16 class)
{
	const struct schema *schema = schema_builtin();

	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];
		const struct schema_field *field = schema_field_by_name(kind, "duration_ns");

		if (kind->class == class && field && field->type == TRC_TYPE_u64 &&
		    field->offset >= 4 * 8 && field->offset < WORD_COLUMNS * 8)
			return field->offset / 8;
	}
	return 0;
}

struct trace_stream *trace_writer_stream(struct trace_writer *writer, u16 class, u16 cpu)
{
	u32 id = (u32) class << 16 | cpu;
	struct trace_stream *stream;

	for (size_t i = 0; i < writer->stream_count; i++)
		if (writer->streams[i]->head.stream == id)
			return writer->streams[i];
	stream = xcalloc(1, sizeof(*stream));
	stream->writer = writer;
	stream->head.stream = id;
	word_encoder_init(&stream->encoder, writer->chunk_bytes, duration_word(class));
	chunk_begin(stream);
	ARRAY_RESERVE(writer->streams, writer->stream_capacity, writer->stream_count + 1);
	writer->streams[writer->stream_count++] = stream;
	return stream;
}

/*
 * The payload before compression: [ bstr × 16 ]. Times, and the sizes in front of them, have
 * statistics unlike those of the other words: compressing them apart saves 4 to 7 % of the file.
 */
static void job_fill(struct trace_job *job, const struct word_encoder *encoder)
{
	static const u8 parts[TRACE_JOB_PARTS] = { 3, 4, 8, 14 };
	struct cbor_out heads = { 0 };
	size_t at[WORD_STREAMS + 1], size = 0;
	u32 part = 0;
	u8 *p;

	cbor_out_array(&heads, WORD_STREAMS);
	for (u32 i = 0; i < WORD_STREAMS; i++) {
		at[i] = heads.len;
		cbor_out_bytes_head(&heads, word_encoder_stream_len(encoder, i));
		size += word_encoder_stream_len(encoder, i);
	}
	at[WORD_STREAMS] = heads.len;
	p = job_room(job, heads.len + size);
	memcpy(p, heads.data, at[0]);
	p += at[0];
	for (u32 i = 0; i < WORD_STREAMS; i++) {
		if (part < TRACE_JOB_PARTS && i == parts[part])
			job->parts[part++] = (size_t)(p - job->mid);
		memcpy(p, heads.data + at[i], at[i + 1] - at[i]);
		p += at[i + 1] - at[i];
		memcpy(p, encoder->start[i], word_encoder_stream_len(encoder, i));
		p += word_encoder_stream_len(encoder, i);
	}
	job->mid_len = (size_t)(p - job->mid);
	free(heads.data);
}

static int chunk_close(struct trace_stream *stream, u32 flags)
{
	struct trace_writer *writer = stream->writer;
	int err = writer_error(writer);
	struct trace_job *job;

	if (!stream->head.event_count)
		return err;
	writer->events += stream->head.event_count;
	writer->raw_bytes += stream->encoder.raw_len;
	if (err) {
		writer->lost += stream->head.event_count;
		chunk_begin(stream);
		return err;
	}
	job = trace_jobs_take(writer->jobs);
	job->head = stream->head;
	job->head.flags |= flags;
	job->head.raw_len = (u32)stream->encoder.raw_len;
	job->head.lost_kernel = stream->lost_kernel;
	job->head.lost_user = stream->lost_user;
	job_fill(job, &stream->encoder);
	chunk_begin(stream);
	trace_jobs_submit(writer->jobs, job);
	return writer_error(writer);
}

static int refuse(struct trace_stream *stream, int err)
{
	stream->writer->events++;
	stream->writer->lost++;
	return err;
}

int trace_stream_append(struct trace_stream *stream, const struct trc_head *record)
{
	struct trace_writer *writer = stream->writer;
	struct trace_head *head = &stream->head;
	int err = writer_error(writer);
	u64 ts = record->ts;

	if (record->len > TRC_RECORD_MAX || record->len % 8 || record->words < TRC_HEAD_WORDS ||
	    record->words * 8u > record->len)
		return refuse(stream, -EINVAL);
	if (!err && stream->encoder.raw_len + record->len > stream->encoder.capacity)
		err = chunk_close(stream, 0);
	if (err)
		return refuse(stream, err);

	if (!head->event_count++)
		stream->first_ts = ts;
	if (ts < head->ts_min)
		head->ts_min = ts;
	if (ts > head->ts_max)
		head->ts_max = ts;
	if (ts < stream->last_ts)
		head->flags &= ~(u32)TRACE_SORTED;
	stream->last_ts = ts;
	head->kinds |= 1ull << record->kind % 64;
	head->cpus |= 1ull << record->cpu % 64;
	trace_head_add_pid(head, record->tgid);
	word_encoder_add(&stream->encoder, record);
	return 0;
}

void trace_stream_set_lost(struct trace_stream *stream, u64 lost_kernel, u64 lost_user)
{
	stream->lost_kernel = lost_kernel;
	stream->lost_user = lost_user;
}

static int streams_close(struct trace_writer *writer, u64 before_ns, u32 flags)
{
	for (size_t i = 0; i < writer->stream_count; i++) {
		struct trace_stream *stream = writer->streams[i];

		if (stream->head.event_count &&
		    (stream->first_ts < before_ns || before_ns == UINT64_MAX))
			chunk_close(stream, flags);
	}
	return writer_error(writer);
}

int trace_writer_flush(struct trace_writer *writer, u64 before_ns)
{
	int err = streams_close(writer, before_ns, 0);

	if (before_ns == UINT64_MAX) {
		trace_jobs_drain(writer->jobs);
		err = writer_error(writer);
	}
	return err;
}

void trace_writer_stats(const struct trace_writer *writer, struct trace_writer_stats *ret_stats)
{
	struct trace_writer_stats stats = {
		.events = writer->events,
		.raw_bytes = writer->raw_bytes,
		.file_bytes = writer->output.written,
		.lost_user = writer->lost + trace_jobs_lost(writer->jobs),
	};

	for (size_t i = 0; i < writer->stream_count; i++) {
		stats.events += writer->streams[i]->head.event_count;
		stats.open_bytes += writer->streams[i]->encoder.raw_len;
	}
	stats.raw_bytes += stats.open_bytes;
	*ret_stats = stats;
}

static int index_write(struct trace_writer *writer)
{
	struct cbor_out out = { 0 };
	int err;

	cbor_out_array(&out, 1);
	cbor_out_bytes(&out, writer->output.index, writer->output.index_len);
	err = trace_writer_put(writer, TRACE_INDEX, TRACE_TS_NONE, out.data, out.len);
	trace_jobs_drain(writer->jobs);
	free(out.data);
	return err ? err : writer_error(writer);
}

int trace_writer_close(struct trace_writer *writer)
{
	u64 index_at = 0;
	int err;

	streams_close(writer, UINT64_MAX, TRACE_LAST);
	trace_jobs_drain(writer->jobs);
	/* From here on this thread writes. */
	writer->output.threaded = false;
	err = writer_error(writer);
	if (writer->output.keep)
		goto out;
	/* A second HEADER, so that no single damage makes the trace unreadable. */
	if (!err)
		err = trace_output_header(&writer->output);
	if (!err && !writer->output.index_dropped) {
		index_at = writer->output.written;
		err = index_write(writer);
	}
	if (!err)
		err = trace_output_end(&writer->output, index_at);
out:
	trace_jobs_free(writer->jobs);
	trace_output_release(&writer->output);
	for (size_t i = 0; i < writer->stream_count; i++) {
		word_encoder_release(&writer->streams[i]->encoder);
		free(writer->streams[i]);
	}
	free(writer->streams);
	free(writer);
	return err;
}
