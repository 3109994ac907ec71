/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exits code N      ends with the code N
 * exits signal N    ends by the signal N
 * exits leader N    its first thread ends first; the last thread ends the process with the code N
 * exits tree        children that end with 0 2 3 5 7 11 13 127 251, then ones that die of
 *                   SIGHUP SIGINT SIGABRT SIGKILL SIGTERM: 14 in all; ends with 0 itself
 * exits threads N   N processes, one after the other, each of 6 threads, which end while the first ends the process
 * exits echo        copies its standard input to its standard output, ends with 0
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "workload.h"

static void end(const char *way, long n)
{
	struct rlimit no_core = { 0, 0 };

	if (!strcmp(way, "code"))
		_exit(n);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(n, SIG_DFL);
	raise(n);
	FAIL("raise");
}

static void *last_thread(void *code)
{
	usleep(50000); /* the leader is gone by then */
	exit((intptr_t)code);
}

static void child(const char *way, long n)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		end(way, n);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		FAIL("waitpid");
}

static int tree(void)
{
	static const int codes[] = { 0, 2, 3, 5, 7, 11, 13, 127, 251 };
	static const int signals[] = { SIGHUP, SIGINT, SIGABRT, SIGKILL, SIGTERM };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		child("code", codes[i]);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		child("signal", signals[i]);
	return 0;
}

static pthread_barrier_t all_ready;

static void *ending_thread(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&all_ready);
	return NULL;
}

static void end_with_threads(void)
{
	pthread_t thread;

	pthread_barrier_init(&all_ready, NULL, 6);
	for (int i = 0; i < 5; i++)
		if (pthread_create(&thread, NULL, ending_thread, NULL))
			FAIL("pthread_create");
	pthread_barrier_wait(&all_ready);
	_exit(0);
}

static int threads(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			end_with_threads();
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			FAIL("a process of threads");
	}
	return 0;
}

static int echo(void)
{
	char buffer[4096];
	ssize_t len;

	while ((len = read(0, buffer, sizeof(buffer))) > 0)
		if (write(1, buffer, len) != len)
			FAIL("write");
	return 0;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "code";
	long n = argument(argc, argv, 2, 0);
	pthread_t thread;

	if (!strcmp(way, "tree"))
		return tree();
	if (!strcmp(way, "threads"))
		return threads(n);
	if (!strcmp(way, "echo"))
		return echo();
	if (strcmp(way, "leader"))
		end(way, n);
	if (pthread_create(&thread, NULL, last_thread, (void *)n))
		FAIL("pthread_create");
	pthread_exit(NULL);
}
