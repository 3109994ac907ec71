/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/suggest.h"

#include <string.h>

#define WORD_MAX     64
#define DISTANCE_MAX 2

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance in which swapping two neighbours is one edit. Both words have at most WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
	size_t len = strlen(word), best = DISTANCE_MAX + 1;
	const char *found = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = strlen(words[i]), d;

		if (other > WORD_MAX || other > len + DISTANCE_MAX || len > other + DISTANCE_MAX)
			continue;
		d = distance(word, len, words[i], other);
		if (d < best && d * 2 < len) {
			best = d;
			found = words[i];
		}
	}
	return found;
}
