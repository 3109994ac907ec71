/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgroups DIRECTORY: DIRECTORY is a cgroup of the unified hierarchy with nothing in it. Makes a and b below it, moves
 * itself 11 times between them, then a child into a, which it freezes and thaws 3 times; goes back to where it came
 * from and removes them. Prints its pid, the child's, and the inode numbers of a and b, which are their ids.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "workload.h"

static const char *top;

static void put(const char *cgroup, const char *file, long value)
{
	char path[PATH_MAX], text[32];
	int fd, n = snprintf(text, sizeof(text), "%ld", value);

	snprintf(path, sizeof(path), "%s/%s/%s", top, cgroup, file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, n) != n)
		FAIL(path);
	close(fd);
}

static void wait_until_frozen(const char *cgroup, int frozen)
{
	char path[PATH_MAX], text[256], wanted[32];

	snprintf(path, sizeof(path), "%s/%s/cgroup.events", top, cgroup);
	snprintf(wanted, sizeof(wanted), "frozen %d", frozen);
	for (int i = 0; i < 10000; i++) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		close(fd);
		text[n > 0 ? n : 0] = 0;
		if (strstr(text, wanted))
			return;
		usleep(1000);
	}
	FAIL("it does not freeze");
}

static unsigned long make(const char *cgroup)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, cgroup);
	if (mkdir(path, 0755) || stat(path, &st))
		FAIL(path);
	return st.st_ino;
}

static void drop(const char *cgroup)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, cgroup);
	for (int i = 0; i < 1000 && rmdir(path); i++)
		usleep(1000);
}

int main(int argc, char **argv)
{
	unsigned long a, b;
	pid_t child;

	top = argv[argc - 1];
	a = make("a");
	b = make("b");
	for (int i = 0; i < 11; i++)
		put(i % 2 ? "b" : "a", "cgroup.procs", getpid());
	put("..", "cgroup.procs", getpid());
	child = fork();
	if (!child)
		for (;;)
			pause();
	put("a", "cgroup.procs", child);
	for (int i = 0; i < 3; i++) {
		put("a", "cgroup.freeze", 1);
		wait_until_frozen("a", 1);
		put("a", "cgroup.freeze", 0);
		wait_until_frozen("a", 0);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	drop("a");
	drop("b");
	printf("%d %d %lu %lu\n", getpid(), child, a, b);
	return 0;
}
