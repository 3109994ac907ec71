/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/cmd_run.h"
#include "analyze/info.h"
#include "common/cleanup.h"

#include <string.h>

struct info_options {
	struct cmd_options common;
	const char *format;
	bool schema;
};

static const struct option_row rows[] = {
	{ .short_name = 'f',
	  .long_name = "format",
	  .type = OPTION_CHOICE,
	  .offset = offsetof(struct info_options, format),
	  .arg = "FORM",
	  .help = "text, json (one object)",
	  .choices = "text|json" },
	{ .long_name = "schema",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct info_options, schema),
	  .help = "the kinds of events of the file, with their fields" },
	OPTION_END,
};

static int exec(void *target, int operand_count, char **operands)
{
	const struct info_options *options = target;
	struct walk *walk;
	int code;

	if (operand_count != 1)
		return cmd_usage_error(&cmd_info, "one trace is needed: analyze info run.trc");
	walk = cmd_open(&options->common, operands[0], 1ull << TRC_CLASS_TASK, &code);
	if (!walk)
		return code;
	walk_check(walk, UINT64_MAX);
	if (options->schema)
		info_print_schema(&walk->meta->schema, stdout);
	else
		info_print(walk, options->format && !strcmp(options->format, "json"), stdout);
	return cmd_close(&options->common, walk, cmd_flush_stdout());
}

const struct command cmd_info = {
	.name = "info",
	.usage = "[OPTION]... FILE",
	.summary = "what the file says of itself: machine, command, times, counts, losses",
	.examples = "Examples:\n"
		    "  analyze info run.trc\n"
		    "  analyze info --format json run.trc | jq .host\n"
		    "  analyze info --schema run.trc\n"
		    "\n"
		    "All of the file is checked; what is damaged is said on stderr, and 3 is the "
		    "exit code.\n",
	.options = rows,
	.options_size = sizeof(struct info_options),
	.exec = exec,
};
