/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/rows.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>

#define LONG_TEXT      256
#define LONG_TEXTS_MIN 64

struct long_text {
	u64 hash;
	u32 len;
	bool used;
	char data[];
};

static bool is_long(const struct value *value)
{
	return value->type == VALUE_TEXT && value->len >= LONG_TEXT;
}

/* ---- long texts ---- */

/* The slot that has the text, or the free one where it belongs. */
static struct long_text **find_slot(const struct rows *rows, u64 hash, const struct value *value)
{
	size_t i = hash & (rows->text_size - 1);

	for (; rows->texts[i]; i = (i + 1) & (rows->text_size - 1)) {
		const struct long_text *text = rows->texts[i];

		if (text->hash == hash && text->len == value->len &&
		    !memcmp(text->data, value->text, value->len))
			break;
	}
	return &rows->texts[i];
}

/* A table of this size with those of the old one that are `used`; the others are freed. */
static void rehash(struct rows *rows, size_t size)
{
	struct long_text **texts = xcalloc(size, sizeof(*texts));

	rows->text_count = 0;
	for (size_t i = 0; i < rows->text_size; i++) {
		struct long_text *text = rows->texts[i];
		size_t k;

		if (!text)
			continue;
		if (!text->used) {
			free(text);
			continue;
		}
		for (k = text->hash & (size - 1); texts[k]; k = (k + 1) & (size - 1))
			;
		texts[k] = text;
		rows->text_count++;
	}
	free(rows->texts);
	rows->texts = texts;
	rows->text_size = size;
}

static const char *keep_long(struct rows *rows, const struct value *value)
{
	u64 hash = hash_bytes(value->text, value->len);
	struct long_text **slot, *text;

	if (rows->text_count * 2 >= rows->text_size)
		rehash(rows, rows->text_size ? rows->text_size * 2 : LONG_TEXTS_MIN);
	slot = find_slot(rows, hash, value);
	if (!*slot) {
		text = xmalloc(sizeof(*text) + value->len);
		*text = (struct long_text){ hash, value->len, true };
		memcpy(text->data, value->text, value->len);
		*slot = text;
		rows->text_count++;
	}
	return (*slot)->data;
}

/* Frees those that no row has. */
static void drop_texts(struct rows *rows)
{
	for (size_t i = 0; i < rows->text_size; i++)
		if (rows->texts[i])
			rows->texts[i]->used = false;
	for (size_t i = 0; i < rows->count; i++)
		for (size_t k = 0; k < rows->column_count; k++)
			if (is_long(&rows->rows[i][k]))
				((struct long_text *)(rows->rows[i][k].text -
						      offsetof(struct long_text, data)))
					->used = true;
	rehash(rows, rows->text_size);
}

/* ---- rows ---- */

void rows_add(struct rows *rows, const struct value *values, size_t column_count)
{
	size_t size = column_count * sizeof(struct value);
	struct value *copy;
	char *text;

	for (size_t i = 0; i < column_count; i++)
		if (values[i].type == VALUE_TEXT && !is_long(&values[i]))
			size += values[i].len;
	copy = xmalloc(size);
	text = (char *)(copy + column_count);
	memcpy(copy, values, column_count * sizeof(struct value));
	for (size_t i = 0; i < column_count; i++) {
		if (values[i].type != VALUE_TEXT)
			continue;
		if (is_long(&values[i])) {
			copy[i].text = keep_long(rows, &values[i]);
			continue;
		}
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
	if (rows->text_count)
		drop_texts(rows);
}

void rows_release(struct rows *rows)
{
	rows_truncate(rows, 0);
	free(rows->rows);
	free(rows->texts);
	*rows = (struct rows){};
}
