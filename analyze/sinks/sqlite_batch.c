/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sqlite_batch.h"

#include "common/alloc.h"
#include "common/text.h"

#include <stdlib.h>

#define BATCH_ROWS  512
#define BATCH_TEXTS (256u << 10) /* bytes: as much as fits the second-level cache */

/* ---- trc_batch ---- */

struct batch_table {
	sqlite3_vtab base;
	struct batch_source *source;
};

struct batch_cursor {
	sqlite3_vtab_cursor base;
	const struct batch *batch;
	const struct value *row, *end;
};

static int vtab_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
			sqlite3_vtab **ret_vtab, char **ret_error)
{
	struct batch_table *table;
	struct text sql = {};
	int r;

	text_adds(&sql, "CREATE TABLE x(");
	for (int i = 0; i < TABLE_COLUMNS_MAX; i++)
		text_addf(&sql, "%sc%d", i ? "," : "", i);
	text_addc(&sql, ')');
	r = sqlite3_declare_vtab(db, sql.data);
	text_release(&sql);
	if (r)
		return r;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct batch_table){ .source = context };
	*ret_vtab = &table->base;
	return SQLITE_OK;
}

static int vtab_disconnect(sqlite3_vtab *vtab)
{
	sqlite3_free(vtab);
	return SQLITE_OK;
}

static int vtab_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
	info->estimatedCost = BATCH_ROWS;
	info->estimatedRows = BATCH_ROWS;
	return SQLITE_OK;
}

static int vtab_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret_cursor)
{
	struct batch_cursor *cursor = sqlite3_malloc(sizeof(*cursor));

	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (struct batch_cursor){};
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int vtab_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int vtab_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
		       sqlite3_value **argv)
{
	struct batch_cursor *cursor = (struct batch_cursor *)base;

	cursor->batch = ((struct batch_table *)base->pVtab)->source->current;
	if (!cursor->batch)
		return SQLITE_ERROR;
	cursor->row = cursor->batch->values;
	cursor->end = cursor->row + cursor->batch->count * cursor->batch->table->column_count;
	return SQLITE_OK;
}

static int vtab_next(sqlite3_vtab_cursor *base)
{
	struct batch_cursor *cursor = (struct batch_cursor *)base;

	cursor->row += cursor->batch->table->column_count;
	return SQLITE_OK;
}

static int vtab_eof(sqlite3_vtab_cursor *base)
{
	struct batch_cursor *cursor = (struct batch_cursor *)base;

	return cursor->row >= cursor->end;
}

/*
 * Bytes that are not UTF-8 (a path may be any bytes) go in as a BLOB: nothing is lost, and readers
 * that decode TEXT strictly do not fail on it.
 */
static bool is_utf8(const char *text, size_t len)
{
	const u8 *at = (const u8 *)text, *end = at + len;

	while (at < end) {
		u64 word;
		unsigned more;

		if (end - at >= 8) {
			memcpy(&word, at, 8);
			/* All below 0x80 and none 0. */
			if (!((word | (word - 0x0101010101010101ull)) & 0x8080808080808080ull)) {
				at += 8;
				continue;
			}
		}
		if (!*at)
			return false;
		more = *at < 0x80		   ? 0
		       : *at >= 0xc2 && *at < 0xe0 ? 1
		       : *at >= 0xe0 && *at < 0xf0 ? 2
		       : *at >= 0xf0 && *at < 0xf5 ? 3
						   : 4;
		if (more == 4 || more >= (size_t)(end - at))
			return false;
		for (unsigned i = 1; i <= more; i++)
			if ((at[i] & 0xc0) != 0x80)
				return false;
		if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0) ||
		    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] >= 0x90))
			return false;
		at += more + 1;
	}
	return true;
}

