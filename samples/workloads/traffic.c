/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * traffic DIRECTORY: files, pipes and sockets used so many times, with so many bytes.
 *
 *   file "data"    opened 5 times, 2 of them never closed; 13 writes of 101 bytes, 7 reads of 89, 11 lseeks, 3 fsyncs,
 *                  1 mmap, 17 stats
 *   file "missing" 19 opens that fail, 23 stats that fail, both by a name without a directory
 *   file "copy"    opened once, 1 sendfile of 500 bytes from "data", which reads them
 *   pipe           a child writes 29 times 31 bytes, and waits 1 ms before each; the parent reads until the end
 *   TCP            a child serves; the parent connects 2 times and asks 37 times each with 41 bytes, and gets 43; the
 *                  child takes 2 ms for each answer. 3 more connects are refused
 *   unix           a pair: the child gets 47 messages of 53 bytes with sendmsg, and answers the last one with 59
 *   UDP            a socket that is not connected sends 61 times 67 bytes to one that is bound, which reads them
 *
 * On standard output: "port P", the port of the TCP server; then for all requests together "response NS", the time
 * that the parent waited from before its write to after its read, as it saw it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "workload.h"

static char buffer[4096];

static long good(long result, const char *what)
{
	if (result < 0)
		FAIL(what);
	return result;
}

static void exactly(long result, long wanted, const char *what)
{
	if (result != wanted)
		FAIL(what);
}

static void sleep_ns(long ns)
{
	struct timespec time = { 0, ns };

	nanosleep(&time, NULL);
}

static unsigned long long now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void use_files(void)
{
	int fds[5], copy;
	struct stat st;

	for (int i = 0; i < 5; i++)
		fds[i] = (int)good(open("data", O_CREAT | O_RDWR, 0600), "data");
	for (int i = 0; i < 13; i++)
		exactly(write(fds[0], buffer, 101), 101, "write");
	for (int i = 0; i < 7; i++)
		exactly(read(fds[1], buffer, 89), 89, "read");
	for (int i = 0; i < 11; i++)
		good(lseek(fds[2], i, SEEK_SET), "lseek");
	for (int i = 0; i < 3; i++)
		good(fsync(fds[0]), "fsync");
	if (mmap(NULL, 100, PROT_READ, MAP_PRIVATE, fds[0], 0) == MAP_FAILED)
		FAIL("mmap");
	for (int i = 0; i < 17; i++)
		good(stat("data", &st), "stat");
	for (int i = 0; i < 19; i++)
		exactly(open("missing", O_RDONLY), -1, "missing");
	for (int i = 0; i < 23; i++)
		exactly(stat("missing", &st), -1, "missing");
	copy = (int)good(open("copy", O_CREAT | O_RDWR, 0600), "copy");
	good(lseek(fds[3], 0, SEEK_SET), "lseek");
	exactly(sendfile(copy, fds[3], NULL, 500), 500, "sendfile");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(copy);
}

static void use_pipe(void)
{
	int fds[2];

	good(pipe(fds), "pipe");
	if (!good(fork(), "fork")) {
		close(fds[0]);
		for (int i = 0; i < 29; i++) {
			sleep_ns(1000000);
			exactly(write(fds[1], buffer, 31), 31, "write");
		}
		_exit(0);
	}
	close(fds[1]);
	while (read(fds[0], buffer, 31) > 0)
		;
	close(fds[0]);
	wait(NULL);
}

static void serve(int listener)
{
	for (int i = 0; i < 2; i++) {
		int fd = (int)good(accept(listener, NULL, NULL), "accept");

		while (read(fd, buffer, sizeof(buffer)) == 41) {
			sleep_ns(2000000);
			exactly(write(fd, buffer, 43), 43, "answer");
		}
		close(fd);
	}
	_exit(0);
}

static void use_tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = (int)good(socket(AF_INET, SOCK_STREAM, 0), "socket"), fd;
	unsigned long long waited_ns = 0;

	good(bind(listener, (void *)&address, sizeof(address)), "bind");
	good(listen(listener, 8), "listen");
	good(getsockname(listener, (void *)&address, &len), "getsockname");
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	if (!good(fork(), "fork"))
		serve(listener);
	close(listener);
	for (int i = 0; i < 2; i++) {
		fd = (int)good(socket(AF_INET, SOCK_STREAM, 0), "socket");
		good(connect(fd, (void *)&address, len), "connect");
		for (int j = 0; j < 37; j++) {
			unsigned long long begin_ns = now_ns();

			exactly(write(fd, buffer, 41), 41, "request");
			exactly(read(fd, buffer, sizeof(buffer)), 43, "answer");
			waited_ns += now_ns() - begin_ns;
		}
		close(fd);
	}
	wait(NULL);
	for (int i = 0; i < 3; i++) {
		fd = (int)good(socket(AF_INET, SOCK_STREAM, 0), "socket");
		exactly(connect(fd, (void *)&address, len), -1, "refused");
		close(fd);
	}
	printf("response %llu\n", waited_ns);
}

static void use_unix(void)
{
	int fds[2];

	good(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), "socketpair");
	if (!good(fork(), "fork")) {
		close(fds[0]);
		for (int i = 0; i < 47; i++)
			exactly(recv(fds[1], buffer, sizeof(buffer), 0), 53, "recv");
		exactly(send(fds[1], buffer, 59, 0), 59, "send");
		_exit(0);
	}
	close(fds[1]);
	for (int i = 0; i < 47; i++) {
		struct iovec vec = { buffer, 53 };
		struct msghdr message = { .msg_iov = &vec, .msg_iovlen = 1 };

		exactly(sendmsg(fds[0], &message, 0), 53, "sendmsg");
	}
	exactly(recv(fds[0], buffer, sizeof(buffer), 0), 59, "recv");
	close(fds[0]);
	wait(NULL);
}

static void use_udp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int bound = (int)good(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int fd = (int)good(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	good(bind(bound, (void *)&address, sizeof(address)), "bind");
	good(getsockname(bound, (void *)&address, &len), "getsockname");
	printf("udp %d\n", ntohs(address.sin_port));
	for (int i = 0; i < 61; i++) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);

		exactly(sendto(fd, buffer, 67, 0, (void *)&address, len), 67, "sendto");
		exactly(recvfrom(bound, buffer, sizeof(buffer), 0, (void *)&from, &from_len), 67,
			"recvfrom");
	}
	close(fd);
	close(bound);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		FAIL("traffic DIRECTORY");
	signal(SIGPIPE, SIG_IGN);
	use_files();
	use_pipe();
	use_tcp();
	use_unix();
	use_udp();
	return 0;
}
