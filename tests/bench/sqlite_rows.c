/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sqlite_rows FROM.db TABLE TO.db [ROWS]: what SQLite alone takes to insert rows. Reads about ROWS rows
 * (1,000,000), evenly taken from TABLE, into memory and inserts them into the same table in the new
 * database TO.db: one prepared statement bound and stepped for each row; then, in another new database,
 * INSERT … SELECT from the first. With the page size of FROM.db, without journal and sync, in one
 * transaction, the table's indexes made at the end. On standard output:
 *   rows columns bind_ns bind_index_ns select_ns      (CPU time of all rows; index: with its indexes)
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 128

struct cell {
	int type, len;
	union {
		sqlite3_int64 integer;
		double real;
		char *text;
	};
};

struct rows {
	int columns;
	size_t count, capacity;
	struct cell *cells;
};

static void fail(sqlite3 *db, const char *what)
{
	fprintf(stderr, "sqlite_rows: %s: %s\n", what, db ? sqlite3_errmsg(db) : "out of memory");
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL))
		fail(db, sql);
	return statement;
}

static sqlite3_int64 query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = prepare(db, sql);
	sqlite3_int64 value;

	if (sqlite3_step(statement) != SQLITE_ROW)
		fail(db, sql);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static sqlite3 *open_new(const char *path, sqlite3_int64 page_size)
{
	char sql[256];
	sqlite3 *db;

	if (unlink(path) && !access(path, F_OK))
		fail(NULL, path);
	if (sqlite3_open(path, &db))
		fail(db, path);
	snprintf(
		sql, sizeof(sql),
		"PRAGMA page_size=%lld; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-65536; PRAGMA secure_delete=OFF",
		page_size);
	run(db, sql);
	return db;
}

static struct cell cell_read(sqlite3_stmt *statement, int column)
{
	struct cell cell = { .type = sqlite3_column_type(statement, column) };

	switch (cell.type) {
	case SQLITE_INTEGER:
		cell.integer = sqlite3_column_int64(statement, column);
		break;
	case SQLITE_FLOAT:
		cell.real = sqlite3_column_double(statement, column);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB:
		cell.len = sqlite3_column_bytes(statement, column);
		cell.text = malloc((size_t)cell.len + 1);
		if (!cell.text)
			fail(NULL, "a row");
		if (cell.len)
			memcpy(cell.text, sqlite3_column_blob(statement, column), (size_t)cell.len);
		break;
	}
	return cell;
}

static void rows_read(sqlite3 *db, const char *table, long wanted, struct rows *rows)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	sqlite3_int64 total = query(db, sql);
	sqlite3_stmt *statement;

	sqlite3_free(sql);
	sql = sqlite3_mprintf("SELECT * FROM \"%w\" WHERE rowid %% %lld = 0", table,
			      total > wanted ? (total + wanted - 1) / wanted : 1);
	statement = prepare(db, sql);
	rows->columns = sqlite3_column_count(statement);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		if (rows->count == rows->capacity) {
			rows->capacity = rows->capacity ? 2 * rows->capacity : 65536;
			rows->cells = realloc(rows->cells, rows->capacity * (size_t)rows->columns *
								   sizeof(*rows->cells));
			if (!rows->cells)
				fail(NULL, "the rows");
		}
		for (int i = 0; i < rows->columns; i++)
			rows->cells[rows->count * (size_t)rows->columns + (size_t)i] =
				cell_read(statement, i);
		rows->count++;
	}
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	if (!rows->count || rows->columns > COLUMNS_MAX)
		fail(db, "no rows");
}

static void bind(sqlite3_stmt *statement, int number, const struct cell *cell)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		sqlite3_bind_int64(statement, number, cell->integer);
		break;
	case SQLITE_FLOAT:
		sqlite3_bind_double(statement, number, cell->real);
		break;
	case SQLITE_TEXT:
		sqlite3_bind_text(statement, number, cell->text, cell->len, SQLITE_STATIC);
		break;
	case SQLITE_BLOB:
		sqlite3_bind_blob(statement, number, cell->text, cell->len, SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_null(statement, number);
	}
}

static double rows_insert(sqlite3 *db, const char *table, const struct rows *rows)
{
	char *sql = sqlite3_mprintf("INSERT INTO \"%w\" VALUES (?", table);
	double start = cpu_ns();
	sqlite3_stmt *statement;

	for (int i = 1; i < rows->columns; i++)
		sql = sqlite3_mprintf("%z,?", sql);
	sql = sqlite3_mprintf("%z)", sql);
	run(db, "BEGIN");
	statement = prepare(db, sql);
	for (size_t r = 0; r < rows->count; r++) {
		for (int i = 0; i < rows->columns; i++)
			bind(statement, i + 1, &rows->cells[r * (size_t)rows->columns + (size_t)i]);
		if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement))
			fail(db, "insert");
	}
	sqlite3_finalize(statement);
	run(db, "COMMIT");
	sqlite3_free(sql);
	return cpu_ns() - start;
}

/* The statements that made the table (type "table") or its indexes ("index"), carried out in `to`. */
static void schema_copy(sqlite3 *from, sqlite3 *to, const char *type, const char *table)
{
	char *sql = sqlite3_mprintf(
		"SELECT sql FROM sqlite_schema WHERE type=%Q AND tbl_name=%Q AND sql IS NOT NULL",
		type, table);
	sqlite3_stmt *statement = prepare(from, sql);

	while (sqlite3_step(statement) == SQLITE_ROW)
		run(to, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_free(sql);
}

static double rows_select(sqlite3 *to, const char *from_path, const char *table)
{
	char *sql = sqlite3_mprintf("ATTACH %Q AS source", from_path);
	double start;

	run(to, sql);
	sqlite3_free(sql);
	sql = sqlite3_mprintf("BEGIN; INSERT INTO main.\"%w\" SELECT * FROM source.\"%w\"; COMMIT",
			      table, table);
	start = cpu_ns();
	run(to, sql);
	sqlite3_free(sql);
	return cpu_ns() - start;
}

int main(int argc, char **argv)
{
	double bind_ns, index_ns, select_ns;
	struct rows rows = { 0 };
	sqlite3_int64 page_size;
	sqlite3 *from, *to;
	char *again;

	if (argc < 4) {
		fprintf(stderr, "usage: sqlite_rows FROM.db TABLE TO.db [ROWS]\n");
		return 2;
	}
	if (sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READONLY, NULL))
		fail(from, argv[1]);
	page_size = query(from, "PRAGMA page_size");
	rows_read(from, argv[2], argc > 4 ? atol(argv[4]) : 1000000, &rows);

	to = open_new(argv[3], page_size);
	schema_copy(from, to, "table", argv[2]);
	bind_ns = rows_insert(to, argv[2], &rows);
	index_ns = cpu_ns();
	schema_copy(from, to, "index", argv[2]);
	index_ns = cpu_ns() - index_ns;
	sqlite3_close(to);

	again = sqlite3_mprintf("%s.again", argv[3]);
	to = open_new(again, page_size);
	schema_copy(from, to, "table", argv[2]);
	select_ns = rows_select(to, argv[3], argv[2]);
	sqlite3_close(to);
	unlink(again);
	unlink(argv[3]);
	printf("%zu %d %.0f %.0f %.0f\n", rows.count, rows.columns, bind_ns, bind_ns + index_ns,
	       select_ns);
	return 0;
}
