/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/idmap.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

static size_t home(const struct idmap *map, u32 id)
{
	return hash_number(0, id) & (map->capacity - 1);
}

void idmap_release(struct idmap *map)
{
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

static struct idmap_slot *slot_of(struct idmap *map, u32 id)
{
	size_t i = home(map, id);

	while (map->slots[i].value && map->slots[i].id != id)
		i = (i + 1) & (map->capacity - 1);
	return &map->slots[i];
}

void *idmap_find_slow(struct idmap *map, u32 id)
{
	struct idmap_slot *slot;

	if (!map->capacity)
		return NULL;
	slot = slot_of(map, id);
	if (slot->value) {
		map->last_id = id;
		map->last_value = slot->value;
	}
	return slot->value;
}

static void grow(struct idmap *map)
{
	struct idmap_slot *old = map->slots;
	size_t old_capacity = map->capacity;

	map->capacity = old_capacity ? old_capacity * 2 : 8;
	map->slots = xcalloc(map->capacity, sizeof(*map->slots));
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].value)
			*slot_of(map, old[i].id) = old[i];
	free(old);
}

void idmap_put(struct idmap *map, u32 id, void *value)
{
	struct idmap_slot *slot;

	if ((map->count + 1) * 2 > map->capacity)
		grow(map);
	slot = slot_of(map, id);
	if (!slot->value)
		map->count++;
	*slot = (struct idmap_slot){ id, value };
	map->last_value = NULL;
}

void idmap_remove(struct idmap *map, u32 id)
{
	struct idmap_slot *slot;
	size_t mask = map->capacity - 1, hole, i;

	if (!map->capacity)
		return;
	slot = slot_of(map, id);
	if (!slot->value)
		return;
	map->last_value = NULL;
	map->count--;

	/* Close the gap, so that no search ends in it too early. */
	hole = (size_t)(slot - map->slots);
	for (i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask)
		if (((i - home(map, map->slots[i].id)) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	map->slots[hole].value = NULL;
}
