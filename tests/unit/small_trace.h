/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small trace with seven chunks, and what of it can be read after something was done to it. */
#pragma once

#include "tests/unit/make_trace.h"

#define CHUNKS 7

static struct whole { /* the trace as it should be */
	u8 *file;
	size_t len;
	size_t count;
	struct trace_chunk chunks[CHUNKS];
	u8 *data[CHUNKS];
	size_t data_len[CHUNKS];
	u64 header_end, end_at;
	u8 *meta; /* encoded */
	size_t meta_len;
} whole;

static int fd = -1;
static char path[64];

/* A schema of one kind keeps the file small. */
static MAKE_UNUSED void write_small(int to)
{
	struct schema schema = { 1, schema_kind_by_name(schema_builtin(), "syscall") };
	struct trace_meta meta = make_meta(&schema);
	struct trace_writer_options options = { .fd = to };
	struct trace_writer *writer = NULL;
	static u8 record[TRC_RECORD_MAX * 2] __attribute__((aligned(8)));
	u64 state = 1;

	memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(make_put_clock(writer, 100, 1000), 0);
	for (u32 i = 0; i < CHUNKS; i++) {
		struct trace_stream *stream = trace_writer_stream(writer, TRC_CLASS_SYSCALL, i % 3);

		for (u32 j = 0; j < 1 + i % 3; j++) {
			struct trc_syscall *call = (void *)record;

			make_record(record, schema.kinds, 1000 + i * 100 + j, &state);
			call->head.len = sizeof(*call);
			call->head.words = sizeof(*call) / 8;
			CHECK_EQ(trace_stream_append(stream, &call->head), 0);
		}
		CHECK_EQ(trace_writer_flush(writer, UINT64_MAX), 0);
	}
	CHECK_EQ(make_put_summary(writer, 13), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
}

static MAKE_UNUSED void load_whole(void)
{
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	struct trace_head head;

	write_small(fd);
	whole.file = make_contents(fd, &whole.len);
	CHECK_FATAL(!trace_reader_open(path, &reader));
	chunks = trace_reader_chunks(reader, &whole.count);
	CHECK_FATAL(whole.count == CHUNKS);
	for (size_t i = 0; i < CHUNKS; i++) {
		struct trace_buffer buffer = { 0 };

		CHECK_FATAL(!trace_reader_chunk(reader, &chunks[i], &buffer));
		whole.chunks[i] = chunks[i];
		whole.data[i] = buffer.data;
		whole.data_len[i] = buffer.len;
	}
	trace_meta_encode(trace_reader_meta(reader), &whole.meta, &whole.meta_len);
	trace_reader_close(reader);
	CHECK_FATAL(!trace_head_decode(whole.file + TRACE_LABEL_SIZE, &head));
	whole.header_end = TRACE_LABEL_SIZE + TRACE_HEAD_SIZE + head.payload_len;
	whole.end_at = whole.len - TRACE_HEAD_SIZE - TRACE_END_SIZE;
}

static MAKE_UNUSED u64 chunk_end(const struct trace_chunk *chunk)
{
	return chunk->offset + TRACE_HEAD_SIZE + chunk->head.payload_len;
}

/* Is all the rest there, as it was? */
static MAKE_UNUSED bool is_intact(const struct trace_reader *reader)
{
	const struct trace_summary *summary = trace_reader_summary(reader);
	_cleanup_free_ u8 *meta = NULL;
	size_t len, count;

	trace_meta_encode(trace_reader_meta(reader), &meta, &len);
	trace_reader_clocks(reader, &count);
	return len == whole.meta_len && !memcmp(meta, whole.meta, len) && count == 1 && summary &&
	       summary->event_count == 13 && trace_reader_ended_cleanly(reader);
}

/*
 * Reads what is in the file. Chunks are told by their bytes; returns a bit for each whole one that
 * came out right. Wrong contents are never accepted. *ret_told: damage is reported, or it did no
 * harm, as in the HEADER's copy or in bits that zstd does not look at.
 */
static MAKE_UNUSED u32 read_all(struct trace_reader *reader, bool *ret_told)
{
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	size_t count, damages;
	u32 seen = 0;

	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		bool known = false;

		if (trace_reader_chunk(reader, &chunks[i], &buffer))
			continue;
		for (size_t j = 0; j < CHUNKS; j++) {
			if (buffer.len == whole.data_len[j] &&
			    !memcmp(buffer.data, whole.data[j], buffer.len)) {
				seen |= 1u << j;
				known = true;
			}
		}
		CHECK(known);
	}
	trace_reader_wall_ns(reader, 5000);
	trace_reader_damages(reader, &damages);
	*ret_told = damages || !trace_reader_ended_cleanly(reader) ||
		    (seen == (1u << CHUNKS) - 1 && is_intact(reader));
	free(buffer.data);
	return seen;
}

static MAKE_UNUSED void begin_small(void)
{
	fd = make_file(path);
	load_whole();
}

static MAKE_UNUSED int end_small(void)
{
	for (size_t i = 0; i < CHUNKS; i++)
		free(whole.data[i]);
	free(whole.file);
	free(whole.meta);
	close(fd);
	return check_report();
}
