/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* --backend: BPF or ptrace, and what the second cannot do. */
#pragma once

#include "record/settings.h"

/* 0, or -EINVAL with *ret_error: --backend ptrace, and something that only BPF can do. */
int backend_check(const struct settings *settings, char **ret_error);
bool backend_is_ptrace(const struct settings *settings);
/* May ptrace stand in for a BPF that cannot be had? */
bool backend_falls_back(const struct settings *settings);
/* The settings with which ptrace records; says so. `why` BPF does not; NULL: ptrace was asked for. */
void backend_narrow(const struct settings *settings, const char *why,
		    struct settings *ret_settings);
