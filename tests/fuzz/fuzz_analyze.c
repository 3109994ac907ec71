/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole commands over a file: reader, stream, model, metrics, decoder, sinks. The first byte chooses the command. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyze/cmd.h"
#include "common/alloc.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"

static void run(const struct command *command, const char *const *options, const char *path,
		const char *output)
{
	void *target = xcalloc(1, command->options_size ? command->options_size
							: sizeof(struct cmd_options));
	char *argv[16] = { "analyze" }, *error = NULL;
	int argc = 1, operand;

	for (; options && *options; options++)
		argv[argc++] = (char *)*options;
	if (path)
		argv[argc++] = (char *)path;
	if (output)
		argv[argc++] = (char *)output;
	FUZZ_CHECK(!options_parse(command->options ? command->options
						   : (const struct option_row[]){ OPTION_END },
				  target, argc, argv, false, &operand, &error));
	command->exec(target, argc - operand, argv + operand);
	free(target);
}

/* --time and the others are common rows, which only main adds. */
static void run_selected(const struct command *command, const char *path)
{
	struct cmd_options *target = xcalloc(1, command->options_size);
	char *operands[] = { (char *)path, NULL };

	target->selection.time = "0.0001,";
	target->selection.comm = "*a*";
	target->selection.calls = "!%memory";
	command->exec(target, 1, operands);
	free(target);
}

static void load(const char *path)
{
	static char database[64];

	if (!database[0])
		snprintf(database, sizeof(database), "%s/trc-fuzz-%d.db",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", getpid());
	run(&cmd_load, NULL, path, database);
	unlink(database);
}

static const char *const tables[] = { "--format", "jsonl", NULL };
static const char *const csv[] = { "--format", "csv", "--kind", "syscall", NULL };
static const char *const json[] = { "--format", "json", NULL };
static const char *const time_of_day[] = { "-tt", NULL };
static const char *const whole[] = { "--no-split", "-r", NULL };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const char *path;

	if (!size)
		return 0;
	log_init("analyze", -1);
	path = fuzz_file(data + 1, size - 1);
	switch (data[0] % 10) {
	case 0:
		run(&cmd_report, NULL, path, NULL);
		break;
	case 1:
		run(&cmd_report, tables, path, NULL);
		break;
	case 2:
		run(&cmd_replay, NULL, path, NULL);
		break;
	case 3:
		run(&cmd_replay, whole, path, NULL);
		break;
	case 4:
		run(&cmd_tree, json, path, NULL);
		break;
	case 5:
		run(&cmd_export, NULL, path, NULL);
		run(&cmd_replay, time_of_day, path, NULL);
		break;
	case 6:
		run(&cmd_export, csv, path, NULL);
		break;
	case 7:
		load(path);
		break;
	case 8:
		run_selected(&cmd_report, path);
		break;
	case 9:
		run(&cmd_info, NULL, path, NULL);
		run(&cmd_tree, NULL, path, NULL);
		break;
	}
	return 0;
}
