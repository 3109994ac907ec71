/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our CBOR against libcbor's own tree, and against bytes that mean harm. */
#include <cbor.h>
#include <errno.h>
#include <time.h>

#include "common/cbor.h"
#include "tests/unit/make_trace.h"

static cbor_item_t *load(const u8 *data, size_t len)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(data, len, &result);

	if (item && result.read != len)
		cbor_decref(&item);
	return item;
}

static void test_numbers(void)
{
	static const u64 edges[] = { 0,	    1,	   23,	     24,	 255,	     256,
				     65535, 65536, 1u << 31, UINT32_MAX, 1ull << 32, INT64_MAX };
	u64 state = 1;

	for (size_t i = 0; i < 1000; i++) {
		u64 v = i < ARRAY_SIZE(edges) ? edges[i] : make_number(&state);
		struct cbor_out out = { 0 };
		struct cbor_in in;
		cbor_item_t *item;

		cbor_out_array(&out, 3);
		cbor_out_uint(&out, v);
		cbor_out_int(&out, (s64)v);
		cbor_out_int(&out, ~(s64)(v & INT64_MAX));
		item = load(out.data, out.len);
		CHECK_FATAL(item && cbor_array_size(item) == 3);
		CHECK_EQ(cbor_get_int(cbor_array_handle(item)[0]), v);
		CHECK_EQ(cbor_get_int(cbor_array_handle(item)[2]), v & INT64_MAX);
		CHECK(cbor_isa_negint(cbor_array_handle(item)[2]));
		cbor_decref(&item);

		CHECK_EQ(cbor_check(out.data, out.len), 0);
		cbor_in_init(&in, out.data, out.len, 0);
		CHECK_EQ(cbor_in_array(&in, 3), 3);
		CHECK_EQ(cbor_in_uint(&in, UINT64_MAX), v);
		CHECK_EQ(cbor_in_int(&in), (s64)v);
		CHECK_EQ(cbor_in_int(&in), ~(s64)(v & INT64_MAX));
		CHECK_EQ(in.error, 0);
		CHECK(in.p == in.end);
		for (size_t cut = 0; cut < out.len; cut++)
			CHECK_EQ(cbor_check(out.data, cut), -EBADMSG);
		free(out.data);
	}
}

static void test_shapes(void)
{
	static const u8 bytes[300] = { 1, 2, 3 };
	struct cbor_out out = { 0 };
	struct cbor_in in;
	cbor_item_t *item;
	size_t len = 0;
	char *s;

	cbor_out_map(&out, 6);
	cbor_out_uint(&out, 1);
	cbor_out_bytes(&out, bytes, sizeof(bytes));
	cbor_out_uint(&out, 2);
	cbor_out_text(&out, "text");
	cbor_out_uint(&out, 3);
	cbor_out_string(&out, "\xff/\n");
	cbor_out_uint(&out, 4);
	cbor_out_bool(&out, true);
	cbor_out_uint(&out, 5);
	cbor_out_null(&out);
	cbor_out_uint(&out, 6);
	cbor_out_array(&out, 2);
	cbor_out_string(&out, NULL);
	cbor_out_bytes(&out, "a\0b", 3);

	item = load(out.data, out.len);
	CHECK_FATAL(item && cbor_isa_map(item) && cbor_map_size(item) == 6);
	CHECK_EQ(cbor_bytestring_length(cbor_map_handle(item)[0].value), sizeof(bytes));
	CHECK_EQ(cbor_string_length(cbor_map_handle(item)[1].value), 4);
	CHECK_MEM(cbor_bytestring_handle(cbor_map_handle(item)[2].value), "\xff/\n", 3);
	CHECK(cbor_get_bool(cbor_map_handle(item)[3].value));
	CHECK(cbor_is_null(cbor_map_handle(item)[4].value));
	cbor_decref(&item);

	CHECK_EQ(cbor_check(out.data, out.len), 0);
	cbor_in_init(&in, out.data, out.len, 1000);
	CHECK_EQ(cbor_in_map(&in, 10), 6);
	CHECK_EQ(cbor_in_uint(&in, 1), 1);
	CHECK_MEM(cbor_in_bytes(&in, &len), bytes, sizeof(bytes));
	CHECK_EQ(len, sizeof(bytes));
	cbor_in_skip(&in);
	s = cbor_in_string(&in, 4);
	CHECK_STR(s, "text");
	free(s);
	cbor_in_skip(&in);
	s = cbor_in_string_or_null(&in, 3);
	CHECK_STR(s, "\xff/\n");
	free(s);
	cbor_in_skip(&in);
	CHECK(cbor_in_bool(&in));
	cbor_in_skip(&in);
	CHECK(!cbor_in_string_or_null(&in, 3));
	cbor_in_skip(&in);
	CHECK_EQ(cbor_in_array(&in, 2), 2);
	s = cbor_in_string(&in, 4);
	CHECK_STR(s, "");
	free(s);
	s = cbor_in_string(&in, 4);
	CHECK_STR(s, "a");
	free(s);
	CHECK(in.p == in.end && !in.error);
	free(out.data);
}

