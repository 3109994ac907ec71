/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs metrics over a file and looks at their rows by the names of columns. */
#pragma once

#include "analyze/metrics/metric.h"
#include "analyze/sinks/rows.h"
#include "tests/unit/check.h"

/* Keeps all rows of one table. */
struct table_sink {
	struct sink sink;
	const struct table *table;
	struct rows rows;
};

static inline int table_sink_begin(struct sink *sink, const struct table *table)
{
	((struct table_sink *)sink)->table = table;
	return 0;
}

static inline int table_sink_row(struct sink *sink, const struct table *table,
				 const struct value *values)
{
	rows_add(&((struct table_sink *)sink)->rows, values, table->column_count);
	return 0;
}

static inline int table_sink_end(struct sink *sink, const struct table *table)
{
	return 0;
}

static inline void table_release(struct table_sink *kept)
{
	rows_release(&kept->rows);
}

static inline struct walk *table_walk(const char *path, const struct selection_options *selection)
{
	static const struct selection_options all;
	struct walk *walk;
	char *error = NULL;

	CHECK_FATAL(!walk_open(path, selection ? selection : &all, WALK_LATER, &walk, &error));
	return walk;
}

static inline void table_fill(struct table_sink *kept, const char *path, const char *name,
			      const struct selection_options *selection)
{
	static const struct selection_options all;
	const struct metric *metric = metric_by_name(name);
	char *error = NULL;
	struct walk *walk;

	CHECK_FATAL(metric != NULL);
	CHECK_FATAL(!walk_open(path, selection ? selection : &all, metrics_classes(&metric, 1),
			       &walk, &error));
	*kept = (struct table_sink){
		.sink = { .begin = table_sink_begin, .row = table_sink_row, .end = table_sink_end }
	};
	CHECK_FATAL(!metrics_run(walk, &metric, 1, &kept->sink, NULL, NULL));
	walk_close(walk);
}

static inline const struct value *table_cell(const struct table_sink *kept, size_t row,
					     const char *column)
{
	int i = table_column(kept->table, column);

	CHECK_FATAL(i >= 0);
	CHECK_FATAL(row < kept->rows.count);
	return &kept->rows.rows[row][i];
}

#define TABLE_NULL INT64_MIN

static inline s64 table_int(const struct table_sink *kept, size_t row, const char *column)
{
	const struct value *value = table_cell(kept, row, column);

	return value->type == VALUE_INTEGER ? value->integer : TABLE_NULL;
}

/* Valid until the next call; NULL for NULL. */
static inline const char *table_text(const struct table_sink *kept, size_t row, const char *column)
{
	static char text[512];
	const struct value *value = table_cell(kept, row, column);

	if (value->type != VALUE_TEXT)
		return NULL;
	snprintf(text, sizeof(text), "%.*s", (int)value->len, value->text);
	return text;
}

/* The row whose column is that text; ends the test if there is none. */
static inline size_t table_find(const struct table_sink *kept, const char *column, const char *text)
{
	for (size_t i = 0; i < kept->rows.count; i++) {
		const char *there = table_text(kept, i, column);

		if (there && !strcmp(there, text))
			return i;
	}
	CHECK_FAIL("no row with %s = %s", column, text);
	exit(1);
}

/* The row whose column has the value. */
static inline size_t row_of(const struct table_sink *t, const char *column, s64 value)
{
	for (size_t i = 0; i < t->rows.count; i++)
		if (table_int(t, i, column) == value)
			return i;
	CHECK_FAIL("no row with %s = %lld", column, (long long)value);
	exit(1);
}
