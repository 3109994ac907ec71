/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connections: TCP on this host's loopback, IPv4 and, if there is any, IPv6.
 *
 *   11 connects to a port where nobody listens: refused by a reset
 *   13 connections that the client ends with a reset (SO_LINGER of 0)
 *    7 connections whose server's side drops all that comes in, by a socket filter, until the client has sent it twice
 *      again at least
 *    3 connections closed in good order, over IPv6
 *
 * Prints "PORT CLIENT_PORT INODE COOKIE RETRANSMITTED" for each of the seven, then "ipv6 COUNT".
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "workload.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int listener(union address *address, socklen_t len)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, &address->any, len) || listen(fd, 16)) {
		close(fd);
		return -1;
	}
	getsockname(fd, &address->any, &len);
	return fd;
}

static int connected(const union address *address, socklen_t len)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM, 0);

	if (connect(fd, &address->any, len))
		FAIL("connect");
	return fd;
}

static unsigned retransmitted(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		FAIL("TCP_INFO");
	return info.tcpi_total_retrans;
}

static void drop_all(int fd, int drop)
{
	struct sock_filter nothing = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &nothing };

	if (drop ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
		 : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &drop, sizeof(drop)))
		FAIL("filter");
}

static void lossy(int server, const union address *address)
{
	int clients[7], accepted[7];
	char byte;

	for (int i = 0; i < 7; i++) {
		clients[i] = connected(address, sizeof(address->in));
		accepted[i] = accept(server, NULL, NULL);
		drop_all(accepted[i], 1);
		if (send(clients[i], "x", 1, 0) != 1)
			FAIL("send");
	}
	for (int i = 0; i < 7; i++)
		while (retransmitted(clients[i]) < 2)
			usleep(1000);
	for (int i = 0; i < 7; i++)
		drop_all(accepted[i], 0);
	for (int i = 0; i < 7; i++) {
		union address own;
		socklen_t len = sizeof(own);
		struct stat st;
		unsigned long long cookie;
		socklen_t cookie_len = sizeof(cookie);

		if (recv(accepted[i], &byte, 1, 0) != 1)
			FAIL("recv");
		getsockname(clients[i], &own.any, &len);
		fstat(clients[i], &st);
		getsockopt(clients[i], SOL_SOCKET, SO_COOKIE, &cookie, &cookie_len);
		printf("%d %d %lu %llu %u\n", ntohs(address->in.sin_port), ntohs(own.in.sin_port),
		       (unsigned long)st.st_ino, cookie, retransmitted(clients[i]));
		close(clients[i]);
		if (recv(accepted[i], &byte, 1, 0))
			FAIL("end");
		close(accepted[i]);
	}
}

int main(void)
{
	union address address = { .in = { .sin_family = AF_INET } }, nobody, six;
	struct linger at_once = { 1, 0 };
	int server, silent, count = 0;
	char byte;

	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	nobody = address;
	nobody.in.sin_port = htons(1);
	for (int i = 0; i < 11; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (!connect(fd, &nobody.any, sizeof(nobody.in)) || errno != ECONNREFUSED)
			FAIL("somebody listens");
		close(fd);
	}
	server = listener(&address, sizeof(address.in));
	for (int i = 0; i < 13; i++) {
		int fd = connected(&address, sizeof(address.in));
		int accepted = accept(server, NULL, NULL);

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
		if (recv(accepted, &byte, 1, 0) != -1 || errno != ECONNRESET)
			FAIL("no reset");
		close(accepted);
	}
	lossy(server, &address);
	six = (union address){ .in6 = { .sin6_family = AF_INET6 } };
	six.in6.sin6_addr = in6addr_loopback;
	silent = listener(&six, sizeof(six.in6));
	for (; silent >= 0 && count < 3; count++) {
		int fd = connected(&six, sizeof(six.in6));
		int accepted = accept(silent, NULL, NULL);

		close(fd);
		if (recv(accepted, &byte, 1, 0))
			FAIL("end");
		close(accepted);
	}
	printf("ipv6 %d\n", count);
	return 0;
}
