/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Damaged files: every truncation and every changed byte of a small trace, holes, and heads that
 * lie. Never a crash or a hang; what was not touched is read, what was is reported.
 */
#include <endian.h>
#include <errno.h>
#include <time.h>
#include <zstd.h>

#include "common/cbor.h"
#include "common/crc32c.h"
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
static void write_small(int to)
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

static void load_whole(void)
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

static u64 chunk_end(const struct trace_chunk *chunk)
{
	return chunk->offset + TRACE_HEAD_SIZE + chunk->head.payload_len;
}

/* Is all the rest there, as it was? */
static bool is_intact(const struct trace_reader *reader)
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
static u32 read_all(struct trace_reader *reader, bool *ret_told)
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

static void test_truncations(void)
{
	for (size_t len = 0; len < whole.len; len++) {
		struct trace_reader *reader = NULL;
		u32 expected = 0, seen;
		bool told;
		int err;

		make_rewrite(fd, whole.file, len);
		err = trace_reader_open(path, &reader);
		if (len < whole.header_end) {
			CHECK_EQ(err, len < TRACE_LABEL_SIZE ? -EBADMSG : -ENODATA);
			continue;
		}
		CHECK_EQ(err, 0);
		if (err)
			continue;
		for (size_t i = 0; i < CHUNKS; i++)
			expected |= (chunk_end(&whole.chunks[i]) <= len) << i;
		seen = read_all(reader, &told);
		if (seen != expected)
			CHECK_FAIL("cut at %zu: chunks %x, not %x", len, seen, expected);
		CHECK(told);
		trace_reader_close(reader);
	}
}

/* With END, through the index; and without it, from head to head. */
static void test_flips(size_t len)
{
	static const u8 flips[] = { 0x01, 0x80, 0xff, 0x20 };
	u8 *copy = xmemdup(whole.file, len);

	for (size_t at = 0; at < len; at++) {
		for (size_t f = 0; f < ARRAY_SIZE(flips); f++) {
			struct trace_reader *reader = NULL;
			u32 expected = 0, seen;
			bool told;
			int err;

			copy[at] ^= flips[f];
			make_rewrite(fd, copy, len);
			copy[at] ^= flips[f];
			err = trace_reader_open(path, &reader);
			if (err && err != -EPROTONOSUPPORT) {
				/* Without a second HEADER the first is needed. */
				if (at >= whole.header_end || len == whole.len)
					CHECK_FAIL("byte %zu ^ %x: %d", at, flips[f], err);
				continue;
			}
			CHECK_EQ(err, 0);
			for (size_t i = 0; i < CHUNKS; i++)
				expected |= (at < whole.chunks[i].offset ||
					     at >= chunk_end(&whole.chunks[i]))
					    << i;
			seen = read_all(reader, &told);
			if ((seen & expected) != expected)
				CHECK_FAIL("byte %zu ^ %x: chunks %x, not %x", at, flips[f], seen,
					   expected);
			if (!told)
				CHECK_FAIL("byte %zu ^ %x: it is not reported", at, flips[f]);
			trace_reader_close(reader);
		}
	}
	free(copy);
}

/* Holes of zeros, bytes put in and taken out, at every chunk. */
static void test_holes(void)
{
	u64 state = 4;

	for (u32 i = 0; i < 3000; i++) {
		size_t at = whole.header_end + make_random(&state) % (whole.len - whole.header_end);
		size_t size = 1 + make_random(&state) % 600, len = whole.len;
		u8 *copy = xmalloc(whole.len + size);
		struct trace_reader *reader = NULL;
		u32 expected = 0, seen;
		bool told;

		memcpy(copy, whole.file, len);
		if (size > len - at)
			size = len - at;
		switch (i % 3) {
		case 0:
			memset(copy + at, 0, size);
			break;
		case 1:
			memmove(copy + at, copy + at + size, len - at - size);
			len -= size;
			break;
		case 2:
			memmove(copy + at + size, copy + at, len - at);
			memset(copy + at, 0xda, size);
			len += size;
			break;
		}
		make_rewrite(fd, copy, len);
		for (size_t j = 0; j < CHUNKS; j++)
			expected |= (chunk_end(&whole.chunks[j]) <= at ||
				     whole.chunks[j].offset >= at + (i % 3 == 2 ? 0 : size))
				    << j;
		CHECK_FATAL(!trace_reader_open(path, &reader));
		seen = read_all(reader, &told);
		if ((seen & expected) != expected)
			CHECK_FAIL("hole %u at %zu, %zu bytes: chunks %x, not %x", i % 3, at, size,
				   seen, expected);
		CHECK(told);
		trace_reader_close(reader);
		free(copy);
	}
}

