/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compat_payloads: 32-bit calls (int 0x80) whose arguments point to structs that are laid out otherwise there: one each
 * of poll, _newselect, writev, nanosleep, rt_sigaction, fstat64, sendmsg and ugetrlimit.
 *
 * Ends with 77 on machines other than x86-64 and on kernels without 32-bit calls.
 */
#include "workload.h"

#ifdef __x86_64__
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

static long call32(long nr, long a, long b, long c, long d, long e)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

int main(void)
{
	/* A 32-bit call sees the low half of an address only. */
	unsigned int *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned int base = (unsigned int)(unsigned long)m;
	int fds[2], pair[2];

	if (m == MAP_FAILED || pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		FAIL("set-up");
	if (call32(20, 0, 0, 0, 0, 0) != getpid())
		return 77;
	m[0] = fds[1];
	m[1] = 4; /* POLLOUT */
	if (call32(168, base, 1, 1000, 0, 0) != 1)
		FAIL("poll");
	m[0] = 1u << fds[1];
	m[1] = 0;
	m[4] = 5; /* timeval */
	m[5] = 7;
	if (call32(142, 40, 0, base, 0, base + 16) != 1)
		FAIL("_newselect");
	memcpy(m + 64, "abcdefgh", 8);
	m[0] = base + 256;
	m[1] = 3;
	m[2] = base + 259;
	m[3] = 5;
	if (call32(146, fds[1], base, 2, 0, 0) != 8)
		FAIL("writev");
	m[0] = 0;
	m[1] = 1000003;
	if (call32(162, base, 0, 0, 0, 0))
		FAIL("nanosleep");
	m[0] = 1; /* SIG_IGN */
	m[1] = 0x10000000;
	m[2] = 0;
	m[3] = 1u << 16;
	m[4] = 0;
	if (call32(174, 10, base, base + 64, 8, 0))
		FAIL("rt_sigaction");
	if (call32(197, fds[0], base, 0, 0, 0))
		FAIL("fstat64");
	m[0] = base + 256; /* iovec */
	m[64] = base + 512;
	m[65] = 11;
	memset(m, 0, 28);
	m[2] = base + 256;
	m[3] = 1;
	m[4] = base + 128; /* control */
	m[5] = 16;
	m[32] = 16;
	m[33] = SOL_SOCKET;
	m[34] = SCM_RIGHTS;
	m[35] = fds[0];
	if (call32(370, pair[0], base, 0, 0, 0) != 11)
		FAIL("sendmsg");
	if (call32(191, 7, base, 0, 0, 0))
		FAIL("ugetrlimit");
	return 0;
}
#else
int main(void)
{
	return 77;
}
#endif
