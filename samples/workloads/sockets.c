/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sockets: connect calls that fail or succeed on this host only:
 *
 *   connect 127.0.0.1:1                  3 times, ECONNREFUSED
 *   connect [::1]:1                      5 times, ECONNREFUSED, or EADDRNOTAVAIL without IPv6
 *   connect "/nonexistent/socket"        7 times, ENOENT
 *   connect abstract "trc-nobody"        2 times, ECONNREFUSED
 *   connect with the family 0xfffe      11 times, an error
 *
 * and one connection over TCP on 127.0.0.1 and one over an abstract unix socket, both accepted with the
 * peer's address asked for; 13 sends of 17 bytes with sendto on the first. One pipe2, one socketpair.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "workload.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static void refused(const union address *address, socklen_t len, int times)
{
	for (int i = 0; i < times; i++) {
		int fd = socket(address->any.sa_family == 0xfffe ? AF_INET : address->any.sa_family,
				SOCK_STREAM, 0);

		if (fd < 0 && address->any.sa_family == AF_INET6)
			fd = socket(AF_INET, SOCK_STREAM,
				    0); /* no IPv6 here: the call is made all the same */
		if (!connect(fd, &address->any, len))
			FAIL("connect succeeded");
		close(fd);
	}
}

static socklen_t abstract(union address *address, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path + 1, name, strlen(name));
	return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}

/* A connection to ourselves; ret_fds: client, accepted. */
static void connected(union address *address, socklen_t len, int ret_fds[2])
{
	int listener = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union address peer;
	socklen_t peer_len = sizeof(peer);

	if (bind(listener, &address->any, len) || listen(listener, 1) ||
	    getsockname(listener, &address->any, &len))
		FAIL("bind");
	ret_fds[0] = socket(address->any.sa_family, SOCK_STREAM, 0);
	if (connect(ret_fds[0], &address->any, len))
		FAIL("connect");
	ret_fds[1] = accept4(listener, &peer.any, &peer_len, SOCK_CLOEXEC);
	if (ret_fds[1] < 0)
		FAIL("accept4");
}

int main(void)
{
	union address address = { .in = { .sin_family = AF_INET, .sin_port = htons(1) } };
	union address peer;
	socklen_t len = sizeof(peer);
	char text[17] = "seventeen bytes.";
	int fds[2];

	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	refused(&address, sizeof(address.in), 3);
	address = (union address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) } };
	address.in6.sin6_addr = in6addr_loopback;
	refused(&address, sizeof(address.in6), 5);
	address = (union address){ .un = { .sun_family = AF_UNIX,
					   .sun_path = "/nonexistent/socket" } };
	refused(&address, sizeof(address.un), 7);
	refused(&address, abstract(&address, "trc-nobody"), 2);
	address = (union address){ .any = { .sa_family = 0xfffe } };
	refused(&address, sizeof(address.any), 11);

	address = (union address){ .in = { .sin_family = AF_INET } };
	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connected(&address, sizeof(address.in), fds);
	for (int i = 0; i < 13; i++)
		if (sendto(fds[0], text, sizeof(text), 0, NULL, 0) != sizeof(text))
			FAIL("sendto");
	if (getpeername(fds[1], &peer.any, &len))
		FAIL("getpeername");
	len = abstract(&address, "trc-server");
	connected(&address, len, fds);

	if (pipe2(fds, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		FAIL("pipe2");
	return 0;
}
