/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hashes for tables whose keys come from a file. They depend on numbers that each process draws for itself, so that
 * nobody can write a file whose keys meet in one slot. In turn nothing that is told may depend on the order of slots.
 */
#pragma once

#include "common/types.h"

#include <stddef.h>
#include <string.h>

extern u64 hash_seed;
extern u64 hash_factor; /* odd */

/*
 * `hash`: of what comes before it in the key, itself hashed, or 0: two plain numbers would be told apart by nothing
 * but their XOR.
 */
static inline u64 hash_number(u64 hash, u64 number)
{
	hash = (hash ^ number ^ hash_seed) * hash_factor;
	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull;
	return hash ^ hash >> 32;
}

/* Eight bytes at a time: keys are paths, and there is one look-up per call. */
static inline u64 hash_bytes(const void *key, size_t len)
{
	const char *bytes = key;
	u64 hash = len, word;

	for (; len >= 8; bytes += 8, len -= 8) {
		memcpy(&word, bytes, 8);
		hash = hash_number(hash, word);
	}
	word = 0;
	memcpy(&word, bytes, len);
	return hash_number(hash, word);
}
