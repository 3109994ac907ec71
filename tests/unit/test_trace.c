/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writer and reader together: what goes in comes out. */
#include <cbor.h>
#include <errno.h>
#include <pthread.h>

#include "tests/unit/round_trip.h"

static void test_round_trip(void)
{
	const struct {
		u32 worker_count, chunk_bytes;
	} cases[] = { { 0, 0 }, { 0, 65536 }, { 0, 1 }, { 1, 65536 }, { 3, 40000 } };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = make_file(path);

		expect_reset();
		write_trace(fd, cases[i].worker_count, cases[i].chunk_bytes, i);
		check_trace(path);
		close(fd);
	}
}

/* To a CBOR library the file is a sequence: the label, then one item per record. */
static void test_cbor_sequence(void)
{
	char path[64];
	int fd = make_file(path);
	size_t len, items = 0, at = 0;
	u8 *data;

	expect_reset();
	write_trace(fd, 0, 0, 8);
	data = make_contents(fd, &len);
	for (; at < len; items++) {
		struct cbor_load_result result;
		cbor_item_t *item = cbor_load(data + at, len - at, &result), *inside;

		CHECK_FATAL(item && cbor_isa_tag(item));
		inside = cbor_tag_item(item);
		if (items) {
			CHECK_EQ(cbor_tag_value(item), 0x54524352);
			CHECK_FATAL(cbor_isa_array(inside) && cbor_array_size(inside) == 20);
			CHECK_EQ(cbor_get_int(cbor_array_handle(inside)[1]), items - 1);
			CHECK(cbor_isa_bytestring(cbor_array_handle(inside)[19]));
		} else {
			CHECK_EQ(cbor_tag_value(item), 55800);
		}
		cbor_decref(&inside);
		cbor_decref(&item);
		at += result.read;
	}
	CHECK_EQ(at, len);
	CHECK(items > 10);
	free(data);
	close(fd);
}

/* The same events give the same file, with and without threads. */
static void test_deterministic(void)
{
	size_t len[2];
	u8 *data[2];

	for (u32 i = 0; i < 2; i++) {
		char path[64];
		int fd = make_file(path);

		expect_reset();
		write_trace(fd, i * 2, 65536, 7);
		data[i] = make_contents(fd, &len[i]);
		close(fd);
	}
	CHECK_EQ(len[0], len[1]);
	CHECK_MEM(data[0], data[1], len[0]);
	free(data[0]);
	free(data[1]);
}

/* `cat a b`: two sections, each with its own metadata. */
static void test_concatenation(void)
{
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	char path[64];
	int fd = make_file(path);
	size_t count, len;
	u8 *data;

	expect_reset();
	write_trace(fd, 0, 0, 1);
	write_trace(fd, 0, 0, 2); /* a label at the fd's position */
	for (u32 cut = 0; cut < 2; cut++) {
		/* First through the indexes, then, END cut off, from head to head. */
		if (cut) {
			data = make_contents(fd, &len);
			make_rewrite(fd, data, len - TRACE_HEAD_SIZE - TRACE_END_SIZE);
			free(data);
		}
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(trace_reader_section_count(reader), 2);
		CHECK_EQ(trace_reader_ended_cleanly(reader), !cut);
		CHECK(trace_reader_section_meta(reader, 1));
		CHECK(trace_reader_section_meta(reader, 1) != trace_reader_meta(reader));
		chunks = trace_reader_chunks(reader, &count);
		CHECK_EQ(chunks[0].section, 0);
		CHECK_EQ(chunks[count - 1].section, 1);
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
			expected[i].at = 0;
		check_chunks(reader);
		trace_reader_damages(reader, &count);
		CHECK_EQ(count, 0);
		trace_reader_close(reader);
	}
	close(fd);
}

/* Decoding ahead: several threads, one reader, every chunk by each of them. */
static void *decode_thread(void *context)
{
	struct trace_reader *reader = context;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	u64 bytes = 0;
	size_t count;

	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		if (!trace_reader_chunk(reader, &chunks[i], &buffer))
			bytes += buffer.len;
	}
	free(buffer.data);
	return (void *)(uintptr_t)bytes;
}

static void test_threads(void)
{
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	const struct trace_damage *damages;
	pthread_t threads[4];
	char path[64];
	int fd = make_file(path);
	size_t count, total = 0;
	u8 byte = 0;

	expect_reset();
	write_trace(fd, 0, 65536, 6);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		total += expected[i].len;
	CHECK_FATAL(!trace_reader_open(path, &reader));
	chunks = trace_reader_chunks(reader, &count);
	/* One of them is damaged, and all threads find out. */
	CHECK_FATAL(pwrite(fd, &byte, 1, (off_t)chunks[1].offset + TRACE_HEAD_SIZE) == 1);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_FATAL(!pthread_create(&threads[i], NULL, decode_thread, reader));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *bytes = NULL;

		pthread_join(threads[i], &bytes);
		CHECK_EQ((uintptr_t)bytes, total - chunks[1].head.raw_len);
	}
	damages = trace_reader_damages(reader, &count);
	CHECK_EQ(count, 1);
	CHECK_EQ(damages[0].event_count, chunks[1].head.event_count);
	CHECK_EQ(damages[0].ts_min, chunks[1].head.ts_min);
	CHECK_EQ(damages[0].ts_max, chunks[1].head.ts_max);
	trace_reader_close(reader);
	close(fd);
}

static void test_not_a_trace(void)
{
	struct trace_reader *reader = NULL;
	char path[64];
	int fd = make_file(path);

	CHECK_EQ(trace_reader_open("/nonexistent", &reader), -ENOENT);
	CHECK_EQ(trace_reader_open("/", &reader), -EISDIR);
	CHECK_EQ(trace_reader_open(path, &reader), -EBADMSG); /* empty */
	make_rewrite(fd, (const u8 *)"hello, world, this is not a trace", 33);
	CHECK_EQ(trace_reader_open(path, &reader), -EBADMSG);
	make_rewrite(fd, (const u8 *)"\xd9\xd9\xf8\xdaTRCFCBOR", 12);
	CHECK_EQ(trace_reader_open(path, &reader), -ENODATA); /* a label alone */
	CHECK(!reader);
	close(fd);
}

/* A newer major version is refused, and says who made it. */
static void test_newer(void)
{
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_writer_options options = { .fd = -1 };
	struct trace_writer *writer = NULL;
	struct trace_reader *reader = NULL;
	char path[64];

	options.fd = make_file(path);
	meta.major++;
	meta.producer = "trc 99";
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
	CHECK_EQ(trace_reader_open(path, &reader), -EPROTONOSUPPORT);
	CHECK_FATAL(reader);
	CHECK_STR(trace_reader_meta(reader)->producer, "trc 99");
	CHECK_EQ(trace_reader_meta(reader)->major, TRACE_VERSION_MAJOR + 1);
	trace_reader_close(reader);
	close(options.fd);
}

int main(void)
{
	test_round_trip();
	test_cbor_sequence();
	test_deterministic();
	test_concatenation();
	test_threads();
	test_not_a_trace();
	test_newer();
	expect_reset();
	return check_report();
}
