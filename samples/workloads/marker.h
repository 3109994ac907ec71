/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The marker: a system call that nothing else makes, getpriority(MARKER, n), which fails with EINVAL.
 *
 * It is made by hand, without libc, so that it can be the very first act of a program and so that a
 * thread without a libc of its own may make it.
 */
#pragma once

#include <sys/syscall.h>

#define MARKER 0x7ac0

static inline long raw_syscall2(long nr, long a, long b)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
	return x0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1) : "memory");
	return a0;
#else
#error "say here how this machine makes a system call"
#endif
}

static inline long marker(long n)
{
	return raw_syscall2(SYS_getpriority, MARKER, n);
}
