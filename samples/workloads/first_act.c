/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * first_act [N]: no libc and no loader; its first instruction leads to the marker N (1 if not given),
 * its second and last call is exit_group(0). Two system calls after the execve, no more.
 */
#include "marker.h"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall act\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl act\n");
#elif defined(__riscv)
__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall act\n");
#endif

__attribute__((noreturn)) void act(long *stack); /* called from _start only */

/* The kernel leaves argc and the pointers of argv on the stack. */
__attribute__((noreturn, used)) void act(long *stack)
{
	long n = 1;

	if (stack[0] > 1) {
		n = 0;
		for (const char *s = (const char *)stack[2]; *s; s++)
			n = n * 10 + (*s - '0');
	}
	marker(n);
	for (;;)
		raw_syscall2(SYS_exit_group, 0, 0);
}
