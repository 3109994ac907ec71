/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stretches of time: in order and apart from each other once they are settled. */
#pragma once

#include "common/types.h"

#include <stddef.h>

struct interval {
	u64 first_ns, last_ns;
};

struct intervals { /* zero it first, free list with free() */
	struct interval *list;
	size_t count, capacity;
};

void intervals_add(struct intervals *intervals, u64 first_ns, u64 last_ns);
/* After the last addition: in order, those that touch as one. */
void intervals_settle(struct intervals *intervals);
/* The first that ends after `ns`; the count if there is none. */
size_t intervals_after(const struct intervals *intervals, u64 ns);

/* Of settled ones: how long all before the one of that index are together; behind the last all of them. Free it. */
u64 *intervals_sums(const struct intervals *intervals);
/* How much of them lies before `ns`; `sums` are theirs. */
u64 intervals_before(const struct intervals *intervals, const u64 *sums, u64 ns);
