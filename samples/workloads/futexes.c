/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * futexes WAY: futex operations, made by hand, in known numbers.
 *
 *   ops      each operation of futex(2), private, alone: see the table
 *   signal   2 waits that a signal ends
 *   measured 61 waits that another thread ends, one after the other; prints "begin end" of each (CLOCK_MONOTONIC, ns)
 *   requeue  a thread waits on one futex, is moved to another and woken there
 *   shared   3 wakes in memory of a file, of which a forked child maps another part and makes 5; 7 and 11 the same in
 *            shared memory without a name; 13 in private memory, said to be shared, and 1 said to be private; prints
 *            "device inode" of the file
 *   spaces   2 wakes by each of two threads, by a forked child, and by what it executes
 *   new      2 futex_wait that time out, 3 futex_wake, 5 futex_requeue, 2 futex_waitv of 3 futexes that time out and 1
 *            of which the second is woken; exits with 77 where the kernel has none of these
 */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#define NR_FUTEX_WAITV	 449
#define NR_FUTEX_WAKE	 454
#define NR_FUTEX_WAIT	 455
#define NR_FUTEX_REQUEUE 456
#define SIZE_U32	 2
#define PRIVATE		 FUTEX_PRIVATE_FLAG
#define ANY		 FUTEX_BITSET_MATCH_ANY
#define PAGE		 4096

struct waiter {
	uint64_t value, address;
	uint32_t flags, zero;
};

static uint32_t word, other;
static const struct timespec ms = { .tv_nsec = 1000000 };

static long futex(uint32_t *at, int op, uint32_t value, const void *timeout, uint32_t *at2,
		  uint32_t value3)
{
	return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

static void expect(long result, long wanted, const char *what)
{
	if (result != wanted && (result != -1 || errno != -wanted))
		FAIL(what);
}

/* The fourth argument may be a count. */
#define COUNT(n) ((const void *)(n))

static const struct timespec past = { .tv_sec = 1 };

static const struct operation {
	int times, op;
	uint32_t value;
	const void *timeout;
	uint32_t *second, value3;
	long result;
} operations[] = {
	{ 5, FUTEX_WAIT, 1, NULL, NULL, 0, -EAGAIN },
	{ 7, FUTEX_WAIT, 0, &ms, NULL, 0, -ETIMEDOUT },
	{ 11, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 6, -ETIMEDOUT },
	{ 13, FUTEX_WAKE, 2, NULL, NULL, 0, 0 },
	{ 17, FUTEX_REQUEUE, 1, COUNT(3), &other, 0, 0 },
	{ 19, FUTEX_CMP_REQUEUE, 1, COUNT(3), &other, 0, 0 },
	{ 3, FUTEX_CMP_REQUEUE, 1, COUNT(3), &other, 5, -EAGAIN },
	{ 23, FUTEX_WAKE_OP, 1, COUNT(4), &other, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 1),
	  0 },
	/* Each of these is followed by an unlock_pi. */
	{ 29, FUTEX_LOCK_PI, 0, NULL, NULL, 0, 0 },
	{ 31, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0, 0 },
	{ 37, FUTEX_LOCK_PI2, 0, NULL, NULL, 0, 0 },
	{ 2, FUTEX_WAIT_REQUEUE_PI, 0, &past, &other, 0, -ETIMEDOUT },
	{ 43, FUTEX_CMP_REQUEUE_PI, 1, COUNT(2), &other, 0, 0 },
	{ 41, FUTEX_WAKE_BITSET, 1, NULL, NULL, 4, 0 },
	{ 47, 99, 0, NULL, NULL, 0, -ENOSYS },
};

static void ops(void)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *o = &operations[i];

		for (int j = 0; j < o->times; j++) {
			expect(futex(&word, o->op | PRIVATE, o->value, o->timeout, o->second,
				     o->value3),
			       o->result, "operation");
			if (word)
				expect(futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0), 0,
				       "unlock_pi");
		}
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value.tv_usec = 20000 };

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 2; i++) {
		setitimer(ITIMER_REAL, &soon, NULL);
		expect(futex(&word, FUTEX_WAIT | PRIVATE, 0, NULL, NULL, 0), -EINTR, "wait");
	}
}

static unsigned long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Wakes one, as soon as there is one. */
static void wake_one(uint32_t *at)
{
	while (futex(at, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0) != 1)
		nanosleep(&ms, NULL);
}

static void *wake_often(void *unused)
{
	for (int i = 0; i < 61; i++) {
		struct timespec pause = { .tv_nsec = (i * 37 % 61) * 50000 };

		nanosleep(&pause, NULL);
		wake_one(&word);
	}
	return unused;
}

static void measured(void)
{
	unsigned long long times[61][2];
	pthread_t thread;

	pthread_create(&thread, NULL, wake_often, NULL);
	for (int i = 0; i < 61; i++) {
		times[i][0] = now_ns();
		expect(futex(&word, FUTEX_WAIT | PRIVATE, 0, NULL, NULL, 0), 0, "wait");
		times[i][1] = now_ns();
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < 61; i++)
		printf("%llu %llu\n", times[i][0], times[i][1]);
}

