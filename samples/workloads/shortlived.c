/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shortlived [N]: N processes (10007 if not given), one after the other, that end at once; child i with
 * the exit code i % 251.
 */
#include <sys/wait.h>

#include "workload.h"

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 10007);

	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(i % 251);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			FAIL("fork");
	}
	return 0;
}
