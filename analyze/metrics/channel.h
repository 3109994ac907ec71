/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose bytes a reader gets: those of a pipe or of one direction of a connection, in the order in which they were
 * written. A reader may be seen before the writer whose call is still under way, so what is read may be owed.
 */
#pragma once

#include "common/types.h"

/* Parts of different writers that are under way; more are taken for the last one's. */
#define CHANNEL_PARTS_MAX 256

struct channel_part {
	u32 process_id;
	u64 bytes;
};

struct channel {	 /* zero it first */
	u32 last_writer; /* process; 0: nobody wrote yet */
	bool owed;	 /* the parts are what was read before it was written, and by whom */
	size_t first, count, capacity;
	struct channel_part *parts; /* a ring */
};

/* So many of these bytes went from one process to another. */
typedef void (*channel_pass_fn)(void *context, u32 from_process, u32 to_process, u64 bytes);

void channel_write(struct channel *channel, u32 process_id, u64 bytes, channel_pass_fn pass,
		   void *context);
void channel_read(struct channel *channel, u32 process_id, u64 bytes, channel_pass_fn pass,
		  void *context);
/* The rest goes to nobody, or comes from nobody: process 0. */
void channel_end(struct channel *channel, channel_pass_fn pass, void *context);
