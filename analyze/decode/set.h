/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names of flags and values, by set.
 *
 * A set has one line in sets.def and stands in one of the sets_*.c files. Names and values come
 * from the kernel's uapi headers: NAME() takes the macro of the installed header, where the value
 * is the same on every architecture; NAMED() spells the number out where it is not (the numbers are
 * those of asm-generic, which x86, arm, arm64 and riscv share) or where the header is younger than
 * Debian 12's.
 */
#pragma once

#include "common/text.h"

struct value_name {
	const char *name;
	u32 len;
	u64 value;
};

enum value_set_kind {
	SET_VALUES, /* values in ascending order */
	SET_FLAGS,  /* bits; a name of several bits stands before the names of its parts */
};

struct value_set {
	const char *name;    /* as the syscall tables call it */
	const char *unknown; /* what follows a number without a name: "MAP_???" */
	const struct value_name *values;
	u16 count;
	u8 kind;   /* enum value_set_kind */
	bool wide; /* all bits of a register count, not just the low 32 */
	u64 field; /* flags: these bits are a value of field_set, not flags */
	const struct value_set *field_set;
};

#define NAME(x)                                                                                    \
	{                                                                                          \
#x, sizeof(#x) - 1, (u64)(x)                                                       \
	}
#define NAMED(x, val)                                                                              \
	{                                                                                          \
#x, sizeof(#x) - 1, (val)                                                          \
	}

#define DEFINE_SET(id, kind_, unknown_, ...)                                                       \
	const struct value_set set_##id = { .name = #id,                                           \
					    .kind = (kind_),                                       \
					    .unknown = (unknown_),                                 \
					    .values = id##_names,                                  \
					    .count = ARRAY_SIZE(id##_names),                       \
					    __VA_ARGS__ }
#define FLAG_SET(id, unknown, ...)  DEFINE_SET(id, SET_FLAGS, unknown, __VA_ARGS__)
#define VALUE_SET(id, unknown, ...) DEFINE_SET(id, SET_VALUES, unknown, __VA_ARGS__)
#define NAMES(id)		    static const struct value_name id##_names[]

#define SET(id) extern const struct value_set set_##id;
#include "analyze/decode/sets.def"
#undef SET

/* The set as an ABI (enum syscall_abi) numbers it. */
const struct value_set *value_set_of_abi(const struct value_set *set, u8 abi);
/* The same by name; NULL if there is none of that name. */
const struct value_set *value_set_find(const char *name, u8 abi);
/* The name of a value; NULL if it has none. */
const struct value_name *value_set_name(const struct value_set *set, u64 value);
/* "MAP_PRIVATE|MAP_ANONYMOUS|0x1000", "SEEK_SET"; with a comment if nothing is known of it. */
void value_set_add(const struct value_set *set, u64 value, struct text *out);

/* "0x9 … X_???" in a comment. */
void text_add_unknown(struct text *out, u64 value, const char *unknown);

#define text_add_literal(out, s) text_add((out), "" s, sizeof(s) - 1)
