/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/rows.h"

#include "common/alloc.h"

#include <stdlib.h>

void rows_add(struct rows *rows, const struct value *values, size_t column_count)
{
	size_t size = column_count * sizeof(struct value);
	struct value *copy;
	char *text;

	for (size_t i = 0; i < column_count; i++)
		if (values[i].type == VALUE_TEXT)
			size += values[i].len;
	copy = xmalloc(size);
	text = (char *)(copy + column_count);
	memcpy(copy, values, column_count * sizeof(struct value));
	for (size_t i = 0; i < column_count; i++) {
		if (values[i].type != VALUE_TEXT)
			continue;
		if (values[i].len)
			memcpy(text, values[i].text, values[i].len);
		copy[i].text = text;
		text += values[i].len;
	}
	rows->column_count = column_count;
	ARRAY_RESERVE(rows->rows, rows->capacity, rows->count + 1);
	rows->rows[rows->count++] = copy;
}

struct order {
	size_t column;
	int sign;
};

static int compare_values(const struct value *a, const struct value *b)
{
	size_t len;
	int c;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	switch (a->type) {
	case VALUE_INTEGER:
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	case VALUE_REAL:
		return a->real < b->real ? -1 : a->real > b->real;
	case VALUE_TEXT:
		len = a->len < b->len ? a->len : b->len;
		c = len ? memcmp(a->text, b->text, len) : 0;
		return c ? c : a->len < b->len ? -1 : a->len > b->len;
	default:
		return 0;
	}
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	const struct value *va = &(*(struct value *const *)a)[order->column];
	const struct value *vb = &(*(struct value *const *)b)[order->column];

	if ((va->type == VALUE_NULL) != (vb->type == VALUE_NULL))
		return va->type == VALUE_NULL ? 1 : -1;
	return order->sign * compare_values(va, vb);
}

/* glibc's qsort_r() is stable only by luck: merge. */
static void merge_sort(struct value **rows, struct value **scratch, size_t count,
		       struct order *order)
{
	size_t half = count / 2, i = 0, j = half, k = 0;

	if (count < 2)
		return;
	merge_sort(rows, scratch, half, order);
	merge_sort(rows + half, scratch, count - half, order);
	while (i < half && j < count)
		scratch[k++] = compare_rows(&rows[j], &rows[i], order) < 0 ? rows[j++] : rows[i++];
	while (i < half)
		scratch[k++] = rows[i++];
	memcpy(rows, scratch, k * sizeof(*rows));
}

void rows_sort(struct rows *rows, size_t column, bool descending)
{
	struct order order = { column, descending ? -1 : 1 };
	struct value **scratch = xcalloc(rows->count, sizeof(*scratch));

	merge_sort(rows->rows, scratch, rows->count, &order);
	free(scratch);
}

void rows_truncate(struct rows *rows, size_t count)
{
	while (rows->count > count)
		free(rows->rows[--rows->count]);
}

void rows_release(struct rows *rows)
{
	rows_truncate(rows, 0);
	free(rows->rows);
	*rows = (struct rows){};
}
