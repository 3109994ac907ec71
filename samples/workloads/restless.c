/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * restless FILE: a child of it forks and makes threads without pause until it is killed, in every way that hides from one who looks
 * through a list of tasks: children that end at once and leave that to theirs, threads that each end after making the
 * next, threads that exec and so take their leader's number. Every task writes into FILE when it began and when it
 * ended: struct lives. It makes a marker call in between. The first process collects those that lose their parents.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "marker.h"

#define LIVES_MAX (1u << 22)

struct life {
	uint32_t tid, tgid;
	uint64_t parent; /* place in the list of the process that made it, plus 1; 0: unknown */
	uint64_t born_ns, died_ns; /* 0: it did not say; 1: it took its leader's number */
};

static struct lives {
	_Atomic uint64_t count;
	uint64_t pid; /* of the child that does it all */
	struct life list[LIVES_MAX];
} * lives;
static const char *program, *file;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct life *life_begin(const struct life *parent)
{
	uint64_t at = atomic_fetch_add(&lives->count, 1);
	struct life *life = &lives->list[at];

	if (at >= LIVES_MAX)
		exit(3);
	life->tid = syscall(SYS_gettid);
	life->tgid = getpid();
	life->parent = parent ? parent - lives->list + 1 : 0;
	life->born_ns = now_ns();
	marker(at);
	return life;
}

static void life_end(struct life *life)
{
	life->died_ns = now_ns();
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* A thread that ends when the next has begun; a little chain of its own kind. */
static void *hop(void *arg)
{
	struct life *life = life_begin(NULL);
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pause_ns(30000);
	while (pthread_create(&thread, &attr, hop, NULL))
		pause_ns(100000);
	life_end(life);
	return NULL;
}

static void *replace(void *arg)
{
	struct life *life = life_begin(arg);

	life->died_ns = 1;
	execl(program, program, "once", file, NULL);
	_exit(4);
}

static void grandchild(const struct life *parent)
{
	struct life *life = life_begin(parent);

	pause_ns(200000);
	life_end(life);
	_exit(0);
}

static void child(unsigned number)
{
	struct life *life = life_begin(NULL);
	pthread_t thread;
	pid_t pid;

	if (number % 16 == 7) {
		if (pthread_create(&thread, NULL, replace, life))
			_exit(5);
		pause();
	}
	pid = fork();
	if (!pid)
		grandchild(life);
	/* Every other leaves it alone. */
	if (number % 2)
		waitpid(pid, NULL, 0);
	life_end(life);
	_exit(0);
}

static void rush(void)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	life_begin(NULL);
	pthread_create(&thread, NULL, hop, NULL);
	for (unsigned i = 0;; i += 3) {
		pid_t pids[3];

		for (unsigned j = 0; j < 3; j++) {
			pids[j] = fork();
			if (!pids[j])
				child(i + j);
		}
		for (unsigned j = 0; j < 3; j++)
			waitpid(pids[j], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	bool once = argc == 3 && !strcmp(argv[1], "once");
	pid_t pid;
	int fd;

	program = argv[0];
	file = argv[argc - 1];
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (argc < 2 || fd < 0 || (!once && ftruncate(fd, sizeof(*lives)))) {
		perror(file);
		return 2;
	}
	lives = mmap(NULL, sizeof(*lives), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (lives == MAP_FAILED)
		return 2;
	if (once) {
		life_end(life_begin(NULL));
		return 0;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		rush();
	lives->pid = pid;
	while (wait(NULL) > 0)
		;
	return 0;
}
