/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * payloads: calls whose arguments point to something, each in ways that differ: descriptor sets, times, signals,
 * messages, vectors, file status, options, limits. Every call is made through syscall(2), so that it is the one that
 * is named, and the descriptors are the same in every run. Newer architectures have but the successors of three calls.
 */
#include "workload.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define MUST(call)                                                                                 \
	({                                                                                         \
		long ret_ = (call);                                                                \
		if (ret_ < 0)                                                                      \
			FAIL(#call);                                                               \
		ret_;                                                                              \
	})

static int pipe_fds[2], pair[2];

static long call_poll(struct pollfd *fds, unsigned count, int ms)
{
#ifdef SYS_poll
	return syscall(SYS_poll, fds, count, ms);
#else
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000l };

	return syscall(SYS_ppoll, fds, count, ms < 0 ? NULL : &timeout, NULL, 8);
#endif
}

static long call_select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout)
{
#ifdef SYS_select
	return syscall(SYS_select, count, in, out, other, timeout);
#else
	struct timespec fine = { timeout->tv_sec, timeout->tv_usec * 1000 };

	return syscall(SYS_pselect6, count, in, out, other, &fine, NULL);
#endif
}

static long call_epoll_wait(int fd, struct epoll_event *events, int count, int ms)
{
#ifdef SYS_epoll_wait
	return syscall(SYS_epoll_wait, fd, events, count, ms);
#else
	return syscall(SYS_epoll_pwait, fd, events, count, ms, NULL, 8);
#endif
}

static void wait_for_readiness(void)
{
	struct pollfd fds[3] = { { pipe_fds[0], POLLIN, 0 },
				 { pipe_fds[1], POLLOUT, 0x7f },
				 { -1, POLLIN | POLLPRI, 0 } };
	struct timespec zero = { 0, 0 }, second = { 1, 500000000 };
	struct timeval second_tv = { 2, 250000 };
	struct pollfd many[67];
	unsigned long set[2] = { 1ul << SIGUSR1 >> 1, 0 };
	struct {
		unsigned long *set;
		size_t size;
	} pack = { set, 8 };
	fd_set in, out;

	MUST(call_poll(fds, 1, 0)); /* nothing is ready */
	MUST(call_poll(fds, 3, 1000));
	MUST(write(pipe_fds[1], "12345", 5));
	MUST(syscall(SYS_ppoll, fds, 2, &second, set, 8));
	for (int i = 0; i < 67; i++)
		many[i] = (struct pollfd){ pipe_fds[0], POLLIN, 0 };
	MUST(call_poll(many, 67, -1)); /* more than are kept */
	if (call_poll(NULL, 0, 0))
		FAIL("poll of nothing");

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(pipe_fds[0], &in);
	FD_SET(pair[0], &in);
	FD_SET(pipe_fds[1], &out);
	MUST(call_select(pair[1] + 1, &in, &out, NULL, &second_tv));
	FD_ZERO(&in);
	FD_SET(pair[0], &in);
	MUST(call_select(70, &in, NULL, NULL, &(struct timeval){ 0, 0 }));
	FD_ZERO(&in);
	FD_SET(pipe_fds[0], &in);
	MUST(syscall(SYS_pselect6, 64, &in, NULL, NULL, &second, &pack));
	MUST(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, NULL));
}

static void wait_with_epoll(void)
{
	int fd = MUST(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 0x100000007 },
			   ready[5];

	MUST(syscall(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, pipe_fds[0], &event));
	event = (struct epoll_event){ .events = EPOLLOUT, .data.u64 = 11 };
	MUST(syscall(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, pair[0], &event));
	MUST(call_epoll_wait(fd, ready, 5, 1000));
	MUST(syscall(SYS_epoll_ctl, fd, EPOLL_CTL_DEL, pair[0], NULL));
	MUST(call_epoll_wait(fd, ready, 5, 0));
	MUST(syscall(SYS_epoll_pwait, fd, ready, 5, 0, NULL, 8));
	close(fd);
}

static void on_alarm(int number)
{
	(void)number;
}

