/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * absent_exec: executes a program with path, arguments and environment in pages that this process has never touched,
 * so that only the kernel's own access brings them in, and that are gone afterwards.
 *
 *   absent_exec execve PATH      by execve(PATH)
 *   absent_exec descriptor PATH  by execveat(300, "", AT_EMPTY_PATH), where 300 is PATH
 *   absent_exec failing PATH     by execve(PATH) with the arguments "present", which is in memory, and one that is
 *                                not: where there is no such program the kernel does not look at them
 *
 * The arguments are "absent", "two words" and "", the environment is "ABSENT=yes".
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "workload.h"

#define PAGE 65536 /* the largest there is */

/* A copy that is mapped, but not yet present. */
static void *untouched(const void *data, size_t size)
{
	int fd = memfd_create("absent", MFD_CLOEXEC);
	void *page;

	if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		FAIL("memfd_create");
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		FAIL("mmap");
	return page;
}

static const char *string(const char *text)
{
	return untouched(text, strlen(text) + 1);
}

int main(int argc, char **argv)
{
	const char *arguments[] = { string("absent"), string("two words"), string(""), NULL };
	const char *environment[] = { string("ABSENT=yes"), NULL };
	const char *const *args = untouched(arguments, sizeof(arguments));
	const char *const *env = untouched(environment, sizeof(environment));

	if (argc != 3)
		FAIL("usage: absent_exec execve|descriptor|failing PATH");
	if (!strcmp(argv[1], "failing")) {
		char present[] = "present";
		const char *half[] = { present, arguments[1], NULL };

		return syscall(SYS_execve, argv[2], half, environment) == -1 ? 0 : 1;
	}
	if (!strcmp(argv[1], "execve")) {
		syscall(SYS_execve, string(argv[2]), args, env);
	} else {
		int fd = open(argv[2], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || dup3(fd, 300, O_CLOEXEC) != 300)
			FAIL("open");
		syscall(SYS_execveat, 300, string(""), args, env, AT_EMPTY_PATH);
	}
	FAIL("exec");
}
