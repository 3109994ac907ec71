/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * napping [NAPS]: on one CPU, a thread naps 4999 times, or as often as NAPS says, for 50 µs, while the main thread
 * calls getppid without pause: the interrupts that end the naps come in the middle of its calls.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include "workload.h"

static volatile int done;

static void *nap(void *arg)
{
	const struct timespec brief = { .tv_nsec = 50000 };
	long naps = *(long *)arg;

	prctl(PR_SET_TIMERSLACK, 1);
	for (long i = 0; i < naps; i++)
		nanosleep(&brief, NULL);
	done = 1;
	return NULL;
}

int main(int argc, char **argv)
{
	long naps = argument(argc, argv, 1, 4999);
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) || pthread_create(&thread, NULL, nap, &naps))
		FAIL("pthread_create");
	while (!done)
		getppid();
	pthread_join(thread, NULL);
	return 0;
}
