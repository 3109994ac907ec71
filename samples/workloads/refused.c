/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * refused: calls that seccomp refuses before the kernel enters them, in known numbers:
 *
 *   openat "refused", O_RDONLY|O_CLOEXEC   EACCES   7   (refused are those of a descriptor of 1999)
 *   openat "refused", O_WRONLY             SIGSYS   5
 *   fchmod(1999)                           EPERM    11
 *   fchmod(1999, 0) by a call that seccomp lets pass: EBADF, 3
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "workload.h"

#define FD			  1999
#define LOAD(field)		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define ANSWER(action)		  BPF_STMT(BPF_RET | BPF_K, action)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW 0
#else
#define LOW 4
#endif
#define LOAD_ARG(index)                                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[index]) + LOW)

static void expect(long ret, int number, const char *what)
{
	if (ret != -1 || errno != number)
		FAIL(what);
}

static volatile sig_atomic_t traps;

static void count_trap(int signal_number)
{
	(void)signal_number;
	traps = traps + 1;
}

int main(void)
{
	struct sock_filter code[] = {
		LOAD_ARG(0),
		JUMP_UNLESS(FD, 10),
		LOAD(nr),
		JUMP_UNLESS(SYS_openat, 4),
		LOAD_ARG(2),
		JUMP_UNLESS(O_WRONLY, 1),
		ANSWER(SECCOMP_RET_TRAP),
		ANSWER(SECCOMP_RET_ERRNO | EACCES),
		JUMP_UNLESS(SYS_fchmod, 3),
		LOAD_ARG(1),
		JUMP_UNLESS(0600, 1),
		ANSWER(SECCOMP_RET_ERRNO | EPERM),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	char path[] = "refused"; /* in memory */

	signal(SIGSYS, count_trap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		FAIL("seccomp");
	for (int i = 0; i < 7; i++)
		expect(syscall(SYS_openat, FD, path, O_RDONLY | O_CLOEXEC), EACCES, "openat");
	for (int i = 0; i < 5; i++)
		syscall(SYS_openat, FD, path, O_WRONLY);
	if (traps != 5)
		FAIL("SIGSYS");
	for (int i = 0; i < 11; i++)
		expect(syscall(SYS_fchmod, FD, 0600), EPERM, "fchmod");
	for (int i = 0; i < 3; i++)
		expect(syscall(SYS_fchmod, FD, 0), EBADF, "fchmod that is let pass");
	return 0;
}
