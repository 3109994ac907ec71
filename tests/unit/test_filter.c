/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The word-column filter: against its definition, there and back, and with streams that lie. */
#include <endian.h>
#include <errno.h>

#include "common/cbor.h"
#include "common/crc32c.h"
#include "common/word_filter.h"
#include "tests/unit/reference_filter.h"

#define RAW_BYTES (1u << 20)

static struct reference reference; /* large */
static struct word_state state;

/* Lays the columns into one buffer of exactly the bytes and the slack that the decoder asks for. */
static u8 *lay_out(const u8 *const data[16], const size_t len[16], size_t raw_len,
		   struct word_column columns[16])
{
	size_t total = WORD_SLACK(raw_len), at = 0;
	u8 *buffer;

	for (u32 i = 0; i < 16; i++)
		total += len[i];
	buffer = xmalloc(total);
	memset(buffer, 0xa5, total);
	for (u32 i = 0; i < 16; i++) {
		if (len[i])
			memcpy(buffer + at, data[i], len[i]);
		columns[i] = (struct word_column){ buffer + at, len[i] };
		at += len[i];
	}
	return buffer;
}

/* `raw` is what the recorder wrote; big_endian and duration are the recorder's. */
static void round_trip(const u8 *raw, size_t raw_len, u32 count, bool big_endian, u32 duration)
{
	const bool native = big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	u8 *out = xmalloc(raw_len + 1), *buffer;
	struct word_column columns[16];
	u32 decoded = 0;

	reference_begin(&reference, big_endian, duration);
	for (size_t at = 0; at < raw_len;) {
		reference_add(&reference, raw + at);
		at += reference_load(&reference, raw + at + 18, 2);
	}
	if (native) {
		struct word_encoder *encoder = xcalloc(1, sizeof(*encoder));

		word_encoder_init(encoder, raw_len, duration);
		/* Twice: nothing of the first chunk may be left in the second. */
		for (u32 pass = 0; pass < 2; pass++) {
			word_encoder_reset(encoder);
			for (size_t at = 0; at < raw_len;) {
				const struct trc_head *record = (const void *)(raw + at);

				word_encoder_add(encoder, record);
				at += record->len;
			}
		}
		CHECK_EQ(encoder->raw_len, raw_len);
		for (u32 i = 0; i < 16; i++) {
			CHECK_EQ(word_encoder_stream_len(encoder, i), reference.len[i]);
			if (reference.len[i] &&
			    word_encoder_stream_len(encoder, i) == reference.len[i])
				CHECK_MEM(encoder->start[i], reference.data[i], reference.len[i]);
		}
		word_encoder_release(encoder);
		free(encoder);
	}
	buffer = lay_out((const u8 *const *)reference.data, reference.len, raw_len, columns);
	out[raw_len] = 0x77;
	CHECK_EQ(word_decode(columns, !native, &state, out, raw_len, &decoded), 0);
	CHECK_EQ(decoded, count);
	CHECK_MEM(out, raw, raw_len);
	CHECK_EQ(out[raw_len], 0x77);
	/* A byte more or less than there is. */
	CHECK_EQ(word_decode(columns, !native, &state, out, raw_len - 8, &decoded), -EBADMSG);
	free(buffer);
	buffer = lay_out((const u8 *const *)reference.data, reference.len, raw_len + 24, columns);
	out = xrealloc(out, raw_len + 24);
	CHECK_EQ(word_decode(columns, !native, &state, out, raw_len + 24, &decoded), -EBADMSG);
	free(buffer);
	free(out);
	reference_release(&reference);
}

static size_t make_chunk(u8 *raw, size_t size, u64 seed, bool foreign, u32 *ret_count)
{
	const struct schema *schema = schema_builtin();
	u64 s = seed, ts = make_number(&s);
	size_t len = 0;

	for (*ret_count = 0; len + TRC_RECORD_MAX * 2 < size; ++*ret_count) {
		const struct schema_kind *kind =
			&schema->kinds[make_random(&s) % schema->kind_count];
		size_t n = make_record(raw + len, kind, ts += make_random(&s) % 5000, &s);

		if (foreign)
			make_foreign(raw + len, kind);
		len += n;
	}
	return len;
}

static void test_random(void)
{
	u8 *raw = xmalloc(RAW_BYTES);

	for (u64 seed = 0; seed < 20; seed++) {
		const bool here = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
		u32 count, duration = seed % 3 ? 4 + (u32)seed % 8 : 0;
		size_t len = make_chunk(raw, RAW_BYTES / 8, seed, false, &count);

		round_trip(raw, len, count, here, duration);
		len = make_chunk(raw, RAW_BYTES / 8, seed, true, &count);
		round_trip(raw, len, count, !here, duration);
	}
	free(raw);
}

