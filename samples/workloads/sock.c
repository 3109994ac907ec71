/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sock names: sockets of every family on this host only, all kept open until the end of standard input, which it waits
 * for after "ready PID" on standard output:
 *
 *   TCP over 127.0.0.1: a listener, 5 connections, accepted; over ::1 3 of them (or none: "no IPv6" is said first);
 *     from IPv4 to a listener for IPv6, 2 of them
 *   UDP: bound, connected to it 7 times (the same socket), disconnected, connected again
 *   unix: a listener "path.sock" in the current directory with 3 clients, one "trc-abstract" with 2 clients, of which
 *     one is bound to "trc-client"; 5 pairs; datagrams: 1 bound to "trc-datagram", 2 connected to it
 *   netlink: 2 bound; packet: 1 bound to the loopback device; vsock: 1 bound (where there is vsock)
 *   a unix socket of 3 sent over one of the pairs and received: nothing new
 *
 * sock failed: refused over TCP 5 times, not waiting 3 times; unix connect to what is not there 7 times; bind that
 *   fails 11 times
 * sock behind: 3 connects that do not wait to a listener with a full queue: they succeed behind the call; 2 that find
 *   it closed; 1 that waits and that a signal ends, and that succeeds too
 * sock closed: 13 pairs closed in order; 7 sockets with a copy each: the second close is the last; 3 replaced by dup2;
 *   2 dup2 of one to itself, close of one to a number that is not open
 * sock sends N: N sends on a connected UDP socket
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "workload.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_nl nl;
	struct sockaddr_ll ll;
	struct sockaddr_vm vm;
};

struct name {
	union address address;
	socklen_t len;
};

static int good(int result, const char *what)
{
	if (result < 0)
		FAIL(what);
	return result;
}

static struct name inet(int port)
{
	struct name name = { .len = sizeof(name.address.in) };

	name.address.in.sin_family = AF_INET;
	name.address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	name.address.in.sin_port = port;
	return name;
}

static struct name inet6(struct in6_addr host, int port)
{
	struct name name = { .len = sizeof(name.address.in6) };

	name.address.in6.sin6_family = AF_INET6;
	name.address.in6.sin6_addr = host;
	name.address.in6.sin6_port = port;
	return name;
}

/* A first NUL makes it abstract. */
static struct name local(const char *path, size_t len)
{
	struct name name = { .len = offsetof(struct sockaddr_un, sun_path) + len };

	name.address.un.sun_family = AF_UNIX;
	memcpy(name.address.un.sun_path, path, len);
	return name;
}

#define ABSTRACT(text) local("\0" text, sizeof(text))

static int made(const struct name *name, int type)
{
	return good(socket(name->address.any.sa_family, type, 0), "socket");
}

static int bound(struct name *name, int type)
{
	int fd = made(name, type);

	good(bind(fd, &name->address.any, name->len), "bind");
	good(getsockname(fd, &name->address.any, &name->len), "getsockname");
	return fd;
}

static int listening(struct name *name, int backlog)
{
	int fd = bound(name, SOCK_STREAM);

	good(listen(fd, backlog), "listen");
	return fd;
}

static void connections(int listener, const struct name *to, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = made(to, SOCK_STREAM);

		good(connect(fd, &to->address.any, to->len), "connect");
		good(accept(listener, NULL, NULL), "accept");
	}
}

static void streams(void)
{
	struct name name = inet(0);
	int listener = listening(&name, 8), any = 0, fd;

	connections(listener, &name, 5);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	name = inet6(in6addr_loopback, 0);
	if (fd >= 0 && !bind(fd, &name.address.any, name.len)) {
		listener = listening(&name, 8);
		connections(listener, &name, 3);
		name = inet6(in6addr_any, 0);
		any = listening(&name, 8);
		name = inet(name.address.in6.sin6_port);
		connections(any, &name, 2);
	} else {
		printf("no IPv6\n");
	}
}

