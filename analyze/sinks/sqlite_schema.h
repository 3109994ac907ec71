/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The database's shape: tables from their descriptions, the doc table, views, indexes. */
#pragma once

#include "analyze/table.h"

#include <sqlite3.h>

/* All of it in an empty database. A SQLite result code. */
int schema_create(sqlite3 *db, const struct table *const *tables);
/* Indexes, once the rows are in. */
int schema_index(sqlite3 *db);
