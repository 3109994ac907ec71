/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/ptrace_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

#define NS_PER_S 1000000000ull

/* Reads all of a small file; ends it with a NUL. Its length or -errno. */
static ssize_t read_file(const char *path, char *to, size_t room)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < room - 1) {
		ssize_t n = read(fd, to + done, room - 1 - done);

		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	to[done] = 0;
	return done;
}

static ssize_t read_task_file(u32 tgid, u32 tid, const char *name, char *to, size_t room)
{
	char path[64];

	/* Of a thread /proc/TID tells what the whole process did. */
	if (tgid)
		snprintf(path, sizeof(path), "/proc/%u/task/%u/%s", tgid, tid, name);
	else
		snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	return read_file(path, to, room);
}

/* The numbers of the line that begins so: at most `max`; how many there are. */
static size_t numbers_of(const char *text, const char *name, u64 *ret_numbers, size_t max)
{
	size_t count = 0, len = strlen(name);
	const char *line = text;

	while (line && strncmp(line, name, len)) {
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	if (!line)
		return 0;
	line += len;
	for (char *end; count < max; line = end) {
		u64 value = strtoull(line, &end, 10);

		if (end == line || memchr(line, '\n', end - line))
			break;
		ret_numbers[count++] = value;
	}
	return count;
}

static u64 number_of(const char *text, const char *name)
{
	u64 value = 0;

	numbers_of(text, name, &value, 1);
	return value;
}

#define NAMESPACES_MAX 32 /* that pid namespaces may be nested */

static u32 innermost(const char *text, const char *name)
{
	u64 numbers[NAMESPACES_MAX + 1];
	size_t count = numbers_of(text, name, numbers, NAMESPACES_MAX + 1);

	return count ? numbers[count - 1] : 0;
}

static u64 ticks_ns(u64 ticks)
{
	return ticks * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

int proc_read_status(u32 tgid, u32 tid, struct proc_status *ret_status)
{
	u64 uids[2] = { 0 }, gids[2] = { 0 }, fields[53] = { 0 };
	char text[32768], *at; /* a user may be in many groups */

	if (read_task_file(tgid, tid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	numbers_of(text, "Uid:", uids, 2);
	numbers_of(text, "Gid:", gids, 2);
	*ret_status = (struct proc_status){
		.tgid = number_of(text, "Tgid:"),
		.ppid = number_of(text, "PPid:"),
		.uid = uids[0],
		.euid = uids[1],
		.gid = gids[0],
		.egid = gids[1],
		.ns_tid = innermost(text, "NSpid:"),
		.ns_tgid = innermost(text, "NStgid:"),
		.live_threads = number_of(text, "Threads:"),
		.tracer = number_of(text, "TracerPid:"),
		.voluntary_switches = number_of(text, "voluntary_ctxt_switches:"),
		.involuntary_switches = number_of(text, "nonvoluntary_ctxt_switches:"),
		.max_rss_bytes = number_of(text, "VmHWM:") * 1024,
	};
	if (read_task_file(ret_status->tgid, tid, "stat", text, sizeof(text)) <= 0)
		return -ESRCH;
	/* Behind the name, which may hold anything, the third field. */
	at = strrchr(text, ')');
	if (!at || strlen(at) < 4)
		return -ESRCH;
	at += 4;
	for (size_t i = 4; i < ARRAY_SIZE(fields); i++) {
		char *end;

		fields[i] = strtoull(at, &end, 10);
		if (end == at)
			break;
		at = end;
	}
	ret_status->minor_faults = fields[10];
	ret_status->major_faults = fields[12];
	ret_status->utime_ns = ticks_ns(fields[14]);
	ret_status->stime_ns = ticks_ns(fields[15]);
	ret_status->start_ns = ticks_ns(fields[22]);
	ret_status->blkio_delay_ns = ticks_ns(fields[42]);
	return 0;
}

void proc_read_comm(u32 tgid, u32 tid, char ret_comm[16])
{
	char text[64];
	ssize_t n = read_task_file(tgid, tid, "comm", text, sizeof(text));

	memset(ret_comm, 0, 16);
	if (n > 1)
		memcpy(ret_comm, text, n - 1 < 15 ? n - 1 : 15);
}

void proc_read_schedstat(u32 tgid, u32 tid, u64 *ret_runtime_ns, u64 *ret_delay_ns)
{
	char text[128];
	unsigned long long runtime = 0, delay = 0;

	if (read_task_file(tgid, tid, "schedstat", text, sizeof(text)) > 0)
		sscanf(text, "%llu %llu", &runtime, &delay);
	*ret_runtime_ns = runtime;
	*ret_delay_ns = delay;
}

void proc_read_io(u32 tgid, u32 tid, struct trc_task_exit *event)
{
	char text[512];

	if (read_task_file(tgid, tid, "io", text, sizeof(text)) <= 0)
		return;
	event->rchar_bytes = number_of(text, "rchar:");
	event->wchar_bytes = number_of(text, "wchar:");
	event->read_bytes = number_of(text, "read_bytes:");
	event->write_bytes = number_of(text, "write_bytes:");
}

u32 proc_namespace(u32 tid, const char *name)
{
	char path[64], target[64];
	unsigned inode = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/ns/%s", tid, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = 0;
	return sscanf(target, "%*[^[][%u]", &inode) == 1 ? inode : 0;
}

/* Into memory of PATH_MAX bytes; "" if it cannot be read. */
static void read_link(u32 tid, const char *name, char *to)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	n = readlink(path, to, PATH_MAX - 1);
	to[n > 0 ? n : 0] = 0;
}

char *proc_link(u32 tid, const char *name)
{
	static const char deleted[] = " (deleted)";
	char path[64], target[PATH_MAX], root[PATH_MAX];
	size_t len, root_len;
	struct stat st;

	read_link(tid, name, target);
	read_link(tid, "root", root);
	len = strlen(target);
	root_len = strlen(root);
	snprintf(path, sizeof(path), "/proc/%u/%s", tid, name);
	/* A file may be called so. */
	if (len > strlen(deleted) && !strcmp(target + len - strlen(deleted), deleted) &&
	    !stat(path, &st) && !st.st_nlink)
		target[len - strlen(deleted)] = 0;
	if (root_len > 1 && !strncmp(target, root, root_len) &&
	    (target[root_len] == '/' || !target[root_len]))
		return xstrdup(target[root_len] ? target + root_len : "/");
	return xstrdup(target);
}

char *proc_cgroup(u32 tid, u64 *ret_id)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char text[PATH_MAX + 256], name[64], *path, *end;
	struct stat st;

	*ret_id = 0;
	snprintf(name, sizeof(name), "/proc/%u/cgroup", tid);
	if (read_file(name, text, sizeof(text)) <= 0)
		return xstrdup("");
	path = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!path)
		return xstrdup("");
	path = strchr(path, '/');
	if (!path)
		return xstrdup("");
	end = strchr(path, '\n');
	if (end)
		*end = 0;
	for (size_t i = 0; i < ARRAY_SIZE(mounts) && !*ret_id; i++) {
		_cleanup_free_ char *procs = xasprintf("%s%s/cgroup.procs", mounts[i], path);
		_cleanup_free_ char *directory = xasprintf("%s%s", mounts[i], path);

		/* The number of the inode is the id; only the unified hierarchy has cgroup.controllers everywhere. */
		if (!access(procs, F_OK) && !stat(directory, &st))
			*ret_id = st.st_ino;
	}
	return xstrdup(path);
}

size_t proc_read_arguments(u32 tid, char *to, size_t room, bool *ret_cut)
{
	_cleanup_free_ char *text = xmalloc(room + 2);
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", tid);
	n = read_file(path, text, room + 2);
	*ret_cut = n > (ssize_t)room;
	if (n < 0)
		return 0;
	if (*ret_cut)
		n = room;
	memcpy(to, text, n);
	return n;
}

u64 proc_auxiliary(u32 tid, u64 type, u32 word_bytes)
{
	u64 words[256];
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/auxv", tid);
	n = read_file(path, (char *)words, sizeof(words));
	for (ssize_t at = 0; at + 2 * (ssize_t)word_bytes <= n; at += 2 * word_bytes) {
		u64 pair[2];

		for (int i = 0; i < 2; i++) {
			const char *from = (const char *)words + at + i * word_bytes;
			u32 narrow;

			memcpy(&narrow, from, sizeof(narrow));
			if (word_bytes == sizeof(narrow))
				pair[i] = narrow;
			else
				memcpy(&pair[i], from, sizeof(u64));
		}
		if (pair[0] == type)
			return pair[1];
	}
	return 0;
}

int proc_read_descriptor(u32 tid, u32 fd, u64 *ret_offset, u32 *ret_flags)
{
	char path[64], text[512];
	unsigned long long offset;
	unsigned flags;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%u", tid, fd);
	if (read_file(path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "pos: %llu flags: %o", &offset, &flags) != 2)
		return -ESRCH;
	*ret_offset = offset;
	*ret_flags = flags;
	return 0;
}