/* The first wrong thing is remembered, and nothing happens after it. */
static void test_errors(void)
{
	static const u8 data[] = { 0x83, 0x18, 0x2a, 0x43, 'a', 'b', 'c', 0x20 };
	struct cbor_in in;

	CHECK_EQ(cbor_check(data, sizeof(data)), 0);
	cbor_in_init(&in, data, sizeof(data), 1000);
	CHECK_EQ(cbor_in_map(&in, 9), 0);
	CHECK_EQ(in.error, -EBADMSG);
	CHECK_EQ(cbor_in_uint(&in, 99), 0);

	cbor_in_init(&in, data, sizeof(data), 1000);
	CHECK_EQ(cbor_in_array(&in, 2), 0);
	CHECK_EQ(in.error, -E2BIG);

	cbor_in_init(&in, data, sizeof(data), 1000);
	CHECK_EQ(cbor_in_array(&in, 3), 3);
	CHECK_EQ(cbor_in_uint(&in, 41), 0);
	CHECK_EQ(in.error, -EBADMSG);

	cbor_in_init(&in, data, sizeof(data), 10); /* less than a string takes */
	CHECK_EQ(cbor_in_array(&in, 3), 3);
	CHECK_EQ(cbor_in_uint(&in, 42), 42);
	CHECK(!cbor_in_string(&in, 3));
	CHECK_EQ(in.error, -E2BIG);

	cbor_in_init(&in, data, sizeof(data), 1000);
	CHECK(!cbor_in_alloc(&in, UINT64_MAX / 8, 16));
	CHECK_EQ(in.error, -E2BIG);

	cbor_in_init(&in, data, sizeof(data), 1000);
	cbor_in_skip(&in);
	CHECK(in.p == in.end && !in.error);
	cbor_in_skip(&in);
	CHECK_EQ(in.error, -EBADMSG);
}

/* Does the tree hold nothing that we refuse by choice: indefinite lengths, tags? */
static bool is_definite(const cbor_item_t *item)
{
	switch (cbor_typeof(item)) {
	case CBOR_TYPE_BYTESTRING:
		return cbor_bytestring_is_definite(item);
	case CBOR_TYPE_STRING:
		return cbor_string_is_definite(item);
	case CBOR_TYPE_ARRAY:
		for (size_t i = 0; i < cbor_array_size(item); i++)
			if (!is_definite(cbor_array_handle(item)[i]))
				return false;
		return cbor_array_is_definite(item);
	case CBOR_TYPE_MAP:
		for (size_t i = 0; i < cbor_map_size(item); i++)
			if (!is_definite(cbor_map_handle(item)[i].key) ||
			    !is_definite(cbor_map_handle(item)[i].value))
				return false;
		return cbor_map_is_definite(item);
	case CBOR_TYPE_TAG:
		return false;
	default:
		return true;
	}
}

