/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * passing PROCESSES THREADS: so many of each, at most a few at a time; each opens a file by name and makes a marker. At
 * the start and after each tenth it writes the number of the tenth and a newline.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marker.h"

#define AT_ONCE 4

static void act(void)
{
	close(open("/no/such/file", O_RDONLY | O_CLOEXEC));
	marker(0);
}

static void *thread_main(void *arg)
{
	act();
	return arg;
}

static void processes(long count)
{
	for (long i = 0; i < count; i++) {
		if (i >= AT_ONCE)
			wait(NULL);
		if (!fork()) {
			act();
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

static void threads(long count)
{
	pthread_t ids[AT_ONCE];

	for (long i = 0; i < count + AT_ONCE; i++) {
		if (i >= AT_ONCE && i - AT_ONCE < count)
			pthread_join(ids[i % AT_ONCE], NULL);
		if (i < count && pthread_create(&ids[i % AT_ONCE], NULL, thread_main, NULL))
			exit(3);
	}
}

int main(int argc, char **argv)
{
	long totals[2] = { argc > 1 ? atol(argv[1]) : 101, argc > 2 ? atol(argv[2]) : 1009 };

	for (int tenth = 0; tenth <= 10; tenth++) {
		if (tenth) {
			processes(totals[0] * tenth / 10 - totals[0] * (tenth - 1) / 10);
			threads(totals[1] * tenth / 10 - totals[1] * (tenth - 1) / 10);
		}
		printf("%d\n", tenth);
		fflush(stdout);
	}
}