/* Bytes without any sense behind a head that is just possible: every word count, every tail. */
static void test_adversarial(void)
{
	u8 *raw = xmalloc(RAW_BYTES);
	u64 s = 5;

	for (u32 pass = 0; pass < 6; pass++) {
		size_t len = 0;
		u32 count = 0;

		for (; len + 4096 < RAW_BYTES / 2; count++) {
			u32 words = 3 + make_random(&s) % (pass % 2 ? 253 : 14);
			u32 tail = make_random(&s) % 3 ? 0 : make_random(&s) % 30;
			struct trc_head head = { .ts = make_number(&s),
						 .tid = (u32)make_number(&s),
						 .tgid = (u32)make_number(&s),
						 .kind = (u16)make_number(&s),
						 .len = (u16)((words + tail) * 8),
						 .cpu = (u16)make_number(&s),
						 .words = (u8)words,
						 .flags = (u8)make_random(&s) };

			for (u32 i = 0; i < head.len; i += 8) {
				u64 w = pass < 2 ? make_random(&s) : pass < 4 ? 0 : make_number(&s);

				memcpy(raw + len + i, &w, 8);
			}
			memcpy(raw + len, &head, sizeof(head));
			len += head.len;
		}
		round_trip(raw, len, count, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
			   pass % 3 ? 5 : 0);
	}
	/* The shortest record there is, alone and often. */
	for (u32 count = 1; count <= 1000; count += 999) {
		struct trc_head head = { .ts = UINT64_MAX, .len = 24, .words = 3, .cpu = 65535 };

		for (u32 i = 0; i < count; i++)
			memcpy(raw + i * sizeof(head), &head, sizeof(head));
		round_trip(raw, count * sizeof(head), count, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
			   5);
	}
	free(raw);
}

/* Streams that are changed, cut and moved: anything may come out, but only inside the buffer. */
static void test_mutations(void)
{
	u8 *raw = xmalloc(RAW_BYTES), *out, *buffer;
	struct word_column columns[16], changed[16];
	u64 s = 11, accepted = 0;
	size_t raw_len, total = 0;
	u32 count;

	raw_len = make_chunk(raw, 100000, 3, false, &count);
	out = xmalloc(raw_len);
	reference_begin(&reference, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 5);
	for (size_t at = 0; at < raw_len;) {
		reference_add(&reference, raw + at);
		at += reference_load(&reference, raw + at + 18, 2);
	}
	buffer = lay_out((const u8 *const *)reference.data, reference.len, raw_len, columns);
	for (u32 i = 0; i < 16; i++)
		total += columns[i].len;
	for (u32 i = 0; i < 20000; i++) {
		size_t at = make_random(&s) % total;
		u32 stream = make_random(&s) % 16, n;
		u8 before = buffer[at];

		memcpy(changed, columns, sizeof(columns));
		switch (make_random(&s) % 4) {
		case 0:
			buffer[at] ^= 1u << make_random(&s) % 8;
			break;
		case 1:
			buffer[at] = (u8)make_random(&s);
			break;
		case 2:
			if (changed[stream].len)
				changed[stream].len -= 1 + make_random(&s) % changed[stream].len;
			break;
		case 3:
			changed[stream] = columns[make_random(&s) % 16];
			break;
		}
		accepted += !word_decode(changed, make_random(&s) % 8 == 0, &state, out,
					 i % 16 ? raw_len : make_random(&s) % raw_len, &n);
		buffer[at] = before;
	}
	CHECK(accepted > 0 && accepted < 20000);
	free(buffer);
	free(out);
	free(raw);
	reference_release(&reference);
}

