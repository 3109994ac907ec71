/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reuse: 5 processes, one after the other, that all have the same pid; process i makes the marker i and
 * ends with the code i + 1. Needs root: the pid is asked for with clone3.
 */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "marker.h"
#include "workload.h"

static pid_t make(pid_t pid, long i)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int status;

	if (pid) {
		args.set_tid = (uintptr_t)&pid;
		args.set_tid_size = 1;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		marker(i);
		_exit(i + 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		FAIL("clone3");
	return pid;
}

int main(void)
{
	pid_t pid = make(0, 0);

	for (long i = 1; i < 5; i++)
		make(pid, i);
	return 0;
}
