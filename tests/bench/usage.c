/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usage FILE COMMAND [ARGUMENT…]: runs a command and writes into FILE what it took:
 *   wall_ns own_cpu_ns tree_cpu_ns max_rss_bytes start_ns
 * own: the command's main thread alone, without threads and children; tree: with all descendants that have ended;
 * start: when it began (CLOCK_MONOTONIC).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static long long timeval_ns(struct timeval tv)
{
	return tv.tv_sec * 1000000000ll + tv.tv_usec * 1000ll;
}

/* Of a process that has ended and not been waited for. */
static long long own_cpu_ns(pid_t pid)
{
	long long ns = -1;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &ns) != 1)
		ns = -1;
	if (file)
		fclose(file);
	return ns;
}

int main(int argc, char **argv)
{
	long long start = now_ns(), wall, own;
	struct rusage usage;
	siginfo_t info;
	FILE *file;
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: usage FILE COMMAND [ARGUMENT...]\n");
		return 2;
	}
	/* Some tracers leave without a wait for their child. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid < 0)
		return 125;
	if (!pid) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "usage: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	wall = now_ns() - start;
	own = own_cpu_ns(pid);
	if (waitpid(pid, &status, 0) != pid)
		return 125;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	getrusage(RUSAGE_CHILDREN, &usage);
	file = fopen(argv[1], "we");
	if (!file) {
		fprintf(stderr, "usage: %s: %s\n", argv[1], strerror(errno));
		return 125;
	}
	fprintf(file, "%lld %lld %lld %ld %lld\n", wall, own,
		timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime), usage.ru_maxrss * 1024,
		start);
	fclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
