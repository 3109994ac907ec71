/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sqlite.h"

#include "analyze/sinks/sqlite_batch.h"
#include "analyze/sinks/sqlite_schema.h"
#include "common/alloc.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS	    5000
#define BATCHES_MAX 64

struct sqlite_sink {
	struct sink sink;
	sqlite3 *db;
	char *path;
	char *temporary; /* the new database until it is whole; NULL: `path` existed */
	s64 trace_id;
	struct batch_source source;
	size_t batch_count;
	struct batch batches[BATCHES_MAX];
	struct batch *last; /* that a row went to */
	char *error;
};

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_NOTADB:
		return -EINVAL;
	default:
		return -EIO;
	}
}

/* Notes SQLite's words for a failure. */
static int result(struct sqlite_sink *sqlite, int code)
{
	if (!code || code == SQLITE_DONE)
		return 0;
	if (!sqlite->error)
		sqlite->error = xstrdup(sqlite3_errmsg(sqlite->db));
	return to_errno(code);
}

static int run(struct sqlite_sink *sqlite, const char *sql)
{
	return result(sqlite, sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL));
}

static int query_int(struct sqlite_sink *sqlite, const char *sql, const char *parameter,
		     s64 *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);

	if (!r && parameter)
		r = sqlite3_bind_text(statement, 1, parameter, -1, SQLITE_STATIC);
	if (!r)
		r = sqlite3_step(statement);
	if (r == SQLITE_ROW) {
		*ret_value = sqlite3_column_int64(statement, 0);
		r = SQLITE_OK;
	}
	r = result(sqlite, r);
	sqlite3_finalize(statement);
	return r;
}

/* ---- opening ---- */

/* Whose database is it? 1: empty, 0: ours, -EINVAL and words otherwise. */
static int check_owner(struct sqlite_sink *sqlite)
{
	s64 application = 0, version = 0, objects = 0;
	int r;

	r = query_int(sqlite, "PRAGMA application_id", NULL, &application);
	if (!r)
		r = query_int(sqlite, "PRAGMA user_version", NULL, &version);
	if (!r)
		r = query_int(sqlite, "SELECT count(*) FROM sqlite_schema", NULL, &objects);
	if (r == -EINVAL) {
		free(sqlite->error);
		sqlite->error = xstrdup("it is not a SQLite database; name another file");
	}
	if (r)
		return r;
	if (!objects && !application)
		return 1;
	if (application != SQLITE_APPLICATION_ID) {
		sqlite->error = xstrdup("it is a database of another program; name another file");
		return -EINVAL;
	}
	if (version != SQLITE_SCHEMA_VERSION) {
		sqlite->error = xasprintf("its tables are of version %lld, this analyze writes "
					  "version %d; load into a new file",
					  (long long)version, SQLITE_SCHEMA_VERSION);
		return -EINVAL;
	}
	return 0;
}

/* The new file, under a name that says what it is if we are killed. */
static int make_temporary(struct sqlite_sink *sqlite)
{
	_cleanup_close_ int fd = -1;
	mode_t mask;

	sqlite->temporary = xasprintf("%s.part-XXXXXX", sqlite->path);
	fd = mkstemp(sqlite->temporary);
	if (fd < 0) {
		int r = -errno;

		free(sqlite->temporary);
		sqlite->temporary = NULL;
		sqlite->error = xstrdup(strerror(-r));
		return r;
	}
	mask = umask(0);
	umask(mask);
	fchmod(fd, 0666 & ~mask);
	return 0;
}

static int open_database(struct sqlite_sink *sqlite)
{
	const char *path = sqlite->path;
	int r;

	if (access(path, F_OK)) {
		r = make_temporary(sqlite);
		if (r)
			return r;
		path = sqlite->temporary;
	}
	r = result(sqlite, sqlite3_open_v2(path, &sqlite->db, SQLITE_OPEN_READWRITE, NULL));
	if (r)
		return r;
	sqlite3_busy_timeout(sqlite->db, BUSY_MS);
	/* A new file is thrown away as a whole when something fails: it needs no journal. */
	if (sqlite->temporary)
		r = run(sqlite,
			"PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
			"PRAGMA locking_mode=EXCLUSIVE");
	if (!r)
		r = run(sqlite,
			"PRAGMA cache_size=-65536; PRAGMA secure_delete=OFF; BEGIN IMMEDIATE");
	return r;
}

