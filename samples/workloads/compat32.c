/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compat32: a 64-bit program that makes 32-bit calls through int 0x80, whose numbers mean others there:
 *
 *   getpid (20; 64-bit: writev)           19 times
 *   open "/dev/null" (5; 64-bit: fstat)    7 times
 *   close (6; 64-bit: lstat)               7 times
 *   getpid of the x32 ABI (0x40000027)     3 times; ENOSYS where the kernel lacks that ABI
 *
 * Ends with 77 on machines other than x86-64 and on kernels without 32-bit calls.
 */
#include "workload.h"

#ifdef __x86_64__
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int call32(int nr, unsigned int a, unsigned int b)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

int main(void)
{
	/* A 32-bit call sees the low half of an address only. */
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (path == MAP_FAILED)
		FAIL("mmap");
	strcpy(path, "/dev/null");
	for (int i = 0; i < 19; i++)
		if (call32(20, 0, 0) != getpid())
			return 77;
	for (int i = 0; i < 7; i++) {
		int fd = call32(5, (unsigned long)path, O_RDONLY);

		if (fd < 0 || call32(6, fd, 0))
			FAIL("open or close");
	}
	for (int i = 0; i < 3; i++)
		syscall(0x40000000 + SYS_getpid);
	return 0;
}
#else
int main(void)
{
	return 77;
}
#endif
