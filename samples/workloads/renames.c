/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * renames: the first thread names itself 13 times with prctl, "name-0" to "name-12"; then a second thread
 * is named 3 times by the first through /proc, "other-0" to "other-2", and once by itself, "other-self".
 * 17 renames in all.
 */
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

static pthread_barrier_t step;

static void *other(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&step);
	prctl(PR_SET_NAME, "other-self");
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char name[16];

	for (int i = 0; i < 13; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		prctl(PR_SET_NAME, name);
	}
	pthread_barrier_init(&step, NULL, 2);
	if (pthread_create(&thread, NULL, other, NULL))
		FAIL("pthread_create");
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "other-%d", i);
		if (pthread_setname_np(thread, name))
			FAIL("pthread_setname_np");
	}
	pthread_barrier_wait(&step);
	pthread_join(thread, NULL);
	return 0;
}
