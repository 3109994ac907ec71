/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: a table of descriptors and the open files in it. fds.c knows when, this knows how. */
#pragma once

#include "analyze/model/fds.h"

#define FD_MAX	      (1 << 20)
#define FD_TABLES_MAX (256 << 20) /* bytes of all tables together: a file may claim anything */

struct fd_slot {
	struct open_file *file;
	u64 since_ns; /* when the descriptor was made; 0: before it was watched */
	bool close_on_exec;
};

/*
 * Only what is used takes space and time: one number of a million may be open alone, and every fork, exec and
 * close_range walks the table.
 */
struct fd_leaf {
	u32 used; /* a bit for each that is open; freed with the last */
	struct fd_slot slots[32];
};

struct fd_group {
	u32 used; /* a bit for each that is there */
	struct fd_leaf *leaves[32];
};

struct fd_table {
	u32 references; /* threads */
	u32 open_count;
	u32 group_count;
	struct fd_group **groups; /* NULL: nothing is open there */
	struct fds *fds;
	/* The last file that lost its number: another thread's call may still be busy with it. */
	s32 left_fd;
	struct open_file *left;
	u64 left_ns;
	bool exec;    /* an exec has succeeded, and its call's record is still to come */
	bool written; /* while lsof writes those of a process: this one is */
};

struct fd_table *fd_table_new(struct fds *fds);
struct fd_table *fd_table_ref(struct fd_table *table);
struct fd_table *fd_table_copy(const struct fd_table *table);
/* The last reference ends all descriptors, at `now`. Accepts NULL. */
void fd_table_unref(struct fd_table *table, u64 now, enum file_end end);

/* Valid until the table changes; NULL if it is not open. */
struct fd_slot *fd_table_slot(const struct fd_table *table, s32 fd);
/* The first that is open from *fd on, which becomes its number; NULL: there is none. */
struct fd_slot *fd_table_next(const struct fd_table *table, u32 *fd);
/* Takes over no reference of the caller's. What was there is closed. False: out of bounds. */
bool fd_table_put(struct fd_table *table, s32 fd, struct open_file *file, u64 now,
		  bool close_on_exec);
void fd_table_close(struct fd_table *table, s32 fd, u64 now, enum file_end end);
void fd_table_exec(struct fd_table *table, u64 now);
