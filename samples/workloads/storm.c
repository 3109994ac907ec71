/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * storm [N [PROCESSES]]: each of PROCESSES children (2 if not given) calls getppid N times (100003 if not
 * given) as fast as it can; nothing else calls getppid. All other calls are the same whatever N is: two
 * runs with the same PROCESSES differ by exactly PROCESSES times the difference of N.
 */
#include <sys/wait.h>

#include "workload.h"

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 100003);
	long process_count = argument(argc, argv, 2, 2);

	for (long p = 0; p < process_count; p++) {
		pid_t pid = fork();

		if (pid < 0)
			FAIL("fork");
		if (pid)
			continue;
		for (long i = 0; i < count; i++)
			getppid();
		_exit(0);
	}
	for (long p = 0; p < process_count; p++) {
		int status;

		if (wait(&status) < 0 || status)
			FAIL("a child");
	}
	return 0;
}
