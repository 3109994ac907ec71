/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of union mounts, by the file below that has their contents: what page cache and disks tell of. */
#pragma once

#include "common/events.h"

struct below_slot {
	u64 below_inode, inode;
	u32 below_device, device;
};

struct below {
	size_t count, size; /* size: of the table, a power of two, or 0 */
	struct below_slot *slots;
};

/* What was below another file until now is below this one. */
void below_add(struct below *below, const struct trc_file_below *record);
/* The file that is above; NULL: none is known. Borrowed, until the next one is added. */
const struct below_slot *below_find(const struct below *below, u32 device, u64 inode);
void below_release(struct below *below);