/* A trace that was cut in the middle of a chunk, then another one: nothing of the second is lost. */
static void test_cut_and_concatenated(void)
{
	for (size_t cut = whole.header_end; cut < whole.end_at; cut += 13) {
		struct trace_reader *reader = NULL;
		u8 *both = xmalloc(cut + whole.len);
		const struct trace_chunk *chunks;
		size_t count, second = 0;
		bool told;

		memcpy(both, whole.file, cut);
		memcpy(both + cut, whole.file, whole.len);
		make_rewrite(fd, both, cut + whole.len);
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(trace_reader_section_count(reader), 2);
		chunks = trace_reader_chunks(reader, &count);
		for (size_t i = 0; i < count; i++)
			second += chunks[i].section == 1;
		CHECK_EQ(second, CHUNKS);
		CHECK_EQ(read_all(reader, &told), (1u << CHUNKS) - 1);
		CHECK(told);
		trace_reader_close(reader);
		free(both);
	}
}

/* Damage to the head alone: the index has it, the chunk is read, and it is said all the same. */
static void test_head_from_index(void)
{
	for (size_t i = 0; i < CHUNKS; i++) {
		struct trace_reader *reader = NULL;
		size_t damages;
		bool told;

		make_rewrite(fd, whole.file, whole.len);
		CHECK_FATAL(pwrite(fd, "x", 1, (off_t)whole.chunks[i].offset + 140) == 1);
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(read_all(reader, &told), (1u << CHUNKS) - 1);
		trace_reader_damages(reader, &damages);
		CHECK_EQ(damages, 1);
		trace_reader_close(reader);
	}
}

/* A whole record taken out, with nothing to be seen where it was. */
static void test_missing_record(void)
{
	const size_t at = whole.chunks[3].offset, size = chunk_end(&whole.chunks[3]) - at;
	u8 *copy = xmemdup(whole.file, whole.len);
	u8 *end = copy + whole.end_at - size;
	struct trace_reader *reader;
	const struct trace_damage *damages;
	struct trace_head head;
	size_t count;
	u64 values[4];
	bool told;

	memmove(copy + at, copy + at + size, whole.len - at - size);
	/* Even with an END that says that all is well. */
	for (u32 lie = 0; lie < 2; lie++) {
		if (lie) {
			CHECK_FATAL(!trace_head_decode(end, &head));
			memcpy(values, end + TRACE_HEAD_SIZE, sizeof(values));
			values[0] = htobe64(be64toh(values[0]) - size);
			values[3] = htobe64(be64toh(values[3]) - size);
			memcpy(end + TRACE_HEAD_SIZE, values, sizeof(values));
			head.payload_crc = crc32c(values, sizeof(values));
			trace_head_encode(&head, end);
		}
		make_rewrite(fd, copy, whole.len - size);
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(read_all(reader, &told), ((1u << CHUNKS) - 1) & ~(1u << 3));
		damages = trace_reader_damages(reader, &count);
		CHECK_FATAL(count == 1);
		CHECK_EQ(damages[0].offset, at);
		trace_reader_close(reader);
	}
	free(copy);
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

/* A file that grows while it is read is what it was at opening. */
static void test_growing(void)
{
	struct trace_reader *reader = NULL;
	u32 expected = 0;
	size_t damages;
	bool told;

	make_rewrite(fd, whole.file, whole.chunks[4].offset);
	CHECK_FATAL(!trace_reader_open(path, &reader));
	make_rewrite(fd, whole.file, whole.len);
	for (size_t i = 0; i < 4; i++)
		expected |= 1u << i;
	CHECK_EQ(read_all(reader, &told), expected);
	CHECK(!trace_reader_ended_cleanly(reader));
	trace_reader_damages(reader, &damages);
	CHECK_EQ(damages, 0); /* an end that is missing is no damage in the middle */
	trace_reader_close(reader);

	/* One that is cut under the reader gives damage, and no signal. */
	CHECK_FATAL(!trace_reader_open(path, &reader));
	make_rewrite(fd, whole.file, whole.chunks[4].offset + 100);
	CHECK_EQ(read_all(reader, &told), expected);
	CHECK(told);
	trace_reader_close(reader);
}

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

int main(void)
{
	fd = make_file(path);
	load_whole();
	test_truncations();
	test_flips(whole.len);
	test_flips(whole.chunks[CHUNKS - 1].offset + TRACE_HEAD_SIZE +
		   whole.chunks[CHUNKS - 1].head.payload_len);
	test_holes();
	test_cut_and_concatenated();
	test_head_from_index();
	test_missing_record();
	test_trace_in_trace();
	test_growing();
	test_hostile_heads();
	test_dense();
	for (size_t i = 0; i < CHUNKS; i++)
		free(whole.data[i]);
	free(whole.file);
	free(whole.meta);
	close(fd);
	return check_report();
}
