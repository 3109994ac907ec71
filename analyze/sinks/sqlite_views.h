/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The views that a database has for people. */
#pragma once

#include "analyze/table.h"

struct sqlite_view {
	const char *name, *doc, *sql;
	const char *tables; /* that its columns come from, and what they mean: "a,b" */
};

/* A column of a view that no table has. */
struct sqlite_view_column {
	const char *view;
	struct column column;
};

extern const struct sqlite_view sqlite_views[];
extern const size_t sqlite_view_count;
extern const struct sqlite_view_column sqlite_view_columns[];
extern const size_t sqlite_view_column_count;
