/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The database: what SQL makes of the calls equals the tables of sums; many traces; refusals; failures. */
#include "analyze/sinks/sqlite.h"

#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>

static char directory[] = "/tmp/trc-test-XXXXXX";

static void all_tables(const struct table *ret_tables[MODEL_SLOTS + 1])
{
	size_t count = 0;

	for (; metrics[count]; count++)
		ret_tables[count] = &metrics[count]->table;
	ret_tables[count] = NULL;
}

static int open_sink(const char *database, const char *trace, struct sink **ret_sink,
		     struct walk **ret_walk, char **ret_error)
{
	const struct table *tables[MODEL_SLOTS + 1];
	char uuid[TRACE_UUID_TEXT];
	int r;

	all_tables(tables);
	*ret_walk = table_walk(trace, NULL);
	trace_uuid_text((*ret_walk)->meta, uuid);
	r = sink_sqlite_new(database, tables, uuid, ret_sink, ret_error);
	if (r)
		walk_close(*ret_walk);
	return r;
}

/* `commit`: to the end; otherwise it is given up after the rows. */
static int load(const char *database, const char *trace, bool commit)
{
	struct walk *walk;
	struct sink *sink;
	char *error = NULL;
	size_t count = 0;
	int r;

	while (metrics[count])
		count++;
	r = open_sink(database, trace, &sink, &walk, &error);
	if (r) {
		CHECK(error && *error);
		free(error);
		return r;
	}
	r = metrics_run(walk, metrics, count, sink, NULL, NULL);
	if (!r && commit)
		r = sink->close(sink);
	if (r)
		CHECK_FAIL("load: %s", sink->error(sink));
	sink_free(sink);
	walk_close(walk);
	return r;
}

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db;

	CHECK_FATAL(!sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL));
	return db;
}

/* The first column of the first row; TABLE_NULL for NULL; ends the test if there is none. */
static s64 query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	s64 value;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) {
		CHECK_FAIL("%s: %s", sql, sqlite3_errmsg(db));
		exit(1);
	}
	CHECK_FATAL(sqlite3_step(statement) == SQLITE_ROW);
	value = sqlite3_column_type(statement, 0) == SQLITE_NULL
			? TABLE_NULL
			: sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static u64 file_hash(const char *path)
{
	FILE *file = fopen(path, "rb");
	u64 hash = 14695981039346656037ull;

	CHECK_FATAL(file != NULL);
	for (int c; (c = fgetc(file)) != EOF;)
		hash = (hash ^ (u8)c) * 1099511628211ull;
	fclose(file);
	return hash;
}

