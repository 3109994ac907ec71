/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Products of 128 bits, also on machines of 32 bits, where compilers have no such type; sums that do not wrap. */
#pragma once

#include "common/types.h"

/* a + b; if that is larger the largest number that every form of output can tell: sums of numbers from a file. */
static inline u64 wide_add(u64 a, u64 b)
{
	u64 sum = a + b;

	return sum < a || sum > INT64_MAX ? INT64_MAX : sum;
}

/* (a * b + add) / divisor; UINT64_MAX if that is larger. By hand: for machines without __int128, and its test. */
static inline u64 wide_mul_div_by_hand(u64 a, u64 b, u64 add, u64 divisor)
{
	u64 low = (u64)(u32)a * (u32)b, cross = (u64)(u32)a * (b >> 32) + (low >> 32);
	u64 other = (a >> 32) * (u32)b + (u32)cross;
	u64 high = (a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32), quotient = 0;

	low = other << 32 | (u32)low;
	low += add;
	high += low < add;
	if (high >= divisor)
		return UINT64_MAX;
	for (int bit = 63; bit >= 0; bit--) {
		bool carry = high >> 63;

		high = high << 1 | low >> 63;
		low <<= 1;
		if (carry || high >= divisor) {
			high -= divisor;
			quotient |= 1ull << bit;
		}
	}
	return quotient;
}

static inline u64 wide_mul_div(u64 a, u64 b, u64 add, u64 divisor)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 quotient = ((unsigned __int128)a * b + add) / divisor;

	return quotient > UINT64_MAX ? UINT64_MAX : (u64)quotient;
#else
	return wide_mul_div_by_hand(a, b, add, divisor);
#endif
}
