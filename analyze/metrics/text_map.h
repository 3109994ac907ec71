/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes → a value of fixed size, in the order of their first appearance. */
#pragma once

#include "common/types.h"

struct text_map_entry {
	u64 hash;
	char *key;
	size_t key_len;
	void *value; /* value_size bytes, zeroed at first */
};

struct text_map {
	size_t value_size; /* set it first, the rest is zero */
	size_t count, capacity;
	struct text_map_entry *entries;
	u32 *slots; /* index + 1; 0: free */
	size_t slot_count;
};

/* The value of a key, which is copied in at first sight. Pointers to values stay valid. */
void *text_map_get(struct text_map *map, const char *key, size_t len);
void *text_map_find(const struct text_map *map, const char *key, size_t len); /* NULL: none */
/* The same, but of new keys only so many: then NULL. */
void *text_map_get_few(struct text_map *map, size_t max, const char *key, size_t len);
/*
 * The same for a path. Few are long, but a small file may ask for any number of those: of the long ones of a table so much
 * is held, then they share a value. `long_bytes` counts them, for several maps of one table.
 */
#define TEXT_MAP_ELSEWHERE "(elsewhere)"
void *text_map_get_path(struct text_map *map, size_t *long_bytes, const char *path, size_t len);
/* Is there room for it? Then it is counted. */
bool text_map_has_room(const struct text_map *map, size_t *long_bytes, const char *key, size_t len);
void text_map_release(struct text_map *map); /* frees the values, not what they point to */
/* The same, and the map itself, which *slot points to; it may be NULL. */
void text_map_free(void **slot);
