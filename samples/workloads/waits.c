/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * waits WAY: one thread waits for another, in known numbers; it measures how long and prints COUNT NS, its tid and that
 * of whom it waited for, and of the ways to a disk how often the kernel says that it left the CPU meanwhile.
 *
 *   pipe     97 bytes through a pipe, from a process that naps before each
 *   lock     31 times for a mutex that another thread holds while it naps
 *   socket   61 answers over a TCP connection to 127.0.0.1, from a thread that naps before each
 *   poll     43 times in poll() for two pipes, of which the second becomes ready
 *   epoll    47 times in epoll_wait() for two pipes, of which the second becomes ready
 *   child    17 children that nap, each waited for
 *   vfork    13 children of vfork that nap
 *   timer    53 naps
 *   sync     29 blocks that must be on the disk: written with O_SYNC
 *   direct   37 blocks read past the page cache: with O_DIRECT
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdalign.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

#define PIPES	 97
#define LOCKS	 31
#define ANSWERS	 61
#define POLLS	 43
#define EPOLLS	 47
#define CHILDREN 17
#define VFORKS	 13
#define NAPS	 53
#define BLOCKS	 29
#define DIRECTS	 37

#define BLOCK_BYTES 65536

static long long waited_ns, began_ns;
static int count, other_tid;
static long switches;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void begin(void)
{
	began_ns = now_ns();
}

static void end(void)
{
	waited_ns += now_ns() - began_ns;
	count++;
}

static void nap(void)
{
	struct timespec time = { .tv_nsec = 2000000 };

	nanosleep(&time, NULL);
}

static int tid(void)
{
	return (int)syscall(SYS_gettid);
}

static void must(long result, const char *what)
{
	if (result < 0)
		FAIL(what);
}

/* ---- pipes ---- */

static void give_bytes(int fd, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		nap();
		must(write(fd, "x", 1), "write");
	}
}

static int fork_giver(int fd, int bytes)
{
	int pid = fork();

	must(pid, "fork");
	if (!pid) {
		give_bytes(fd, bytes);
		_exit(0);
	}
	return pid;
}

static void pipes(void)
{
	int fds[2];
	char byte;

	must(pipe(fds), "pipe");
	other_tid = fork_giver(fds[1], PIPES);
	for (int i = 0; i < PIPES; i++) {
		begin();
		must(read(fds[0], &byte, 1), "read");
		end();
	}
}

static void polls(int with_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int quiet[2], busy[2], epoll = epoll_create1(0);
	char byte;

	must(pipe(quiet), "pipe");
	must(pipe(busy), "pipe");
	/* A program's own name for it, that is no descriptor. */
	event.data.u64 = 0xabcdef0001;
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet[0], &event), "epoll_ctl");
	event.data.u64 = 0xabcdef0002;
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, busy[0], &event), "epoll_ctl");
	other_tid = fork_giver(busy[1], with_epoll ? EPOLLS : POLLS);
	for (int i = 0; i < (with_epoll ? EPOLLS : POLLS); i++) {
		struct pollfd fds[2] = { { .fd = quiet[0], .events = POLLIN },
					 { .fd = busy[0], .events = POLLIN } };

		begin();
		if (with_epoll)
			must(epoll_wait(epoll, &event, 1, -1), "epoll_wait");
		else
			must(poll(fds, 2, -1), "poll");
		end();
		must(read(busy[0], &byte, 1), "read");
	}
}

/* ---- threads ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;

static void *hold(void *unused)
{
	(void)unused;
	other_tid = tid();
	for (int i = 0; i < LOCKS; i++) {
		pthread_mutex_lock(&mutex);
		pthread_barrier_wait(&barrier);
		nap();
		pthread_mutex_unlock(&mutex);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void locks(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, hold, NULL);
	for (int i = 0; i < LOCKS; i++) {
		pthread_barrier_wait(&barrier);
		begin();
		pthread_mutex_lock(&mutex);
		end();
		pthread_mutex_unlock(&mutex);
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
}

static int listener;

static void *answer(void *unused)
{
	int fd = accept(listener, NULL, NULL);
	char byte;

	(void)unused;
	other_tid = tid();
	must(fd, "accept");
	for (int i = 0; i < ANSWERS; i++) {
		must(recv(fd, &byte, 1, 0), "recv");
		nap();
		must(send(fd, &byte, 1, 0), "send");
	}
	return NULL;
}

static void sockets(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	pthread_t thread;
	char byte = 0;
	int fd;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(listener, (struct sockaddr *)&address, len), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&address, &len), "getsockname");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fd, (struct sockaddr *)&address, len), "connect");
	pthread_create(&thread, NULL, answer, NULL);
	for (int i = 0; i < ANSWERS; i++) {
		must(send(fd, &byte, 1, 0), "send");
		begin();
		must(recv(fd, &byte, 1, 0), "recv");
		end();
	}
	pthread_join(thread, NULL);
}

/* ---- children ---- */

static void children(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		int pid = fork();

		must(pid, "fork");
		if (!pid) {
			nap();
			_exit(0);
		}
		other_tid = pid;
		begin();
		must(waitpid(pid, NULL, 0), "waitpid");
		end();
	}
}

static void vforks(void)
{
	for (int i = 0; i < VFORKS; i++) {
		int pid;

		begin();
		pid = vfork();
		if (!pid) {
			nap();
			_exit(0);
		}
		end();
		must(pid, "vfork");
		other_tid = pid;
		must(waitpid(pid, NULL, 0), "waitpid");
	}
}

/* ---- times and disks ---- */

static void naps(void)
{
	for (int i = 0; i < NAPS; i++) {
		begin();
		nap();
		end();
	}
}

static long switches_so_far(void)
{
	struct rusage usage;

	must(getrusage(RUSAGE_THREAD, &usage), "getrusage");
	return usage.ru_nvcsw;
}

static void disk(int direct)
{
	static alignas(4096) char block[BLOCK_BYTES];
	int fd = open("waits.data", O_RDWR | O_CREAT | O_TRUNC, 0600);

	must(fd, "waits.data");
	for (int i = 0; direct && i < DIRECTS; i++)
		must(write(fd, block, sizeof(block)), "write");
	must(fsync(fd), "fsync");
	close(fd);
	fd = open("waits.data", O_RDWR | (direct ? O_DIRECT : O_SYNC));
	must(fd, "waits.data");
	marker(2);
	switches = switches_so_far();
	for (int i = 0; i < (direct ? DIRECTS : BLOCKS); i++) {
		begin();
		if (direct)
			must(read(fd, block, sizeof(block)), "read");
		else
			must(write(fd, block, sizeof(block)), "write");
		end();
	}
	switches = switches_so_far() - switches;
	unlink("waits.data");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	marker(1);
	if (!strcmp(way, "pipe"))
		pipes();
	else if (!strcmp(way, "lock"))
		locks();
	else if (!strcmp(way, "socket"))
		sockets();
	else if (!strcmp(way, "poll"))
		polls(0);
	else if (!strcmp(way, "epoll"))
		polls(1);
	else if (!strcmp(way, "child"))
		children();
	else if (!strcmp(way, "vfork"))
		vforks();
	else if (!strcmp(way, "timer"))
		naps();
	else if (!strcmp(way, "sync"))
		disk(0);
	else if (!strcmp(way, "direct"))
		disk(1);
	else
		return 99;
	printf("%d %lld %d %d %ld\n", count, waited_ns, tid(), other_tid, switches);
	return 0;
}
