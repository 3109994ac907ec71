/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the records of a file mean: kinds, fields, items.
 *
 * schema_builtin() is the schema of this program, made from events.def. A file's own schema is
 * decoded from its HEADER (trace_meta.h) into the same structs and owned by the trace_meta.
 */
#pragma once

#include "common/events.h"

struct schema_field {
	const char *name;
	const char *unit;
	const char *doc;
	u16 offset; /* from the start of the record, head included */
	u16 size;   /* bytes */
	u8 type;    /* enum trc_type: u8 … chars */
};

struct schema_item {
	const char *name;
	const char *doc;
	u8 type; /* enum trc_type: any, str, strv … */
};

struct schema_kind {
	u16 id;
	u16 fixed_len; /* head and fixed fields, bytes */
	u8 class;
	u8 field_count;
	u8 item_count;
	const char *name;
	const char *doc;
	const struct schema_field *fields;
	const struct schema_item *items;
};

struct schema {
	size_t kind_count;
	const struct schema_kind *kinds; /* in the order of events.def */
};

/* Limits that a reader enforces on a file's schema. */
#define SCHEMA_KINDS_MAX  1024
#define SCHEMA_FIELDS_MAX 64
#define SCHEMA_NAME_MAX	  64
#define SCHEMA_FIXED_MAX  2040 /* words of a record are counted in 8 bits */

const struct schema *schema_builtin(void);
/* NULL if there is none. */
const struct schema_kind *schema_kind_by_id(const struct schema *schema, u16 id);
const struct schema_kind *schema_kind_by_name(const struct schema *schema, const char *name);
const struct schema_field *schema_field_by_name(const struct schema_kind *kind, const char *name);
const char *schema_type_name(u8 type);
const char *schema_class_name(u8 class); /* "task", "syscall"; NULL if unknown */

/*
 * Is the record well-formed by itself: head, length, words, tail? Every record of a chunk passes
 * here once, in the reader; above it they are trusted. `room` is what is left in the buffer.
 * Returns 0 or -EBADMSG.
 */
int record_check(const struct trc_head *record, size_t room);

/* The value of a fixed field of a record in native byte order; false if the record is too short to have it. */
bool record_field(const struct trc_head *record, const struct schema_field *field, u64 *ret_value);

/* Walks the items of a checked record: start with *cursor = NULL; NULL at the end. */
const struct trc_item *record_item_next(const struct trc_head *record,
					const struct trc_item **cursor);
/* The first item of that field; NULL if there is none. */
const struct trc_item *record_item(const struct trc_head *record, u8 field);

static inline const u8 *trc_item_data(const struct trc_item *item)
{
	return (const u8 *)(item + 1);
}
