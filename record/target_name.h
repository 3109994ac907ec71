/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets by the name of their program: -n. */
#pragma once

#include "record/targets.h"

/*
 * NAME: the process's name, or the last part of its argv[0]. The kernel compares names of up to 15 bytes by itself,
 * now and when a process takes a name later. /REGEX/: extended, found anywhere in the name or the command line of what
 * runs now.
 */
int target_add_name(struct targets *targets, const char *name, char **ret_error);

/* A process that pidfd_open() finds; of several reasons the first but for -t. 0 or -errno. */
int target_add_seed(struct targets *targets, u32 pid, u8 reason);
