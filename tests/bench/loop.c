/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop WHAT N: about N system calls in a row (of "spawn": N processes), and on standard output the mean of one
 * in ns: "loop: " CPU time, wall time. WHAT is
 *   getppid   a cheap call
 *   open      pairs of openat and close
 *   rw        pairs of a read and a write of one byte
 *   pipe      two threads send each other a byte in turns
 *   futex     two threads wake each other in turns
 *   spawn     a fork, an exec of true and a wait for its end
 *
 * loop now: prints the time (CLOCK_MONOTONIC, ns), which is its first act.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Of this process and of the children that have ended. */
static double cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return now_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

/* Each returns how many calls, or processes, it made of the count that it was asked for. */

static long loop_getppid(long count)
{
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
	return count;
}

static long loop_open(long count)
{
	for (long i = 0; i < count / 2; i++)
		syscall(SYS_close, (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY));
	return count / 2 * 2;
}

static long loop_rw(long count)
{
	int from = open("/dev/zero", O_RDONLY), to = open("/dev/null", O_WRONLY);
	char byte;

	for (long i = 0; i < count / 2; i++)
		if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
			err(1, "a byte");
	return count / 2 * 2;
}

struct side {
	long rounds, calls;
	int in, out;   /* pipe */
	unsigned mine; /* futex: the value of the word while it is this side's turn */
};

static unsigned turn;

static void *pipe_side(void *data)
{
	struct side *side = data;
	char byte = 0;

	/* The one that is to wait first is the one whose turn it is not. */
	for (long i = 0; i < side->rounds; i++) {
		if (side->mine && write(side->out, &byte, 1) != 1)
			err(1, "write");
		if (read(side->in, &byte, 1) != 1)
			err(1, "read");
		if (!side->mine && write(side->out, &byte, 1) != 1)
			err(1, "write");
	}
	side->calls = side->rounds * 2;
	return NULL;
}

static void *futex_side(void *data)
{
	struct side *side = data;

	for (long i = 0; i < side->rounds; i++) {
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != side->mine) {
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !side->mine, NULL, NULL, 0);
			side->calls++;
		}
		__atomic_store_n(&turn, !side->mine, __ATOMIC_RELEASE);
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		side->calls++;
	}
	return NULL;
}

static long two_threads(long count, void *(*run)(void *))
{
	struct side sides[2] = { { .rounds = count / 4 }, { .rounds = count / 4, .mine = 1 } };
	int there[2], back[2];
	pthread_t thread;

	if (pipe(there) || pipe(back))
		err(1, "pipe");
	sides[0].in = there[0];
	sides[0].out = back[1];
	sides[1].in = back[0];
	sides[1].out = there[1];
	if (pthread_create(&thread, NULL, run, &sides[1]))
		err(1, "pthread_create");
	run(&sides[0]);
	pthread_join(thread, NULL);
	return sides[0].calls + sides[1].calls;
}

static long loop_pipe(long count)
{
	return two_threads(count, pipe_side);
}

static long loop_futex(long count)
{
	return two_threads(count, futex_side);
}

static long loop_spawn(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			err(1, "/bin/true");
	}
	return count;
}

static const struct loop {
	const char *name;
	long (*run)(long count);
} loops[] = {
	{ "getppid", loop_getppid }, { "open", loop_open },   { "rw", loop_rw },
	{ "pipe", loop_pipe },	     { "futex", loop_futex }, { "spawn", loop_spawn },
};

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;

	if (argc == 2 && !strcmp(argv[1], "now")) {
		printf("now: %.0f\n", now_ns(CLOCK_MONOTONIC));
		return 0;
	}
	for (size_t i = 0; count >= 4 && i < sizeof(loops) / sizeof(*loops); i++) {
		double wall = now_ns(CLOCK_MONOTONIC), cpu = cpu_ns();

		if (strcmp(argv[1], loops[i].name))
			continue;
		count = loops[i].run(count);
		cpu = cpu_ns() - cpu;
		wall = now_ns(CLOCK_MONOTONIC) - wall;
		printf("loop: %.2f %.2f\n", cpu / (double)count, wall / (double)count);
		return 0;
	}
	fprintf(stderr, "usage: loop getppid|open|rw|pipe|futex|spawn N | loop now\n");
	return 2;
}
