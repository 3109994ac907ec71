/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counting [N]: a thread that burns 0.31 s of CPU time, one that sleeps 101 times, one that touches N (4001) new
 * pages, and one that burns 1.3 s and sleeps after 1.1 s of them. Each prints what the kernel accounts to it at its
 * end: name, tid, CPU time in ns, switches, minor faults, major faults.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "workload.h"

static long page_count;

static void burn(double seconds)
{
	struct timespec now;
	volatile unsigned long sum = 0;

	do {
		for (int i = 0; i < 10000; i++)
			sum += i;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec + now.tv_nsec / 1e9 < seconds);
}

static void nap(int times)
{
	struct timespec pause = { .tv_nsec = 200000 };

	for (int i = 0; i < times; i++)
		nanosleep(&pause, NULL);
}

static void burn_long(void)
{
	burn(1.1);
	nap(1);
	burn(1.3);
}

static void touch(void)
{
	volatile char *pages = mmap(NULL, page_count * 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED)
		FAIL("mmap");
	madvise((void *)pages, page_count * 4096, MADV_NOHUGEPAGE);
	for (long i = 0; i < page_count; i++)
		pages[i * 4096] = 1;
}

static void *act(void *name)
{
	struct timespec cpu;
	struct rusage usage;

	if (!strcmp(name, "burn"))
		burn(0.31);
	else if (!strcmp(name, "nap"))
		nap(101);
	else if (!strcmp(name, "touch"))
		touch();
	else
		burn_long();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	getrusage(RUSAGE_THREAD, &usage);
	printf("%s %ld %lld %ld %ld %ld\n", (const char *)name, syscall(SYS_gettid),
	       cpu.tv_sec * 1000000000ll + cpu.tv_nsec, usage.ru_nvcsw + usage.ru_nivcsw,
	       usage.ru_minflt, usage.ru_majflt);
	fflush(stdout);
	return NULL;
}

int main(int argc, char **argv)
{
	static char *const names[] = { "burn", "nap", "touch", "long" };
	pthread_t threads[4];

	page_count = argument(argc, argv, 1, 4001);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, act, names[i]))
			FAIL("pthread_create");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
