/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * server DIRECTORY [CLIENTS [REQUESTS]]: a small threaded file server and its clients on loopback. A
 * child process has CLIENTS threads (4); each makes REQUESTS requests (3000), ten to a connection, for
 * files of DIRECTORY in turn. The server has a thread per connection and a log under a lock.
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMES_MAX		512
#define REQUESTS_PER_CONNECTION 10

static char names[NAMES_MAX][256];
static unsigned name_count;
static struct sockaddr_in address = { .sin_family = AF_INET };
static long request_count = 3000;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static bool read_all(int fd, void *data, size_t len)
{
	for (char *p = data; len;) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* A request is a file's number, an answer its size and so many bytes. */
static void *serve(void *data)
{
	int fd = (int)(long)data;
	unsigned number;

	while (read_all(fd, &number, sizeof(number))) {
		int file = open(names[number % name_count], O_RDONLY | O_CLOEXEC);
		char buffer[16384], line[300];
		struct stat st;
		ssize_t n = 0;
		int len;

		if (file < 0 || fstat(file, &st))
			fail(names[number % name_count]);
		n = read(file, buffer + sizeof(n), sizeof(buffer) - sizeof(n));
		close(file);
		if (n < 0)
			n = 0;
		memcpy(buffer, &n, sizeof(n));
		if (send(fd, buffer, sizeof(n) + (size_t)n, MSG_NOSIGNAL) < 0)
			break;
		len = snprintf(line, sizeof(line), "GET %s %zd\n", names[number % name_count], n);
		pthread_mutex_lock(&log_lock);
		if (write(log_fd, line, (size_t)len) != len)
			fail("log");
		pthread_mutex_unlock(&log_lock);
	}
	close(fd);
	return NULL;
}

static void *request(void *data)
{
	unsigned seed = (unsigned)(long)data;
	char buffer[16384];

	for (long i = 0; i < request_count;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
			fail("connect");
		for (int j = 0; j < REQUESTS_PER_CONNECTION && i < request_count; j++, i++) {
			unsigned number = seed + (unsigned)i * 7;
			ssize_t n;

			if (write(fd, &number, sizeof(number)) != sizeof(number) ||
			    !read_all(fd, &n, sizeof(n)) || n > (ssize_t)sizeof(buffer) ||
			    !read_all(fd, buffer, (size_t)n))
				fail("request");
		}
		close(fd);
	}
	return NULL;
}

static void read_names(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		fail(directory);
	while ((entry = readdir(dir)) && name_count < NAMES_MAX)
		if (entry->d_type == DT_REG &&
		    snprintf(names[name_count], sizeof(names[0]), "%s/%s", directory,
			     entry->d_name) < (int)sizeof(names[0]))
			name_count++;
	closedir(dir);
	if (!name_count) {
		fprintf(stderr, "%s: no files\n", directory);
		exit(1);
	}
}

static int clients_run(long client_count)
{
	pthread_t *threads = calloc((size_t)client_count, sizeof(*threads));

	if (!threads)
		return 1;
	for (long i = 0; i < client_count; i++)
		if (pthread_create(&threads[i], NULL, request, (void *)(i * 1001)))
			fail("pthread_create");
	for (long i = 0; i < client_count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return 0;
}

int main(int argc, char **argv)
{
	long client_count = argc > 2 ? atol(argv[2]) : 4, connection_count;
	socklen_t len = sizeof(address);
	pthread_attr_t detached;
	int listener, status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: server DIRECTORY [CLIENTS [REQUESTS]]\n");
		return 2;
	}
	if (argc > 3)
		request_count = atol(argv[3]);
	read_names(argv[1]);
	log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (log_fd < 0 || listener < 0 || bind(listener, (struct sockaddr *)&address, len) ||
	    listen(listener, 128) || getsockname(listener, (struct sockaddr *)&address, &len))
		fail("listen");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid)
		exit(clients_run(client_count));
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	connection_count = (request_count + REQUESTS_PER_CONNECTION - 1) / REQUESTS_PER_CONNECTION *
			   client_count;
	for (long i = 0; i < connection_count; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			fail("accept");
		if (pthread_create(&thread, &detached, serve, (void *)(long)fd))
			fail("pthread_create");
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 1;
	return 0;
}
