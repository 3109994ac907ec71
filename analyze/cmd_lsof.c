/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/cmd_run.h"
#include "analyze/metrics/open_fd.h"
#include "analyze/sinks/sinks.h"
#include "analyze/sinks/view.h"
#include "analyze/terminal.h"
#include "common/cleanup.h"
#include "common/log.h"

#include <string.h>

struct lsof_options {
	struct cmd_options common;
	struct view_options view;
	const char *at;
	const char *format;
};

static const struct option_row rows[] = {
	{ .long_name = "at",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct lsof_options, at),
	  .arg = "TIME",
	  .help = "the moment: seconds since the start (1.5, 200ms) or a date, as in --time; the "
		  "end of the recording unless given" },
	{ .short_name = 'c',
	  .long_name = "columns",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct lsof_options, view.columns),
	  .arg = "A,B",
	  .help = "only these columns, or all; text shows a choice of its own, the other forms "
		  "all" },
	{ .short_name = 'f',
	  .long_name = "format",
	  .type = OPTION_CHOICE,
	  .offset = offsetof(struct lsof_options, format),
	  .arg = "FORM",
	  .help = "text, csv, json (an array), jsonl (an object per line)",
	  .choices = "text|csv|json|jsonl" },
	OPTION_END,
};

/* Where an empty table, or one of another moment than was asked for, would leave the reader in doubt. */
static void say_moment(const struct walk *walk, bool any)
{
	_cleanup_(text_release) struct text line = {};

	if (any && walk->until_ns <= walk->end_ns)
		return;
	text_addf(&line, "%s: ", walk->path);
	text_adds(&line, any ? "--at is after the end of the recording, which this is; it lasted "
			     : "none of the processes asked for was alive at that moment; --at "
			       "chooses another, the recording lasted ");
	text_add_ns(&line, walk->end_ns - walk->start_ns);
	log_info("%s", line.data);
}

/* An exit code. */
static int write_at(const struct lsof_options *options, struct walk *walk)
{
	_cleanup_(cmd_sink_freep) struct sink *sink = NULL;
	struct walk_step step;
	bool any = true;
	int code, r;

	while (walk_next(walk, &step))
		;
	sink = sink_view_new(&options->view,
			     cmd_rows_sink(&options->common, options->format, walk, 1));
	r = open_fds_write(walk, sink, &any);
	if (!r)
		r = sink->close(sink);
	code = cmd_flush_stdout();
	say_moment(walk, any);
	return r && code == EXIT_OK ? EXIT_USAGE : code;
}

static int exec(void *target, int operand_count, char **operands)
{
	struct lsof_options *options = target;
	_cleanup_free_ char *error = NULL;
	struct walk *walk;
	int code;

	options->view.brief = !options->format || !strcmp(options->format, "text");
	if (operand_count != 1)
		return cmd_usage_error(&cmd_lsof,
				       "one trace is needed: analyze lsof --at 1.5 run.trc");
	if (view_check(&options->view, &table_open_fd, &error))
		return cmd_usage_error(&cmd_lsof, "%s", error);
	walk = cmd_open(&options->common, operands[0], WALK_FDS, &code);
	if (!walk)
		return code;
	walk->until_ns = walk->end_ns;
	if (options->at &&
	    selection_parse_moment(options->at, walk->reader, walk->start_ns, &walk->until_ns)) {
		code = cmd_usage_error(&cmd_lsof,
				       "--at '%s' is no moment: seconds since the start (1.5, "
				       "200ms) or a date (2026-11-20T10:02:12)",
				       options->at);
		walk_close(walk);
		return code;
	}
	code = write_at(options, walk);
	return cmd_close(&options->common, walk, code);
}

const struct command cmd_lsof = {
	.name = "lsof",
	.usage = "[--at TIME] [OPTION]... FILE",
	.summary = "what every process had open at a moment",
	.examples =
		"Examples:\n"
		"  analyze lsof --at 1.5 run.trc\n"
		"  analyze lsof --at 200ms --pid 4711 run.trc\n"
		"  analyze lsof --at 2026-11-20T10:02:12 --format jsonl run.trc | jq .name\n"
		"\n"
		"Names of sockets are those of that moment, names of files those that they were\n"
		"opened by: a later rename or unlink does not change them. What was read and\n"
		"written is in the tables fd, file, socket and pipe: analyze report fd run.trc.\n",
	.options = rows,
	.options_size = sizeof(struct lsof_options),
	.uses = CMD_TASKS,
	.exec = exec,
};
