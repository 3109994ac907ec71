/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * repeat IN OUT COUNT: a trace COUNT times as long, made of a recorded one: each time later, by other threads.
 * What a day of such work would be for the analyser.
 */
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/schema.h"
#include "common/trace_reader.h"
#include "common/trace_writer.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_APART 100000 /* numbers between the threads of one time and those of the next */

static struct trace_buffer *chunks_of(struct trace_reader *reader, const struct trace_chunk *chunks,
				      size_t count)
{
	struct trace_buffer *buffers = xcalloc(count, sizeof(*buffers));

	for (size_t i = 0; i < count; i++)
		if (trace_reader_chunk(reader, &chunks[i], &buffers[i]))
			errx(1, "a chunk is damaged");
	return buffers;
}

static bool is_task(const struct schema_field *field)
{
	return field->size == 4 && (!strcmp(field->unit, "tid") || !strcmp(field->unit, "pid"));
}

static bool is_birth(const struct schema_field *field)
{
	static const char end[] = "start_ns";
	size_t len = strlen(field->name);

	return field->size == 8 && len >= strlen(end) &&
	       !strcmp(field->name + len - strlen(end), end);
}

/* All that names a thread or process. */
static void shift(struct trc_head *record, u64 later_ns, u32 others)
{
	const struct schema_kind *kind = schema_kind_by_id(schema_builtin(), record->kind);

	record->ts += later_ns;
	record->tid += record->tid ? others : 0;
	record->tgid += record->tgid ? others : 0;
	for (size_t i = 0; kind && i < kind->field_count; i++) {
		const struct schema_field *field = &kind->fields[i];
		void *at = (u8 *)record + field->offset;

		if (field->offset + field->size > record->words * 8u)
			continue;
		if (is_task(field) && *(u32 *)at)
			*(u32 *)at += others;
		else if (is_birth(field) && *(u64 *)at)
			*(u64 *)at += later_ns;
	}
}

static void append(struct trace_writer *writer, const struct trace_chunk *chunk,
		   const struct trace_buffer *buffer, u64 later_ns, u32 others)
{
	u8 copy[TRC_RECORD_MAX] __attribute__((aligned(8)));
	const struct trc_head *record;

	for (size_t at = 0; at < buffer->len; at += record->len) {
		struct trace_stream *stream;

		record = (const struct trc_head *)(buffer->data + at);
		memcpy(copy, record, record->len);
		shift((struct trc_head *)copy, later_ns, others);
		stream = trace_writer_stream(writer, chunk->head.stream >> 16,
					     chunk->head.stream & 0xffff);
		if (trace_stream_append(stream, (const struct trc_head *)copy))
			errx(1, "it cannot be written");
	}
}

static void put(struct trace_writer *writer, enum trace_record_type type, u64 ts, u8 *data,
		size_t len)
{
	if (trace_writer_put(writer, type, ts, data, len))
		errx(1, "it cannot be written");
	free(data);
}

static void put_clock(struct trace_writer *writer, struct trace_clock_sample sample, u64 later_ns)
{
	u8 *data;
	size_t len;

	sample.mono_ns += later_ns;
	sample.boot_ns += later_ns;
	sample.real_ns += later_ns;
	sample.tai_ns += later_ns;
	trace_clock_encode(&sample, 1, &data, &len);
	put(writer, TRACE_CLOCK, sample.mono_ns, data, len);
}

int main(int argc, char **argv)
{
	const struct trace_clock_sample *clocks;
	struct trace_writer_options options = { .level = 1, .chunk_bytes = 1u << 20 };
	const struct trace_chunk *chunks;
	struct trace_buffer *buffers;
	struct trace_summary summary;
	struct trace_reader *reader;
	struct trace_writer *writer;
	size_t count, clock_count, len;
	u64 span_ns, times;
	u8 *data;

	if (argc != 4)
		errx(2, "usage: repeat IN OUT COUNT");
	times = strtoull(argv[3], NULL, 10);
	if (trace_reader_open(argv[1], &reader) || !trace_reader_summary(reader))
		errx(1, "%s: not a whole trace", argv[1]);
	chunks = trace_reader_chunks(reader, &count);
	buffers = chunks_of(reader, chunks, count);
	clocks = trace_reader_clocks(reader, &clock_count);
	summary = *trace_reader_summary(reader);
	span_ns = summary.end_ns - summary.start_ns + 1000000;
	options.fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	memcpy(options.uuid, trace_reader_meta(reader)->uuid, sizeof(options.uuid));
	if (options.fd < 0 || trace_writer_open(&options, &writer))
		err(1, "%s", argv[2]);
	trace_meta_encode(trace_reader_meta(reader), &data, &len);
	put(writer, TRACE_HEADER, summary.start_ns, data, len);
	for (u64 k = 0; k < times; k++) {
		if (clock_count)
			put_clock(writer, clocks[0], k * span_ns);
		for (size_t i = 0; i < count; i++)
			append(writer, &chunks[i], &buffers[i], k * span_ns, (u32)k * TASKS_APART);
		if (trace_writer_flush(writer, UINT64_MAX))
			errx(1, "it cannot be written");
	}
	summary.end_ns += (times - 1) * span_ns;
	for (size_t i = 0; i < summary.kind_count; i++) {
		summary.kinds[i].recorded *= times;
		summary.kinds[i].lost *= times;
	}
	trace_summary_encode(&summary, &data, &len);
	put(writer, TRACE_SUMMARY, summary.end_ns, data, len);
	if (trace_writer_close(writer))
		errx(1, "%s: it cannot be written", argv[2]);
	return 0;
}
