/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Preloaded into the recorder: makes its writes to *.trc files go wrong, as FAULT says.
 *
 *   ENOSPC:N, EIO:N   every write fails after N bytes
 *   short             a write takes at most 7 bytes
 *   eintr             two writes of three are interrupted before they take anything
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *fault;
static int error;
static unsigned long left, turn;

static int concerns(int fd)
{
	static int is_recorder = -1;
	char link[64], target[PATH_MAX];
	ssize_t len;

	if (is_recorder < 0) {
		fault = getenv("FAULT");
		is_recorder = fault && !strcmp(program_invocation_short_name, "record");
		error = fault && !strncmp(fault, "ENOSPC:", 7) ? ENOSPC
			: fault && !strncmp(fault, "EIO:", 4)  ? EIO
							       : 0;
		if (error)
			left = strtoul(strchr(fault, ':') + 1, NULL, 10);
	}
	if (!is_recorder)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, target, sizeof(target));
	return len > 4 && !memcmp(target + len - 4, ".trc", 4);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	struct iovec one;

	if (!real)
		real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
	if (!concerns(fd))
		return real(fd, iov, count);
	one = iov[0];
	if (error && !left) {
		errno = error;
		return -1;
	}
	if (error) {
		if (one.iov_len > left)
			one.iov_len = left;
		left -= one.iov_len;
	} else if (!strcmp(fault, "short")) {
		if (one.iov_len > 7)
			one.iov_len = 7;
	} else if (turn++ % 3) {
		errno = EINTR;
		return -1;
	}
	return real(fd, &one, 1);
}

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);
	struct iovec one = { (void *)data, len };

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	return concerns(fd) ? writev(fd, &one, 1) : real(fd, data, len);
}
