/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exec_thread [PROGRAM]: starts 7 threads; six sleep for ever, the seventh makes the marker 17, waits until the
 * six sleep and replaces the program by first_act, which makes the marker 19, or by PROGRAM. One process all along;
 * the seventh thread takes the process's own tid over, the old leader and the six sleepers end.
 */
#include <pthread.h>

#include "marker.h"
#include "workload.h"

#define SLEEPERS 6

static pthread_barrier_t ready;

static void *sleeper(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&ready);
	for (;;)
		pause();
	return NULL;
}

static void *replacer(void *program)
{
	marker(17);
	pthread_barrier_wait(&ready);
	usleep(20000); /* so that the others are inside their calls */
	if (!program)
		program = sibling("first_act");
	execl(program, "first_act", "19", NULL);
	FAIL("execl");
}

int main(int argc, char **argv)
{
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, SLEEPERS + 1);
	for (int i = 0; i < SLEEPERS; i++)
		if (pthread_create(&thread, NULL, sleeper, NULL))
			FAIL("pthread_create");
	if (pthread_create(&thread, NULL, replacer, argc > 1 ? argv[1] : NULL))
		FAIL("pthread_create");
	for (;;)
		pause();
}
