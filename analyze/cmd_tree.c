/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/cmd_run.h"
#include "analyze/terminal.h"
#include "analyze/tree.h"

#include <string.h>

struct tree_command_options {
	struct cmd_options common;
	bool threads;
	const char *format;
};

static const struct option_row rows[] = {
	{ .short_name = 'T',
	  .long_name = "threads",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct tree_command_options, threads),
	  .help = "show threads below their processes" },
	{ .short_name = 'f',
	  .long_name = "format",
	  .type = OPTION_CHOICE,
	  .offset = offsetof(struct tree_command_options, format),
	  .arg = "FORM",
	  .help = "text, json (nested objects)",
	  .choices = "text|json" },
	OPTION_END,
};

static int exec(void *target, int operand_count, char **operands)
{
	const struct tree_command_options *options = target;
	const struct tree_options tree = { .threads = options->threads,
					   .color = terminal_wants_color(options->common.color),
					   .width = isatty(STDOUT_FILENO) ? terminal_width() : 0 };
	const struct metric *list[TREE_TABLES];
	size_t count = TREE_TABLES - (options->threads ? 0 : 1);
	struct sink *memory;
	struct walk *walk;
	int code;

	if (operand_count != 1)
		return cmd_usage_error(&cmd_tree, "one trace is needed: analyze tree run.trc");
	tree_metrics(list);
	walk = cmd_open(&options->common, operands[0], metrics_classes(list, count), &code);
	if (!walk)
		return code;
	memory = tree_sink();
	code = cmd_run(walk, list, count, memory);
	if (code == EXIT_OK) {
		if (options->format && !strcmp(options->format, "json"))
			tree_print_json(memory, &tree, stdout);
		else
			tree_print_text(walk, memory, &tree, stdout);
		code = cmd_flush_stdout();
	}
	sink_free(memory);
	return cmd_close(&options->common, walk, code);
}

const struct command cmd_tree = {
	.name = "tree",
	.usage = "[OPTION]... FILE",
	.summary = "processes as a tree: when they ran, what they executed, how they ended",
	.examples = "Examples:\n"
		    "  analyze tree run.trc\n"
		    "  analyze tree --threads --time 1.5,2 run.trc\n"
		    "  analyze tree --format json run.trc | jq '.[0].children | length'\n"
		    "\n"
		    "start is relative to the start of the recording; exit is the exit code or the "
		    "signal. A line\n"
		    "\"was\" below a process is a program that it executed before the last one.\n",
	.options = rows,
	.options_size = sizeof(struct tree_command_options),
	.uses = CMD_TIME | CMD_TASKS,
	.exec = exec,
};
