/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dirs DIRECTORY: in a mount namespace of its own and in the (empty) directory:
 *
 *   chdir to "one" and back   7 times in all; 3 more to what is not there, which fail
 *   fchdir to the directory   5 times
 *   a file system in memory on "mounted", with "jail" and "jail/old" in it; in a child of its own each:
 *   chroot to "mounted/jail", chdir "/", open "/inside", chdir to ".." 2 times; then out again: fchdir to a directory
 *   outside, open of "one" there
 *   pivot_root to "mounted", chdir "/", chroot "/jail"
 *
 * and chdir to a directory that is deleted then, fchdir to it again. Then says "ready PID" and waits for the end of
 * standard input.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "workload.h"

static void must(int result, const char *what)
{
	if (result < 0)
		FAIL(what);
}

static void in_child(void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		act();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		FAIL("child");
}

static void change_root(void)
{
	int outside = open(".", O_RDONLY | O_DIRECTORY);

	must(chroot("mounted/jail"), "chroot");
	must(chdir("/"), "chdir /");
	must(open("/inside", O_CREAT | O_WRONLY, 0600), "inside");
	must(chdir(".."), "chdir ..");
	must(chdir(".."), "chdir ..");
	must(fchdir(outside), "fchdir");
	must(open("one", O_RDONLY), "one");
}

static void pivot(void)
{
	must(unshare(CLONE_NEWNS), "unshare");
	must(syscall(SYS_pivot_root, "mounted", "mounted/jail/old"), "pivot_root");
	must(chdir("/"), "chdir /");
	must(chroot("/jail"), "chroot /jail");
}

int main(int argc, char **argv)
{
	int here, gone;
	char byte;

	if (argc < 2)
		return 2;
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
	must(chdir(argv[1]), "chdir");
	here = open(".", O_RDONLY | O_DIRECTORY);
	must(mkdir("one", 0700), "mkdir");
	for (int i = 0; i < 6; i++)
		must(chdir(i % 2 ? ".." : "one"), "chdir");
	for (int i = 0; i < 3; i++)
		if (!chdir("nothing"))
			FAIL("nothing is there");
	for (int i = 0; i < 5; i++)
		must(fchdir(here), "fchdir");
	must(mkdir("mounted", 0700), "mkdir");
	must(mount("none", "mounted", "tmpfs", 0, NULL), "tmpfs");
	must(mkdir("mounted/jail", 0700), "mkdir");
	must(mkdir("mounted/jail/old", 0700), "mkdir");
	in_child(change_root);
	in_child(pivot);
	must(mkdir("gone", 0700), "mkdir");
	must(chdir("gone"), "chdir");
	gone = open(".", O_RDONLY | O_DIRECTORY);
	must(rmdir("../gone"), "rmdir");
	must(fchdir(gone), "fchdir");
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