static int vtab_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct batch_cursor *cursor = (const struct batch_cursor *)base;
	const struct value *value;

	if (column < 0 || (size_t)column >= cursor->batch->table->column_count)
		return SQLITE_ERROR;
	value = &cursor->row[column];
	switch (value->type) {
	case VALUE_INTEGER:
		sqlite3_result_int64(context, value->integer);
		break;
	case VALUE_REAL:
		sqlite3_result_double(context, value->real);
		break;
	case VALUE_TEXT:
		if (is_utf8(value->text, value->len))
			sqlite3_result_text(context, value->text, (int)value->len, SQLITE_STATIC);
		else
			sqlite3_result_blob(context, value->text, (int)value->len, SQLITE_STATIC);
		break;
	default:
		sqlite3_result_null(context);
	}
	return SQLITE_OK;
}

static int vtab_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
	const struct batch_cursor *cursor = (const struct batch_cursor *)base;

	*ret_rowid = cursor->row - cursor->batch->values;
	return SQLITE_OK;
}

int batch_register(sqlite3 *db, struct batch_source *source)
{
	static const sqlite3_module module = {
		.xConnect = vtab_connect, /* no xCreate: there is only the one */
		.xBestIndex = vtab_best_index,
		.xDisconnect = vtab_disconnect,
		.xOpen = vtab_open,
		.xClose = vtab_close,
		.xFilter = vtab_filter,
		.xNext = vtab_next,
		.xEof = vtab_eof,
		.xColumn = vtab_column,
		.xRowid = vtab_rowid,
	};

	return sqlite3_create_module(db, "trc_batch", &module, source);
}

/* ---- batches ---- */

int batch_prepare(struct batch *batch, sqlite3 *db, const struct table *table, s64 trace_id)
{
	struct text sql = {};
	int r;

	text_addf(&sql, "INSERT INTO \"%s\" SELECT %lld", table->name, (long long)trace_id);
	for (size_t i = 0; i < table->column_count; i++)
		text_addf(&sql, ",c%zu", i);
	text_adds(&sql, " FROM trc_batch");
	r = sqlite3_prepare_v2(db, sql.data, -1, &batch->insert, NULL);
	text_release(&sql);
	if (r)
		return r;
	batch->table = table;
	batch->values = xcalloc(BATCH_ROWS * table->column_count, sizeof(struct value));
	return SQLITE_OK;
}

/* Texts were noted as offsets while their buffer could still move. */
static void settle_texts(struct batch *batch)
{
	for (size_t i = 0; i < batch->count * batch->table->column_count; i++)
		if (batch->values[i].type == VALUE_TEXT)
			batch->values[i].text = batch->texts + batch->values[i].integer;
}

int batch_write(struct batch *batch, struct batch_source *source)
{
	int r;

	if (!batch->count)
		return SQLITE_OK;
	settle_texts(batch);
	source->current = batch;
	r = sqlite3_step(batch->insert);
	source->current = NULL;
	sqlite3_reset(batch->insert);
	batch->count = 0;
	batch->text_len = 0;
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

int batch_add(struct batch *batch, struct batch_source *source, const struct value *values)
{
	size_t columns = batch->table->column_count;
	struct value *row = &batch->values[batch->count * columns];

	memcpy(row, values, columns * sizeof(*row));
	for (size_t i = 0; i < columns; i++) {
		if (row[i].type != VALUE_TEXT)
			continue;
		ARRAY_RESERVE(batch->texts, batch->text_capacity, batch->text_len + row[i].len + 1);
		if (row[i].len)
			memcpy(batch->texts + batch->text_len, values[i].text, row[i].len);
		row[i].integer = (s64)batch->text_len;
		batch->text_len += row[i].len;
	}
	batch->count++;
	if (batch->count < BATCH_ROWS && batch->text_len < BATCH_TEXTS)
		return SQLITE_OK;
	return batch_write(batch, source);
}

void batch_release(struct batch *batch)
{
	sqlite3_finalize(batch->insert);
	free(batch->values);
	free(batch->texts);
	*batch = (struct batch){};
}
