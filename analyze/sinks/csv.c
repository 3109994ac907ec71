/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sinks.h"

#include "analyze/sinks/put.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>

struct csv_sink {
	struct sink sink;
	FILE *file;
	struct text line;
	put_csv_field add;
};

static int put_line(struct csv_sink *csv)
{
	text_addc(&csv->line, '\n');
	return put_text(&csv->line, csv->file);
}

static int csv_begin(struct sink *sink, const struct table *table)
{
	struct csv_sink *csv = (struct csv_sink *)sink;

	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			text_addc(&csv->line, ',');
		text_adds(&csv->line, table->columns[i].name);
	}
	return put_line(csv);
}

static int csv_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct csv_sink *csv = (struct csv_sink *)sink;

	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			text_addc(&csv->line, ',');
		switch (values[i].type) {
		case VALUE_INTEGER:
			text_addi(&csv->line, values[i].integer);
			break;
		case VALUE_REAL:
			text_addf(&csv->line, "%.17g", values[i].real);
			break;
		case VALUE_TEXT:
			/* Empty is quoted, so that it is not NULL. */
			if (values[i].len)
				csv->add(&csv->line, values[i].text, values[i].len);
			else
				text_adds(&csv->line, "\"\"");
			break;
		}
	}
	return put_line(csv);
}

static int csv_end(struct sink *sink, const struct table *table)
{
	return 0;
}

static int csv_close(struct sink *sink)
{
	struct csv_sink *csv = (struct csv_sink *)sink;

	return fflush(csv->file) ? -errno : 0;
}

static void csv_free(struct sink *sink)
{
	struct csv_sink *csv = (struct csv_sink *)sink;

	text_release(&csv->line);
	free(csv);
}

struct sink *sink_csv_new(FILE *file)
{
	struct csv_sink *csv = xcalloc(1, sizeof(*csv));

	csv->sink = (struct sink){ csv_begin, csv_row, csv_end, csv_close, csv_free, NULL };
	csv->file = file;
	csv->add = put_csv_field_for(file);
	return &csv->sink;
}
