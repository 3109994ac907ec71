/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop getppid|open N: that many system calls in a row ("open" makes pairs of openat and close), and on
 * standard output the mean of one in ns: "loop: " CPU time, wall time.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;
	double wall_ns, cpu_ns;

	if (count < 2 || (strcmp(argv[1], "getppid") && strcmp(argv[1], "open"))) {
		fprintf(stderr, "usage: loop getppid|open N\n");
		return 2;
	}
	wall_ns = now_ns(CLOCK_MONOTONIC);
	cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (!strcmp(argv[1], "getppid")) {
		for (long i = 0; i < count; i++)
			syscall(SYS_getppid);
	} else {
		for (long i = 0; i < count / 2; i++)
			syscall(SYS_close,
				(int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY));
	}
	cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	wall_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
	printf("loop: %.2f %.2f\n", cpu_ns / (double)count, wall_ns / (double)count);
	return 0;
}
