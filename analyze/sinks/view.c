/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/view.h"

#include "analyze/sinks/cell.h"
#include "analyze/sinks/rows.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/suggest.h"

#include <errno.h>
#include <stdlib.h>

/* With --top N at most this many more rows are held before the rest is thrown away. */
#define TOP_SLACK 4096

#define SORT_NONE (-1)

struct viewed {			   /* a table on its way through */
	const struct table *table; /* as the metric describes it */
	struct table shown;	   /* as the sink behind sees it */
	struct column columns[TABLE_COLUMNS_MAX];
	size_t from[TABLE_COLUMNS_MAX]; /* shown column → the metric's column */
	int sort;			/* the metric's column; SORT_NONE */
	bool descending;
	bool held;
	u64 passed;
	struct rows rows; /* whole rows, as sorting may be by a column that is not shown */
};

struct view {
	struct sink sink;
	struct sink *behind;
	const struct view_options *options;
	size_t count;
	struct viewed *tables[64];
};

/* ---- words ---- */

static char *no_column(const struct table *table, const char *word, size_t len)
{
	_cleanup_free_ char *name = xstrndup(word, len);
	const char *names[TABLE_COLUMNS_MAX], *nearest;

	for (size_t i = 0; i < table->column_count; i++)
		names[i] = table->columns[i].name;
	nearest = suggest(name, names, table->column_count);
	if (nearest)
		return xasprintf("table %s has no column '%s'; did you mean '%s'?", table->name,
				 name, nearest);
	return xasprintf("table %s has no column '%s'; analyze report --schema %s lists them",
			 table->name, name, table->name);
}

/* By its name or as headings have it: total for total_ns. */
static int find_column(const struct table *table, const char *word, size_t len)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];

		if ((strlen(column->name) == len || column_short_len(column) == len) &&
		    !memcmp(column->name, word, len))
			return (int)i;
	}
	return -1;
}

static int choose_columns(const char *list, const struct table *table, size_t *from,
			  size_t *ret_count, char **ret_error)
{
	size_t count = 0;

	if (!list || !strcmp(list, "all")) {
		for (; count < table->column_count; count++)
			from[count] = count;
		*ret_count = count;
		return 0;
	}
	for (const char *word = list;;) {
		size_t len = strcspn(word, ",");
		int column = find_column(table, word, len);

		if (column < 0) {
			if (ret_error)
				*ret_error = no_column(table, word, len);
			return -EINVAL;
		}
		if (count == TABLE_COLUMNS_MAX) {
			if (ret_error)
				*ret_error = xasprintf("more than %d columns", TABLE_COLUMNS_MAX);
			return -EINVAL;
		}
		from[count++] = (size_t)column;
		if (!word[len])
			break;
		word += len + 1;
	}
	*ret_count = count;
	return 0;
}

/* The greatest first for what is measured, the least first for names, numbers and times. */
static bool descends(const struct column *column)
{
	return column->unit == UNIT_COUNT || column->unit == UNIT_NS ||
	       column->unit == UNIT_BYTES || column->type == COLUMN_REAL;
}

static int choose_sort(const char *word, const struct table *table, int *ret_column,
		       bool *ret_descending, char **ret_error)
{
	size_t len = word ? strcspn(word, ":") : 0;
	int column;

	*ret_column = SORT_NONE;
	*ret_descending = false;
	if (!word || !strcmp(word, "none"))
		return 0;
	column = find_column(table, word, len);
	if (column < 0) {
		if (ret_error)
			*ret_error = no_column(table, word, len);
		return -EINVAL;
	}
	if (word[len] && strcmp(word + len, ":asc") && strcmp(word + len, ":desc")) {
		if (ret_error)
			*ret_error =
				xasprintf("'%s' is not an order; COLUMN:asc or COLUMN:desc", word);
		return -EINVAL;
	}
	*ret_column = column;
	*ret_descending =
		word[len] ? !strcmp(word + len, ":desc") : descends(&table->columns[column]);
	return 0;
}

static const char *column_list(const struct view_options *options, const struct table *table)
{
	return options->columns ? options->columns : options->brief ? table->brief : NULL;
}

