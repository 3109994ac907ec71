/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What several workloads need: an end with a reason, and numbers from the command line. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of a workload that could not do what it promises; its counts would be wrong. */
#define FAIL(what)                                                                                 \
	do {                                                                                       \
		fprintf(stderr, "%s: %s\n", what, strerror(errno));                                \
		exit(99);                                                                          \
	} while (0)

static inline long argument(int argc, char **argv, int i, long otherwise)
{
	return argc > i ? strtol(argv[i], NULL, 0) : otherwise;
}

/* The path of another workload, which stands beside this one. */
static inline char *sibling(const char *name)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);

	if (len < 0)
		FAIL("/proc/self/exe");
	while (len > 0 && path[len - 1] != '/')
		len--;
	snprintf(path + len, 64, "%s", name);
	return path;
}