static void use_times(void)
{
	struct timespec brief = { 0, 1000003 }, sleep_long = { 3, 1 }, left = { 0 };
	struct itimerval timer = { { 0, 0 }, { 0, 70001 } }, old;
	struct itimerspec spec = { { 1, 2 }, { 3, 4 } }, old_spec;
	struct timespec stamps[2] = { { 1000000007, 11 }, { 0, UTIME_OMIT } };
	struct sigaction action = { .sa_handler = on_alarm };
	int fd = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));

	sigaddset(&action.sa_mask, SIGUSR2);
	MUST(syscall(SYS_nanosleep, &brief, &left));
	MUST(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &brief, NULL));
	MUST(sigaction(SIGALRM, &action, NULL));
	MUST(syscall(SYS_setitimer, ITIMER_REAL, &timer, &old));
	if (syscall(SYS_nanosleep, &sleep_long, &left) != -1) /* the alarm ends it */
		FAIL("nanosleep");
	MUST(syscall(SYS_getitimer, ITIMER_VIRTUAL, &old));
	MUST(syscall(SYS_timerfd_settime, fd, 0, &spec, &old_spec));
	MUST(syscall(SYS_clock_getres, CLOCK_REALTIME, &left));
	syscall(SYS_utimensat, AT_FDCWD, "/nonexistent/file", stamps, 0);
	close(fd);
}

static void use_signals(void)
{
	unsigned long set[1] = { 1ul << (SIGINT - 1) | 1ul << (SIGCHLD - 1) }, old[1];
	unsigned long most[1] = { ~(1ul << (SIGTERM - 1)) };
	struct timespec zero = { 0, 0 };

	MUST(syscall(SYS_rt_sigprocmask, SIG_BLOCK, set, old, 8));
	MUST(syscall(SYS_rt_sigprocmask, SIG_SETMASK, most, old, 8));
	MUST(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, old, 8));
	MUST(syscall(SYS_rt_sigpending, old, 8));
	syscall(SYS_rt_sigtimedwait, set, NULL, &zero, 8);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	set[0] = 0;
	MUST(syscall(SYS_rt_sigprocmask, SIG_SETMASK, set, NULL, 8));
}

static void use_vectors(void)
{
	char a[17] = "seventeen bytes!", b[23] = "and then twenty-three.", c[64];
	struct iovec out[3] = { { a, 17 }, { NULL, 0 }, { b, 23 } },
		     in[2] = { { c, 19 }, { c + 19, 45 } };
	struct iovec many[150];

	MUST(syscall(SYS_writev, pipe_fds[1], out, 3));
	MUST(syscall(SYS_readv, pipe_fds[0], in, 2));
	for (int i = 0; i < 150; i++)
		many[i] = (struct iovec){ c, 1 };
	MUST(syscall(SYS_writev, pipe_fds[1], many, 101));
	MUST(syscall(SYS_readv, pipe_fds[0], many, 101));
	syscall(SYS_writev, pipe_fds[1], (void *)16, 2);
	syscall(SYS_pwritev, pipe_fds[1], out, 3, 0, 0); /* ESPIPE */
}

/* A page that holds `data` and is not present until somebody reads it. */
static void *absent_page(int fd, const void *data, size_t size)
{
	void *page;

	MUST(pwrite(fd, data, size, 0));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		FAIL("mmap");
	return page;
}

static void use_absent_pages(void)
{
	struct iovec vec[2] = { { "seven..", 7 }, { "eleven.....", 11 } };
	struct msghdr message = { .msg_iov = vec, .msg_iovlen = 2 };
	struct pollfd poll_fd = { pipe_fds[1], POLLOUT, 0 };
	struct timespec brief = { 0, 1000033 };
	int fd = MUST(memfd_create("absent", MFD_CLOEXEC));
	char sink[18];

	MUST(syscall(SYS_writev, pipe_fds[1], absent_page(fd, vec, sizeof(vec)), 2));
	MUST(syscall(SYS_sendmsg, pair[0], absent_page(fd, &message, sizeof(message)), 0));
	MUST(call_poll(absent_page(fd, &poll_fd, sizeof(poll_fd)), 1, 0));
	MUST(syscall(SYS_nanosleep, absent_page(fd, &brief, sizeof(brief)), NULL));
	MUST(read(pipe_fds[0], sink, sizeof(sink)));
	MUST(read(pair[1], sink, sizeof(sink)));
	close(fd);
}

