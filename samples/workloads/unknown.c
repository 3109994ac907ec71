/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * unknown [N]: 2 threads call numbers that no kernel has (3072 and 65535) without end, while N others (1009 if not
 * given) start and end, one after the other.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "workload.h"

static void *call(void *number)
{
	for (;;)
		if (syscall((long)number) != -1 || errno != ENOSYS)
			FAIL("an unknown call");
	return NULL;
}

static void *end(void *unused)
{
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, call, (void *)3072) ||
	    pthread_create(&thread, NULL, call, (void *)65535))
		FAIL("pthread_create");
	for (long i = argument(argc, argv, 1, 1009); i > 0; i--)
		if (pthread_create(&thread, NULL, end, NULL) || pthread_join(thread, NULL))
			FAIL("pthread_create");
	return 0;
}
