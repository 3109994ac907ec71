/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How libFuzzer changes an input that is a file: mostly a few bytes in place, since all that follows an inserted byte
 * is only damage to the reader; and often the first byte, which chooses what is done with the file.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define WINDOW 64

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned seed)
{
	u64 random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	u8 window[WINDOW];
	size_t at, len;

	if (size < 2 || seed % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	if (seed % 8 == 1) {
		data[0] = (u8)(random >> 56);
		return size;
	}
	at = (random >> 24) % size;
	len = 1 + (random >> 16) % WINDOW;
	if (len > size - at)
		len = size - at;
	memcpy(window, data + at, len);
	memcpy(data + at, window, LLVMFuzzerMutate(window, len, len));
	return size;
}
