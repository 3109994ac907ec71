/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The worked example of FORMAT.md: the file in its hex block is read, its records must be those of
 * the table, and its columns those that the text lists. `test_example --make` writes the hex block
 * and the columns anew.
 */
#include <ctype.h>

#include "common/cbor.h"
#include "common/trace_output.h"
#include "common/word_filter.h"
#include "tests/unit/make_trace.h"

struct example { /* its one kind: "ping" */
	struct trc_head head;
	u32 number, state;
	u64 duration_ns;
	s64 value;
};

static const u8 uuid[16] = { 0xca, 0xfe, 0xf0, 0x0d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static const struct schema_field fields[] = {
	{ "number", "count", "", 24, 4, TRC_TYPE_u32 },
	{ "state", "enum", "", 28, 4, TRC_TYPE_u32 },
	{ "duration_ns", "ns", "", 32, 8, TRC_TYPE_u64 },
	{ "value", "count", "", 40, 8, TRC_TYPE_s64 },
};
static const struct schema_item items[] = { { "name", "", TRC_TYPE_str } };
static const struct schema_kind kind = {
	1, 48, 1, ARRAY_SIZE(fields), 1, "ping", "", fields, items
};

/* The records as the table in FORMAT.md has them. */
static size_t make_records(u8 out[512])
{
	const struct example rows[] = {
		{ { 1000, 7, 7, 1, 48, 0, 6, 0 }, 5, 0, 40, -1 },
		{ { 1100, 7, 7, 1, 64, 0, 6, 0 }, 5, 0, 30, 2 },
		{ { 1250, 8, 7, 1, 32, 0, 4, 0 }, 6, 1, 0, 0 },
	};
	const struct trc_item item = { .field = 0, .type = TRC_TYPE_str, .len = 2 };
	size_t len = 0;

	memset(out, 0, 512);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(out + len, &rows[i], rows[i].head.words * 8u);
		if (i == 1) {
			memcpy(out + len + 48, &item, sizeof(item));
			memcpy(out + len + 56, "hi", 2);
		}
		len += rows[i].head.len;
	}
	return len;
}

/* What the filter makes of them. */
static struct word_encoder *make_columns(void)
{
	struct word_encoder *encoder = xcalloc(1, sizeof(*encoder));
	u8 records[512] __attribute__((aligned(8)));
	size_t len = make_records(records);

	word_encoder_init(encoder, len, 4);
	for (size_t at = 0; at < len;) {
		word_encoder_add(encoder, (void *)(records + at));
		at += ((struct trc_head *)(records + at))->len;
	}
	return encoder;
}

static void put_record(struct trace_output *output, struct trace_head *head, struct cbor_out *cbor)
{
	head->mid_len = head->payload_len = (u32)cbor->len;
	if (head->type != TRACE_EVENTS)
		head->raw_len = head->mid_len;
	CHECK_FATAL(!trace_output_record(output, head, cbor->data));
	free(cbor->data);
	*cbor = (struct cbor_out){ 0 };
}

/* HEADER with the least that a reader needs, one EVENTS, END; nothing compressed. */
static void make_example(int fd)
{
	struct trace_head head = { .type = TRACE_HEADER,
				   .stream = TRACE_STREAM_NONE,
				   .ts_min = TRACE_TS_NONE,
				   .ts_max = TRACE_TS_NONE };
	struct word_encoder *encoder = make_columns();
	struct trace_output output = { .fd = fd };
	struct cbor_out cbor = { 0 };

	CHECK_FATAL(!trace_output_open(&output, uuid));
	cbor_out_map(&cbor, 5);
	cbor_out_uint(&cbor, 0);
	cbor_out_array(&cbor, 2);
	cbor_out_uint(&cbor, TRACE_VERSION_MAJOR);
	cbor_out_uint(&cbor, TRACE_VERSION_MINOR);
	cbor_out_uint(&cbor, 1);
	cbor_out_bytes(&cbor, uuid, sizeof(uuid));
	cbor_out_uint(&cbor, 3);
	cbor_out_string(&cbor, "example");
	cbor_out_uint(&cbor, 5);
	cbor_out_map(&cbor, 1);
	cbor_out_text(&cbor, "endian");
	cbor_out_uint(&cbor, 0);
	cbor_out_uint(&cbor, 9);
	cbor_out_array(&cbor, 1);
	cbor_out_array(&cbor, 7);
	cbor_out_uint(&cbor, kind.id);
	cbor_out_text(&cbor, kind.name);
	cbor_out_uint(&cbor, kind.fixed_len);
	cbor_out_uint(&cbor, kind.class);
	cbor_out_array(&cbor, kind.field_count);
	for (size_t i = 0; i < kind.field_count; i++) {
		cbor_out_array(&cbor, 6);
		cbor_out_text(&cbor, fields[i].name);
		cbor_out_uint(&cbor, fields[i].offset);
		cbor_out_uint(&cbor, fields[i].size);
		cbor_out_uint(&cbor, fields[i].type);
		cbor_out_text(&cbor, fields[i].unit);
		cbor_out_text(&cbor, fields[i].doc);
	}
	cbor_out_array(&cbor, 1);
	cbor_out_array(&cbor, 3);
	cbor_out_text(&cbor, items[0].name);
	cbor_out_uint(&cbor, items[0].type);
	cbor_out_text(&cbor, items[0].doc);
	cbor_out_text(&cbor, kind.doc);
	put_record(&output, &head, &cbor);

	head = (struct trace_head){ .type = TRACE_EVENTS,
				    .flags = TRACE_COLUMNS | TRACE_SORTED | TRACE_LAST,
				    .stream = 1u << 16,
				    .ts_min = 1000,
				    .ts_max = 1250,
				    .event_count = 3,
				    .kinds = 1 << 1,
				    .cpus = 1 << 0,
				    .raw_len = (u32)encoder->raw_len };
	trace_head_add_pid(&head, 7);
	cbor_out_array(&cbor, WORD_STREAMS);
	for (u32 i = 0; i < WORD_STREAMS; i++)
		cbor_out_bytes(&cbor, encoder->start[i], word_encoder_stream_len(encoder, i));
	put_record(&output, &head, &cbor);
	CHECK_FATAL(!trace_output_end(&output, 0));
	trace_output_release(&output);
	word_encoder_release(encoder);
	free(encoder);
}

