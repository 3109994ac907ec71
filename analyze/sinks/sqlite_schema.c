/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sqlite_schema.h"

#include "analyze/sinks/sqlite.h"
#include "analyze/sinks/sqlite_views.h"
#include "common/text.h"

static const char trace_id_doc[] =
	"the trace of this row; first in every key, as a database may hold many";

static int create_table(sqlite3 *db, const struct table *table)
{
	struct text sql = {};
	int r;

	/* Names are ours, never the trace's. */
	text_addf(&sql, "CREATE TABLE \"%s\"(\"trace_id\" INTEGER NOT NULL", table->name);
	for (size_t i = 0; i < table->column_count; i++)
		text_addf(&sql, ", \"%s\" %s", table->columns[i].name,
			  column_type_name(table->columns[i].type));
	text_addc(&sql, ')');
	r = sqlite3_exec(db, sql.data, NULL, NULL, NULL);
	text_release(&sql);
	return r;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	if (text && *text)
		sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, index);
}

static int put_doc(sqlite3_stmt *statement, const char *table, const char *column, const char *type,
		   const char *unit, const char *doc)
{
	int r;

	bind_text(statement, 1, table);
	bind_text(statement, 2, column);
	bind_text(statement, 3, type);
	bind_text(statement, 4, unit);
	bind_text(statement, 5, doc);
	r = sqlite3_step(statement);
	sqlite3_reset(statement);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int document_table(sqlite3_stmt *statement, const struct table *table)
{
	int r = put_doc(statement, table->name, NULL, NULL, NULL, table->doc);

	if (!r)
		r = put_doc(statement, table->name, "trace_id", "INTEGER", "id", trace_id_doc);
	for (size_t i = 0; !r && i < table->column_count; i++) {
		const struct column *column = &table->columns[i];

		r = put_doc(statement, table->name, column->name, column_type_name(column->type),
			    column_unit_name(column->unit), column->doc);
	}
	return r;
}

static const struct column doc_columns[] = {
	{ "table_name", "table or view", COLUMN_TEXT, UNIT_NONE },
	{ "column_name", "its column; NULL: this row is about the table itself", COLUMN_TEXT,
	  UNIT_NONE },
	{ "type",
	  "INTEGER, REAL or TEXT; a TEXT whose bytes are not UTF-8 is stored as a BLOB of them",
	  COLUMN_TEXT, UNIT_NONE },
	{ "unit", "of its numbers", COLUMN_TEXT, UNIT_NONE },
	{ "doc", "what it means", COLUMN_TEXT, UNIT_NONE },
};

static int document(sqlite3 *db, const struct table *const *tables)
{
	sqlite3_stmt *statement = NULL;
	int r;

	r = sqlite3_prepare_v2(db, "INSERT INTO doc VALUES(?1, ?2, ?3, ?4, ?5)", -1, &statement,
			       NULL);
	if (!r)
		r = put_doc(statement, "doc", NULL, NULL, NULL,
			    "what every table, view and column means");
	for (size_t i = 0; !r && i < ARRAY_SIZE(doc_columns); i++)
		r = put_doc(statement, "doc", doc_columns[i].name, "TEXT", NULL,
			    doc_columns[i].doc);
	for (size_t i = 0; !r && tables[i]; i++)
		r = document_table(statement, tables[i]);
	for (size_t i = 0; !r && i < sqlite_view_count; i++)
		r = put_doc(statement, sqlite_views[i].name, NULL, NULL, NULL, sqlite_views[i].doc);
	for (size_t i = 0; !r && i < sqlite_view_column_count; i++) {
		const struct column *column = &sqlite_view_columns[i].column;

		r = put_doc(statement, sqlite_view_columns[i].view, column->name,
			    column_type_name(column->type), column_unit_name(column->unit),
			    column->doc);
	}
	sqlite3_finalize(statement);
	return r;
}

/* A view's other columns mean what they mean in the first table that has them. */
static int document_view(sqlite3 *db, const struct sqlite_view *view)
{
	static const char sql[] =
		"INSERT INTO doc SELECT ?1, c.name, d.type, d.unit, d.doc FROM "
		"pragma_table_info(?1) c"
		" JOIN doc d ON d.table_name = ?2 AND d.column_name = c.name WHERE NOT EXISTS"
		" (SELECT 1 FROM doc o WHERE o.table_name = ?1 AND o.column_name = c.name)";
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (!r)
		r = sqlite3_bind_text(statement, 1, view->name, -1, SQLITE_STATIC);
	for (const char *table = view->tables; !r && *table;) {
		int len = (int)strcspn(table, ",");

		r = sqlite3_bind_text(statement, 2, table, len, SQLITE_STATIC);
		if (!r)
			r = sqlite3_step(statement);
		r = r == SQLITE_DONE ? SQLITE_OK : r;
		sqlite3_reset(statement);
		table += len + (table[len] == ',');
	}
	sqlite3_finalize(statement);
	return r;
}

static int create_views(sqlite3 *db)
{
	int r = SQLITE_OK;

	for (size_t i = 0; !r && i < sqlite_view_count; i++) {
		struct text sql = {};

		text_addf(&sql, "CREATE VIEW %s AS %s", sqlite_views[i].name, sqlite_views[i].sql);
		r = sqlite3_exec(db, sql.data, NULL, NULL, NULL);
		text_release(&sql);
		if (!r)
			r = document_view(db, &sqlite_views[i]);
	}
	return r;
}

int schema_create(sqlite3 *db, const struct table *const *tables)
{
	struct text sql = {};
	int r = SQLITE_OK;

	for (size_t i = 0; !r && tables[i]; i++)
		r = create_table(db, tables[i]);
	if (!r)
		r = sqlite3_exec(db,
				 "CREATE TABLE doc(table_name TEXT, column_name TEXT, type TEXT, "
				 "unit TEXT, doc TEXT)",
				 NULL, NULL, NULL);
	if (!r)
		r = document(db, tables);
	if (!r)
		r = create_views(db);
	text_addf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
		  SQLITE_APPLICATION_ID, SQLITE_SCHEMA_VERSION);
	if (!r)
		r = sqlite3_exec(db, sql.data, NULL, NULL, NULL);
	text_release(&sql);
	return r;
}

