/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of one table held in memory, with their texts. */
#pragma once

#include "analyze/table.h"

struct rows { /* zero it first */
	size_t column_count;
	size_t count, capacity;
	struct value **rows; /* each one allocation: values, then texts, but for long ones */
	/* A hash table: each is there once, as forked children share a command line. */
	struct long_text **texts;
	size_t text_count, text_size;
};

void rows_add(struct rows *rows, const struct value *values, size_t column_count);
/* Stable; NULLs last. */
void rows_sort(struct rows *rows, size_t column, bool descending);
void rows_truncate(struct rows *rows, size_t count);
void rows_release(struct rows *rows);
