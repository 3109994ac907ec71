/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call did to which open files: read, write, seek … with how many bytes. */
#pragma once

#include "analyze/model/fds.h"

#define FILE_OPS(O)                                                                                \
	O(open)                                                                                    \
	O(read)                                                                                    \
	O(write)                                                                                   \
	O(seek)                                                                                    \
	O(sync)                                                                                    \
	O(map)                                                                                     \
	O(close)                                                                                   \
	O(connect)                                                                                 \
	O(accept)                                                                                  \
	O(other)

#define FILE_OP_ENUM(name) FILE_OP_##name,
enum file_op { FILE_OPS(FILE_OP_ENUM) FILE_OP_COUNT };

struct file_use {
	u8 op; /* enum file_op */
	s32 fd;
	struct open_file *file; /* NULL: not known */
	u64 bytes;		/* of reads and writes that succeeded */
};

#define FILE_USES_MAX 2 /* sendfile, splice: read from one and written to another */

/*
 * The uses of the event that is being told: a call, or the completion of an io_uring's request. Nothing without
 * WALK_FDS. Found once per event, whoever asks.
 */
size_t model_uses(struct model *model, struct thread *thread, const struct event *event,
		  const struct file_use **ret_uses);
