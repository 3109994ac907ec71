/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects that have an inode, by its number. A file that is closed is remembered for a while, so that it is
 * the same when it is opened again and a block or page of it has a name; a pipe or socket is gone with its last
 * descriptor.
 */
#pragma once

#include "analyze/model/object.h"

#define OBJECTS_IDLE_MAX 16384 /* closed files that are remembered */

/* Instead of a device: what one number names on the whole machine. */
#define OBJECT_PLACE_SOCKET UINT32_MAX
#define OBJECT_PLACE_PIPE   (UINT32_MAX - 1)

struct objects { /* zero it first */
	struct object **buckets;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	u64 made; /* ever */
	u64 ids;  /* OBJECT_IDS_…, to which their numbers are added; 0 */
	struct object *oldest, *newest;
	size_t idle_count;
};

/* One reference, the caller's. In no map: an anonymous inode is shared by all of its kind. */
struct object *objects_make(struct objects *objects, u8 type, u64 now);
/* In the map; another one at the place is thrown out. */
struct object *objects_make_at(struct objects *objects, u8 type, u32 place_device, u64 inode,
			       u64 now);
/* Borrowed; NULL if there is none. */
struct object *objects_find(const struct objects *objects, u32 place_device, u64 inode);
/* The next one to have the inode is another. */
void objects_forget(struct objects *objects, struct object *object);
/* An open file begins, or ceases, to stand for it. */
void objects_open(struct objects *objects, struct object *object);
void objects_close(struct objects *objects, struct object *object);
/* Nobody needs to have it open: it is remembered like one that was closed just now. */
void objects_remember(struct objects *objects, struct object *object);
void objects_release(struct objects *objects);
