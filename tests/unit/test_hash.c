/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys that were made to meet in one slot do not; equal ones do. */
#include "analyze/model/idmap.h"
#include "common/hash.h"
#include "tests/unit/check.h"

#define KEYS	   4096
#define SLOTS	   (2 * KEYS)
#define IN_ONE_MAX 20 /* of 4096 keys thrown at random: once in 10^20 tries */

static u64 inverse_of(u64 odd)
{
	u64 inverse = odd;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - odd * inverse;
	return inverse;
}

static u64 key_of(unsigned set, u64 i)
{
	switch (set) {
	case 0:
		return i;
	case 1:
		return i << 16;
	case 2:
		return i << 52;
	case 3:
		return i * inverse_of(0x9E3779B97F4A7C15ull);
	case 4:
		return i << 18 & 0xffffffff;
	default:
		return i * 0x9E3779B97F4A7C15ull;
	}
}

static void test_spread(void)
{
	for (unsigned set = 0; set < 6; set++) {
		u8 numbers[SLOTS] = { 0 }, pairs[SLOTS] = { 0 }, texts[SLOTS] = { 0 };
		u8 worst = 0;

		for (u64 i = 0; i < KEYS; i++) {
			u64 key = key_of(set, i), text[] = { 7, key, 8, i };
			u8 *in[] = { &numbers[hash_number(0, key) % SLOTS],
				     &pairs[hash_number(hash_number(0, key), i) % SLOTS],
				     &texts[hash_bytes(text, sizeof(text)) % SLOTS] };

			/* Of 32 bits there are no more different ones. */
			if (set == 4 && i >= 1 << 14)
				break;
			for (unsigned k = 0; k < ARRAY_SIZE(in); k++)
				if (++*in[k] > worst)
					worst = *in[k];
		}
		CHECK(worst <= IN_ONE_MAX);
	}
}

static void test_bytes(void)
{
	static const char text[] = "/usr/lib/x86_64-linux-gnu/libc.so.6\0\0\0";
	char copy[sizeof(text)];

	memcpy(copy, text, sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		CHECK_EQ(hash_bytes(text, len), hash_bytes(copy, len));
		for (size_t other = 0; other < len; other++) {
			CHECK(hash_bytes(text, len) != hash_bytes(text, other));
			copy[other] ^= 1;
			CHECK(hash_bytes(text, len) != hash_bytes(copy, len));
			copy[other] ^= 1;
		}
	}
}

static void test_idmap(void)
{
	struct idmap map = {};
	int values[KEYS];

	for (u32 i = 0; i < KEYS; i++)
		idmap_put(&map, i << 18 | i >> 14, &values[i]);
	for (u32 i = 0; i < KEYS; i += 2)
		idmap_remove(&map, i << 18 | i >> 14);
	CHECK_EQ(map.count, KEYS / 2);
	for (u32 i = 0; i < KEYS; i++)
		CHECK(idmap_find(&map, i << 18 | i >> 14) == (i % 2 ? &values[i] : NULL));
	idmap_release(&map);
}

int main(void)
{
	test_spread();
	test_bytes();
	test_idmap();
	return check_report();
}
