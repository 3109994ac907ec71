/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is open at a moment of a walk: the table of `analyze lsof`. */
#pragma once

#include "analyze/table.h"
#include "analyze/walk.h"

extern const struct table table_open_fd;

/*
 * Pushes a row for every directory and descriptor of the processes that are alive where the walk (WALK_FDS) is now
 * and that it selects, begin() and end() included. 0 or the sink's -errno. *ret_any: was there such a process?
 */
int open_fds_write(struct walk *walk, struct sink *sink, bool *ret_any);
