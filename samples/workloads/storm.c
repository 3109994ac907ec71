/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * storm [N [PROCESSES [FILE]]]: each of PROCESSES children (2 if not given) calls getppid N times (100003 if not
 * given) as fast as it can; nothing else calls getppid. All other calls are the same whatever N is: two
 * runs with the same PROCESSES differ by exactly PROCESSES times the difference of N.
 * With FILE, of two words of 8 bytes, each goes on until the first is not 0; the second is how often they called.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

struct told {
	long enough; /* the test writes it */
	long call_count;
};

static struct told *map(const char *path)
{
	int fd = open(path, O_RDWR);
	struct told *told;

	if (fd < 0)
		FAIL(path);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (told == MAP_FAILED)
		FAIL("mmap");
	return told;
}

static void call(long count, struct told *told)
{
	long i = 0;

	while (i < count || (told && !__atomic_load_n(&told->enough, __ATOMIC_RELAXED))) {
		getppid();
		i++;
	}
	if (told)
		__atomic_fetch_add(&told->call_count, i, __ATOMIC_RELAXED);
}

int main(int argc, char **argv)
{
	struct told *told = argc > 3 ? map(argv[3]) : NULL;
	long count = argument(argc, argv, 1, 100003);
	long process_count = argument(argc, argv, 2, 2);

	for (long p = 0; p < process_count; p++) {
		pid_t pid = fork();

		if (pid < 0)
			FAIL("fork");
		if (pid)
			continue;
		call(count, told);
		_exit(0);
	}
	for (long p = 0; p < process_count; p++) {
		int status;

		if (wait(&status) < 0 || status)
			FAIL("a child");
	}
	return 0;
}
