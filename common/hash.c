/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/hash.h"

#include <sys/random.h>

/* They stay where the kernel has no randomness yet. */
u64 hash_seed = 0x243f6a8885a308d3ull, hash_factor = 0x9e3779b97f4a7c15ull;

__attribute__((constructor)) static void draw(void)
{
	u64 drawn[2];

	if (getrandom(drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn))
		return;
	hash_seed = drawn[0];
	hash_factor = drawn[1] | 1;
}