int schema_index(sqlite3 *db)
{
	/* None on syscall: it would cost as much as the rows; a scan takes 0.1 s per million. */
	static const char sql[] =
		"CREATE UNIQUE INDEX IF NOT EXISTS i_trace ON trace(trace_id);"
		"CREATE UNIQUE INDEX IF NOT EXISTS i_trace_uuid ON trace(uuid);"
		"CREATE UNIQUE INDEX IF NOT EXISTS i_process ON process(trace_id, process_id);"
		"CREATE INDEX IF NOT EXISTS i_process_parent ON process(trace_id, "
		"parent_process_id);"
		"CREATE UNIQUE INDEX IF NOT EXISTS i_thread ON thread(trace_id, thread_id);"
		"CREATE INDEX IF NOT EXISTS i_thread_process ON thread(trace_id, process_id);"
		"CREATE INDEX IF NOT EXISTS i_exec ON exec(trace_id, process_id, ts_ns);"
		"CREATE UNIQUE INDEX IF NOT EXISTS i_syscall_stats ON syscall_stats(trace_id, "
		"process_id, name);"
		"CREATE INDEX IF NOT EXISTS i_wait ON wait(trace_id, thread_id);"
		"CREATE INDEX IF NOT EXISTS i_file_access ON file_access(trace_id, process_id);"
		"CREATE UNIQUE INDEX IF NOT EXISTS i_futex ON futex(trace_id, futex_id);"
		"CREATE INDEX IF NOT EXISTS i_futex_wait ON futex_wait(trace_id, futex_id);"
		"CREATE INDEX IF NOT EXISTS i_futex_wake ON futex_wake(trace_id, futex_id);"
		"CREATE INDEX IF NOT EXISTS i_futex_edge ON futex_edge(trace_id, futex_id);"
		"CREATE INDEX IF NOT EXISTS i_errno ON errno(trace_id, number);"
		"CREATE INDEX IF NOT EXISTS i_signal ON signal(trace_id, number);"
		"CREATE INDEX IF NOT EXISTS i_syscall_name ON syscall_name(trace_id, abi, nr);";

	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}