int view_check(const struct view_options *options, const struct table *table, char **ret_error)
{
	size_t from[TABLE_COLUMNS_MAX], count;
	bool descending;
	int column, r;

	r = choose_columns(column_list(options, table), table, from, &count, ret_error);
	return r ? r : choose_sort(options->sort, table, &column, &descending, ret_error);
}

/* ---- rows ---- */

static struct viewed *find_table(struct view *view, const struct table *table)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->tables[i]->table == table)
			return view->tables[i];
	return NULL;
}

static int view_begin(struct sink *sink, const struct table *table)
{
	struct view *view = (struct view *)sink;
	struct viewed *viewed = xcalloc(1, sizeof(*viewed));
	int r;

	if (view->count == ARRAY_SIZE(view->tables)) {
		free(viewed);
		return -E2BIG;
	}
	view->tables[view->count++] = viewed;
	viewed->table = table;
	viewed->shown = *table;
	viewed->shown.columns = viewed->columns;
	r = choose_columns(column_list(view->options, table), table, viewed->from,
			   &viewed->shown.column_count, NULL);
	if (!r)
		r = choose_sort(view->options->sort ? view->options->sort : table->sort, table,
				&viewed->sort, &viewed->descending, NULL);
	if (r)
		return r;
	for (size_t i = 0; i < viewed->shown.column_count; i++)
		viewed->columns[i] = table->columns[viewed->from[i]];
	viewed->held = viewed->sort != SORT_NONE || view->options->hold;
	return viewed->held ? 0 : view->behind->begin(view->behind, &viewed->shown);
}

static int pass_on(struct view *view, struct viewed *viewed, const struct value *values)
{
	struct value chosen[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < viewed->shown.column_count; i++)
		chosen[i] = values[viewed->from[i]];
	return view->behind->row(view->behind, &viewed->shown, chosen);
}

static int view_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct view *view = (struct view *)sink;
	struct viewed *viewed = find_table(view, table);
	u64 top = view->options->top;

	if (!viewed->held) {
		if (top && viewed->passed++ >= top)
			return 0;
		return pass_on(view, viewed, values);
	}
	if (top && viewed->sort == SORT_NONE && viewed->rows.count >= top)
		return 0;
	rows_add(&viewed->rows, values, table->column_count);
	if (top && viewed->rows.count > TOP_SLACK && viewed->rows.count - TOP_SLACK > top) {
		rows_sort(&viewed->rows, (size_t)viewed->sort, viewed->descending);
		rows_truncate(&viewed->rows, top);
	}
	return 0;
}

static int view_end(struct sink *sink, const struct table *table)
{
	struct view *view = (struct view *)sink;
	struct viewed *viewed = find_table(view, table);
	int r = 0;

	if (viewed->held) {
		if (viewed->sort != SORT_NONE)
			rows_sort(&viewed->rows, (size_t)viewed->sort, viewed->descending);
		if (view->options->top)
			rows_truncate(&viewed->rows, view->options->top);
		r = view->behind->begin(view->behind, &viewed->shown);
		for (size_t i = 0; !r && i < viewed->rows.count; i++)
			r = pass_on(view, viewed, viewed->rows.rows[i]);
		rows_release(&viewed->rows);
	}
	return r ? r : view->behind->end(view->behind, &viewed->shown);
}

static int view_close(struct sink *sink)
{
	struct view *view = (struct view *)sink;

	return view->behind->close(view->behind);
}

static void view_free(struct sink *sink)
{
	struct view *view = (struct view *)sink;

	for (size_t i = 0; i < view->count; i++) {
		rows_release(&view->tables[i]->rows);
		free(view->tables[i]);
	}
	sink_free(view->behind);
	free(view);
}

static const char *view_error(const struct sink *sink)
{
	const struct view *view = (const struct view *)sink;

	return view->behind->error ? view->behind->error(view->behind) : NULL;
}

struct sink *sink_view_new(const struct view_options *options, struct sink *sink)
{
	struct view *view = xcalloc(1, sizeof(*view));

	view->sink =
		(struct sink){ view_begin, view_row, view_end, view_close, view_free, view_error };
	view->options = options;
	view->behind = sink;
	return &view->sink;
}
