/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A sink that keeps chosen columns of tables, for commands that lay out several tables on one page. */
#pragma once

#include "analyze/sinks/rows.h"

struct memory_choice {
	const char *table;
	const char *columns[20]; /* NULL-ended; they must exist */
};

struct memory_table {
	const struct memory_choice *choice;
	const struct table *table;
	size_t from[20];
	struct rows rows; /* columns in the order of the choice */
};

/* `choices` is ended by one without a table, and borrowed. Tables that are not chosen are passed over. */
struct sink *sink_memory_new(const struct memory_choice *choices);
/* The rows of a chosen table, empty if none came. */
struct memory_table *sink_memory_table(struct sink *sink, const char *table);
