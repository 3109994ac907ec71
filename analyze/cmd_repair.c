/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/repair.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct repair_options {
	struct cmd_options common;
	const char *output;
};

static const struct option_row rows[] = {
	{ .short_name = 'o',
	  .long_name = "output",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct repair_options, output),
	  .arg = "FILE",
	  .help = "the new trace; it must not exist. - is standard output" },
	OPTION_END,
};

/* -1 with a message. */
static int open_output(const char *path)
{
	int fd;

	if (!strcmp(path, "-"))
		return STDOUT_FILENO;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		log_error("%s is there already; name a new file with -o, or remove it", path);
	else if (fd < 0)
		log_error("cannot make %s: %s; name another file with -o", path, strerror(errno));
	return fd;
}

static void say_repaired(const struct walk *walk, const char *output,
			 const struct repair_stats *stats)
{
	_cleanup_(text_release) struct text line = {};

	text_addf(&line, "%s has the ", output);
	text_add_count(&line, stats->event_count);
	text_addf(&line, " events that can be read of %s", walk->path);
	text_adds(&line, stats->is_missing ? "; analyze info tells what is missing"
					   : "; nothing is missing");
	log_info("%s", line.data);
}

static int repair(const struct repair_options *options, struct walk *walk)
{
	struct repair_stats stats;
	int fd = open_output(options->output), err;

	if (fd < 0)
		return EXIT_USAGE;
	/* A pipe that is closed, or a limit, is an error like others. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	err = repair_write(walk->reader, fd, &stats);
	if (fd != STDOUT_FILENO && close(fd) && !err)
		err = -errno;
	if (err) {
		log_error("cannot write %s: %s; make room or write elsewhere", options->output,
			  strerror(-err));
		if (fd != STDOUT_FILENO)
			unlink(options->output);
		return EXIT_USAGE;
	}
	say_repaired(walk, options->output, &stats);
	return EXIT_OK;
}

static int exec(void *target, int operand_count, char **operands)
{
	const struct repair_options *options = target;
	struct walk *walk;
	int code, close_code;

	if (operand_count != 1 || !options->output)
		return cmd_usage_error(&cmd_repair, "a trace and an output are needed: analyze "
						    "repair run.trc -o whole.trc");
	walk = cmd_open(&options->common, operands[0], 1ull << TRC_CLASS_TASK, &code);
	if (!walk)
		return code;
	code = repair(options, walk);
	walk->unread = 0; /* every chunk was read */
	close_code = cmd_close(&options->common, walk, code);
	return code == EXIT_OK && options->common.strict ? close_code : code;
}

const struct command cmd_repair = {
	.name = "repair",
	.usage = "[OPTION]... FILE -o FILE",
	.summary = "a whole trace of what can be read of a damaged one",
	.examples = "Examples:\n"
		    "  analyze repair run.trc -o whole.trc\n"
		    "  ssh build01 cat run.trc | analyze repair - -o run.trc\n"
		    "\n"
		    "Every chunk that is whole is copied as it is, in the order in which it was "
		    "recorded. What is\n"
		    "missing is noted in the new file, with its rings and times: analyze info "
		    "shows it. The exit\n"
		    "code is 0 when the new file was written; with --strict 3 if the old one was "
		    "damaged.\n",
	.options = rows,
	.options_size = sizeof(struct repair_options),
	.exec = exec,
};
