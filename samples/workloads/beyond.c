/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * beyond: what a recorder must not read, and what it must find room for.
 *
 *   recv of 1009 bytes into a buffer of 4 with MSG_TRUNC: returns 1009; "SECRET-DATA" stands behind the buffer
 *   getsockname into 4 bytes of room: the length comes back longer; "SECRET-NAME" stands behind them
 *   rename from 4049 times 'a' to 4049 times 'b': ENAMETOOLONG
 *   exec of itself under a path of 211 directories, and from a memfd named "trc-memory" (argument "end": exits)
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "workload.h"

#define DEPTH 211

static void copy_self(int to)
{
	char buffer[65536];
	int from = open("/proc/self/exe", O_RDONLY);
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, n) != n)
			FAIL("write");
	close(from);
}

static void execute(int fd)
{
	char *argv[] = { "beyond", "end", NULL }, *envp[] = { NULL };
	pid_t pid = fork();
	int status;

	if (!pid) {
		fexecve(fd, argv, envp);
		FAIL("fexecve");
	}
	if (waitpid(pid, &status, 0) != pid || status)
		FAIL("child");
}

int main(int argc, char **argv)
{
	struct {
		char room[4];
		char secret[124];
	} data = { .secret = "SECRET-DATA" }, name = { .secret = "SECRET-NAME" };
	struct sockaddr_un address = { AF_UNIX, "a-socket-with-a-long-name" };
	char message[1009] = "", from[4050], to[4050];
	socklen_t len = sizeof(name.room);
	int pair[2], fd;

	if (argc > 1 && !strcmp(argv[1], "end"))
		return 0;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    send(pair[0], message, sizeof(message), 0) < 0 ||
	    recv(pair[1], data.room, sizeof(data.room), MSG_TRUNC) != sizeof(message))
		FAIL("recv");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(fd, (void *)&address, sizeof(address)) ||
	    getsockname(fd, (void *)name.room, &len) || len <= sizeof(name.room))
		FAIL("getsockname");
	unlink(address.sun_path);
	memset(from, 'a', sizeof(from));
	memset(to, 'b', sizeof(to));
	from[sizeof(from) - 1] = to[sizeof(to) - 1] = 0;
	if (!rename(from, to) || errno != ENAMETOOLONG)
		FAIL("rename");

	fd = memfd_create("trc-memory", 0);
	copy_self(fd);
	execute(fd);
	close(fd);
	for (int i = 0; i < DEPTH; i++)
		if (mkdir("deep", 0700) || chdir("deep"))
			FAIL("deep");
	fd = open("beyond", O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	copy_self(fd);
	close(fd);
	fd = open("beyond", O_RDONLY | O_CLOEXEC);
	execute(fd);
	close(fd);
	unlink("beyond");
	for (int i = 0; i < DEPTH; i++)
		if (chdir("..") || rmdir("deep"))
			FAIL("rmdir");
	return 0;
}