/*
 * Whatever we accept libcbor accepts; whatever it accepts we accept, unless it is of indefinite
 * length. libcbor refuses text that is not UTF-8, which we do not look at.
 */
static void compare(const u8 *data, size_t len, bool has_text)
{
	bool ours = !cbor_check(data, len);
	cbor_item_t *item = load(data, len);
	bool theirs = item && is_definite(item);

	if (ours != theirs && !(ours && has_text)) {
		CHECK_FAIL("we say %d, libcbor says %d, of %zu bytes:", ours, theirs, len);
		for (size_t i = 0; i < len; i++)
			fprintf(stderr, " %02x", data[i]);
		fputc('\n', stderr);
	}
	check_count++;
	if (item)
		cbor_decref(&item);
}

static void test_against_libcbor(void)
{
	u64 state = 3;
	u8 data[16];

	/* All of one, two and three bytes. */
	for (u32 i = 0; i < 1u << 24; i += i < 1u << 17 ? 1 : 37) {
		size_t len = i < 256 ? 1 : i < 65536 ? 2 : 3;

		data[0] = (u8)(len == 1 ? i : i >> 8 * (len - 1));
		data[1] = (u8)(len == 2 ? i : i >> 8);
		data[2] = (u8)i;
		compare(data, len, (data[0] & 0xe0) == 0x60 || (data[1] & 0xe0) == 0x60);
	}
	/* Longer ones; nothing that makes libcbor allocate what is not there. */
	for (u32 i = 0; i < 200000; i++) {
		size_t len = 4 + make_random(&state) % 12;
		bool has_text = false, large = false;

		for (size_t j = 0; j < len; j++) {
			data[j] = (u8)make_random(&state);
			if (make_random(&state) % 2)
				data[j] = 0x80 | (data[j] & 0x63); /* small containers */
			has_text |= (data[j] & 0xe0) == 0x60;
			large |= (data[j] & 0xdf) == 0x9a || (data[j] & 0xdf) == 0x9b ||
				 (data[j] & 0xdf) == 0x99;
		}
		if (!large)
			compare(data, len, has_text);
	}
}

