/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Products of 128 bits by hand: what the compiler's own give. And sums that do not wrap. */
#include "common/wide.h"
#include "tests/unit/make_trace.h"

int main(void)
{
	u64 state = 3;

	CHECK_EQ(wide_add(INT64_MAX - 1, 1), INT64_MAX);
	CHECK_EQ(wide_add(INT64_MAX, 1), INT64_MAX);
	CHECK_EQ(wide_add(UINT64_MAX, UINT64_MAX), INT64_MAX);
	CHECK_EQ(wide_add(UINT64_MAX, 2), INT64_MAX);
	CHECK_EQ(wide_mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	CHECK_EQ(wide_mul_div_by_hand(UINT64_MAX, UINT64_MAX, 0, UINT64_MAX), UINT64_MAX);
	CHECK_EQ(wide_mul_div_by_hand(UINT64_MAX, 2, 0, 1), UINT64_MAX);
	CHECK_EQ(wide_mul_div_by_hand(UINT64_MAX, 3, 2, 3), UINT64_MAX);
	CHECK_EQ(wide_mul_div_by_hand(1ull << 63, 6, 5, 1ull << 62), 12);
	for (u32 i = 0; i < 300000; i++) {
		u64 a = make_number(&state), b = make_number(&state), add = make_number(&state);
		u64 divisor = make_number(&state) | 1;

		if (wide_mul_div_by_hand(a, b, add, divisor) != wide_mul_div(a, b, add, divisor))
			CHECK_FAIL("%#llx * %#llx + %#llx by %#llx", (unsigned long long)a,
				   (unsigned long long)b, (unsigned long long)add,
				   (unsigned long long)divisor);
	}
	return check_report();
}
