/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One event of a file as JSON, with every field by its name: nothing decoded, nothing left out.
 *
 *   {"ts":NS,"tid":N,"tgid":N,"kind":"syscall","cpu":N,"flags":N,
 *    "fields":{NAME:VALUE,…},
 *    "items":[{"field":"data1","type":"str","state":"whole","more":0,"data":…},…]}
 *
 * ts … flags are the record's head. fields has the kind's fixed fields in the order of the file's schema,
 * those that the record is too short for left out: integers as they are, fixed bytes as a string that
 * ends at the first NUL, and of a type that is unknown {"type":TYPE,"data":HEX}. items is what the tail holds, in its order; data by type:
 *   str                a string
 *   strv               a list of strings, split after each NUL; a last one without NUL counts
 *   fds, u32s, u64s    a list of integers; bytes that do not make a whole one are left out
 *   all others         the bytes in lowercase hexadecimal
 * and null for state "unreadable". Strings are bytes: what is not UTF-8 is written as \udc80 … \udcff, as
 * Python's surrogateescape has it. field is a number if the schema does not name the item, type and state
 * likewise. A kind that the schema does not describe has its number as kind, and instead of fields and
 * items "data", the bytes behind the head in hexadecimal.
 */
#pragma once

#include "common/schema.h"
#include "common/text.h"

/* `kind` as the file describes it, or NULL. No newline. */
void event_add_json(struct text *text, const struct trc_head *record,
		    const struct schema_kind *kind);
/* The value of "items". */
void event_add_items(struct text *text, const struct trc_head *record,
		     const struct schema_kind *kind);
/* The value of a fixed field; false if the record does not have it. Strings are not quoted and not escaped. */
bool event_field_text(const struct trc_head *record, const struct schema_field *field,
		      const char **ret_text, size_t *ret_len);
/* Does the record have the field, and is it neither a number nor text? */
bool event_field_unknown(const struct trc_head *record, const struct schema_field *field);
void event_add_unknown(struct text *text, const struct trc_head *record,
		       const struct schema_field *field);
void event_add_number(struct text *text, const struct schema_field *field, u64 value);
