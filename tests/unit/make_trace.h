/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Traces for tests: records of any kind from its schema, metadata, whole files in memory. */
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/trace_reader.h"
#include "common/trace_writer.h"
#include "tests/unit/check.h"

#define MAKE_UNUSED __attribute__((unused))

/* splitmix64: the same numbers everywhere. */
static MAKE_UNUSED u64 make_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* A number that is often small, often huge, sometimes an edge. */
static MAKE_UNUSED u64 make_number(u64 *state)
{
	u64 v = make_random(state), shift = make_random(state) % 65;

	switch (make_random(state) % 16) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << 63;
	default:
		return shift == 64 ? 0 : v >> shift;
	}
}

/* A well-formed record of the kind with random contents; returns its length. */
static MAKE_UNUSED size_t make_record(u8 *out, const struct schema_kind *kind, u64 ts, u64 *state)
{
	struct trc_head head = { .ts = ts, .kind = kind->id };
	u32 words = kind->fixed_len / 8;
	size_t len;

	head.tid = (u32)make_number(state);
	head.tgid = (u32)make_number(state);
	head.cpu = (u16)make_number(state);
	head.flags = make_random(state) % 2;
	if (make_random(state) % 4 == 0) /* fields at the end may be left out */
		words = TRC_HEAD_WORDS + make_random(state) % (words - TRC_HEAD_WORDS + 1);
	head.words = (u8)words;
	len = words * 8;
	memset(out, 0, len);
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct schema_field *field = &kind->fields[i];
		u64 v = make_number(state);

		if (field->offset + field->size > len)
			continue;
		if (field->type == TRC_TYPE_chars)
			snprintf((char *)out + field->offset, field->size, "n%" PRIu64, v);
		else
			memcpy(out + field->offset, &v, field->size);
	}
	for (size_t i = 0; i < kind->item_count && make_random(state) % 2; i++) {
		struct trc_item item = { .field = (u8)i, .type = kind->items[i].type };
		size_t size = make_random(state) % 8 ? make_random(state) % 40
						     : make_random(state) % 3000;

		if (item.type == TRC_TYPE_any)
			item.type = TRC_TYPE_str + make_random(state) % 7;
		if (make_random(state) % 8 == 0) {
			item.state = TRC_ITEM_UNREADABLE;
			size = 0;
		} else if (make_random(state) % 4 == 0) {
			item.state = TRC_ITEM_TRUNCATED;
			item.more = (u16)make_number(state);
		}
		item.len = (u16)size;
		memcpy(out + len, &item, sizeof(item));
		len += sizeof(item);
		memset(out + len, 0, (size + 7) / 8 * 8);
		for (size_t j = 0; j < size; j++)
			out[len + j] = (u8)make_random(state);
		len += (size + 7) / 8 * 8;
	}
	head.len = (u16)len;
	memcpy(out, &head, sizeof(head));
	return len;
}

/* The metadata of a machine that does not exist. Borrows everything; nothing is to be freed. */
static MAKE_UNUSED struct trace_meta make_meta(const struct schema *schema)
{
	static char *argv[] = { "cc", "-c", "a b.c", "\xff\xfe" };
	static struct trace_option options[] = { { "string-size", "32" }, { "level", "1" } };
	static struct trace_constant errnos[] = { { 1, "EPERM" }, { 2, "ENOENT" } };
	static struct trace_constant signals[] = { { 9, "SIGKILL" } };
	static struct syscall_desc calls[] = {
		{ "read",
		  0,
		  3,
		  SYSCALL_DESC,
		  SYSCALL_BLOCKS,
		  { { "fd", ARG_FD, 0, NULL },
		    { "buf", ARG_BUF_OUT, 2, NULL },
		    { "count", ARG_SIZE, 0, NULL } } },
		{ "open",
		  2,
		  3,
		  SYSCALL_FILE | SYSCALL_DESC,
		  SYSCALL_RETURNS_FD,
		  { { "filename", ARG_PATH, 0, NULL },
		    { "flags", ARG_FLAGS, 0, "open_flags" },
		    { "mode", ARG_MODE, 0, NULL } } },
	};
	static struct syscall_table tables[] = { { SYSCALL_ABI_X86_64, ARRAY_SIZE(calls), calls } };

	return (struct trace_meta){
		.major = TRACE_VERSION_MAJOR,
		.minor = TRACE_VERSION_MINOR,
		.uuid = "0123456789abcde",
		.producer = "test 1",
		.created_wall_ns = 1700000000123456789,
		.machine = "x86_64",
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
		.pointer_size = 8,
		.page_size = 4096,
		.cpu_count = 4,
		.hostname = "h\xc3\xb6st",
		.kernel_release = "6.1.0",
		.kernel_version = "#1 SMP",
		.machine_id = "m",
		.boot_id = "b",
		.distribution = "Debian 12",
		.utc_offset_s = -3600,
		.trace_clock = "monotonic",
		.argc = ARRAY_SIZE(argv),
		.argv = argv,
		.cwd = "/tmp/\xe4",
		.command_pid = 4711,
		.option_count = ARRAY_SIZE(options),
		.options = options,
		.schema = *schema,
		.table_count = ARRAY_SIZE(tables),
		.tables = tables,
		.errno_count = ARRAY_SIZE(errnos),
		.errnos = errnos,
		.signal_count = ARRAY_SIZE(signals),
		.signals = signals,
	};
}

static MAKE_UNUSED int make_put_meta(struct trace_writer *writer, const struct trace_meta *meta)
{
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	trace_meta_encode(meta, &data, &len);
	return trace_writer_put(writer, TRACE_HEADER, TRACE_TS_NONE, data, len);
}

static MAKE_UNUSED int make_put_clock(struct trace_writer *writer, u64 mono_ns, s64 real_ns)
{
	struct trace_clock_sample sample = { mono_ns, mono_ns, real_ns, real_ns + 37, 100 };
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	trace_clock_encode(&sample, 1, &data, &len);
	return trace_writer_put(writer, TRACE_CLOCK, mono_ns, data, len);
}

static MAKE_UNUSED int make_put_summary(struct trace_writer *writer, u64 event_count)
{
	struct trace_summary summary = {
		.start_ns = 1000,
		.end_ns = 2000,
		.command_ended = true,
		.exit_code = -1,
		.exit_signal = 11,
		.end_reason = "command ended",
		.event_count = event_count,
	};
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	trace_summary_encode(&summary, &data, &len);
	return trace_writer_put(writer, TRACE_SUMMARY, summary.end_ns, data, len);
}

/* An empty file in memory that has a path. */
static MAKE_UNUSED int make_file(char path[64])
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	CHECK_FATAL(fd >= 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/* The contents of a file, malloc'ed. */
static MAKE_UNUSED u8 *make_contents(int fd, size_t *ret_len)
{
	struct stat st;
	u8 *data;

	CHECK_FATAL(!fstat(fd, &st));
	data = xmalloc((size_t)st.st_size);
	CHECK_FATAL(pread(fd, data, (size_t)st.st_size, 0) == st.st_size);
	*ret_len = (size_t)st.st_size;
	return data;
}

static MAKE_UNUSED void make_rewrite(int fd, const u8 *data, size_t len)
{
	CHECK_FATAL(!ftruncate(fd, (off_t)len));
	CHECK_FATAL(pwrite(fd, data, len, 0) == (ssize_t)len);
}
