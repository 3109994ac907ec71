/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/crc32c.h"
#include "common/trace_format.h"

#define PAYLOAD_CRC_AT 151
#define HEAD_CRC_AT    156
#define LENGTH_AT      161

static u32 get_u32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void put_u32(u8 *p, u32 v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (u8)v;
}

static void make_checksums(u8 *file, size_t size)
{
	for (size_t at = 0; at + TRACE_HEAD_SIZE <= size; at++) {
		u8 *head = file + at;
		size_t len, left = size - at - TRACE_HEAD_SIZE;

		if (memcmp(head, trace_head_marker, TRACE_MARKER_SIZE))
			continue;
		len = get_u32(head + LENGTH_AT);
		if (len <= left && !(head[32] & TRACE_ZSTD))
			put_u32(head + PAYLOAD_CRC_AT, crc32c(head + TRACE_HEAD_SIZE, len));
		put_u32(head + HEAD_CRC_AT, 0);
		put_u32(head + HEAD_CRC_AT, crc32c(head, TRACE_HEAD_SIZE));
		at += TRACE_HEAD_SIZE - 1 + (len <= left ? len : 0);
	}
}

static void rewrite(int fd, const u8 *data, size_t size)
{
	FUZZ_CHECK(!ftruncate(fd, 0) && lseek(fd, 0, SEEK_SET) == 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
}

const char *fuzz_file(const u8 *data, size_t size)
{
	static char path[FUZZ_FILE_PATH];
	static int fd = -1;
	u8 *copy;

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (size && data[0] == 0xff) {
		rewrite(fd, data + 1, size - 1);
		return path;
	}
	copy = xmalloc(size + 1);
	memcpy(copy, data, size);
	make_checksums(copy, size);
	rewrite(fd, copy, size);
	free(copy);
	return path;
}

int fuzz_output(char path[FUZZ_FILE_PATH])
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("output", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	rewrite(fd, NULL, 0);
	snprintf(path, FUZZ_FILE_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

char *fuzz_string(const u8 *data, size_t size)
{
	char *string = xmalloc(size + 1);

	memcpy(string, data, size);
	string[size] = 0;
	return string;
}
