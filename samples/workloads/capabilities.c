/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capabilities: run as root, it asks for what needs a capability:
 *
 *   as root             19 times chroot("/")            CAP_SYS_CHROOT, granted
 *   as user 65534       23 times chroot("/")            CAP_SYS_CHROOT, denied
 *                       13 raw sockets                  CAP_NET_RAW, denied
 *   in a user namespace of its own
 *                        7 times chroot("/")            CAP_SYS_CHROOT, granted there
 *
 * Prints the namespaces' inode numbers and the pids: "root PID NS", "nobody PID NS", "own PID NS".
 */
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "workload.h"

static void say(const char *who)
{
	struct stat st;

	if (stat("/proc/self/ns/user", &st))
		FAIL("/proc/self/ns/user");
	dprintf(1, "%s %d %lu\n", who, getpid(), (unsigned long)st.st_ino);
}

static void chroots(int times, int number)
{
	for (int i = 0; i < times; i++) {
		errno = 0;
		if ((chroot("/") ? errno : 0) != number)
			FAIL("chroot");
	}
}

static void nobody(void)
{
	if (setresuid(65534, 65534, 65534))
		FAIL("setresuid");
	say("nobody");
	chroots(23, EPERM);
	for (int i = 0; i < 13; i++)
		if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || errno != EPERM)
			FAIL("socket");
	exit(0);
}

static void own(void)
{
	if (unshare(CLONE_NEWUSER))
		FAIL("unshare");
	say("own");
	chroots(7, 0);
	exit(0);
}

int main(void)
{
	int status;

	say("root");
	chroots(19, 0);
	if (!fork())
		nobody();
	wait(&status);
	if (!status) {
		if (!fork())
			own();
		wait(&status);
	}
	return WEXITSTATUS(status);
}
