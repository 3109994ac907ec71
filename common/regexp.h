/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* POSIX's extended regular expressions, as system calls and names of processes are chosen by. */
#pragma once

#include <regex.h>

/*
 * Compiles for regexec() without matches; the caller calls regfree(). 0, or -EINVAL with *ret_why (free it). An expression
 * that would take too much memory is refused: the C library writes repetitions out, and those inside of others multiply.
 */
int regexp_compile(const char *source, regex_t *ret_regex, char **ret_why);
