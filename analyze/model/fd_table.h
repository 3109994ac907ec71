/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: a table of descriptors and the open files in it. fds.c knows when, this knows how. */
#pragma once

#include "analyze/model/fds.h"

#define FD_MAX	     (1 << 20)
#define FD_SLOTS_MAX (4 << 20) /* of all tables together: a file may claim anything */

struct fd_slot {
	struct open_file *file; /* NULL: not open, or not known */
	u64 since_ns;		/* when the descriptor was made; 0: before it was watched */
	bool close_on_exec;
};

struct fd_table {
	u32 references; /* threads */
	u32 capacity;
	struct fds *fds;
	struct fd_slot *slots;
	/* The last file that lost its number: another thread's call may still be busy with it. */
	s32 left_fd;
	struct open_file *left;
	u64 left_ns;
	bool exec; /* an exec has succeeded, and its call's record is still to come */
};

struct fd_table *fd_table_new(struct fds *fds);
struct fd_table *fd_table_ref(struct fd_table *table);
struct fd_table *fd_table_copy(const struct fd_table *table);
/* The last reference ends all descriptors, at `now`. Accepts NULL. */
void fd_table_unref(struct fd_table *table, u64 now, enum file_end end);

/* NULL if there is no such slot yet. */
struct fd_slot *fd_table_slot(const struct fd_table *table, s32 fd);
/* Takes over no reference of the caller's. What was there is closed. NULL: out of bounds. */
struct fd_slot *fd_table_put(struct fd_table *table, s32 fd, struct open_file *file, u64 now,
			     bool close_on_exec);
void fd_table_close(struct fd_table *table, s32 fd, u64 now, enum file_end end);
void fd_table_exec(struct fd_table *table, u64 now);
