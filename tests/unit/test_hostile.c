/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that were made to do harm: heads that lie with right checksums, small files that claim large work. */
#include <time.h>
#include <zstd.h>

#include "common/cbor.h"
#include "common/crc32c.h"
#include "tests/unit/small_trace.h"

/* Puts a head of our own, with a right checksum, at the end of a good beginning. */
static int open_with(const struct trace_head *head, const u8 *payload, size_t len,
		     struct trace_reader **ret_reader)
{
	u8 bytes[TRACE_HEAD_SIZE];

	trace_head_encode(head, bytes);
	make_rewrite(fd, whole.file, whole.chunks[0].offset);
	CHECK_FATAL(lseek(fd, 0, SEEK_END) >= 0);
	CHECK_FATAL(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	CHECK_FATAL(write(fd, payload, len) == (ssize_t)len);
	return trace_reader_open(path, ret_reader);
}

/* Heads with right checksums and wrong contents; nothing but damage comes of them. */
static void test_hostile_heads(void)
{
	const struct trace_chunk *chunk = &whole.chunks[0];
	const u8 *payload = whole.file + chunk->offset + TRACE_HEAD_SIZE;
	u64 state = 8;

	for (u32 i = 0; i < 4000; i++) {
		struct trace_head head = chunk->head;
		struct trace_reader *reader = NULL;
		size_t damages, count;
		bool told;
		u32 lie = i % 10;

		switch (lie) {
		case 0:
			head.raw_len = (u32)make_number(&state);
			break;
		case 1:
			head.mid_len = (u32)make_number(&state);
			break;
		case 2:
			head.event_count = (u32)make_number(&state);
			break;
		case 3:
			head.payload_len = (u32)make_number(&state);
			break;
		case 4:
			head.flags ^= 1u << make_random(&state) % 32;
			break;
		case 5:
			head.type = (u8)make_random(&state);
			break;
		case 6:
			head.ts_min = make_number(&state);
			head.ts_max = make_number(&state);
			break;
		case 7:
			head.version = (u8)make_random(&state);
			break;
		case 8:
			head.seq = make_number(&state);
			break;
		case 9:
			head.trace_id = make_number(&state);
			break;
		}
		CHECK_EQ(open_with(&head, payload, chunk->head.payload_len, &reader), 0);
		read_all(reader, &told);
		trace_reader_damages(reader, &damages);
		trace_reader_chunks(reader, &count);
		if (lie < 4 && memcmp(&head, &chunk->head, sizeof(head)))
			CHECK(damages > 0);
		if (lie == 6 &&
		    (head.ts_min > chunk->head.ts_min || head.ts_max < chunk->head.ts_max))
			CHECK(damages > 0);
		trace_reader_close(reader);
	}
}

/* Small files that claim large work: heads as dense as they can be, labels, bombs. */
static void test_dense(void)
{
	const size_t size = 4u << 20;
	struct trace_reader *reader = NULL;
	struct timespec a, b;
	u8 *file = xmalloc(size), *clock = xmalloc(1u << 17);
	struct cbor_out samples = { 0 };
	size_t clock_len;
	bool told;

	/* As many samples as fit into a CLOCK, in next to no bytes. */
	cbor_out_array(&samples, 10900);
	for (u32 i = 0; i < 10900; i++) {
		cbor_out_array(&samples, 5);
		for (u32 j = 0; j < 5; j++)
			cbor_out_uint(&samples, 0);
	}
	clock_len = ZSTD_compress(clock, 1u << 17, samples.data, samples.len, 19);
	CHECK_FATAL(clock_len < 4096);
	for (u32 form = 0; form < 4; form++) {
		struct trace_head head = whole.chunks[0].head;
		size_t len = 0;

		memcpy(file, whole.file, whole.header_end);
		len = whole.header_end;
		while (len + 8192 < size) {
			switch (form) {
			case 0: /* each head claims half of what follows */
				head.seq++;
				head.payload_len = (u32)(size - len) / 2;
				trace_head_encode(&head, file + len);
				len += TRACE_HEAD_SIZE;
				break;
			case 1: /* labels */
				trace_label_encode(file + len);
				len += TRACE_LABEL_SIZE;
				break;
			case 2: /* markers without heads */
				memcpy(file + len, trace_head_marker, TRACE_MARKER_SIZE);
				len += TRACE_MARKER_SIZE;
				break;
			case 3: /* clocks */
				head.seq++;
				head.type = TRACE_CLOCK;
				head.flags = TRACE_ZSTD;
				head.mid_len = (u32)samples.len;
				head.payload_len = (u32)clock_len;
				trace_head_encode(&head, file + len);
				memcpy(file + len + TRACE_HEAD_SIZE, clock, clock_len);
				len += TRACE_HEAD_SIZE + clock_len;
				break;
			}
		}
		make_rewrite(fd, file, len);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		CHECK_EQ(trace_reader_open(path, &reader), 0);
		read_all(reader, &told);
		CHECK(told);
		trace_reader_close(reader);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		if (b.tv_sec - a.tv_sec > 5)
			CHECK_FAIL("form %u took %ld s", form, (long)(b.tv_sec - a.tv_sec));
	}
	free(samples.data);
	free(clock);
	free(file);
}

/*
 * A chunk, stored as it is, of a program that wrote a trace itself: what looks like a record in there
 * is none, even when what follows is damaged.
 */
static void test_trace_in_trace(void)
{
	struct trace_head head = whole.chunks[0].head, inner;
	struct trc_head record = { .kind = 1, .words = 3 };
	struct trace_reader *reader = NULL;
	const struct trace_chunk *chunks;
	struct trace_item_bytes {
		struct trc_item item;
		u8 data[176];
	} tail = { .item = { .type = TRC_TYPE_bytes, .len = 176 } };
	struct cbor_out out = { 0 };
	u8 raw[sizeof(record) + sizeof(tail)], bytes[TRACE_HEAD_SIZE];
	size_t count;

	CHECK_FATAL(!trace_head_decode(whole.file + TRACE_LABEL_SIZE, &inner));
	inner.trace_id++;
	trace_head_encode(&inner, tail.data);
	record.len = sizeof(raw);
	memcpy(raw, &record, sizeof(record));
	memcpy(raw + sizeof(record), &tail, sizeof(tail));
	cbor_out_array(&out, 1);
	cbor_out_bytes(&out, raw, sizeof(raw));
	head.flags = 0;
	head.ts_min = head.ts_max = 0;
	head.event_count = 1;
	head.raw_len = sizeof(raw);
	head.mid_len = head.payload_len = (u32)out.len;
	head.payload_crc = crc32c(out.data, out.len);
	trace_head_encode(&head, bytes);
	make_rewrite(fd, whole.file, whole.chunks[0].offset);
	CHECK_FATAL(lseek(fd, 0, SEEK_END) >= 0);
	CHECK_FATAL(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	CHECK_FATAL(write(fd, out.data, out.len) == (ssize_t)out.len);
	CHECK_FATAL(write(fd, tail.data + 7, 160) == 160); /* damage */
	CHECK_FATAL(!trace_reader_open(path, &reader));
	CHECK_EQ(trace_reader_section_count(reader), 1);
	chunks = trace_reader_chunks(reader, &count);
	CHECK_EQ(count, 1);
	CHECK_EQ(chunks[0].offset, whole.chunks[0].offset);
	trace_reader_damages(reader, &count);
	CHECK_EQ(count, 1);
	trace_reader_close(reader);
	free(out.data);
}

int main(void)
{
	begin_small();
	test_hostile_heads();
	test_trace_in_trace();
	test_dense();
	return end_small();
}
