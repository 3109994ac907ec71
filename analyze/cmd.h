/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Commands of analyze: one file cmd_NAME.c with one `struct command`, one line in main.c's list.
 *
 * main parses argv into the command's options and calls exec(). A command's options are a struct that
 * begins with struct cmd_options; its own rows use offsetof() in it, and main adds the common rows.
 *
 *   struct head_options { struct cmd_options common; u64 top; };
 *   static const struct option_row rows[] = { { 'n', "top", OPTION_U64, offsetof(struct head_options, top), … }, OPTION_END };
 */
#pragma once

#include "analyze/walk.h"
#include "common/options.h"

/* Exit codes: stable, the same for every command. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_USAGE = 2,	  /* wrong command line, no such file, output that cannot be written */
	EXIT_DAMAGED = 3, /* not a trace, damaged, of a newer version; lossy under --strict */
};

struct cmd_options { /* common to all commands; zero is the default */
	bool help;
	bool strict;
	const char *color; /* "auto", "always", "never"; NULL is auto */
	struct selection_options selection;
	u64 period_ns; /* 0: a second */
};

/* Of the common options, what a command selects by; another one is an unknown option to it. */
enum cmd_use {
	CMD_TIME = 1,
	CMD_TASKS = 2, /* --pid, --comm */
	CMD_CALLS = 4,
	CMD_PERIOD = 8,
};

struct command {
	const char *name;
	const char *usage;    /* what follows the name: "[OPTION]… FILE" */
	const char *summary;  /* one line for the list of commands */
	const char *examples; /* further lines of --help: examples and notes, each ended by \n */
	const struct option_row *options; /* its own rows; NULL if none */
	size_t options_size; /* of its options struct; 0 means sizeof(struct cmd_options) */
	unsigned uses;	     /* enum cmd_use */
	/* `options` is zeroed and filled in; operands are what is left of argv. Returns an exit code. */
	int (*exec)(void *options, int operand_count, char **operands);
};

extern const struct command cmd_info, cmd_tree, cmd_report, cmd_replay, cmd_lsof, cmd_load,
	cmd_export, cmd_repair;

/*
 * The usual frame of a command: checks that `operand_count` is in range, opens the trace, says on
 * stderr what is wrong. NULL and *ret_code otherwise.
 */
struct walk *cmd_open(const struct cmd_options *options, const char *path, u64 classes,
		      int *ret_code);
/*
 * Says on stderr what was damaged, lost or left out, also in parts that the command had no need of; frees the walk, gives the exit
 * code. `code` is what it is without that.
 */
int cmd_close(const struct cmd_options *options, struct walk *walk, int code);
/* "analyze report: …; see analyze report --help", EXIT_USAGE */
__attribute__((format(printf, 2, 3))) int cmd_usage_error(const struct command *command,
							  const char *format, ...);
/* Flushes stdout; EXIT_USAGE with a message if it could not be written. */
int cmd_flush_stdout(void);
