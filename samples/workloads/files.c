/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * files DIRECTORY: descriptors of every kind, made in the (empty) directory and kept open:
 *
 *   open "file" by way of a symbolic link and ".."   3 times, for reading and writing, appending
 *   open of what is not there                       11 times, fails
 *   open of a file behind 5 directories of 199 letters, of "/dev/null", of the directory with O_PATH: 2 times each
 *   openat2 of "file", close on exec                 2 times
 *   O_TMPFILE                                        2 times
 *   open of a deleted file through /proc/self/fd     5 times
 *   pipe2 5 times, 2 of them close on exec; socketpair 3 times; 7 sockets, TCP and UDP, IPv4
 *   eventfd 7, epoll 2, timerfd 3, signalfd 2, memfd 5, inotify 3, pidfd_open 2, io_uring 1 (where allowed)
 *   dup 3, dup2 2, dup3 2 (close on exec), F_DUPFD 5, F_DUPFD_CLOEXEC 3; F_GETFD 13 times makes none
 *   clone with CLONE_PIDFD 2 times, clone3 with it 3 times, pidfd_getfd 2 times
 *   a terminal's other end with TIOCGPTPEER          2 times
 *   descriptors in messages: recvmsg of 1, of 7, of 253, recvmmsg of 3 messages with 2 each; 5 recvmsg with none
 *
 * Then says "ready PID" on standard output and waits for the end of standard input.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "workload.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

static int good(int fd, const char *what)
{
	if (fd < 0)
		FAIL(what);
	return fd;
}

#define TIMES(n, call)                                                                             \
	for (int i_ = 0; i_ < (n); i_++)                                                           \
	good(call, #call)

static void named(void)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	char deep[6 * 200 + 8] = "", name[64];
	int deleted;

	if (mkdir("real", 0700) || symlink("real", "link") ||
	    close(good(open("real/file", O_CREAT | O_WRONLY, 0640), "file")))
		FAIL("directory");
	TIMES(3, open("link/../link/./file", O_RDWR | O_APPEND));
	for (int i = 0; i < 11; i++)
		if (open("nothing", O_RDONLY) >= 0)
			FAIL("nothing is there");
	for (int i = 0; i < 5; i++) {
		memset(deep + strlen(deep), 'a' + i, 199);
		if (mkdir(deep, 0700))
			FAIL("mkdir");
		strcat(deep, "/");
	}
	strcat(deep, "file");
	TIMES(2, open(deep, O_RDONLY | O_CREAT, 0600));
	TIMES(2, open("/dev/null", O_WRONLY));
	TIMES(2, open(".", O_PATH));
	TIMES(2, syscall(SYS_openat2, AT_FDCWD, "real/file", &how, sizeof(how)));
	TIMES(2, open(".", O_TMPFILE | O_RDWR, 0600));
	deleted = good(open("deleted", O_CREAT | O_RDWR, 0600), "deleted");
	unlink("deleted");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", deleted);
	TIMES(5, open(name, O_RDONLY));
	close(deleted);
}

static void nameless(void)
{
	struct io_uring_params params = { 0 };
	int fds[2];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	TIMES(3, pipe2(fds, 0));
	TIMES(2, pipe2(fds, O_CLOEXEC));
	TIMES(3, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	TIMES(3, socket(AF_INET, SOCK_STREAM, 0));
	TIMES(4, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	TIMES(7, eventfd(0, 0));
	TIMES(2, epoll_create1(EPOLL_CLOEXEC));
	TIMES(3, timerfd_create(CLOCK_MONOTONIC, 0));
	TIMES(2, signalfd(-1, &set, 0));
	TIMES(5, memfd_create("trc-memory", MFD_CLOEXEC));
	TIMES(3, inotify_init1(0));
	TIMES(2, syscall(SYS_pidfd_open, getpid(), 0));
	syscall(SYS_io_uring_setup, 2, &params);
}

static void copied(void)
{
	int fd = good(open("/dev/zero", O_RDONLY), "/dev/zero");
	int self = good(syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");

	TIMES(3, dup(fd));
	for (int i = 0; i < 2; i++) {
		good(dup2(fd, 700 + i), "dup2");
		good(dup3(fd, 800 + i, O_CLOEXEC), "dup3");
	}
	TIMES(5, fcntl(fd, F_DUPFD, 900));
	TIMES(3, fcntl(fd, F_DUPFD_CLOEXEC, 950));
	TIMES(13, fcntl(fd, F_GETFD));
	TIMES(2, syscall(SYS_pidfd_getfd, self, fd, 0));
}

static void cloned(void)
{
	for (int i = 0; i < 5; i++) {
		int pidfd = -1;
		struct clone_args args = {
			.flags = CLONE_PIDFD,
			.pidfd = (unsigned long)&pidfd,
			.exit_signal = SIGCHLD,
		};
		pid_t pid = i < 2 ? syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, 0)
				  : syscall(SYS_clone3, &args, sizeof(args));

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			FAIL("clone");
	}
}

static void terminal(void)
{
	int master = good(posix_openpt(O_RDWR | O_NOCTTY), "ptmx");

	if (unlockpt(master))
		FAIL("unlockpt");
	TIMES(2, ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
}

union control {
	char bytes[CMSG_SPACE(253 * sizeof(int))];
	struct cmsghdr align;
};

static void send_fds(int to, int fd, int count)
{
	static union control control;
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS };
		for (int i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(int));
	}
	good(sendmsg(to, &message, 0), "sendmsg");
}

static void received(void)
{
	static const int counts[] = { 1, 7, 253, 0, 0, 0, 0, 0 };
	static union control controls[3];
	int pair[2], fd = good(open("real/file", O_RDONLY), "file");
	char bytes[3];
	struct iovec vectors[3];
	struct mmsghdr messages[3];

	good(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
	for (int i = 0; i < 3; i++) {
		vectors[i] = (struct iovec){ bytes + i, 1 };
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = vectors + i,
			.msg_iovlen = 1,
			.msg_control = controls + i,
			.msg_controllen = sizeof(controls[i]),
		};
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct msghdr message = messages[0].msg_hdr;

		send_fds(pair[0], fd, counts[i]);
		good(recvmsg(pair[1], &message, counts[i] == 7 ? MSG_CMSG_CLOEXEC : 0), "recvmsg");
	}
	for (int i = 0; i < 3; i++)
		send_fds(pair[0], fd, 2);
	if (recvmmsg(pair[1], messages, 3, 0, NULL) != 3)
		FAIL("recvmmsg");
}

int main(int argc, char **argv)
{
	struct rlimit limit = { 1024, 1024 };
	char byte;

	setrlimit(RLIMIT_NOFILE, &limit);
	if (argc < 2 || chdir(argv[1]))
		FAIL("usage: files DIRECTORY");
	named();
	nameless();
	copied();
	cloned();
	terminal();
	received();
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
