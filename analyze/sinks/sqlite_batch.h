/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rows on their way into a table. Instead of binding and stepping a prepared INSERT for each row, a batch
 * of rows is shown to SQLite as an eponymous virtual table, trc_batch, and one INSERT … SELECT takes it
 * in: about half the time per row (tests/bench measures it).
 */
#pragma once

#include "analyze/table.h"

#include <sqlite3.h>

struct batch {
	const struct table *table;
	sqlite3_stmt *insert;
	struct value *values; /* count rows of table->column_count */
	size_t count;
	char *texts;
	size_t text_len, text_capacity;
};

/* What trc_batch shows at this moment; the module's context. */
struct batch_source {
	const struct batch *current;
};

int batch_register(sqlite3 *db, struct batch_source *source); /* a SQLite result code */
int batch_prepare(struct batch *batch, sqlite3 *db, const struct table *table, s64 trace_id);
/* Copies the row in; a full batch is written. A SQLite result code. */
int batch_add(struct batch *batch, struct batch_source *source, const struct value *values);
int batch_write(struct batch *batch, struct batch_source *source);
void batch_release(struct batch *batch);
