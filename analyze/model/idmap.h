/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Number → pointer, for tids and pids: open addressing, remembers the last hit. Slots are in no order. */
#pragma once

#include "common/types.h"

struct idmap_slot {
	u32 id;
	void *value; /* NULL: free */
};

struct idmap { /* zero it first */
	struct idmap_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	u32 last_id;
	void *last_value;
};

void idmap_release(struct idmap *map);
void *idmap_find_slow(struct idmap *map, u32 id);
void idmap_put(struct idmap *map, u32 id, void *value); /* replaces; value is not NULL */
void idmap_remove(struct idmap *map, u32 id);

/* NULL if there is none. */
static inline void *idmap_find(struct idmap *map, u32 id)
{
	if (map->last_value && map->last_id == id)
		return map->last_value;
	return idmap_find_slow(map, id);
}
