/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The GNU build id of a program or library: names its contents anywhere. */
#pragma once

#include "common/types.h"

#define BUILD_ID_BYTES_MAX 32 /* 20 are usual */

/*
 * Of the file that process `pid` calls `path`, if its inode number is still this one. Its length; 0 if it has none;
 * -errno.
 */
int build_id_read(u32 pid, const char *path, u64 inode, u8 ret_id[BUILD_ID_BYTES_MAX]);
