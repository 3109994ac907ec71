/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A seccomp program that stops a traced thread at the calls that are recorded, and lets the others run at full speed. */
#pragma once

#include <linux/filter.h>

#include "bpf/control.h"
#include "common/syscalls.h"

/*
 * From what spec_fill() made; `unknown_skipped` is what becomes of numbers that no table has. NULL: it would be too
 * long. Free it, and its filter.
 */
struct sock_fprog *seccomp_program_new(const struct syscall_spec *specs,
				       const struct syscall_table *tables, size_t table_count,
				       bool unknown_skipped);
void seccomp_program_free(struct sock_fprog *program);
/* AUDIT_ARCH_* of an ABI; 0: it has none here. */
u32 seccomp_arch(u8 abi);
/* For this process, its threads and children, for ever. Gives up the right to gain privileges only where it must. 0 or -errno. */
int seccomp_install(const struct sock_fprog *program);
/* Can a program be installed here? Tried in a child. */
bool seccomp_possible(void);
