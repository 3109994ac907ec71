/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * signals: signals to itself and to its children, in known numbers:
 *
 *   SIGUSR1   7 kill        a handler
 *   SIGUSR2  11 tgkill      a handler
 *   SIGHUP   13 sigqueue    a handler
 *   SIGALRM   3 setitimer   a handler; sent by the kernel
 *   SIGURG    5 kill        ignored, so never delivered
 *   SIGQUIT   2 kill        a handler; while it is blocked, so the second is pending already: delivered once
 *   SIGTERM   2 kill        of a child each, which dies of it: two SIGCHLD
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "workload.h"

static volatile int handled;

static void handler(int number)
{
	(void)number;
	handled++;
}

static void handle(int number)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(number, &action, NULL);
}

int main(void)
{
	struct itimerval timer = { .it_value = { 0, 1000 } };
	sigset_t set, none;

	handle(SIGUSR1);
	handle(SIGUSR2);
	handle(SIGHUP);
	handle(SIGALRM);
	handle(SIGQUIT);
	signal(SIGURG, SIG_IGN);
	for (int i = 0; i < 7; i++)
		kill(getpid(), SIGUSR1);
	for (int i = 0; i < 11; i++)
		syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2);
	for (int i = 0; i < 13; i++)
		sigqueue(getpid(), SIGHUP, (union sigval){ .sival_int = i });
	for (int i = 0; i < 5; i++)
		kill(getpid(), SIGURG);
	if (handled != 7 + 11 + 13)
		FAIL("handlers");

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		setitimer(ITIMER_REAL, &timer, NULL);
		sigsuspend(&none);
	}

	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGQUIT);
	kill(getpid(), SIGQUIT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (handled != 7 + 11 + 13 + 3 + 1)
		FAIL("handlers");

	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			for (;;)
				pause();
		kill(pid, SIGTERM);
		if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
			FAIL("waitpid");
	}
	printf("%d\n", getpid());
	return 0;
}
