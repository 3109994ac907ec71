/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * execs [LEFT]: replaces itself 23 times, in one process; LEFT counts down in its only argument.
 * With the execve that starts it: 24 execve calls, 24 exec events, one process.
 */
#include "workload.h"

int main(int argc, char **argv)
{
	long left = argument(argc, argv, 1, 23);
	char text[24];

	if (!left)
		return 0;
	snprintf(text, sizeof(text), "%ld", left - 1);
	execl("/proc/self/exe", "execs", text, NULL);
	FAIL("execl");
}
