/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sqlite_schema.h"

#include "analyze/sinks/sqlite.h"
#include "common/text.h"

static const char trace_id_doc[] =
	"the trace of this row; first in every key, as a database may hold many";

static const struct view {
	const char *name, *doc, *sql;
	const char *tables; /* that its columns come from, and what they mean */
} views[] = {
	{ "v_process_tree",
	  "processes as a tree: depth, and the names from the root down; ordered by path for "
	  "reading",
	  "WITH RECURSIVE tree(trace_id, process_id, depth, path, names) AS ("
	  " SELECT trace_id, process_id, 0, printf('%08d', process_id), comm FROM process"
	  " WHERE parent_process_id IS NULL"
	  " UNION ALL"
	  " SELECT p.trace_id, p.process_id, depth + 1, path || '/' || printf('%08d', "
	  "p.process_id),"
	  " names || ' > ' || ifnull(p.comm, '?')"
	  " FROM process p JOIN tree t ON p.trace_id = t.trace_id AND p.parent_process_id = "
	  "t.process_id)"
	  " SELECT t.trace_id, t.path, t.depth, p.pid, printf('%*s', t.depth * 2, '') || "
	  "ifnull(p.comm, '?') AS tree,"
	  " t.names, p.process_id, p.start_ns, p.end_ns - p.start_ns AS life_ns, p.exit_code, "
	  "p.exit_signal, p.cpu_ns,"
	  " p.cmdline FROM tree t JOIN process p ON p.trace_id = t.trace_id AND p.process_id = "
	  "t.process_id",
	  "process" },
	{ "v_syscall", "calls with who made them and seconds since the start",
	  "SELECT s.trace_id, (s.ts_ns - r.start_mono_ns) / 1e9 AS at_s, p.pid, s.tid, t.comm, "
	  "s.name, s.args, s.ret,"
	  " s.errno, s.errno_name, s.duration_ns, s.path, s.state, s.abi, s.cpu, s.ts_ns, "
	  "t.thread_id, p.process_id"
	  " FROM syscall s JOIN thread t ON t.trace_id = s.trace_id AND t.thread_id = s.thread_id"
	  " JOIN process p ON p.trace_id = t.trace_id AND p.process_id = t.process_id"
	  " JOIN trace r ON r.trace_id = s.trace_id",
	  "syscall,thread,process" },
	{ "v_slowest_syscall", "complete calls, the longest first",
	  "SELECT * FROM v_syscall WHERE state = 'complete' ORDER BY duration_ns DESC",
	  "v_syscall" },
	{ "v_failed_syscall", "calls that returned an error",
	  "SELECT * FROM v_syscall WHERE errno IS NOT NULL", "v_syscall" },
	{ "v_syscall_stats", "syscall_stats with the processes' pids and names",
	  "SELECT s.trace_id, p.pid, p.comm, s.name, s.count, s.error_count, s.total_ns, s.min_ns, "
	  "s.mean_ns, s.p50_ns,"
	  " s.p90_ns, s.p99_ns, s.max_ns, s.process_id"
	  " FROM syscall_stats s JOIN process p ON p.trace_id = s.trace_id AND p.process_id = "
	  "s.process_id",
	  "syscall_stats,process" },
	{ "v_exec", "programs in the order of their start, with pids and seconds since the start",
	  "SELECT e.trace_id, (e.ts_ns - r.start_mono_ns) / 1e9 AS at_s, p.pid, e.exe, e.cmdline, "
	  "e.cwd, e.process_id"
	  " FROM exec e JOIN process p ON p.trace_id = e.trace_id AND p.process_id = e.process_id"
	  " JOIN trace r ON r.trace_id = e.trace_id ORDER BY e.trace_id, e.ts_ns",
	  "exec,process" },
};

/* Columns of views that no table has. */
static const struct view_column {
	const char *view;
	struct column column;
} view_columns[] = {
	{ "v_process_tree",
	  { "path", "the numbers of its ancestors and its own: to sort by", COLUMN_TEXT,
	    UNIT_NONE } },
	{ "v_process_tree", { "depth", "how many ancestors it has", COLUMN_INTEGER, UNIT_COUNT } },
	{ "v_process_tree", { "tree", "its name, indented by its depth", COLUMN_TEXT, UNIT_NONE } },
	{ "v_process_tree",
	  { "names", "the names of its ancestors and its own", COLUMN_TEXT, UNIT_NONE } },
	{ "v_process_tree",
	  { "life_ns", "from its start to its end; NULL: one of them is not known", COLUMN_INTEGER,
	    UNIT_NS } },
	{ "v_syscall",
	  { "at_s", "its entry, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
	{ "v_exec",
	  { "at_s", "when it was, in seconds since the start of the trace", COLUMN_REAL,
	    UNIT_NONE } },
};

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
	for (size_t i = 0; !r && i < ARRAY_SIZE(views); i++)
		r = put_doc(statement, views[i].name, NULL, NULL, NULL, views[i].doc);
	for (size_t i = 0; !r && i < ARRAY_SIZE(view_columns); i++) {
		const struct column *column = &view_columns[i].column;

		r = put_doc(statement, view_columns[i].view, column->name,
			    column_type_name(column->type), column_unit_name(column->unit),
			    column->doc);
	}
	sqlite3_finalize(statement);
	return r;
}

/* A view's other columns mean what they mean in the first table that has them. */
static int document_view(sqlite3 *db, const struct view *view)
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

	for (size_t i = 0; !r && i < ARRAY_SIZE(views); i++) {
		struct text sql = {};

		text_addf(&sql, "CREATE VIEW %s AS %s", views[i].name, views[i].sql);
		r = sqlite3_exec(db, sql.data, NULL, NULL, NULL);
		text_release(&sql);
		if (!r)
			r = document_view(db, &views[i]);
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
		"CREATE INDEX IF NOT EXISTS i_errno ON errno(trace_id, number);"
		"CREATE INDEX IF NOT EXISTS i_signal ON signal(trace_id, number);"
		"CREATE INDEX IF NOT EXISTS i_syscall_name ON syscall_name(trace_id, abi, nr);";

	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}
