/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The nearest right word for a wrong one. */
#pragma once

#include <stddef.h>

/* The word nearest to `word` among `count`, if it is near enough to be meant (edit distance with transpositions ≤ 2 and less than half the length); NULL otherwise. */
const char *suggest(const char *word, const char *const *words, size_t count);