/* Few bytes that claim a lot, from FORMAT.md's list: refused, at once, with nothing allocated. */
static void test_hostile(void)
{
	static const struct {
		u8 data[12];
		size_t len;
	} cases[] = {
		{ { 0x9a, 0x1f, 0xff, 0xff, 0xff }, 5 },
		{ { 0xba, 0x1f, 0xff, 0xff, 0xff }, 5 },
		{ { 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 9 },
		{ { 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 9 },
		{ { 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0 }, 11 },
		{ { 0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 9 },
		{ { 0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 9 },
		{ { 0x9f, 0xff }, 2 },
		{ { 0xbf, 0xff }, 2 },
		{ { 0x5f, 0x41, 0, 0xff }, 4 },
		{ { 0xff }, 1 },
		{ { 0xc1 }, 1 },
		{ { 0xc1, 0x00 }, 2 },
		{ { 0x81, 0xd9, 0xd9, 0xf7, 0x00 }, 5 },
		{ { 0x00, 0x00 }, 2 }, /* two items */
		{ { 0 }, 0 },
	};
	static u8 deep[4096];
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_EQ(cbor_check(cases[i].data, cases[i].len), -EBADMSG);
	memset(deep, 0x81, sizeof(deep));
	CHECK_EQ(cbor_check(deep, sizeof(deep)), -EBADMSG);
	memset(deep, 0x81, CBOR_DEPTH_MAX);
	deep[CBOR_DEPTH_MAX] = 0;
	CHECK_EQ(cbor_check(deep, CBOR_DEPTH_MAX + 1), 0);
	deep[CBOR_DEPTH_MAX] = 0x81;
	deep[CBOR_DEPTH_MAX + 1] = 0;
	CHECK_EQ(cbor_check(deep, CBOR_DEPTH_MAX + 2), -EBADMSG);
	deep[CBOR_DEPTH_MAX] = 0x80;
	CHECK_EQ(cbor_check(deep, CBOR_DEPTH_MAX + 1), -EBADMSG);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(b.tv_sec - a.tv_sec < 2);
}

/* STATE, CLOCK and SUMMARY there and back. HEADER is test_schema's. */
static void test_state(void)
{
	static char *argv[] = { "a", "" };
	struct trace_state_fd fds[] = { { 0, 2, 77, "/dev/pts/\xff" },
					{ 9, 02000000, 0, "pipe:[1]" } };
	struct trace_state_task tasks[] = {
		{ .tid = 7,
		  .tgid = 7,
		  .ppid = 1,
		  .ns_tgid = 2,
		  .start_ns = UINT64_MAX,
		  .uid = 5,
		  .gid = UINT32_MAX,
		  .comm = "c",
		  .exe = "/e",
		  .cwd = "/",
		  .cgroup = "/cg",
		  .argc = 2,
		  .argv = argv,
		  .fd_count = 2,
		  .fds = fds },
		{ .tid = 8, .tgid = 7, .comm = "", .exe = "", .cwd = "", .cgroup = "" },
	};
	struct trace_state state = { 123, 2, tasks }, *copy = NULL;
	u8 *data;
	size_t len;

	trace_state_encode(&state, &data, &len);
	CHECK_FATAL(!trace_state_decode(data, len, &copy));
	CHECK_EQ(copy->ts, 123);
	CHECK_EQ(copy->task_count, 2);
	CHECK_EQ(copy->tasks[0].tid, 7);
	CHECK_EQ(copy->tasks[0].tgid, 7);
	CHECK_EQ(copy->tasks[0].ppid, 1);
	CHECK_EQ(copy->tasks[0].ns_tgid, 2);
	CHECK(copy->tasks[0].start_ns == UINT64_MAX);
	CHECK_EQ(copy->tasks[0].uid, 5);
	CHECK_EQ(copy->tasks[0].gid, UINT32_MAX);
	CHECK_STR(copy->tasks[0].comm, "c");
	CHECK_STR(copy->tasks[0].exe, "/e");
	CHECK_STR(copy->tasks[0].cwd, "/");
	CHECK_STR(copy->tasks[0].cgroup, "/cg");
	CHECK_EQ(copy->tasks[0].argc, 2);
	CHECK_STR(copy->tasks[0].argv[0], "a");
	CHECK_STR(copy->tasks[0].argv[1], "");
	CHECK_EQ(copy->tasks[0].fd_count, 2);
	CHECK_EQ(copy->tasks[0].fds[0].offset, 77);
	CHECK_STR(copy->tasks[0].fds[0].target, "/dev/pts/\xff");
	CHECK_EQ(copy->tasks[0].fds[1].fd, 9);
	CHECK_EQ(copy->tasks[0].fds[1].flags, 02000000);
	CHECK_EQ(copy->tasks[1].tid, 8);
	CHECK_EQ(copy->tasks[1].argc, 0);
	CHECK_EQ(copy->tasks[1].fd_count, 0);
	trace_state_free(copy);
	for (size_t cut = 0; cut < len; cut++)
		CHECK_EQ(trace_state_decode(data, cut, &copy), -EBADMSG);
	free(data);
	trace_state_free(NULL);
}

static void test_clock(void)
{
	struct trace_clock_sample samples[] = {
		{ 1, 2, -3, 4, 5 }, { UINT64_MAX, 0, INT64_MIN, INT64_MAX, UINT32_MAX }
	};
	struct trace_clock_sample *copy;
	size_t len, count;
	u8 *data;

	trace_clock_encode(samples, 2, &data, &len);
	CHECK_FATAL(!trace_clock_decode(data, len, &copy, &count));
	CHECK_EQ(count, 2);
	for (size_t i = 0; i < 2; i++) {
		CHECK_EQ(copy[i].mono_ns, samples[i].mono_ns);
		CHECK_EQ(copy[i].boot_ns, samples[i].boot_ns);
		CHECK_EQ(copy[i].real_ns, samples[i].real_ns);
		CHECK_EQ(copy[i].tai_ns, samples[i].tai_ns);
		CHECK_EQ(copy[i].width_ns, samples[i].width_ns);
	}
	free(copy);
	free(data);
}

static void test_summary(void)
{
	struct trace_program_cost programs[] = { { "p", 1, UINT64_MAX } };
	struct trace_kind_count kinds[] = { { 1, 2, 3 }, { 65535, 0, 9 } };
	struct trace_summary summary = {
		.start_ns = 1,
		.end_ns = 2,
		.command_ended = true,
		.exit_code = -1,
		.exit_signal = 9,
		.end_reason = "signal",
		.event_count = 3,
		.lost_count = 4,
		.file_bytes = 5,
		.user_ns = 6,
		.system_ns = 7,
		.max_rss_bytes = 8,
		.ring_bytes = 9,
		.ring_high_bytes = 10,
		.empty_probe_ns = 11,
		.program_count = 1,
		.programs = programs,
		.kind_count = 2,
		.kinds = kinds,
	};
	struct trace_summary *copy = NULL;
	size_t len;
	u8 *data;

	trace_summary_encode(&summary, &data, &len);
	CHECK_FATAL(!trace_summary_decode(data, len, &copy));
	CHECK_EQ(copy->start_ns, 1);
	CHECK_EQ(copy->end_ns, 2);
	CHECK(copy->command_ended);
	CHECK_EQ(copy->exit_code, -1);
	CHECK_EQ(copy->exit_signal, 9);
	CHECK_STR(copy->end_reason, "signal");
	CHECK_EQ(copy->event_count, 3);
	CHECK_EQ(copy->lost_count, 4);
	CHECK_EQ(copy->file_bytes, 5);
	CHECK_EQ(copy->user_ns, 6);
	CHECK_EQ(copy->system_ns, 7);
	CHECK_EQ(copy->max_rss_bytes, 8);
	CHECK_EQ(copy->ring_bytes, 9);
	CHECK_EQ(copy->ring_high_bytes, 10);
	CHECK_EQ(copy->empty_probe_ns, 11);
	CHECK_EQ(copy->program_count, 1);
	CHECK_STR(copy->programs[0].name, "p");
	CHECK(copy->programs[0].run_ns == UINT64_MAX);
	CHECK_EQ(copy->kind_count, 2);
	CHECK_EQ(copy->kinds[1].kind, 65535);
	CHECK_EQ(copy->kinds[1].lost, 9);
	trace_summary_free(copy);
	free(data);
	trace_summary_free(NULL);
}

/* Decoders on bytes that are CBOR but not what they should be. */
static void test_mutations(void)
{
	struct trace_meta meta = make_meta(schema_builtin());
	u64 state = 9, accepted = 0;
	u8 *data;
	size_t len;

	trace_meta_encode(&meta, &data, &len);
	for (u32 i = 0; i < 20000; i++) {
		size_t at = make_random(&state) % len;
		u8 before = data[at];
		struct trace_clock_sample *samples;
		struct trace_summary *summary;
		struct trace_state *trace_state;
		struct trace_meta *copy;
		size_t count;
		int err;

		data[at] ^= 1u << make_random(&state) % 8;
		err = trace_meta_decode(data, len, &copy);
		if (!err || err == -EPROTONOSUPPORT) {
			accepted++;
			trace_meta_free(copy);
		}
		/* The wrong decoder for the bytes. */
		if (!trace_state_decode(data, len, &trace_state))
			trace_state_free(trace_state);
		if (!trace_summary_decode(data, len, &summary))
			trace_summary_free(summary);
		if (!trace_clock_decode(data, len, &samples, &count))
			free(samples);
		data[at] = before;
	}
	CHECK(accepted > 1000 && accepted < 20000);
	free(data);
}

int main(void)
{
	test_numbers();
	test_shapes();
	test_errors();
	test_against_libcbor();
	test_hostile();
	test_state();
	test_clock();
	test_summary();
	test_mutations();
	return check_report();
}