static void datagrams(void)
{
	struct name name = inet(0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd;

	bound(&name, SOCK_DGRAM);
	fd = made(&name, SOCK_DGRAM);
	for (int i = 0; i < 7; i++)
		good(connect(fd, &name.address.any, name.len), "connect");
	good(connect(fd, &none, sizeof(none)), "disconnect");
	good(connect(fd, &name.address.any, name.len), "connect");
}

static void send_socket(int through[2], int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	*cmsg = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	good(sendmsg(through[0], &message, 0), "sendmsg");
	good(recvmsg(through[1], &message, 0), "recvmsg");
}

static void unix_sockets(void)
{
	struct name path = local("path.sock", sizeof("path.sock")), name;
	struct name abstract = ABSTRACT("trc-abstract"), client = ABSTRACT("trc-client");
	struct name datagram = ABSTRACT("trc-datagram");
	int pairs[5][2], fd;

	connections(listening(&path, 8), &path, 3);
	name = abstract;
	fd = listening(&name, 8);
	connections(fd, &abstract, 1);
	good(connect(bound(&client, SOCK_STREAM), &abstract.address.any, abstract.len), "connect");
	good(accept(fd, NULL, NULL), "accept");
	for (int i = 0; i < 5; i++)
		good(socketpair(AF_UNIX, i % 2 ? SOCK_DGRAM : SOCK_STREAM, 0, pairs[i]),
		     "socketpair");
	for (int i = 0; i < 3; i++)
		send_socket(pairs[0], pairs[1][0]);
	name = datagram;
	bound(&name, SOCK_DGRAM);
	for (int i = 0; i < 2; i++)
		good(connect(made(&datagram, SOCK_DGRAM), &datagram.address.any, datagram.len),
		     "connect");
}

static void others(void)
{
	struct name name = { .address.nl = { .nl_family = AF_NETLINK, .nl_groups = 1 },
			     .len = sizeof(name.address.nl) };
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = good(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
		good(bind(fd, &name.address.any, name.len), "bind netlink");
	}
	name = (struct name){ .address.ll = { .sll_family = AF_PACKET,
					      .sll_protocol = htons(0x7ac0),
					      .sll_ifindex = if_nametoindex("lo") },
			      .len = sizeof(name.address.ll) };
	fd = good(socket(AF_PACKET, SOCK_DGRAM, 0), "packet");
	good(bind(fd, &name.address.any, name.len), "bind packet");
	name = (struct name){ .address.vm = { .svm_family = AF_VSOCK,
					      .svm_port = 7919,
					      .svm_cid = VMADDR_CID_ANY },
			      .len = sizeof(name.address.vm) };
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (fd >= 0)
		good(bind(fd, &name.address.any, name.len), "bind vsock");
	else
		printf("no vsock\n");
}

static void failed(void)
{
	struct name nobody = inet(htons(1)), nowhere = local("nowhere.sock", 13), taken = inet(0);

	for (int i = 0; i < 5 + 3; i++) {
		int fd = made(&nobody, SOCK_STREAM | (i < 5 ? 0 : SOCK_NONBLOCK));

		if (!connect(fd, &nobody.address.any, nobody.len))
			FAIL("connect succeeded");
		close(fd);
	}
	for (int i = 0; i < 7; i++) {
		int fd = made(&nowhere, SOCK_STREAM);

		if (!connect(fd, &nowhere.address.any, nowhere.len))
			FAIL("connect succeeded");
		close(fd);
	}
	bound(&taken, SOCK_STREAM);
	for (int i = 0; i < 11; i++) {
		int fd = made(&taken, SOCK_STREAM);

		if (!bind(fd, &taken.address.any, taken.len))
			FAIL("bind succeeded");
		close(fd);
	}
}

static void on_alarm(int number)
{
	(void)number;
}

/* A listener whose queue is full: the next connect gets no answer. */
static int full(struct name *name)
{
	int listener;

	*name = inet(0);
	listener = listening(name, 0);
	good(connect(made(name, SOCK_STREAM), &name->address.any, name->len), "connect");
	return listener;
}

static void behind(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_value = { .tv_usec = 100000 } };
	struct name open_name, closed_name;
	int opened = full(&open_name), closed = full(&closed_name), fds[6];

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 5; i++) {
		const struct name *name = i < 3 ? &open_name : &closed_name;

		fds[i] = made(name, SOCK_STREAM | SOCK_NONBLOCK);
		if (!connect(fds[i], &name->address.any, name->len) || errno != EINPROGRESS)
			FAIL("connect did not go on");
	}
	fds[5] = made(&open_name, SOCK_STREAM);
	setitimer(ITIMER_REAL, &timer, NULL);
	if (!connect(fds[5], &open_name.address.any, open_name.len) || errno != EINTR)
		FAIL("connect was not interrupted");
	close(closed);
	/* Room for the next try of each. */
	good(listen(opened, 16), "listen");
	for (int i = 0; i < 5; i++)
		good(accept(opened, NULL, NULL), "accept");
	for (int i = 0; i < 6; i++) {
		struct pollfd wait = { fds[i], POLLOUT, 0 };
		const struct name *name = i < 3 || i == 5 ? &open_name : &closed_name;
		int error;
		socklen_t len = sizeof(error);

		good(poll(&wait, 1, 20000), "poll");
		good(getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &error, &len), "SO_ERROR");
		if (error != (name == &open_name ? 0 : ECONNREFUSED))
			FAIL("end of a connect");
		/* Asks once more: nothing new. */
		connect(fds[i], &name->address.any, name->len);
	}
}

static void closed(void)
{
	struct name name = inet(0);
	int pair[2], fd, other;

	for (int i = 0; i < 13; i++) {
		good(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
		close(pair[0]);
		close(pair[1]);
	}
	for (int i = 0; i < 7; i++) {
		fd = made(&name, SOCK_DGRAM);
		other = dup(fd);
		close(fd);
		close(other);
	}
	fd = good(open("/dev/null", O_RDONLY), "/dev/null");
	for (int i = 0; i < 3; i++)
		good(dup2(fd, made(&name, SOCK_DGRAM)), "dup2");
	other = made(&name, SOCK_DGRAM);
	for (int i = 0; i < 2; i++)
		good(dup2(other, other), "dup2");
	if (dup2(999, other) >= 0)
		FAIL("999 is open");
}

static void sends(long count)
{
	struct name name = inet(0);
	int to = bound(&name, SOCK_DGRAM), fd = made(&name, SOCK_DGRAM);

	good(connect(fd, &name.address.any, name.len), "connect");
	for (long i = 0; i < count; i++)
		if (send(fd, "x", 1, 0) != 1)
			FAIL("send");
	close(fd);
	close(to);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char byte;

	if (!strcmp(what, "names")) {
		streams();
		datagrams();
		unix_sockets();
		others();
		printf("ready %d\n", getpid());
		fflush(stdout);
		while (read(0, &byte, 1) > 0)
			;
	} else if (!strcmp(what, "failed")) {
		failed();
	} else if (!strcmp(what, "behind")) {
		behind();
	} else if (!strcmp(what, "closed")) {
		closed();
	} else if (!strcmp(what, "sends")) {
		sends(argument(argc, argv, 2, 1000003));
	} else {
		fprintf(stderr, "usage: sock names|failed|behind|closed|sends [N]\n");
		return 2;
	}
	return 0;
}
