/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A sink in front of another: chooses columns, sorts, keeps the first N. Tables that are sorted, and all
 * tables when there are several, are held until end(); a lone unsorted table passes through row by row.
 */
#pragma once

#include "analyze/table.h"

struct view_options {	     /* as typed; zero changes nothing */
	const char *columns; /* "a,b,c", "all"; NULL: the table's brief ones if `brief`, else all */
	const char
		*sort; /* "column", "column:asc", "column:desc"; "none"; NULL: as the table says */
	u64 top;       /* 0: all */
	bool brief;
	bool hold; /* hold every table until its end, as the sink behind can only take one at a time */
};

/* Are the words right for this table? -EINVAL and *ret_error (free it) with the nearest right word. */
int view_check(const struct view_options *options, const struct table *table, char **ret_error);
/* Frees `sink` when it is freed; close() closes it. Options are borrowed and must have been checked. */
struct sink *sink_view_new(const struct view_options *options, struct sink *sink);
