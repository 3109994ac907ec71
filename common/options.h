/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Command lines: one option is one row and one member of the caller's struct. --help is made from the rows.
 */
#pragma once

#include "common/types.h"

enum option_type {
	OPTION_FLAG,	 /* bool: set to true */
	OPTION_COUNT,	 /* unsigned: +1 each time (-vv) */
	OPTION_STRING,	 /* const char *, the last one wins; points into argv */
	OPTION_LIST,	 /* struct option_list: each use appends */
	OPTION_U64,	 /* u64 */
	OPTION_SIZE,	 /* u64 bytes: 4096, 64K, 1M, 2GiB */
	OPTION_DURATION, /* u64 ns: 10, 10s, 1.5s, 200ms, 5us, 3m, 2h; no unit is seconds */
	OPTION_CHOICE,	 /* const char *: one of `choices`, "a|b|c" */
};

struct option_list {
	size_t count;
	const char **values; /* point into argv; option_list_release() frees the array */
};

struct option_row {
	char short_name;       /* 0 if none */
	const char *long_name; /* without --; NULL if none */
	enum option_type type;
	size_t offset;	 /* offsetof(struct …, member) */
	const char *arg; /* "FILE" in the help; NULL for flags */
	const char *help;
	const char *choices; /* OPTION_CHOICE */
};

/* The last row has neither name. */
/* clang-format off */
#define OPTION_END { 0 }
/* clang-format on */

/*
 * Fills *target (already holding the defaults) from argv[1…]. Short options may be joined and may carry
 * their value (-n5, -vq); long ones take --name=value or --name value. `--` ends the options. With
 * stop_at_operand the first operand ends them too, as for a command to run; otherwise operands and
 * options may be mixed and argv is permuted. *ret_operand is the index of the first operand.
 * 0, or -EINVAL with *ret_error (free it): what, where, and the nearest right option.
 */
int options_parse(const struct option_row *rows, void *target, int argc, char **argv,
		  bool stop_at_operand, int *ret_operand, char **ret_error);
/* The rows as lines of help, wrapped at 100 columns; malloc'ed. */
char *options_help(const struct option_row *rows);
void option_list_release(struct option_list *list);

/*
 * The parsers of the types, for other users. 0 or -EINVAL, also for what does not fit. K, M, G, T and KiB …
 * are powers of 1024, KB … of 1000.
 */
int parse_size(const char *text, u64 *ret_bytes);
int parse_duration(const char *text, u64 *ret_ns);
int parse_u64(const char *text, u64 *ret_value);
