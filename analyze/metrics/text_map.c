/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/text_map.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

#define PATH_LONG	 512
#define PATHS_LONG_BYTES (64u << 20)

/* The slot that has the key, or the free one where it belongs. */
static u32 *find_slot(const struct text_map *map, u64 hash, const char *key, size_t len)
{
	size_t i = hash & (map->slot_count - 1);

	for (; map->slots[i]; i = (i + 1) & (map->slot_count - 1)) {
		const struct text_map_entry *entry = &map->entries[map->slots[i] - 1];

		if (entry->hash == hash && entry->key_len == len && !memcmp(entry->key, key, len))
			break;
	}
	return &map->slots[i];
}

static void grow(struct text_map *map)
{
	map->slot_count = map->slot_count ? map->slot_count * 2 : 64;
	free(map->slots);
	map->slots = xcalloc(map->slot_count, sizeof(*map->slots));
	for (size_t i = 0; i < map->count; i++)
		*find_slot(map, map->entries[i].hash, map->entries[i].key,
			   map->entries[i].key_len) = (u32)(i + 1);
}

void *text_map_get(struct text_map *map, const char *key, size_t len)
{
	u64 hash = hash_bytes(key, len);
	struct text_map_entry *entry;
	u32 *slot;

	if ((map->count + 1) * 2 > map->slot_count)
		grow(map);
	slot = find_slot(map, hash, key, len);
	if (*slot)
		return map->entries[*slot - 1].value;
	ARRAY_RESERVE(map->entries, map->capacity, map->count + 1);
	entry = &map->entries[map->count++];
	*entry = (struct text_map_entry){ hash, xmemdup(key, len), len,
					  xcalloc(1, map->value_size) };
	*slot = (u32)map->count;
	return entry->value;
}

void *text_map_find(const struct text_map *map, const char *key, size_t len)
{
	u32 slot = map->slot_count ? *find_slot(map, hash_bytes(key, len), key, len) : 0;

	return slot ? map->entries[slot - 1].value : NULL;
}

void *text_map_get_few(struct text_map *map, size_t max, const char *key, size_t len)
{
	return map->count < max ? text_map_get(map, key, len) : text_map_find(map, key, len);
}

bool text_map_has_room(const struct text_map *map, size_t *long_bytes, const char *key, size_t len)
{
	if (len <= PATH_LONG || text_map_find(map, key, len))
		return true;
	if (*long_bytes > PATHS_LONG_BYTES)
		return false;
	*long_bytes += len;
	return true;
}

void *text_map_get_path(struct text_map *map, size_t *long_bytes, const char *path, size_t len)
{
	if (text_map_has_room(map, long_bytes, path, len))
		return text_map_get(map, path, len);
	return text_map_get(map, TEXT_MAP_ELSEWHERE, strlen(TEXT_MAP_ELSEWHERE));
}

void text_map_release(struct text_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->entries[i].key);
		free(map->entries[i].value);
	}
	free(map->entries);
	free(map->slots);
	*map = (struct text_map){ .value_size = map->value_size };
}

void text_map_free(void **slot)
{
	struct text_map *map = *slot;

	if (!map)
		return;
	text_map_release(map);
	free(map);
	*slot = NULL;
}
