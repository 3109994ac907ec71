/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * failing: calls that fail, in known numbers:
 *
 *   openat "/nonexistent/file"    ENOENT    7
 *   openat "/dev/null/file"       ENOTDIR   3
 *   fsync(-1)                     EBADF    11
 *   munmap(1, 4096)               EINVAL    5
 *   faccessat of address 16       EFAULT   13
 *   wait4 without a child         ECHILD   17
 *   unlinkat "/" (a directory)    EISDIR   19  (EBUSY on some file systems: rmdir is not asked for)
 *   call number 1999              ENOSYS    2
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "workload.h"

static void expect(long ret, int number, const char *what)
{
	if (ret != -1 || errno != number)
		FAIL(what);
}

int main(void)
{
	for (int i = 0; i < 7; i++)
		expect(syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", O_RDONLY), ENOENT,
		       "ENOENT");
	for (int i = 0; i < 3; i++)
		expect(syscall(SYS_openat, AT_FDCWD, "/dev/null/file", O_RDONLY), ENOTDIR,
		       "ENOTDIR");
	for (int i = 0; i < 11; i++)
		expect(fsync(-1), EBADF, "EBADF");
	for (int i = 0; i < 5; i++)
		expect(munmap((void *)1, 4096), EINVAL, "EINVAL");
	for (int i = 0; i < 13; i++)
		expect(syscall(SYS_faccessat, AT_FDCWD, 16, F_OK), EFAULT, "EFAULT");
	for (int i = 0; i < 17; i++)
		expect(wait4(-1, NULL, 0, NULL), ECHILD, "ECHILD");
	for (int i = 0; i < 19; i++)
		expect(syscall(SYS_unlinkat, AT_FDCWD, "/", 0), EISDIR, "EISDIR");
	for (int i = 0; i < 2; i++)
		expect(syscall(1999), ENOSYS, "ENOSYS");
	return 0;
}