static void print_example(void)
{
	struct word_encoder *encoder = make_columns();
	char path[64];
	int fd = make_file(path);
	size_t len;
	u8 *data;

	make_example(fd);
	data = make_contents(fd, &len);
	for (size_t i = 0; i < len; i += 16) {
		printf("%04zx ", i);
		for (size_t j = i; j < i + 16 && j < len; j++)
			printf(" %02x", data[j]);
		putchar('\n');
	}
	for (u32 i = 0; i < WORD_STREAMS; i++) {
		printf("| stream %u | `", i);
		for (size_t j = 0; j < word_encoder_stream_len(encoder, i); j++)
			printf("%s%02x", j ? " " : "", encoder->start[i][j]);
		puts("` |");
	}
	free(data);
	word_encoder_release(encoder);
	free(encoder);
	close(fd);
}

/* "xx xx xx" until something else comes. */
static size_t parse_hex(const char *p, u8 *out, size_t room)
{
	size_t len = 0;

	for (; len < room; p += 2) {
		unsigned v;

		while (*p == ' ')
			p++;
		if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) ||
		    sscanf(p, "%2x", &v) != 1)
			break;
		out[len++] = (u8)v;
	}
	return len;
}

/* Takes the file out of the hex block and compares the rows of columns; returns its length. */
static size_t read_document(u8 *file, size_t room)
{
	_cleanup_fclose_ FILE *f = fopen(SOURCE_DIR "/FORMAT.md", "re");
	struct word_encoder *encoder = make_columns();
	size_t len = 0, rows = 0;
	char line[1024];
	unsigned stream, offset;

	CHECK_FATAL(f);
	while (fgets(line, sizeof(line), f)) {
		u8 bytes[64];
		size_t n;

		/* "01a0  xx xx …": only the example has such lines, and they are in order. */
		if (sscanf(line, "%4x  %*2x", &offset) == 1 && line[4] == ' ' && line[5] == ' ' &&
		    offset == len)
			len += parse_hex(line + 6, file + len, room - len);
		if (sscanf(line, "| stream %u |", &stream) == 1 && strchr(line, '`')) {
			CHECK_FATAL(stream < WORD_STREAMS);
			n = parse_hex(strchr(line, '`') + 1, bytes, sizeof(bytes));
			CHECK_EQ(n, word_encoder_stream_len(encoder, stream));
			CHECK_MEM(bytes, encoder->start[stream], n);
			rows++;
		}
	}
	CHECK_EQ(rows, 10);
	word_encoder_release(encoder);
	free(encoder);
	return len;
}

int main(int argc, char **argv)
{
	u8 file[4096], expected[512] __attribute__((aligned(8)));
	struct trace_reader *reader = NULL;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	const struct schema *schema;
	size_t len, count;
	char path[64];
	int fd;
	u64 v = 0;

	if (argc > 1 && !strcmp(argv[1], "--make")) {
		print_example();
		return 0;
	}
	len = read_document(file, sizeof(file));
	CHECK_FATAL(len > 2 * TRACE_HEAD_SIZE);
	fd = make_file(path);
	make_rewrite(fd, file, len);
	CHECK_FATAL(!trace_reader_open(path, &reader));
	CHECK(trace_reader_ended_cleanly(reader));
	CHECK_STR(trace_reader_meta(reader)->producer, "example");
	schema = &trace_reader_meta(reader)->schema;
	CHECK_FATAL(schema->kind_count == 1);
	CHECK_STR(schema->kinds[0].name, "ping");
	chunks = trace_reader_chunks(reader, &count);
	CHECK_FATAL(count == 1);
	CHECK_EQ(chunks[0].head.stream, 1 << 16);
	CHECK(trace_head_has_pid(&chunks[0].head, 7));
	CHECK(!trace_head_has_pid(&chunks[0].head, 8));
	CHECK_FATAL(!trace_reader_chunk(reader, &chunks[0], &buffer));
	len = make_records(expected);
	CHECK_EQ(buffer.len, len);
	CHECK_MEM(buffer.data, expected, len);
	CHECK(record_field((void *)buffer.data, schema_field_by_name(&schema->kinds[0], "value"),
			   &v));
	CHECK_EQ((s64)v, -1);
	trace_reader_damages(reader, &count);
	CHECK_EQ(count, 0);
	trace_reader_close(reader);
	free(buffer.data);
	close(fd);
	return check_report();
}
