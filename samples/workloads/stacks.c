/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stacks MODE [N]: known stacks. Each function calls the next and cannot be merged with it; the calls are made right
 * there, without the C library in between, so that the frames are exactly these, innermost first:
 *   sleep N   N (43) naps:                sleep_inner, sleep_middle, sleep_outer, main
 *   futex N   N (23) waits that time out, and as many wakes: futex_inner, futex_outer, main
 *   call N    N (17) getpriority(MARKER): call_inner, call_outer, main; and as many: call_other, main
 *   deep N    one nap, N (150) calls of deep() down
 *   exec N    an exec of itself from exec_inner, main, to sleep N times
 *   map N     3 threads map and unmap a page without a file, N (2003) times each
 *   stay      says "ready", then sleeps in sleep_inner until it is killed
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

#define KNOWN __attribute__((noinline, noclone, used))

static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c, long d)
{
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
	return syscall(nr, a, b, c, d, 0, 0);
#endif
}

/* Keeps the call before it from becoming a jump, and makes even the innermost function have a frame. */
#define RETURN __asm__ volatile("" ::"r"(__builtin_frame_address(0)) : "memory")

KNOWN void sleep_inner(long ns)
{
	struct timespec nap = { ns / 1000000000, ns % 1000000000 };

	call(SYS_nanosleep, (long)&nap, 0, 0, 0);
	RETURN;
}

KNOWN void sleep_middle(long ns)
{
	sleep_inner(ns);
	RETURN;
}

KNOWN void sleep_outer(long ns)
{
	sleep_middle(ns);
	RETURN;
}

KNOWN void futex_inner(int *word)
{
	struct timespec patience = { .tv_nsec = 300000 };

	call(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, 0, (long)&patience);
	call(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1, 0);
	RETURN;
}

KNOWN void futex_outer(int *word)
{
	futex_inner(word);
	RETURN;
}

KNOWN void call_inner(void)
{
	call(SYS_getpriority, MARKER, 0, 0, 0);
	RETURN;
}

KNOWN void call_outer(void)
{
	call_inner();
	RETURN;
}

KNOWN void call_other(void)
{
	call(SYS_getpriority, MARKER, 0, 0, 0);
	RETURN;
}

KNOWN void deep(long n)
{
	if (n)
		deep(n - 1);
	else
		sleep_inner(1000000);
	RETURN;
}

KNOWN void exec_inner(char **argv)
{
	call(SYS_execve, (long)"/proc/self/exe", (long)argv, (long)environ, 0);
	RETURN;
}

static void *map_often(void *data)
{
	for (long i = *(long *)data; i; i--) {
		void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

		if (page == MAP_FAILED || munmap(page, 4096))
			FAIL("mmap");
	}
	return NULL;
}

static void map_in_threads(long n)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, map_often, &n))
			FAIL("pthread_create");
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "sleep";
	static int word;

	if (!strcmp(mode, "sleep")) {
		for (long i = argument(argc, argv, 2, 43); i; i--)
			sleep_outer(200000);
	} else if (!strcmp(mode, "futex")) {
		for (long i = argument(argc, argv, 2, 23); i; i--)
			futex_outer(&word);
	} else if (!strcmp(mode, "call")) {
		for (long i = argument(argc, argv, 2, 17); i; i--) {
			call_outer();
			call_other();
		}
	} else if (!strcmp(mode, "deep")) {
		deep(argument(argc, argv, 2, 150));
	} else if (!strcmp(mode, "exec")) {
		char *again[] = { argv[0], "sleep", argc > 2 ? argv[2] : "43", NULL };

		exec_inner(again);
		FAIL("execve");
	} else if (!strcmp(mode, "map")) {
		map_in_threads(argument(argc, argv, 2, 2003));
	} else {
		puts("ready");
		fflush(stdout);
		sleep_outer(1000000000000);
	}
	return 0;
}
