/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running kernel's functions by address, from /proc/kallsyms. */
#pragma once

#include "common/types.h"

struct kernel_symbol {
	u64 start;
	const char *name;
	const char *module; /* NULL: the kernel itself */
};

struct kernel_symbols;

/* 0, or -errno; -EPERM: the kernel hides its addresses (kernel.kptr_restrict, or CAP_SYSLOG is missing). */
int kernel_symbols_load(struct kernel_symbols **ret_symbols);
/* The function that a call returned to this address is in; NULL if none is known. */
const struct kernel_symbol *kernel_symbol_of(const struct kernel_symbols *symbols, u64 address);
void kernel_symbols_free(struct kernel_symbols *symbols);
