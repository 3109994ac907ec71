/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What /proc says of a process, for the STATE record. */
#include "record/metadata.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(DIR *, closedir)

#define ARGUMENTS_MAX 4096

static char *read_link(u32 pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/%s", pid, name);
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target));

	return xstrndup(target, n > 0 ? n : 0);
}

static FILE *proc_open(u32 pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/%s", pid, name);

	return fopen(path, "re");
}

static int read_status(struct trace_state_task *task)
{
	_cleanup_fclose_ FILE *file = proc_open(task->tid, "status");
	char line[512], name[64];
	unsigned value;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Name: %63[^\n]", name) == 1) {
			free(task->comm);
			task->comm = xstrdup(name);
		} else if (sscanf(line, "Tgid: %u", &value) == 1) {
			task->tgid = value;
		} else if (sscanf(line, "PPid: %u", &value) == 1) {
			task->ppid = value;
		} else if (sscanf(line, "Uid: %u", &value) == 1) {
			task->uid = value;
		} else if (sscanf(line, "Gid: %u", &value) == 1) {
			task->gid = value;
		} else if (!strncmp(line, "NStgid:", 7)) {
			char *last = strrchr(line, '\t');

			task->ns_tgid = last ? strtoul(last, NULL, 10) : 0;
		}
	}
	return 0;
}

/* The unified hierarchy's line: "0::/path". */
static char *read_cgroup(u32 pid)
{
	_cleanup_fclose_ FILE *file = proc_open(pid, "cgroup");
	char line[PATH_MAX + 16];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = 0;
			return xstrdup(line + 3);
		}
	return xstrdup("");
}

static void read_arguments(struct trace_state_task *task)
{
	_cleanup_fclose_ FILE *file = proc_open(task->tid, "cmdline");
	_cleanup_free_ char *argument = NULL;
	size_t size = 0, capacity = 0;

	while (file && task->argc < ARGUMENTS_MAX && getdelim(&argument, &size, 0, file) > 0) {
		ARRAY_RESERVE(task->argv, capacity, task->argc + 1);
		task->argv[task->argc++] = xstrdup(argument);
	}
}

static void read_fdinfo(u32 pid, struct trace_state_fd *fd)
{
	_cleanup_free_ char *name = xasprintf("fdinfo/%u", fd->fd);
	_cleanup_fclose_ FILE *file = proc_open(pid, name);
	char line[128];
	unsigned long long value;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "pos: %llu", &value) == 1)
			fd->offset = value;
		else if (sscanf(line, "flags: %llo", &value) == 1)
			fd->flags = value;
	}
}

static void read_fds(struct trace_state_task *task, bool held)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/fd", task->tid);
	_cleanup_(closedirp) DIR *dir = opendir(path);
	size_t capacity = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *name = xasprintf("fd/%s", entry->d_name);
		struct trace_state_fd *fd;

		if (entry->d_name[0] == '.')
			continue;
		ARRAY_RESERVE(task->fds, capacity, task->fd_count + 1);
		fd = &task->fds[task->fd_count];
		*fd = (struct trace_state_fd){ .fd = strtoul(entry->d_name, NULL, 10) };
		read_fdinfo(task->tid, fd);
		/* What the held child keeps for the recorder's sake is closed by its exec. */
		if (held && fd->flags & O_CLOEXEC)
			continue;
		fd->target = read_link(task->tid, name);
		task->fd_count++;
	}
}

int snapshot_process(u32 pid, bool held, struct trace_state_task *task)
{
	*task = (struct trace_state_task){ .tid = pid, .comm = xstrdup("") };
	task->exe = read_link(pid, "exe");
	task->cwd = read_link(pid, "cwd");
	task->cgroup = read_cgroup(pid);
	/* What has no status is gone; it is left out with what was read so far. */
	if (read_status(task)) {
		free(task->comm);
		free(task->exe);
		free(task->cwd);
		free(task->cgroup);
		return -ESRCH;
	}
	read_arguments(task);
	read_fds(task, held);
	return 0;
}
