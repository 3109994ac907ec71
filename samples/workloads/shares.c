/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shares DIRECTORY: who has which descriptors, by every rule that the kernel has; in an empty directory.
 *
 * Processes, all of which stay, with a directory "NAME" of theirs as the current one:
 *
 *   main      opens "main/1" … "main/7"; closes 3 of them, dup2 over 1, F_DUPFD from 100 on 2 times, close_range of 2
 *   copied    fork: opens 2, closes 1 of main's, which main keeps
 *   table     clone with CLONE_FILES (a process of its own, without CLONE_FS): opens 3 for both, closes 1 for both
 *   place     clone with CLONE_FS: main goes to "elsewhere" with it
 *   alone     a thread of it does unshare(CLONE_FILES), opens 2, closes 1: its leader keeps that
 *   program   fork and exec of this program: 2 of 5 are closed on exec (O_CLOEXEC, FIOCLEX), 1 is not any more (F_SETFD)
 *   receiver  gets 3 files in messages, which the sender has closed before
 *   ranges    close_range with CLOSE_RANGE_UNSHARE of 3, with CLOSE_RANGE_CLOEXEC of 2, then exec
 *   vforked   vfork and exec: keeps 1, another is closed on exec
 *
 * Says "ready NAME=PID …" on standard output and waits for the end of standard input; the others wait for main.
 */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "workload.h"

static int ready[2]; /* a byte comes when a process is done */
static char self[4096];

static int good(int result, const char *what)
{
	if (result < 0)
		FAIL(what);
	return result;
}

static int make(const char *name)
{
	return good(open(name, O_CREAT | O_RDWR, 0600), name);
}

static void enter(const char *name)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mkdir(name, 0700) || chdir(name))
		FAIL(name);
}

static void done(void)
{
	good((int)write(ready[1], "x", 1), "ready");
}

static void stay(void)
{
	done();
	for (;;)
		pause();
}

static void wait_for_one(void)
{
	char byte;

	good((int)read(ready[0], &byte, 1), "ready");
}

/* ---- the processes ---- */

static int files[8];

static int copied(void *argument)
{
	(void)argument;
	enter("copied");
	make("one");
	make("two");
	close(files[5]);
	stay();
	return 0;
}

static int table(void *argument)
{
	(void)argument;
	enter("table");
	make("one");
	make("two");
	make("three");
	close(files[6]);
	stay();
	return 0;
}

static int place(void *argument)
{
	(void)argument;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mkdir("elsewhere", 0700) || chdir("elsewhere"))
		FAIL("elsewhere");
	stay();
	return 0;
}

static void *loner(void *argument)
{
	int *kept = argument;

	if (unshare(CLONE_FILES))
		FAIL("unshare");
	make("thread1");
	make("thread2");
	close(*kept);
	done();
	for (;;)
		pause();
	return NULL;
}

static int alone(void *argument)
{
	pthread_t thread;
	int kept;

	(void)argument;
	enter("alone");
	kept = make("kept");
	if (pthread_create(&thread, NULL, loner, &kept))
		FAIL("thread");
	for (;;)
		pause();
	return 0;
}

static int program(void *argument)
{
	int fds[5];
	char name[8];

	(void)argument;
	enter("program");
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		fds[i] = good(
			open(name, O_CREAT | O_RDWR | (i == 1 || i == 3 ? O_CLOEXEC : 0), 0600),
			name);
	}
	if (ioctl(fds[2], FIOCLEX) || fcntl(fds[3], F_SETFD, 0))
		FAIL("close on exec");
	snprintf(name, sizeof(name), "%d", ready[1]);
	execl(self, self, "--stay", name, NULL);
	FAIL("exec");
}

static int ranges(void *argument)
{
	int first, clo;
	char name[8];

	(void)argument;
	enter("ranges");
	clo = make("c1");
	make("c2");
	first = make("u1");
	make("u2");
	make("u3");
	make("stays");
	if (syscall(SYS_close_range, clo, clo + 1, CLOSE_RANGE_CLOEXEC) ||
	    syscall(SYS_close_range, first, first + 2, CLOSE_RANGE_UNSHARE))
		FAIL("close_range");
	snprintf(name, sizeof(name), "%d", ready[1]);
	execl(self, self, "--stay", name, NULL);
	FAIL("exec");
}

