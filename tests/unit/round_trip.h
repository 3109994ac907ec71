/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A trace of every kind of record in several streams, written, and compared when it is read. */
#pragma once

#include "tests/unit/make_trace.h"

#define RECORDS 20000

/* The records of one stream as they went in, back to back. */
struct expected {
	u16 class, cpu;
	u8 *data;
	size_t len, capacity, at;
	u64 count;
};

static struct expected expected[4];

static MAKE_UNUSED void expect_reset(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		free(expected[i].data);
		expected[i] = (struct expected){
			.class = i ? TRC_CLASS_SYSCALL : TRC_CLASS_TASK,
			.cpu = i ? (u16)i : TRACE_CPU_MIXED,
		};
	}
}

/* Every kind, mixed, with times that go up except for a few. */
static MAKE_UNUSED void write_records(struct trace_writer *writer, u64 seed)
{
	const struct schema *schema = schema_builtin();
	static u8 record[TRC_RECORD_MAX * 2] __attribute__((aligned(8)));
	u64 state = seed, ts = 1000000;

	for (u32 i = 0; i < RECORDS; i++) {
		const struct schema_kind *kind =
			&schema->kinds[make_random(&state) % schema->kind_count];
		struct expected *e = kind->class == TRC_CLASS_TASK
					     ? &expected[0]
					     : &expected[1 + make_random(&state) % 3];
		struct trace_stream *stream = trace_writer_stream(writer, e->class, e->cpu);
		size_t len;

		ts += make_random(&state) % 1000;
		len = make_record(record, kind, make_random(&state) % 100 ? ts : ts - 500, &state);
		CHECK_EQ(record_check((void *)record, len), 0);
		trace_stream_set_lost(stream, i, i / 2);
		CHECK_EQ(trace_stream_append(stream, (void *)record), 0);
		ARRAY_RESERVE(e->data, e->capacity, e->len + len);
		memcpy(e->data + e->len, record, len);
		e->len += len;
		e->count++;
	}
}

static MAKE_UNUSED void write_trace(int fd, u32 worker_count, u32 chunk_bytes, u64 seed)
{
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_writer_options options = {
		.fd = fd,
		.level = 1,
		.chunk_bytes = chunk_bytes,
		.worker_count = worker_count,
	};
	struct trace_writer_stats stats;
	struct trace_writer *writer = NULL;

	memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(make_put_clock(writer, 1000000, 5000000000), 0);
	write_records(writer, seed);
	CHECK_EQ(make_put_clock(writer, 2000000, 5001000200), 0);
	CHECK_EQ(trace_writer_flush(writer, UINT64_MAX), 0);
	trace_writer_stats(writer, &stats);
	CHECK_EQ(stats.events, RECORDS);
	CHECK_EQ(stats.lost_user, 0);
	CHECK_EQ(make_put_summary(writer, stats.events), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
}

static MAKE_UNUSED void check_head(const struct trace_head *head, const u8 *data, size_t len)
{
	u64 ts_min = UINT64_MAX, ts_max = 0, last = 0;
	bool sorted = true;
	u32 count = 0;

	for (size_t at = 0; at < len; count++) {
		const struct trc_head *record = (const void *)(data + at);

		ts_min = record->ts < ts_min ? record->ts : ts_min;
		ts_max = record->ts > ts_max ? record->ts : ts_max;
		sorted = sorted && record->ts >= last;
		last = record->ts;
		CHECK(head->kinds >> record->kind % 64 & 1);
		CHECK(head->cpus >> record->cpu % 64 & 1);
		CHECK(trace_head_has_pid(head, record->tgid));
		at += record->len;
	}
	CHECK_EQ(head->ts_min, ts_min);
	CHECK_EQ(head->ts_max, ts_max);
	CHECK_EQ(!!(head->flags & TRACE_SORTED), sorted);
	CHECK_EQ(head->event_count, count);
}

/* Every chunk of every stream, in order, byte for byte. */
static MAKE_UNUSED void check_chunks(struct trace_reader *reader)
{
	const struct trace_chunk *chunks;
	struct trace_buffer buffer = { 0 };
	u64 lost = 0;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		expected[i].at = 0;
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		struct expected *e = expected;

		while (e < expected + ARRAY_SIZE(expected) &&
		       ((u32)e->class << 16 | e->cpu) != chunks[i].head.stream)
			e++;
		CHECK_FATAL(e < expected + ARRAY_SIZE(expected));
		CHECK_EQ(trace_reader_chunk(reader, &chunks[i], &buffer), 0);
		CHECK_FATAL(buffer.len <= e->len - e->at);
		CHECK_MEM(buffer.data, e->data + e->at, buffer.len);
		check_head(&chunks[i].head, buffer.data, buffer.len);
		lost = chunks[i].head.lost_kernel > lost ? chunks[i].head.lost_kernel : lost;
		e->at += buffer.len;
	}
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CHECK_EQ(expected[i].at, expected[i].len);
	CHECK_EQ(lost, RECORDS - 1);
	free(buffer.data);
}

static MAKE_UNUSED void check_clean(const struct trace_reader *reader)
{
	size_t count;

	CHECK(trace_reader_ended_cleanly(reader));
	trace_reader_damages(reader, &count);
	CHECK_EQ(count, 0);
	CHECK_EQ(trace_reader_unknown_count(reader), 0);
}

static MAKE_UNUSED void check_trace(const char *path)
{
	struct trace_reader *reader = NULL;
	size_t count;

	CHECK_FATAL(!trace_reader_open(path, &reader));
	CHECK_STR(trace_reader_meta(reader)->hostname, "h\xc3\xb6st");
	CHECK_EQ(trace_reader_summary(reader)->event_count, RECORDS);
	CHECK_EQ(trace_reader_summary(reader)->exit_code, -1);
	trace_reader_clocks(reader, &count);
	CHECK_EQ(count, 2);
	/* 1 ms on the one clock is 1000.2 µs on the other. */
	CHECK_EQ(trace_reader_wall_ns(reader, 1500000), 5000500100);
	CHECK_EQ(trace_reader_wall_ns(reader, 900000), 4999900000);
	CHECK_EQ(trace_reader_wall_ns(reader, 2000001), 5001000201);
	check_chunks(reader);
	check_clean(reader);
	trace_reader_close(reader);
}
