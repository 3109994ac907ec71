/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes come from. They are read with pread and not mapped: a file that is cut or
 * rewritten while it is read gives short reads and failed checks, never SIGBUS.
 */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

#define COPY_BYTES    (1u << 16)
#define UNKNOWN_BYTES (64u << 20) /* of a pipe; a trace begins with a HEADER, which is smaller */

static int temporary_file(void)
{
	const char *dirs[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_free_ char *name = NULL;
		int fd;

		if (!dirs[i])
			continue;
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		/* Not every file system has O_TMPFILE. */
		name = xasprintf("%s/trc-XXXXXX", dirs[i]);
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0) {
			unlink(name);
			return fd;
		}
	}
	return -errno;
}

/* Has a head begun in what has come? Keeps the end of it, for one that lies across. */
static bool marker_find(u8 *data, size_t *kept, size_t len)
{
	*kept += len;
	if (memmem(data, *kept, trace_head_marker, TRACE_MARKER_SIZE))
		return true;
	len = *kept < TRACE_MARKER_SIZE ? *kept : TRACE_MARKER_SIZE - 1;
	memmove(data, data + *kept - len, len);
	*kept = len;
	return false;
}

/* -EBADMSG: no head came for so long that this is no trace; it may be endless. */
static int copy_all(int from, int to)
{
	_cleanup_free_ u8 *data = xmalloc(COPY_BYTES);
	bool is_trace = false;
	size_t kept = 0;
	u64 copied = 0;

	for (;;) {
		ssize_t n = read(from, data + kept, COPY_BYTES - kept);

		if (!n)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (ssize_t done = 0; done < n;) {
			ssize_t put = write(to, data + kept + done, (size_t)(n - done));

			if (put < 0 && errno != EINTR)
				return -errno;
			done += put > 0 ? put : 0;
		}
		copied += (u64)n;
		if (is_trace)
			continue;
		is_trace = marker_find(data, &kept, (size_t)n);
		if (is_trace)
			kept = 0;
		else if (copied >= UNKNOWN_BYTES)
			return -EBADMSG;
	}
}

int source_open(const char *path, int *ret_fd, u64 *ret_size)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int err;

	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
			       : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode)) {
		_cleanup_close_ int spool = temporary_file();

		if (spool < 0)
			return spool;
		err = copy_all(fd, spool);
		if (err)
			return err;
		if (fstat(spool, &st))
			return -errno;
		close(fd);
		fd = TAKE_FD(spool);
	}
	*ret_size = (u64)st.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

size_t source_read(const struct trace_reader *reader, u64 offset, void *data, size_t len)
{
	size_t done = 0;

	/* The size is that at opening: a file may have grown since. */
	if (offset >= reader->size)
		return 0;
	if (len > reader->size - offset)
		len = reader->size - offset;
	while (done < len) {
		ssize_t n =
			pread(reader->fd, (u8 *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}
