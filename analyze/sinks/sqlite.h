/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables into a SQLite database that holds any number of traces: every table begins with trace_id.
 * The database documents itself: table doc, views v_…, application_id and user_version.
 *
 * All in one transaction. A new database is written under a temporary name and appears only when it is
 * whole; an existing one is rolled back unless close() succeeds.
 */
#pragma once

#include "analyze/table.h"

/* Raised whenever a table or a column changes; a database of another version is refused. */
#define SQLITE_SCHEMA_VERSION 4
#define SQLITE_APPLICATION_ID 0x74726331 /* "trc1" */

/*
 * `tables` are all tables that the schema has, ended by NULL; rows may come for some of them. `uuid` is the
 * trace's, as in the table trace: -EEXIST if the database has it already. 0 or -errno, and *ret_error
 * (free it) with words for it.
 */
int sink_sqlite_new(const char *path, const struct table *const *tables, const char *uuid,
		    struct sink **ret_sink, char **ret_error);
/* The trace_id that the rows got. */
s64 sink_sqlite_trace_id(const struct sink *sink);
