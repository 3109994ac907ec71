/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables: columns described once, rows pushed to a sink.
 *
 * All that a metric and a sink know of each other. A metric describes its columns with one X-macro list:
 *
 *   #define COLUMNS(C)                                            \
 *           C(pid, INTEGER, NUMBER, "process id as the kernel gave it") \
 *           C(cpu_ns, INTEGER, NS, "time on a CPU")
 *   enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
 *   static const struct column columns[] = { COLUMNS(COLUMN_ROW) };
 *
 * and fills `struct value row[COLUMN_COUNT]` by COLUMN_pid, COLUMN_cpu_ns.
 */
#pragma once

#include "common/types.h"

#include <string.h>

enum column_type {
	COLUMN_INTEGER,
	COLUMN_REAL,
	COLUMN_TEXT,
};

/* What a number means: how a person reads it, and the `unit` of the doc table. */
enum column_unit {
	UNIT_NONE,   /* text */
	UNIT_ID,     /* a key of this trace */
	UNIT_NUMBER, /* a number that is a name: pid, errno */
	UNIT_COUNT,
	UNIT_NS,   /* a duration */
	UNIT_TS,   /* a moment on the trace clock, ns */
	UNIT_WALL, /* a moment, ns since 1970 UTC */
	UNIT_BYTES,
	UNIT_BOOL,    /* 0 or 1 */
	UNIT_ADDRESS, /* in memory */
	UNIT_ERRNO,   /* the number of an error, whose name no other column has */
};

const char *column_type_name(u8 type); /* "INTEGER", as SQL spells it */
const char *column_unit_name(u8 unit); /* "ns"; "" for UNIT_NONE */

struct column {
	const char *name;
	const char *doc;
	u8 type; /* enum column_type */
	u8 unit; /* enum column_unit */
};

#define COLUMN_ENUM(name, type, unit, doc) COLUMN_##name,
#define COLUMN_ROW(name, type, unit, doc)  { #name, doc, COLUMN_##type, UNIT_##unit },

/* What SQLite's eponymous table and --columns can take. */
#define TABLE_COLUMNS_MAX 40

struct table {
	const char *name;
	const char *doc;
	const struct column *columns;
	size_t column_count;
	const char *sort; /* column that orders the rows for a person; NULL: as they come */
	const char
		*brief; /* columns that a person sees unless asked otherwise: "a,b,c"; NULL: all */
	bool stream;	/* a row per event: left out where all tables are asked for */
};

enum value_type {
	VALUE_NULL = 0,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,
};

struct value {
	u8 type;
	u32 len; /* of the text */
	union {
		s64 integer;
		double real;
		const char *text; /* bytes, not NUL-terminated; borrowed until row() returns */
	};
};

static inline struct value value_null(void)
{
	return (struct value){ .type = VALUE_NULL };
}

static inline struct value value_int(s64 integer)
{
	return (struct value){ .type = VALUE_INTEGER, .integer = integer };
}

/* NULL instead of a number that stands for "unknown". */
static inline struct value value_known(u64 integer, u64 unknown)
{
	return integer == unknown ? value_null() : value_int((s64)integer);
}

static inline struct value value_real(double real)
{
	return (struct value){ .type = VALUE_REAL, .real = real };
}

static inline struct value value_bytes(const char *text, size_t len)
{
	return (struct value){ .type = VALUE_TEXT, .len = (u32)len, .text = text };
}

/* NULL for a NULL pointer. */
static inline struct value value_text(const char *text)
{
	return text ? value_bytes(text, strlen(text)) : value_null();
}

/* Index of a column; -1 if there is none. */
int table_column(const struct table *table, const char *name);

/*
 * Where rows go. begin() once per table before its first row, end() after its last; rows of several
 * tables may come interleaved. All return 0 or -errno; after an error the caller stops and frees.
 */
struct sink {
	int (*begin)(struct sink *sink, const struct table *table);
	int (*row)(struct sink *sink, const struct table *table, const struct value *values);
	int (*end)(struct sink *sink, const struct table *table);
	int (*close)(struct sink *sink); /* all is well: write out, commit */
	void (*free)(
		struct sink *sink); /* without close() before: take back what can be taken back */
	const char *(*error)(
		const struct
		sink *sink); /* words for the last failure; the function or its result may be NULL */
};

static inline void sink_free(struct sink *sink)
{
	if (sink)
		sink->free(sink);
}