static int pair[2];

static int receiver(void *argument)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec vec = { &byte, 1 };

	(void)argument;
	enter("receiver");
	for (int i = 0; i < 3; i++) {
		struct msghdr message = { .msg_iov = &vec,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };

		good((int)recvmsg(pair[1], &message, 0), "recvmsg");
	}
	stay();
	return 0;
}

static void send_files(void)
{
	for (int i = 0; i < 3; i++) {
		char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0, name[16];
		struct iovec vec = { &byte, 1 };
		struct msghdr message = { .msg_iov = &vec,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		int fd;

		snprintf(name, sizeof(name), "sent%d", i);
		fd = make(name);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
		good((int)sendmsg(pair[0], &message, 0), "sendmsg");
		close(fd);
	}
}

/* ---- how they are made ---- */

static pid_t forked(int (*function)(void *))
{
	pid_t pid = good(fork(), "fork");

	if (!pid)
		function(NULL);
	return pid;
}

static pid_t cloned(int (*function)(void *), int flags)
{
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		FAIL("stack");
	return good(clone(function, stack + 65536, flags | SIGCHLD, NULL), "clone");
}

static pid_t vforked(void)
{
	char number[12];
	pid_t pid;

	make("vfork_stays");
	good(open("vfork_goes", O_CREAT | O_RDWR | O_CLOEXEC, 0600), "vfork_goes");
	snprintf(number, sizeof(number), "%d", ready[1]);
	pid = vfork();
	if (!pid) {
		execl(self, self, "--stay", number, NULL);
		_exit(99);
	}
	return good(pid, "vfork");
}

static void own_files(void)
{
	char name[8];

	for (int i = 1; i <= 7; i++) {
		snprintf(name, sizeof(name), "%d", i);
		files[i] = make(name);
	}
	close(files[1]);
	close(files[2]);
	close(files[3]);
	files[1] = make("again"); /* takes the number of the first */
	good(dup2(files[4], files[7]), "dup2");
	good(fcntl(files[4], F_DUPFD, 100), "F_DUPFD");
	good(fcntl(files[4], F_DUPFD_CLOEXEC, 100), "F_DUPFD_CLOEXEC");
	good(dup2(files[4], 200), "dup2");
	good(dup2(files[4], 201), "dup2");
	good((int)syscall(SYS_close_range, 200, 201, 0), "close_range");
}

int main(int argc, char **argv)
{
	pid_t pids[8];

	good((int)readlink("/proc/self/exe", self, sizeof(self) - 1), "self");
	if (argc > 2 && !strcmp(argv[1], "--stay")) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ready[1] = atoi(argv[2]);
		stay();
	}
	if (argc < 2 || chdir(argv[1]) || pipe(ready))
		FAIL("shares DIRECTORY");
	enter("main");
	own_files();
	pids[0] = forked(copied);
	wait_for_one();
	pids[1] = cloned(table, CLONE_FILES);
	wait_for_one();
	pids[2] = cloned(place, CLONE_FS);
	wait_for_one();
	pids[3] = forked(alone);
	wait_for_one();
	pids[4] = forked(program);
	wait_for_one();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		FAIL("socketpair");
	send_files();
	pids[5] = forked(receiver);
	wait_for_one();
	pids[6] = cloned(ranges, 0);
	wait_for_one();
	pids[7] = vforked();
	wait_for_one();
	printf("ready main=%d copied=%d table=%d place=%d alone=%d program=%d receiver=%d "
	       "ranges=%d "
	       "vforked=%d\n",
	       getpid(), pids[0], pids[1], pids[2], pids[3], pids[4], pids[5], pids[6], pids[7]);
	fflush(stdout);
	while (read(0, self, sizeof(self)) > 0)
		;
	for (int i = 0; i < 8; i++)
		kill(pids[i], SIGKILL);
	return 0;
}