static size_t files_there(void)
{
	DIR *dir = opendir(directory);
	size_t count = 0;

	CHECK_FATAL(dir != NULL);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* Rows in which the table of sums differs from what SQL computes of the calls. */
static const char disagreement[] =
	"SELECT count(*) FROM (SELECT s.trace_id, t.process_id, s.name, count(*) AS n, "
	"count(s.errno) AS errors,"
	" sum(s.duration_ns) AS total, min(s.duration_ns) AS least, max(s.duration_ns) AS most,"
	" sum(s.duration_ns) / count(s.duration_ns) AS mean"
	" FROM syscall s JOIN thread t USING(trace_id, thread_id) GROUP BY 1, 2, 3) AS c"
	" FULL JOIN syscall_stats x ON x.trace_id = c.trace_id AND x.process_id = c.process_id AND "
	"x.name = c.name"
	" WHERE x.count IS NOT c.n OR x.error_count IS NOT c.errors OR x.total_ns IS NOT c.total"
	" OR x.min_ns IS NOT c.least OR x.max_ns IS NOT c.most OR x.mean_ns IS NOT c.mean";

/* Percentiles by nearest rank, and those of the table that are off by more than 1 %. */
static const char percentiles[] =
	"WITH ranked AS (SELECT s.trace_id, t.process_id, s.name, s.duration_ns AS d,"
	" row_number() OVER (PARTITION BY s.trace_id, t.process_id, s.name ORDER BY s.duration_ns) "
	"AS r,"
	" count(*) OVER (PARTITION BY s.trace_id, t.process_id, s.name) AS n"
	" FROM syscall s JOIN thread t USING(trace_id, thread_id) WHERE s.duration_ns IS NOT NULL)"
	" SELECT count(*) FROM syscall_stats x JOIN ranked USING(trace_id, process_id, name)"
	" WHERE (r = (n * 50 + 99) / 100 AND abs(p50_ns - d) * 100 > d)"
	" OR (r = (n * 90 + 99) / 100 AND abs(p90_ns - d) * 100 > d)"
	" OR (r = (n * 99 + 99) / 100 AND abs(p99_ns - d) * 100 > d)";

static void test_agreement(const char *database)
{
	sqlite3 *db = open_database(database);

	CHECK_EQ(query(db, disagreement), 0);
	CHECK_EQ(query(db, percentiles), 0);
	CHECK(query(db, "SELECT count(*) FROM syscall_stats WHERE p99_ns IS NOT NULL") > 0);
	CHECK_EQ(query(db, "SELECT count(*) FROM syscall"),
		 SCENE_READS + SCENE_FAILURES + SCENE_WRITES + SCENE_THREAD_WRITES + 4);
	CHECK_EQ(query(db, "SELECT sum(error_count) FROM syscall_by_name"),
		 SCENE_FAILURES + SCENE_THREAD_WRITES);
	CHECK_EQ(
		query(db,
		      "SELECT count(*) FROM syscall s LEFT JOIN thread t USING(trace_id, thread_id)"
		      " LEFT JOIN process p USING(trace_id, process_id) WHERE p.pid IS NULL"),
		0);
	/* The trace row, and the wall clock of a moment. */
	CHECK_EQ(query(db, "SELECT min(ts_ns) - start_mono_ns + start_wall_ns FROM exec, trace"),
		 SCENE_WALL + 1000);
	sqlite3_close(db);
}

static void test_documentation(const char *database)
{
	sqlite3 *db = open_database(database);

	CHECK_EQ(query(db, "PRAGMA application_id"), SQLITE_APPLICATION_ID);
	CHECK_EQ(query(db, "PRAGMA user_version"), SQLITE_SCHEMA_VERSION);
	/* Every column of every table has its words, and only those that exist. */
	CHECK_EQ(query(db, "SELECT count(*) FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
			   " LEFT JOIN doc d ON d.table_name = t.name AND d.column_name = c.name"
			   " WHERE t.type = 'table' AND (d.doc IS NULL OR length(d.doc) < 5 OR "
			   "d.type <> c.type)"),
		 0);
	CHECK_EQ(query(db, "SELECT count(*) FROM doc d WHERE column_name IS NOT NULL AND NOT EXISTS"
			   " (SELECT 1 FROM pragma_table_info(d.table_name) c WHERE c.name = "
			   "d.column_name)"),
		 0);
	CHECK_EQ(
		query(db,
		      "SELECT count(*) FROM sqlite_schema s LEFT JOIN doc d ON d.table_name = "
		      "s.name AND"
		      " d.column_name IS NULL WHERE s.type IN ('table', 'view') AND d.doc IS NULL"),
		0);
	CHECK_EQ(query(db,
		       "SELECT count(*) FROM sqlite_schema v JOIN pragma_table_info(v.name) c"
		       " WHERE v.type = 'view' AND 1 <> (SELECT count(*) FROM doc d WHERE"
		       " d.table_name = v.name AND d.column_name = c.name AND length(d.doc) > 4)"),
		 0);
	CHECK_EQ(query(db, "SELECT count(*) FROM doc v JOIN doc t ON t.table_name = 'thread' AND"
			   " t.column_name = 'comm' AND t.doc = v.doc"
			   " WHERE v.table_name = 'v_slowest_syscall' AND v.column_name = 'comm'"),
		 1);
	/* Every table that is about a trace begins with it. */
	CHECK_EQ(query(db, "SELECT count(*) FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
			   " WHERE t.type = 'table' AND t.name <> 'doc' AND c.cid = 0 AND c.name "
			   "<> 'trace_id'"),
		 0);
	CHECK_EQ(query(db, "SELECT count(*) FROM v_syscall"),
		 query(db, "SELECT count(*) FROM syscall"));
	CHECK_EQ(query(db, "SELECT count(*) FROM v_process_tree"),
		 query(db, "SELECT count(*) FROM process"));
	CHECK_EQ(query(db, "SELECT max(depth) FROM v_process_tree"), 1);
	CHECK_EQ(query(db, "SELECT count(*) FROM v_failed_syscall"),
		 SCENE_FAILURES + SCENE_THREAD_WRITES);
	CHECK_EQ(query(db, "SELECT count(*) FROM v_exec"), 3);
	CHECK(query(db, "SELECT duration_ns FROM v_slowest_syscall LIMIT 1") > 1000000000);
	CHECK(query(db, "SELECT count(*) FROM v_syscall_stats") > 0);
	sqlite3_close(db);
}

static void test_second_trace(const char *database)
{
	struct scene other;
	sqlite3 *db;
	u64 hash;

	scene_world(&other, 2);
	CHECK_EQ(load(database, other.path, true), 0);
	db = open_database(database);
	CHECK_EQ(query(db, "SELECT count(DISTINCT trace_id) FROM syscall"), 2);
	CHECK_EQ(query(db, "SELECT max(trace_id) FROM trace"), 2);
	CHECK_EQ(query(db, "SELECT count(*) FROM process WHERE trace_id = 2"), 3);
	CHECK_EQ(query(db, disagreement), 0);
	sqlite3_close(db);

	/* The same one again: refused, and nothing is touched. */
	hash = file_hash(database);
	CHECK_EQ(load(database, other.path, true), -EEXIST);
	CHECK_EQ(file_hash(database), hash);
	scene_release(&other);
}

/* Given up after all rows are in: an old database is as it was, of a new one nothing is left. */
static void test_failure(const char *database)
{
	struct scene third;
	char path[128];
	u64 hash;
	size_t files = files_there();
	sqlite3 *db;

	scene_world(&third, 3);
	hash = file_hash(database);
	CHECK_EQ(load(database, third.path, false), 0);
	CHECK_EQ(file_hash(database), hash);
	db = open_database(database);
	CHECK_EQ(query(db, "SELECT max(trace_id) FROM trace"), 2);
	sqlite3_close(db);

	snprintf(path, sizeof(path), "%s/new.db", directory);
	CHECK_EQ(load(path, third.path, false), 0);
	CHECK_EQ(files_there(), files);
	scene_release(&third);
}

/* A file that came into being while a new database was filled is not written over. */
static void test_race(void)
{
	struct scene scene;
	struct walk *walk;
	struct sink *sink;
	char path[128], *error = NULL;
	FILE *file;

	scene_world(&scene, 4);
	snprintf(path, sizeof(path), "%s/race.db", directory);
	CHECK_FATAL(!open_sink(path, scene.path, &sink, &walk, &error));
	file = fopen(path, "w");
	fputs("mine", file);
	fclose(file);
	CHECK_EQ(sink->close(sink), -EEXIST);
	sink_free(sink);
	walk_close(walk);
	file = fopen(path, "r");
	CHECK_EQ(fgetc(file), 'm');
	fclose(file);
	unlink(path);
	scene_release(&scene);
}

static void refuse(const char *sql, const char *word)
{
	struct scene scene;
	struct walk *walk;
	struct sink *sink;
	char path[128], *error = NULL;
	sqlite3 *db;

	scene_world(&scene, 5);
	snprintf(path, sizeof(path), "%s/refuse.db", directory);
	CHECK_FATAL(!sqlite3_open(path, &db));
	CHECK_FATAL(!sqlite3_exec(db, sql, NULL, NULL, NULL));
	sqlite3_close(db);
	CHECK(open_sink(path, scene.path, &sink, &walk, &error) < 0);
	CHECK(error && strstr(error, word));
	free(error);
	unlink(path);
	scene_release(&scene);
}

static void test_refusals(void)
{
	struct scene scene;
	struct walk *walk;
	struct sink *sink;
	char path[128], *error = NULL;
	FILE *file;

	refuse("CREATE TABLE mine(x)", "another program");
	refuse("PRAGMA application_id = 0x74726331; PRAGMA user_version = 999; CREATE TABLE x(y)",
	       "version 999");

	scene_world(&scene, 6);
	snprintf(path, sizeof(path), "%s/text.db", directory);
	file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", file);
	fclose(file);
	CHECK(open_sink(path, scene.path, &sink, &walk, &error) < 0);
	CHECK(error && strstr(error, "not a SQLite database"));
	free(error);
	unlink(path);
	error = NULL;
	snprintf(path, sizeof(path), "%s/missing/x.db", directory);
	CHECK_EQ(open_sink(path, scene.path, &sink, &walk, &error), -ENOENT);
	free(error);
	scene_release(&scene);
}

/* Names are bytes. What is not UTF-8 must not stop a reader of the database. */
static void test_bytes(void)
{
	struct scene scene;
	char path[128];
	sqlite3 *db;

	scene_begin(&scene, 7);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/caf\xc3\xa9", "x'; DROP TABLE process; --", 26);
	scene_new(&scene, 2000, 100, 100, 101, 101, "\xff\xfe");
	scene_finish(&scene);
	snprintf(path, sizeof(path), "%s/bytes.db", directory);
	CHECK_EQ(load(path, scene.path, true), 0);
	db = open_database(path);
	CHECK_EQ(query(db, "SELECT typeof(exe) = 'text' AND exe = '/bin/café' FROM process WHERE "
			   "pid = 100"),
		 1);
	CHECK_EQ(query(db, "SELECT comm = x'fffe' FROM process WHERE pid = 101"), 1);
	CHECK_EQ(query(db, "SELECT count(*) FROM process WHERE cmdline LIKE '%DROP TABLE%'"), 2);
	sqlite3_close(db);
	unlink(path);
	scene_release(&scene);
}

static void put_found(struct scene *scene, u64 at, u32 tid, u32 tgid, u32 ppid, const char *comm)
{
	u64 buffer[128] = {};
	struct trc_task_found *record = (struct trc_task_found *)buffer;
	u8 *end = (u8 *)(record + 1);

	*record = (struct trc_task_found){ .head = SCENE_HEAD(task_found, at, tid, tgid),
					   .start_ns = SCENE_BOOT + tid,
					   .ppid = ppid,
					   .uid = 1000 };
	strncpy(record->comm, comm, sizeof(record->comm) - 1);
	if (tid == tgid) {
		end = scene_item(end, 0, TRC_TYPE_str, comm, strlen(comm));
		end = scene_item(end, 3, TRC_TYPE_strv, "a\0b c", sizeof("a\0b c"));
	}
	record->head.len = (u16)(end - (u8 *)buffer);
	scene_put(scene, TRC_CLASS_TASK, &record->head);
}

/* What a recorder finds when it attaches: a child before its parent, a thread before its leader. */
static void test_found(void)
{
	struct scene scene;
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/found.db", directory);
	scene_begin(&scene, 9);
	put_found(&scene, 1000, 50, 50, 70, "child");
	put_found(&scene, 2000, 60, 70, 1, "worker");
	put_found(&scene, 3000, 70, 70, 1, "parent");
	put_found(&scene, 4000, 80, 80, 70, "later");
	scene_finish(&scene);
	CHECK_EQ(load(path, scene.path, true), 0);
	db = open_database(path);
	CHECK_EQ(query(db, "SELECT count(*) FROM process"), 3);
	CHECK_EQ(query(db, "SELECT count(*) FROM thread"), 4);
	CHECK_EQ(query(db, "SELECT count(*) FROM process c JOIN process p ON p.process_id = "
			   "c.parent_process_id WHERE p.comm = 'parent' AND c.pid IN (50, 80)"),
		 2);
	CHECK_EQ(query(db, "SELECT parent_process_id FROM process WHERE pid = 70"), TABLE_NULL);
	CHECK_EQ(query(db, "SELECT count(*) FROM process WHERE uid = 1000 AND exe = comm AND "
			   "cmdline = 'a ''b c'''"),
		 3);
	CHECK_EQ(query(db, "SELECT start_ns FROM process WHERE pid = 50"), 50);
	sqlite3_close(db);
	scene_release(&scene);
	unlink(path);
}

int main(void)
{
	char database[128];
	struct scene scene;

	CHECK_FATAL(mkdtemp(directory) != NULL);
	snprintf(database, sizeof(database), "%s/world.db", directory);
	scene_world(&scene, 1);
	CHECK_EQ(load(database, scene.path, true), 0);
	test_agreement(database);
	test_documentation(database);
	test_second_trace(database);
	test_failure(database);
	test_race();
	test_refusals();
	test_bytes();
	test_found();
	scene_release(&scene);
	unlink(database);
	rmdir(directory);
	return check_report();
}
