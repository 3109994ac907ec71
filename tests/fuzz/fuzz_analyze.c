/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole commands over a file: reader, stream, model, metrics, decoder, sinks. The first byte chooses which. */
#include <stdio.h>
#include <unistd.h>

#include "analyze/cmd.h"
#include "common/alloc.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"

#define OPTIONS_MAX 6

/* What is given besides the file. run.sh knows how many there are. */
static const struct {
	const struct command *command;
	const char *options[OPTIONS_MAX];
	bool selected;	  /* by --time and the others, which only main adds to a command's rows */
	bool to_database; /* it takes one, too */
} runs[] = {
	{ .command = &cmd_report },
	{ .command = &cmd_report, .options = { "--all", "--format", "jsonl" } },
	{ .command = &cmd_replay },
	{ .command = &cmd_replay, .options = { "--no-split", "-r" } },
	{ .command = &cmd_tree, .options = { "--format", "json" } },
	{ .command = &cmd_export },
	{ .command = &cmd_export, .options = { "--format", "csv", "--kind", "syscall" } },
	{ .command = &cmd_load, .to_database = true },
	{ .command = &cmd_report, .selected = true },
	{ .command = &cmd_info },
	{ .command = &cmd_tree, .options = { "--threads" } },
	{ .command = &cmd_report, .options = { "--all", "--top", "3" } },
	{ .command = &cmd_lsof, .options = { "--at", "200us" } },
	{ .command = &cmd_report,
	  .options = { "syscall", "--format", "csv", "--sort", "duration_ns" } },
	{ .command = &cmd_replay, .options = { "--waits", "-tt" } },
	{ .command = &cmd_lsof, .options = { "--format", "json" }, .selected = true },
};

static const char *database(void)
{
	static char path[64];

	if (!path[0])
		snprintf(path, sizeof(path), "%s/trc-fuzz-%d.db",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", getpid());
	return path;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const size_t which = size ? data[0] % ARRAY_SIZE(runs) : 0;
	const struct command *command = runs[which].command;
	char *argv[OPTIONS_MAX + 4] = { "analyze" }, *error = NULL;
	const struct option_row none[] = { OPTION_END };
	struct cmd_options *target;
	int argc = 1, operand;

	if (!size)
		return 0;
	log_init("analyze", -1);
	target = xcalloc(1, command->options_size ? command->options_size : sizeof(*target));
	for (size_t i = 0; i < OPTIONS_MAX && runs[which].options[i]; i++)
		argv[argc++] = (char *)runs[which].options[i];
	argv[argc++] = (char *)fuzz_file(data + 1, size - 1);
	if (runs[which].to_database)
		argv[argc++] = (char *)database();
	FUZZ_CHECK(!options_parse(command->options ? command->options : none, target, argc, argv,
				  false, &operand, &error));
	if (runs[which].selected) {
		target->selection.time = "0.0001,";
		target->selection.comm = "*a*";
		target->selection.calls = command->uses & CMD_CALLS ? "!%memory" : NULL;
	}
	command->exec(target, argc - operand, argv + operand);
	free(target);
	if (runs[which].to_database)
		unlink(database());
	return 0;
}
