/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * killed: 10 children, one after the other, that signals end:
 *
 *   3 by SIGKILL inside a read of an empty pipe: unfinished read calls, one in each
 *   5 by SIGTERM inside pause
 *   2 by SIGSEGV, from an address that they touch themselves
 *
 * A child is killed when /proc says that it sleeps, so it is inside the call.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "workload.h"

static int nothing[2]; /* a pipe that stays empty */

static void in_read(void)
{
	char byte;

	(void)!read(nothing[0], &byte, 1);
}

static void in_pause(void)
{
	pause();
}

static void in_segv(void)
{
	volatile int *volatile nowhere = (int *)16;

	*nowhere = 1;
}

static int sleeps(pid_t pid)
{
	char path[64], line[512];
	FILE *stat;
	char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	if (!stat || !fgets(line, sizeof(line), stat))
		FAIL(path);
	fclose(stat);
	state = strrchr(line, ')');
	return state && state[2] == 'S';
}

static void end_by(void (*act)(void), int signal)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		act();
		_exit(0);
	}
	if (signal != SIGSEGV) {
		while (!sleeps(pid))
			usleep(1000);
		kill(pid, signal);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != signal)
		FAIL("waitpid");
}

int main(void)
{
	struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	if (pipe(nothing) < 0)
		FAIL("pipe");
	for (int i = 0; i < 3; i++)
		end_by(in_read, SIGKILL);
	for (int i = 0; i < 5; i++)
		end_by(in_pause, SIGTERM);
	for (int i = 0; i < 2; i++)
		end_by(in_segv, SIGSEGV);
	return 0;
}
