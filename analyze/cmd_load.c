/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/cmd_run.h"
#include "analyze/sinks/sqlite.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct load_options {
	struct cmd_options common;
	const char *tables;
};

static const struct option_row rows[] = {
	{ .short_name = 't',
	  .long_name = "tables",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct load_options, tables),
	  .arg = "A,B",
	  .help = "fill only these tables, and trace; the others stay empty. Default: all" },
	OPTION_END,
};

/* The metrics of a list of names; `trace` is always there. An exit code. */
static int choose(const char *names, const struct metric **list, size_t *ret_count)
{
	_cleanup_free_ char *copy = xstrdup(names);
	char *rest = copy, *word;
	size_t count = 0;

	list[count++] = metric_by_name("trace");
	while ((word = strsep(&rest, ","))) {
		const struct metric *metric = metric_by_name(word);
		bool known = false;

		if (!metric)
			return cmd_unknown_table(&cmd_load, word, "");
		for (size_t i = 0; i < count; i++)
			known |= list[i] == metric;
		if (!known && count < MODEL_SLOTS)
			list[count++] = metric;
	}
	*ret_count = count;
	return EXIT_OK;
}

static void say_loaded(const struct walk *walk, const struct sink *sink, const char *database)
{
	_cleanup_(text_release) struct text line = {};

	text_addf(&line, "%s is trace %lld in %s: ", walk->path,
		  (long long)sink_sqlite_trace_id(sink), database);
	if (walk->selection.words) {
		text_adds(&line, "only what ");
		text_add_printable(&line, walk->selection.words, strlen(walk->selection.words));
		text_adds(&line, " selects of its ");
	}
	text_add_count(&line, walk->event_count);
	text_adds(&line, " events");
	log_info("%s", line.data);
}

static int load(const struct load_options *options, const char *path, const char *database,
		const struct metric *const *list, size_t count)
{
	const struct table *tables[MODEL_SLOTS + 1] = {};
	_cleanup_(cmd_sink_freep) struct sink *sink = NULL;
	_cleanup_free_ char *error = NULL;
	char uuid[TRACE_UUID_TEXT];
	struct walk *walk;
	int code, r;

	for (size_t i = 0; i < cmd_table_count(); i++)
		tables[i] = &metrics[i]->table;
	walk = cmd_open(&options->common, path, metrics_classes(list, count), &code);
	if (!walk)
		return code;
	if (walk->recording_count > 1) {
		log_error("cannot load %s: it holds %u recordings, and a trace_id is for one; load "
			  "the files that it was made of",
			  path, walk->recording_count);
		walk_close(walk);
		return EXIT_USAGE;
	}
	trace_uuid_text(walk->meta, uuid);
	cmd_catch_signals();
	signal(SIGXFSZ, SIG_IGN); /* a limit is an error like others: nothing is left behind */
	r = sink_sqlite_new(database, tables, uuid, &sink, &error);
	if (r == -EEXIST)
		log_error("%s is in %s already: nothing was changed; load into another file to "
			  "have it twice",
			  path, database);
	else if (r)
		log_error("cannot load into %s: %s", database, error);
	if (r) {
		walk_close(walk);
		return EXIT_USAGE;
	}
	code = cmd_run(walk, list, count, sink);
	if (code == EXIT_OK)
		say_loaded(walk, sink, database);
	else
		log_error("%s is as it was", database);
	return cmd_close(&options->common, walk, code);
}

static int exec(void *target, int operand_count, char **operands)
{
	const struct load_options *options = target;
	const struct metric *list[MODEL_SLOTS];
	size_t count = 0;
	int code;

	if (operand_count != 2)
		return cmd_usage_error(
			&cmd_load,
			"a trace and a database are needed: analyze load run.trc run.db");
	if (options->tables) {
		code = choose(options->tables, list, &count);
		if (code)
			return code;
	} else {
		for (; metrics[count] && count < MODEL_SLOTS; count++)
			list[count] = metrics[count];
	}
	return load(options, operands[0], operands[1], list, count);
}

const struct command cmd_load = {
	.name = "load",
	.usage = "[OPTION]... FILE DATABASE",
	.summary = "put the tables of a trace into a SQLite database",
	.examples = "Examples:\n"
		    "  analyze load run.trc run.db\n"
		    "  sqlite3 run.db 'SELECT * FROM v_slowest_syscall LIMIT 10'\n"
		    "  sqlite3 run.db \"SELECT column_name, unit, doc FROM doc WHERE table_name = "
		    "'process'\"\n"
		    "  analyze load --tables process,exec big.trc small.db\n"
		    "\n"
		    "A database may hold many traces: each gets the next trace_id. The same trace "
		    "twice is refused.\n"
		    "It is one transaction: when it fails, the database is as it was. What --time, "
		    "--pid, --comm\n"
		    "or --syscall chose stands in trace.selection.\n",
	.options = rows,
	.options_size = sizeof(struct load_options),
	.uses = CMD_TIME | CMD_TASKS | CMD_CALLS | CMD_PERIOD,
	.exec = exec,
};