static void use_messages(void)
{
	char text[31] = "thirty-one bytes of a message.", control[CMSG_SPACE(2 * sizeof(int))],
	     in[64];
	struct iovec vec[2] = { { text, 13 }, { text + 13, 18 } }, in_vec = { in, 64 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(9) };
	struct msghdr out = { .msg_iov = vec,
			      .msg_iovlen = 2,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct sockaddr_storage from;
	struct msghdr back = { .msg_name = &from,
			       .msg_namelen = sizeof(from),
			       .msg_iov = &in_vec,
			       .msg_iovlen = 1,
			       .msg_control = control,
			       .msg_controllen = sizeof(control) };
	struct mmsghdr several[3] = { 0 };
	struct cmsghdr *head;
	int udp = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	socklen_t len = sizeof(address);

	memset(control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&out);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(head), pipe_fds, sizeof(pipe_fds));
	MUST(syscall(SYS_sendmsg, pair[0], &out, 0));
	MUST(syscall(SYS_recvmsg, pair[1], &back, 0));
	syscall(SYS_recvmsg, pair[1], &back, MSG_DONTWAIT); /* EAGAIN */

	MUST(bind(udp,
		  (struct sockaddr *)&(struct sockaddr_in){
			  .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
		  sizeof(address)));
	MUST(getsockname(udp, (struct sockaddr *)&address, &len));
	out = (struct msghdr){ .msg_name = &address,
			       .msg_namelen = sizeof(address),
			       .msg_iov = vec,
			       .msg_iovlen = 2 };
	MUST(syscall(SYS_sendmsg, udp, &out, MSG_NOSIGNAL));
	back = (struct msghdr){
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &in_vec, .msg_iovlen = 1
	};
	MUST(syscall(SYS_recvmsg, udp, &back, 0));
	for (int i = 0; i < 3; i++)
		several[i].msg_hdr = (struct msghdr){ .msg_name = &address,
						      .msg_namelen = sizeof(address),
						      .msg_iov = vec,
						      .msg_iovlen = i ? 1 : 2 };
	MUST(syscall(SYS_sendmmsg, udp, several, 3, 0));
	for (int i = 0; i < 3; i++)
		several[i].msg_hdr = (struct msghdr){ .msg_iov = &in_vec, .msg_iovlen = 1 };
	MUST(syscall(SYS_recvmmsg, udp, several, 3, 0, NULL));
	close(udp);
}

static void use_options(void)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), one = 1;
	struct linger linger = { 1, 7 };
	struct timeval time = { 5, 7 };
	struct rlimit limit = { 64, 128 }, old;
	socklen_t len;
	char key[40] = "not for the trace";

	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	len = sizeof(one);
	MUST(getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, &len));
	len = sizeof(linger);
	MUST(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	setsockopt(fd, 282 /* SOL_TLS */, 1, key, sizeof(key));
	setsockopt(fd, 279 /* SOL_ALG */, 1, key, 16);
	MUST(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &old));
	MUST(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, &old));
	MUST(syscall(SYS_getrlimit, RLIMIT_NOFILE, &limit));
	close(fd);
}

static void use_files(void)
{
	char directory[] = "payloads.d", buffer[4096];
	struct stat st;
	struct statx stx;
	int fd;
	off_t offset = 0;

	MUST(mkdir(directory, 0700));
	fd = MUST(open("payloads.d/file", O_RDWR | O_CREAT | O_CLOEXEC, 0640));
	MUST(ftruncate(fd, 1000003));
	MUST(syscall(SYS_newfstatat, AT_FDCWD, "payloads.d/file", &st, 0));
	MUST(syscall(SYS_fstat, fd, &st));
	MUST(syscall(SYS_newfstatat, AT_FDCWD, "/dev/null", &st, 0));
	MUST(syscall(SYS_statx, AT_FDCWD, "payloads.d", 0, STATX_BASIC_STATS, &stx));
	syscall(SYS_newfstatat, AT_FDCWD, "payloads.d/none", &st, 0);
	MUST(syscall(SYS_sendfile, pipe_fds[1], fd, &offset, 17));
	close(fd);
	fd = MUST(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	MUST(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)));
	MUST(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)));
	close(fd);
	unlink("payloads.d/file");
	rmdir(directory);
}

static void use_children(void)
{
	int status;
	pid_t child = MUST(fork());

	if (!child)
		_exit(37);
	MUST(syscall(SYS_wait4, child, &status, 0, NULL));
	syscall(SYS_wait4, -1, &status, WNOHANG, NULL);
}

int main(void)
{
	char *argv[] = { "/nonexistent/program", "one", "two words", NULL };
	char *envp[] = { "SECRET=marker", "EMPTY=", NULL };

	MUST(pipe2(pipe_fds, O_CLOEXEC));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	wait_for_readiness();
	wait_with_epoll();
	use_times();
	use_signals();
	MUST(read(pipe_fds[0], (char[5]){ 0 }, 5));
	use_vectors();
	use_messages();
	use_absent_pages();
	use_options();
	use_files();
	use_children();
	syscall(SYS_execve, argv[0], argv, envp);
	return 0;
}