static int start(struct sqlite_sink *sqlite, const struct table *const *tables, const char *uuid)
{
	s64 present = 0;
	int owner, r;

	r = open_database(sqlite);
	if (r == -EINVAL) { /* BEGIN reads the file's head */
		free(sqlite->error);
		sqlite->error = xstrdup("it is not a SQLite database; name another file");
	}
	if (r)
		return r;
	owner = check_owner(sqlite);
	if (owner < 0)
		return owner;
	if (owner)
		r = result(sqlite, schema_create(sqlite->db, tables));
	if (!r)
		r = query_int(sqlite, "SELECT count(*) FROM trace WHERE uuid = ?1", uuid, &present);
	if (!r && present) {
		sqlite->error = xstrdup("the trace is in the database already");
		r = -EEXIST;
	}
	if (!r)
		r = query_int(sqlite, "SELECT ifnull(max(trace_id), 0) + 1 FROM trace", NULL,
			      &sqlite->trace_id);
	return r ? r : result(sqlite, batch_register(sqlite->db, &sqlite->source));
}

/* ---- rows ---- */

static struct batch *batch_of(struct sqlite_sink *sqlite, const struct table *table)
{
	if (sqlite->last && sqlite->last->table == table)
		return sqlite->last;
	for (size_t i = 0; i < sqlite->batch_count; i++)
		if (sqlite->batches[i].table == table)
			return sqlite->last = &sqlite->batches[i];
	return NULL;
}

static int sqlite_begin(struct sink *sink, const struct table *table)
{
	struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;

	if (sqlite->batch_count == BATCHES_MAX || table->column_count > TABLE_COLUMNS_MAX)
		return -E2BIG;
	return result(sqlite, batch_prepare(&sqlite->batches[sqlite->batch_count++], sqlite->db,
					    table, sqlite->trace_id));
}

static int sqlite_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;

	return result(sqlite, batch_add(batch_of(sqlite, table), &sqlite->source, values));
}

static int sqlite_end(struct sink *sink, const struct table *table)
{
	struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;

	return result(sqlite, batch_write(batch_of(sqlite, table), &sqlite->source));
}

static void release_batches(struct sqlite_sink *sqlite)
{
	for (size_t i = 0; i < sqlite->batch_count; i++)
		batch_release(&sqlite->batches[i]);
	sqlite->batch_count = 0;
	sqlite->last = NULL;
}

static int sqlite_close_sink(struct sink *sink)
{
	struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;
	int r;

	release_batches(sqlite);
	r = result(sqlite, schema_index(sqlite->db));
	if (!r)
		r = run(sqlite, "COMMIT");
	if (!r)
		r = result(sqlite, sqlite3_close(sqlite->db));
	if (r)
		return r;
	sqlite->db = NULL;
	if (!sqlite->temporary)
		return 0;
	/* Not over a file that came into being meanwhile. */
	if (renameat2(AT_FDCWD, sqlite->temporary, AT_FDCWD, sqlite->path, RENAME_NOREPLACE) &&
	    (errno != EINVAL || rename(sqlite->temporary, sqlite->path))) {
		r = -errno;
		sqlite->error = xstrdup(strerror(-r));
		return r;
	}
	free(sqlite->temporary);
	sqlite->temporary = NULL;
	return 0;
}

static void sqlite_free(struct sink *sink)
{
	struct sqlite_sink *sqlite = (struct sqlite_sink *)sink;

	release_batches(sqlite);
	sqlite3_close(sqlite->db); /* rolls back what was not committed */
	if (sqlite->temporary)
		unlink(sqlite->temporary);
	free(sqlite->temporary);
	free(sqlite->path);
	free(sqlite->error);
	free(sqlite);
}

static const char *sqlite_error(const struct sink *sink)
{
	return ((const struct sqlite_sink *)sink)->error;
}

s64 sink_sqlite_trace_id(const struct sink *sink)
{
	return ((const struct sqlite_sink *)sink)->trace_id;
}

int sink_sqlite_new(const char *path, const struct table *const *tables, const char *uuid,
		    struct sink **ret_sink, char **ret_error)
{
	struct sqlite_sink *sqlite = xcalloc(1, sizeof(*sqlite));
	int r;

	sqlite->sink = (struct sink){ sqlite_begin,	 sqlite_row,  sqlite_end,
				      sqlite_close_sink, sqlite_free, sqlite_error };
	sqlite->path = xstrdup(path);
	r = start(sqlite, tables, uuid);
	if (r) {
		*ret_error = xstrdup(sqlite->error ? sqlite->error : strerror(-r));
		sqlite_free(&sqlite->sink);
		return r;
	}
	*ret_sink = &sqlite->sink;
	return 0;
}
