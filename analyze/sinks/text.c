/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sinks.h"

#include "analyze/sinks/cell.h"
#include "analyze/sinks/put.h"
#include "analyze/sinks/rows.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are looked at to find the widths; later rows may stick out. */
#define LOOK_AT 1000
/* No column is padded to more than this. */
#define WIDTH_MAX 48

struct text_sink {
	struct sink sink;
	FILE *file;
	struct text_sink_options options;
	size_t table_count;
	unsigned widths[TABLE_COLUMNS_MAX];
	bool flowing; /* widths are settled */
	struct rows rows;
	struct text line, cell;
};

static bool is_right(const struct column *column)
{
	return column->type != COLUMN_TEXT;
}

static int put_line(struct text_sink *text)
{
	while (text->line.len && text->line.data[text->line.len - 1] == ' ')
		text->line.len--;
	text_addc(&text->line, '\n');
	return put_text(&text->line, text->file);
}

static void make_cell(struct text_sink *text, const struct column *column,
		      const struct value *value)
{
	const char *name = NULL;

	text_clear(&text->cell);
	if (column->unit == UNIT_ERRNO && value->type == VALUE_INTEGER && text->options.errno_name)
		name = text->options.errno_name(text->options.context, (u32)value->integer);
	if (name) {
		text_add_printable(&text->cell, name, strlen(name));
		return;
	}
	cell_add(&text->cell, column, value, text->options.start_ns, text->options.utc_offset_s);
}

/* With its unit if another column would have the same heading without. */
static void make_heading(struct text_sink *text, const struct table *table, size_t number)
{
	const char *name = table->columns[number].name;
	size_t len = column_short_len(&table->columns[number]);

	for (size_t i = 0; i < table->column_count; i++)
		if (i != number && column_short_len(&table->columns[i]) == len &&
		    !memcmp(table->columns[i].name, name, len)) {
			len = strlen(name);
			break;
		}
	text_clear(&text->cell);
	text_add(&text->cell, name, len);
}

static int put_headings(struct text_sink *text, const struct table *table)
{
	if (text->options.headings) {
		if (text->table_count)
			put_line(text);
		text_adds(&text->line, table->name);
		text_adds(&text->line, ": ");
		text_adds(&text->line, table->doc);
		put_line(text);
	}
	text->table_count++;
	if (text->options.color)
		text_adds(&text->line, "\033[1m");
	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			text_adds(&text->line, "  ");
		make_heading(text, table, i);
		cell_move(&text->line, &text->cell,
			  i + 1 < table->column_count || is_right(&table->columns[i])
				  ? text->widths[i]
				  : 0,
			  is_right(&table->columns[i]));
	}
	if (text->options.color)
		text_adds(&text->line, "\033[0m");
	return put_line(text);
}

static int put_row(struct text_sink *text, const struct table *table, const struct value *values)
{
	for (size_t i = 0; i < table->column_count; i++) {
		bool right = is_right(&table->columns[i]);

		if (i)
			text_adds(&text->line, "  ");
		make_cell(text, &table->columns[i], &values[i]);
		cell_move(&text->line, &text->cell,
			  i + 1 < table->column_count || right ? text->widths[i] : 0, right);
	}
	return put_line(text);
}

static void grow_widths(struct text_sink *text, const struct table *table,
			const struct value *values)
{
	for (size_t i = 0; i < table->column_count; i++) {
		unsigned width;

		if (values)
			make_cell(text, &table->columns[i], &values[i]);
		else
			make_heading(text, table, i);
		width = cell_width(&text->cell);
		width = width < WIDTH_MAX ? width : WIDTH_MAX;
		text->widths[i] = text->widths[i] > width ? text->widths[i] : width;
	}
}

/* The rows seen so far tell the widths. */
static int start_flowing(struct text_sink *text, const struct table *table)
{
	int r;

	grow_widths(text, table, NULL);
	for (size_t i = 0; i < text->rows.count; i++)
		grow_widths(text, table, text->rows.rows[i]);
	r = put_headings(text, table);
	for (size_t i = 0; !r && i < text->rows.count; i++)
		r = put_row(text, table, text->rows.rows[i]);
	rows_release(&text->rows);
	text->flowing = true;
	return r;
}

static int text_begin(struct sink *sink, const struct table *table)
{
	struct text_sink *text = (struct text_sink *)sink;

	if (table->column_count > TABLE_COLUMNS_MAX)
		return -E2BIG;
	memset(text->widths, 0, sizeof(text->widths));
	text->flowing = false;
	return 0;
}

static int text_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct text_sink *text = (struct text_sink *)sink;

	if (text->flowing)
		return put_row(text, table, values);
	rows_add(&text->rows, values, table->column_count);
	return text->rows.count < LOOK_AT ? 0 : start_flowing(text, table);
}

static int text_end(struct sink *sink, const struct table *table)
{
	struct text_sink *text = (struct text_sink *)sink;

	return text->flowing ? 0 : start_flowing(text, table);
}

static int text_close(struct sink *sink)
{
	struct text_sink *text = (struct text_sink *)sink;

	return fflush(text->file) ? -errno : 0;
}

static void text_free(struct sink *sink)
{
	struct text_sink *text = (struct text_sink *)sink;

	rows_release(&text->rows);
	text_release(&text->line);
	text_release(&text->cell);
	free(text);
}

struct sink *sink_text_new(FILE *file, const struct text_sink_options *options)
{
	struct text_sink *text = xcalloc(1, sizeof(*text));

	text->sink = (struct sink){ text_begin, text_row, text_end, text_close, text_free, NULL };
	text->file = file;
	text->options = *options;
	return &text->sink;
}
