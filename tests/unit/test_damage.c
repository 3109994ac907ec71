/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Damaged files: every truncation and every changed byte of a small trace, holes, what is missing.
 * Never a crash or a hang; what was not touched is read, what was is reported.
 */
#include <endian.h>
#include <errno.h>

#include "common/crc32c.h"
#include "tests/unit/small_trace.h"

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

/*
 * With END, through the index; without it, from head to head; and with bytes behind END, from head to
 * head, where the index has what is missing.
 */
static void test_flips(size_t len)
{
	static const u8 flips[] = { 0x01, 0x80, 0xff, 0x20 };
	u8 *copy = xcalloc(1, len);

	memcpy(copy, whole.file, len < whole.len ? len : whole.len);

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
				if (at >= whole.header_end || len >= whole.len)
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

/*
 * Damage to the head alone: the index has it, the chunk is read, and it is said all the same. The index
 * is found also when other bytes follow it.
 */
static void test_head_from_index(size_t behind)
{
	u8 *copy = xcalloc(1, whole.len + behind);

	memcpy(copy, whole.file, whole.len);
	for (size_t i = 0; i < CHUNKS; i++) {
		struct trace_reader *reader = NULL;
		size_t damages;
		bool told;

		make_rewrite(fd, copy, whole.len + behind);
		CHECK_FATAL(pwrite(fd, "x", 1, (off_t)whole.chunks[i].offset + 140) == 1);
		CHECK_FATAL(!trace_reader_open(path, &reader));
		CHECK_EQ(read_all(reader, &told), (1u << CHUNKS) - 1);
		trace_reader_damages(reader, &damages);
		CHECK_EQ(damages, behind ? 2 : 1);
		trace_reader_close(reader);
	}
	free(copy);
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

int main(void)
{
	begin_small();
	test_truncations();
	test_flips(whole.len);
	test_flips(chunk_end(&whole.chunks[CHUNKS - 1]));
	test_flips(whole.len + 3);
	test_holes();
	test_cut_and_concatenated();
	test_head_from_index(0);
	test_head_from_index(200);
	test_missing_record();
	test_growing();
	return end_small();
}
