/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that a process has mapped, as /proc/PID/maps tells. */
#pragma once

#include "common/types.h"

struct process_map {
	u64 start, end; /* addresses: the first, the first behind it */
	u64 offset;	/* in the file */
	u64 inode;
	u32 major, minor; /* of the device */
	u32 prot;	  /* PROT_* */
	bool shared;
	const char *path; /* " (deleted)" at the end of one that has no name any more */
};

/*
 * Every mapping of a file, by address, until `take` gives an error. 0, also for a process that is gone, or what `take`
 * gave.
 */
int process_maps_each(u32 number, int (*take)(void *context, const struct process_map *map),
		      void *context);