/* Streams that fit exactly and say what no encoder says. */
static void test_lies(void)
{
	struct trc_head head = { .len = 24, .words = 3 };
	u8 bytes[24], sizes[2], nothing[16] = { 0 }, duration;
	const u8 *data[16] = { sizes, nothing, bytes + 16, nothing, nothing, nothing };
	size_t len[16] = { 2, 0, 8 };
	struct word_column columns[16];
	u8 out[24], *buffer;
	u32 count;

	data[15] = &duration;
	for (u32 lie = 0; lie < 24; lie++) {
		u32 w0 = lie < 16 ? lie : 0;
		int err;

		memcpy(bytes, &head, sizeof(head));
		sizes[0] = 0x80;   /* w2 in full */
		sizes[1] = (u8)w0; /* w0: 0 to 15 zero bytes */
		len[3] = w0;
		duration = (u8)(lie - 16 + 2);
		len[15] = lie < 16 ? 0 : lie < 20 ? 1 : 2;
		if (lie == 23) { /* a word count that the length does not hold */
			len[15] = 0;
			bytes[22] = 4;
		}
		for (u32 i = 0; i < 16; i++)
			data[i] = data[i] ? data[i] : nothing;
		{
			u8 two[2] = { duration, 0 };

			data[15] = two;
			buffer = lay_out(data, len, sizeof(out), columns);
		}
		err = word_decode(columns, false, &state, out, sizeof(out), &count);
		/* Good: up to 8 bytes; or word 4 or 5 as the duration. */
		if (!err != (lie <= 8 || lie == 18 || lie == 19))
			CHECK_FAIL("lie %u: %d", lie, err);
		check_count++;
		free(buffer);
	}
}

/* An EVENTS record by hand: [ bstr × count ], not compressed. */
static void write_events(int fd, const struct trace_head *like, const u8 *const data[],
			 const size_t len[], u32 count)
{
	struct trace_head head = *like;
	struct cbor_out out = { 0 };
	u8 bytes[TRACE_HEAD_SIZE];

	cbor_out_array(&out, count);
	for (u32 i = 0; i < count; i++)
		cbor_out_bytes(&out, data[i], len[i]);
	head.version = TRACE_HEAD_VERSION;
	head.type = TRACE_EVENTS;
	head.mid_len = head.payload_len = (u32)out.len;
	head.payload_crc = crc32c(out.data, out.len);
	trace_head_encode(&head, bytes);
	CHECK_FATAL(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	CHECK_FATAL(write(fd, out.data, out.len) == (ssize_t)out.len);
	free(out.data);
}

/* A trace of a machine of the other byte order, filtered and not, gives native records. */
static void test_foreign_file(void)
{
	const bool foreign = __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__;
	struct trace_meta meta = make_meta(schema_builtin());
	struct trace_head head = { .ts_max = UINT64_MAX };
	struct trace_writer_options options = { 0 };
	struct trace_buffer buffer = { 0 };
	u8 *raw = xmalloc(RAW_BYTES), *native = xmalloc(RAW_BYTES);
	struct trace_writer *writer;
	struct trace_reader *reader;
	const struct trace_chunk *chunks;
	size_t len, count, damages;
	const u8 *data[1] = { raw };
	char path[64];
	int fd = make_file(path);

	meta.big_endian = foreign;
	options.fd = fd;
	memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
	memcpy(&head.trace_id, meta.uuid, 8);
	head.trace_id = be64toh(head.trace_id);
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_EQ(make_put_meta(writer, &meta), 0);
	CHECK_EQ(trace_writer_close(writer), 0);
	/* Behind its END: the reader takes records as they come. */
	len = make_chunk(native, 200000, 8, false, &head.event_count);
	CHECK_EQ(make_chunk(raw, 200000, 8, true, &head.event_count), len);
	head.raw_len = (u32)len;
	head.seq = 4;
	write_events(fd, &head, data, &len, 1);
	reference_begin(&reference, foreign, 5);
	for (size_t at = 0; at < len;) {
		reference_add(&reference, raw + at);
		at += reference_load(&reference, raw + at + 18, 2);
	}
	head.seq = 5;
	head.flags = TRACE_COLUMNS;
	write_events(fd, &head, (const u8 *const *)reference.data, reference.len, 16);
	reference_release(&reference);

	CHECK_FATAL(!trace_reader_open(path, &reader));
	chunks = trace_reader_chunks(reader, &count);
	CHECK_FATAL(count == 2);
	for (size_t i = 0; i < count; i++) {
		CHECK_EQ(trace_reader_chunk(reader, &chunks[i], &buffer), 0);
		CHECK_EQ(buffer.len, len);
		if (buffer.len == len)
			CHECK_MEM(buffer.data, native, len);
	}
	trace_reader_damages(reader, &damages);
	CHECK_EQ(damages, 0);
	trace_reader_close(reader);
	free(buffer.data);
	free(native);
	free(raw);
	close(fd);
}

int main(void)
{
	test_random();
	test_adversarial();
	test_mutations();
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		test_lies();
	test_foreign_file();
	return check_report();
}
