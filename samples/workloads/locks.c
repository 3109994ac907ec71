/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locks WAY: locks and conditions of the C library, with the times that the program itself measures.
 *
 *   mutex      3 threads take a mutex 13 times each and sleep 2 ms while they have it
 *   queue      a thread is given 17 pieces of work, one every ms, through a condition
 *   processes  the same mutex between 2 processes, 7 times each, in memory that they share: no file has a name for it
 *
 * Prints "tid wait_ns hold_ns" for each thread: in pthread_mutex_lock (pthread_cond_wait), and from there to before
 * pthread_mutex_unlock.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	int work;
};

static struct shared *shared;

static unsigned long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void pause_ms(int ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static void report(unsigned long long wait_ns, unsigned long long hold_ns)
{
	char line[100];
	int len = snprintf(line, sizeof(line), "%ld %llu %llu\n", syscall(SYS_gettid), wait_ns,
			   hold_ns);

	if (write(1, line, len) != len)
		FAIL("write");
}

static void take_turns(int times)
{
	unsigned long long wait_ns = 0, hold_ns = 0;

	for (int i = 0; i < times; i++) {
		unsigned long long begin = now_ns(), got;

		pthread_mutex_lock(&shared->mutex);
		got = now_ns();
		wait_ns += got - begin;
		pause_ms(2);
		hold_ns += now_ns() - got;
		pthread_mutex_unlock(&shared->mutex);
	}
	report(wait_ns, hold_ns);
}

static void *taker(void *unused)
{
	take_turns(13);
	return unused;
}

static void *worker(void *unused)
{
	unsigned long long wait_ns = 0, begin;

	pthread_mutex_lock(&shared->mutex);
	for (int done = 0; done < 17; done++) {
		while (!shared->work) {
			begin = now_ns();
			pthread_cond_wait(&shared->condition, &shared->mutex);
			wait_ns += now_ns() - begin;
		}
		shared->work--;
	}
	pthread_mutex_unlock(&shared->mutex);
	report(wait_ns, 0);
	return unused;
}

static void start_threads(pthread_t *threads, int count, void *(*function)(void *))
{
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, function, NULL))
			FAIL("pthread_create");
}

static void join_threads(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void processes(void)
{
	pid_t pid = fork();
	int status;

	take_turns(7);
	if (!pid)
		_exit(0);
	if (waitpid(pid, &status, 0) != pid || status)
		FAIL("child");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	pthread_mutexattr_t attributes;
	pthread_t threads[3];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		FAIL("mmap");
	pthread_mutexattr_init(&attributes);
	if (!strcmp(way, "processes"))
		pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &attributes);
	pthread_cond_init(&shared->condition, NULL);
	marker(1);
	if (!strcmp(way, "mutex")) {
		start_threads(threads, 3, taker);
		join_threads(threads, 3);
	} else if (!strcmp(way, "queue")) {
		start_threads(threads, 1, worker);
		for (int i = 0; i < 17; i++) {
			pause_ms(1);
			pthread_mutex_lock(&shared->mutex);
			shared->work++;
			pthread_mutex_unlock(&shared->mutex);
			/* By who holds the mutex, it would make the woken wait for that as well. */
			pthread_cond_signal(&shared->condition);
		}
		join_threads(threads, 1);
	} else if (!strcmp(way, "processes")) {
		processes();
	} else {
		return 2;
	}
	return 0;
}
