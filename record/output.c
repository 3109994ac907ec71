/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/user.h"

static int give_to_caller(int fd)
{
	uid_t uid;
	gid_t gid;

	if (!user_of_sudo(&uid, &gid))
		return 0;
	return fchown(fd, uid, gid) ? -errno : 0;
}

const char *output_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash[1] ? slash + 1 : "." : path;
}

int output_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory =
		slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int output_open(int directory, const char *path, bool force, struct output *ret_output)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	const char *name;
	struct stat st;
	int err;

	if (!strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO))
			return -ENOTTY;
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -errno;
		*ret_output = (struct output){ .fd = TAKE_FD(fd) };
		return 0;
	}
	name = output_name(path);
	if (!fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (!S_ISREG(st.st_mode))
			return -ELOOP;
		if (!force)
			return -EEXIST;
		/* A new file, not a truncated one: another process may be reading the old one. */
		temporary = xasprintf("%s.%d.tmp", path, getpid());
		name = output_name(temporary);
	}
	fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = give_to_caller(fd);
	if (err) {
		unlinkat(directory, name, 0);
		return err;
	}
	*ret_output = (struct output){ .fd = TAKE_FD(fd),
				       .directory = directory,
				       .path = path,
				       .temporary = TAKE_PTR(temporary) };
	return 0;
}

int output_commit(struct output *output)
{
	if (!output->temporary)
		return 0;
	if (renameat(output->directory, output_name(output->temporary), output->directory,
		     output_name(output->path)))
		return -errno;
	free(output->temporary);
	output->temporary = NULL;
	return 0;
}

void output_discard(struct output *output)
{
	const char *name = output->temporary ? output->temporary : output->path;
	struct stat ours, named;

	/* Only if the name still means our file. */
	if (name && !fstat(output->fd, &ours) &&
	    !fstatat(output->directory, output_name(name), &named, AT_SYMLINK_NOFOLLOW) &&
	    ours.st_dev == named.st_dev && ours.st_ino == named.st_ino)
		unlinkat(output->directory, output_name(name), 0);
	output_close(output);
}

void output_close(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	free(output->temporary);
	output->temporary = NULL;
}
