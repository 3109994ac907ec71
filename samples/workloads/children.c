/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * children WAY [N]: makes N children (101 if not given); the first act of child i is the marker i.
 *
 *   fork vfork clone clone3   processes; clone shares the memory
 *   spawn                     posix_spawn of first_act, whose first act it is
 *   pthread                   threads of this process (the marker follows libc's own set-up)
 *   unshare                   as `unshare -fp`: N helpers, each with a child in a pid namespace of its own
 *
 * All of them are started before the first is waited for, except where the way itself waits (vfork).
 */
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "marker.h"
#include "workload.h"

extern char **environ;

#define STACK_BYTES 16384

static int child(void *i)
{
	marker((intptr_t)i);
	raw_syscall2(SYS_exit, 0, 0);
	return 0;
}

static pid_t by_fork(long i)
{
	pid_t pid = fork();

	if (!pid)
		child((void *)i);
	return pid;
}

static pid_t by_vfork(long i)
{
	pid_t pid = vfork();

	if (!pid)
		child((void *)i);
	return pid;
}

static pid_t by_clone(long i)
{
	/* Shared memory: each child needs a stack that stays. */
	char *stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return -1;
	return clone(child, stack + STACK_BYTES, CLONE_VM | SIGCHLD, (void *)i);
}

static pid_t by_clone3(long i)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		child((void *)i);
	return pid;
}

static pid_t by_spawn(long i)
{
	char text[24];
	char *argv[] = { "first_act", text, NULL };
	pid_t pid;

	snprintf(text, sizeof(text), "%ld", i);
	errno = posix_spawn(&pid, sibling("first_act"), NULL, NULL, argv, environ);
	return errno ? -1 : pid;
}

static pid_t by_unshare(long i)
{
	pid_t pid = fork();
	int status;

	if (pid)
		return pid;
	if (unshare(CLONE_NEWPID) < 0)
		FAIL("unshare");
	pid = by_fork(i);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		FAIL("child in a namespace");
	_exit(0);
}

static void *thread(void *i)
{
	marker((intptr_t)i);
	return NULL;
}

static int make_threads(long count)
{
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (long i = 0; i < count; i++) {
		errno = pthread_create(&threads[i], &attr, thread, (void *)i);
		if (errno)
			FAIL("pthread_create");
	}
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return 0;
}

static const struct {
	const char *name;
	pid_t (*make)(long i);
} ways[] = {
	{ "fork", by_fork },	 { "vfork", by_vfork }, { "clone", by_clone },
	{ "clone3", by_clone3 }, { "spawn", by_spawn }, { "unshare", by_unshare },
};

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "fork";
	long count = argument(argc, argv, 2, 101);

	if (!strcmp(way, "pthread"))
		return make_threads(count);
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		if (strcmp(way, ways[w].name))
			continue;
		for (long i = 0; i < count; i++)
			if (ways[w].make(i) < 0)
				FAIL(way);
		for (long i = 0; i < count; i++) {
			int status;

			if (wait(&status) < 0 || status)
				FAIL("a child");
		}
		return 0;
	}
	fprintf(stderr, "children: no way named %s\n", way);
	return 98;
}