static void *wait_to_be_moved(void *unused)
{
	expect(futex(&word, FUTEX_WAIT | PRIVATE, 0, NULL, NULL, 0), 0, "wait");
	return unused;
}

static void requeue(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_to_be_moved, NULL);
	while (futex(&word, FUTEX_CMP_REQUEUE | PRIVATE, 0, COUNT(1), &other, 0) != 1)
		nanosleep(&ms, NULL);
	expect(futex(&other, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0), 1, "wake");
	pthread_join(thread, NULL);
}

static void *map(int fd, off_t offset, size_t len, int flags)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (memory == MAP_FAILED)
		FAIL("mmap");
	return memory;
}

static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		FAIL("child");
}

static void wakes(void *at, int n)
{
	for (int i = 0; i < n; i++)
		expect(futex(at, FUTEX_WAKE, 1, NULL, NULL, 0), 0, "wake");
}

static void shared(void)
{
	FILE *file = tmpfile();
	int fd = fileno(file);
	char *in_file, *nameless = map(-1, 0, 2 * PAGE, MAP_SHARED | MAP_ANONYMOUS);
	char *own = map(-1, 0, PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct stat stat;
	pid_t pid;

	if (ftruncate(fd, 4 * PAGE) || fstat(fd, &stat))
		FAIL("file");
	printf("%llu %llu\n", (unsigned long long)stat.st_dev, (unsigned long long)stat.st_ino);
	fflush(stdout);
	in_file = map(fd, PAGE, 3 * PAGE, MAP_SHARED);
	wakes(in_file + PAGE + 40, 3);
	wakes(nameless + PAGE + 8, 7);
	wakes(own + 12, 13);
	expect(futex((void *)own, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0), 0, "wake");
	pid = fork();
	if (!pid) {
		/* The same place, seen at another address. */
		wakes((char *)map(fd, 2 * PAGE, PAGE, MAP_SHARED) + 40, 5);
		wakes(nameless + PAGE + 8, 11);
		_exit(0);
	}
	wait_for(pid);
}

static void *wake_twice(void *unused)
{
	for (int i = 0; i < 2; i++)
		expect(futex(&word, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0), 0, "wake");
	return unused;
}

static void spaces(void)
{
	char *argv[] = { "futexes", "last", NULL };
	pthread_t thread;
	pid_t pid;

	wake_twice(NULL);
	pthread_create(&thread, NULL, wake_twice, NULL);
	pthread_join(thread, NULL);
	pid = fork();
	if (!pid) {
		wake_twice(NULL);
		execv("/proc/self/exe", argv);
		FAIL("exec");
	}
	wait_for(pid);
}

static void *wake_second(void *unused)
{
	wake_one(&other);
	return unused;
}

static void new_calls(void)
{
	struct waiter list[3] = {
		{ 0, (uintptr_t)&word, SIZE_U32 | PRIVATE, 0 },
		{ 0, (uintptr_t)&other, SIZE_U32 | PRIVATE, 0 },
		{ 9, (uintptr_t)map(-1, 0, PAGE, MAP_SHARED | MAP_ANONYMOUS), SIZE_U32, 0 },
	};
	pthread_t thread;

	*(uint32_t *)(uintptr_t)list[2].address = 9;
	if (syscall(NR_FUTEX_WAKE, &word, ANY, 1, SIZE_U32 | PRIVATE) && errno == ENOSYS)
		exit(77);
	for (int i = 0; i < 2; i++)
		expect(syscall(NR_FUTEX_WAKE, &word, ANY, 1, SIZE_U32 | PRIVATE), 0, "futex_wake");
	for (int i = 0; i < 2; i++)
		expect(syscall(NR_FUTEX_WAIT, &word, 0ul, 6ul, SIZE_U32 | PRIVATE, &past,
			       CLOCK_MONOTONIC),
		       -ETIMEDOUT, "futex_wait");
	for (int i = 0; i < 5; i++)
		expect(syscall(NR_FUTEX_REQUEUE, list, 0, 1, 4), 0, "futex_requeue");
	for (int i = 0; i < 2; i++)
		expect(syscall(NR_FUTEX_WAITV, list, 3, 0, &past, CLOCK_REALTIME), -ETIMEDOUT,
		       "futex_waitv");
	pthread_create(&thread, NULL, wake_second, NULL);
	expect(syscall(NR_FUTEX_WAITV, list, 3, 0, NULL, CLOCK_MONOTONIC), 1, "futex_waitv");
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	marker(1);
	if (!strcmp(way, "ops"))
		ops();
	else if (!strcmp(way, "signal"))
		interrupted();
	else if (!strcmp(way, "measured"))
		measured();
	else if (!strcmp(way, "requeue"))
		requeue();
	else if (!strcmp(way, "shared"))
		shared();
	else if (!strcmp(way, "spaces"))
		spaces();
	else if (!strcmp(way, "last"))
		wake_twice(NULL);
	else if (!strcmp(way, "new"))
		new_calls();
	else
		return 2;
	return 0;
}
