/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd_run.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/suggest.h"
#include "common/version.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

static const struct command *const commands[] = {
	&cmd_info, &cmd_report, &cmd_tree,   &cmd_replay,
	&cmd_lsof, &cmd_load,	&cmd_export, &cmd_repair,
};

/* Each for the commands that use it; 0: all. */
static const struct {
	unsigned uses;
	struct option_row row;
} common_rows[] = {
	{ CMD_TIME,
	  { .long_name = "time",
	    .type = OPTION_STRING,
	    .offset = offsetof(struct cmd_options, selection.time),
	    .arg = "A,B",
	    .help = "only what ended between A and B: seconds since the start (1.5,2 or 200ms,3s) "
		    "or dates (2026-11-20T10:02:12, in the recording machine's zone unless one "
		    "follows); "
		    "either may be left out" } },
	{ CMD_TASKS,
	  { .short_name = 'p',
	    .long_name = "pid",
	    .type = OPTION_LIST,
	    .offset = offsetof(struct cmd_options, selection.pids),
	    .arg = "P[,P]",
	    .help = "only these processes or threads" } },
	{ CMD_TASKS,
	  { .short_name = 'n',
	    .long_name = "comm",
	    .type = OPTION_STRING,
	    .offset = offsetof(struct cmd_options, selection.comm),
	    .arg = "GLOB",
	    .help = "only threads of this name: cc1, 'kworker*'" } },
	{ CMD_CALLS,
	  { .short_name = 'e',
	    .long_name = "syscall",
	    .type = OPTION_STRING,
	    .offset = offsetof(struct cmd_options, selection.calls),
	    .arg = "SET",
	    .help = "only these calls, as strace -e has them: openat,%network,/^recv/,!futex" } },
	{ CMD_PERIOD,
	  { .long_name = "period",
	    .type = OPTION_DURATION,
	    .offset = offsetof(struct cmd_options, period_ns),
	    .arg = "TIME",
	    .help = "length of a period in the tables by period (100ms, 5s); a second if it is not "
		    "said" } },
	{ 0,
	  { .long_name = "strict",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct cmd_options, strict),
	    .help = "exit with 3 if events were lost while recording" } },
	{ 0,
	  { .long_name = "color",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct cmd_options, color),
	    .arg = "WHEN",
	    .help = "auto (on a terminal, unless NO_COLOR is set), always, never",
	    .choices = "auto|always|never" } },
	{ 0,
	  { .short_name = 'h',
	    .long_name = "help",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct cmd_options, help),
	    .help = "this text" } },
};

static const char selection_help[] =
	"\n"
	"What selects (--time, --pid, --comm, --syscall) chooses what is shown and counted; names\n"
	"and relations are always those of the whole trace.\n";

static const char general_help[] =
	"\n"
	"FILE may be - for standard input.\n"
	"Exit codes: 0 all is well; 2 wrong usage, no such file, output cannot be written; 3 not "
	"a\n"
	"trace, damaged, from a newer version, or lossy under --strict. What could be read is "
	"shown.\n";

static void print_help(void)
{
	puts("Usage: analyze COMMAND [OPTION]... FILE\n"
	     "Reads what record wrote, on any machine, without root.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "Examples:\n"
	      "  record -o run.trc -- make -j2           make a trace\n"
	      "  analyze report run.trc                  where the time went, on one screen\n"
	      "  analyze report failure run.trc          one table of it\n"
	      "  analyze load run.trc run.db             into SQLite\n"
	      "\n"
	      "analyze COMMAND --help tells more; analyze --version prints the version.\n",
	      stdout);
	fputs(selection_help, stdout);
	fputs(general_help, stdout);
}

static size_t row_count(const struct option_row *rows)
{
	size_t count = 0;

	while (rows && (rows[count].short_name || rows[count].long_name))
		count++;
	return count;
}

/* The command's own rows, then the common ones that it uses. */
static struct option_row *all_rows(const struct command *command)
{
	size_t count = row_count(command->options);
	struct option_row *rows = xcalloc(count + ARRAY_SIZE(common_rows) + 1, sizeof(*rows));

	if (count)
		memcpy(rows, command->options, count * sizeof(*rows));
	for (size_t i = 0; i < ARRAY_SIZE(common_rows); i++)
		if (!common_rows[i].uses || common_rows[i].uses & command->uses)
			rows[count++] = common_rows[i].row;
	return rows;
}

static void print_command_help(const struct command *command, const struct option_row *rows)
{
	_cleanup_free_ char *options = options_help(rows);

	printf("Usage: analyze %s %s\n%s\n\n%s", command->name, command->usage, command->summary,
	       options);
	if (command->examples)
		printf("\n%s", command->examples);
	if (command->uses & CMD_TASKS)
		fputs(selection_help, stdout);
	fputs(general_help, stdout);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	_cleanup_free_ struct option_row *rows = all_rows(command);
	_cleanup_free_ struct cmd_options *options = xcalloc(
		1, command->options_size ? command->options_size : sizeof(struct cmd_options));
	_cleanup_free_ char *error = NULL;
	int operand, code;

	if (options_parse(rows, options, argc, argv, false, &operand, &error)) {
		code = cmd_usage_error(command, "%s", error);
	} else if (options->help) {
		print_command_help(command, rows);
		code = cmd_flush_stdout();
	} else {
		code = command->exec(options, argc - operand, argv + operand);
	}
	option_list_release(&options->selection.pids);
	/* All is cleaned up: die as whoever sent the signal expects. */
	if (cmd_stop_signal()) {
		signal(cmd_stop_signal(), SIG_DFL);
		raise(cmd_stop_signal());
	}
	return code;
}

static int unknown_command(const char *word)
{
	const char *names[ARRAY_SIZE(commands)], *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	nearest = suggest(word, names, ARRAY_SIZE(commands));
	if (nearest)
		log_error("there is no command '%s'; did you mean '%s'?", word, nearest);
	else
		log_error("there is no command '%s'; analyze --help lists them", word);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	log_init("analyze", 0);
	setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters */
	if (argc < 2) {
		log_error("a command is needed: analyze report FILE is a good start; analyze "
			  "--help lists them");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("analyze (trc) %s\n", TRC_VERSION);
		return cmd_flush_stdout();
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help();
		return cmd_flush_stdout();
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i]->name))
			return run_command(commands[i], argc - 1, argv + 1);
	return unknown_command(argv[1]);
}
