/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/cmd_run.h"
#include "analyze/metrics/metric.h"
#include "analyze/sinks/sinks.h"
#include "analyze/sinks/view.h"
#include "analyze/summary.h"
#include "analyze/terminal.h"
#include "common/cleanup.h"
#include "common/log.h"

#include <string.h>

struct report_options {
	struct cmd_options common;
	struct view_options view;
	const char *format;
	bool all, list, schema;
};

static const struct option_row rows[] = {
	{ .long_name = "sort",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct report_options, view.sort),
	  .arg = "COLUMN",
	  .help = "order of the rows: measures the greatest first, all else the least first; "
		  "COLUMN:asc and COLUMN:desc "
		  "say it, none leaves them as they come" },
	{ .short_name = 't',
	  .long_name = "top",
	  .type = OPTION_U64,
	  .offset = offsetof(struct report_options, view.top),
	  .arg = "N",
	  .help = "only the first N rows; 0, the default: all" },
	{ .short_name = 'c',
	  .long_name = "columns",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct report_options, view.columns),
	  .arg = "A,B",
	  .help = "only these columns, or all; text shows a choice of its own, the other forms "
		  "all" },
	{ .short_name = 'f',
	  .long_name = "format",
	  .type = OPTION_CHOICE,
	  .offset = offsetof(struct report_options, format),
	  .arg = "FORM",
	  .help = "text, csv, json (an array; an object of arrays for several tables), jsonl (an "
		  "object per line)",
	  .choices = "text|csv|json|jsonl" },
	{ .short_name = 'A',
	  .long_name = "all",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct report_options, all),
	  .help = "every table but those that have a row per event, and the dictionaries" },
	{ .short_name = 'l',
	  .long_name = "list",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct report_options, list),
	  .help = "list the tables" },
	{ .long_name = "schema",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct report_options, schema),
	  .help = "describe the columns of the named tables, or of all" },
	OPTION_END,
};

static int list_tables(void)
{
	for (const struct metric *const *metric = metrics; *metric; metric++)
		printf("%-20s %s\n", (*metric)->table.name, (*metric)->table.doc);
	return cmd_flush_stdout();
}

static void describe(const struct table *table)
{
	printf("%s: %s\n", table->name, table->doc);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		const char *unit = column_unit_name(column->unit);

		printf("  %-22s %s%s%s\n  %-22s %s\n", column->name, column_type_name(column->type),
		       *unit ? ", " : "", unit, "", column->doc);
	}
}

static int describe_tables(const struct metric *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			putchar('\n');
		describe(&list[i]->table);
	}
	return cmd_flush_stdout();
}

static int report_tables(struct report_options *options, const struct metric *const *list,
			 size_t count, const char *path)
{
	bool text = !options->format || !strcmp(options->format, "text");
	_cleanup_(cmd_sink_freep) struct sink *sink = NULL;
	struct walk *walk;
	int code;

	options->view.brief = text;
	options->view.hold = count > 1;
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *error = NULL;

		if (view_check(&options->view, &list[i]->table, &error))
			return cmd_usage_error(&cmd_report, "%s", error);
	}
	if (count > 1 && options->format && !strcmp(options->format, "csv"))
		return cmd_usage_error(&cmd_report,
				       "CSV holds one table; name one, or use --format jsonl");

	walk = cmd_open(&options->common, path, metrics_classes(list, count), &code);
	if (!walk)
		return code;
	sink = sink_view_new(&options->view,
			     cmd_rows_sink(&options->common, options->format, walk, count));
	code = cmd_run(walk, list, count, sink);
	return cmd_close(&options->common, walk, code);
}

/* The one-screen summary; in other forms the tables that it is made of. */
static int report_summary(struct report_options *options, const char *path)
{
	const struct metric *list[SUMMARY_TABLES];
	struct sink *memory;
	struct walk *walk;
	int code;

	summary_metrics(list);
	if (options->format && strcmp(options->format, "text") != 0)
		return report_tables(options, list, SUMMARY_TABLES, path);
	walk = cmd_open(&options->common, path, metrics_classes(list, SUMMARY_TABLES), &code);
	if (!walk)
		return code;
	memory = summary_sink();
	code = cmd_run(walk, list, SUMMARY_TABLES, memory);
	if (code == EXIT_OK) {
		summary_print(walk, memory, terminal_wants_color(options->common.color),
			      terminal_width(), &options->common.selection, stdout);
		code = cmd_flush_stdout();
	}
	sink_free(memory);
	return cmd_close(&options->common, walk, code);
}

/* Those that tell something of the trace, folded. */
static size_t all_tables(const struct metric **ret_list)
{
	size_t count = 0;

	for (const struct metric *const *metric = metrics; *metric; metric++)
		if (!(*metric)->table.stream && (*metric)->classes && count < MODEL_SLOTS)
			ret_list[count++] = *metric;
	return count;
}

static int exec(void *target, int operand_count, char **operands)
{
	struct report_options *options = target;
	const struct metric *list[MODEL_SLOTS];
	size_t count = 0;
	int names = options->schema ? operand_count : operand_count - 1;

	if (options->list)
		return list_tables();
	for (int i = 0; i < names; i++) {
		const struct metric *metric = metric_by_name(operands[i]);

		if (!metric)
			return cmd_unknown_table(&cmd_report, operands[i],
						 operands[operand_count - 1]);
		for (size_t j = 0; j < count; j++)
			if (list[j] == metric)
				return cmd_usage_error(&cmd_report, "table %s is named twice",
						       operands[i]);
		if (count < MODEL_SLOTS)
			list[count++] = metric;
	}
	if (options->all && names > 0)
		return cmd_usage_error(&cmd_report, "--all takes no names of tables");
	if (options->all)
		count = all_tables(list);
	if (options->schema)
		return count ? describe_tables(list, count)
			     : describe_tables(metrics, cmd_table_count());
	if (operand_count < 1 ||
	    (operand_count == 1 && metric_by_name(operands[0]) && access(operands[0], F_OK)))
		return cmd_usage_error(&cmd_report, "the trace is missing: analyze report %s FILE",
				       operand_count ? operands[0] : "[TABLE]...");
	if (!count && (options->view.sort || options->view.columns || options->view.top))
		return cmd_usage_error(&cmd_report,
				       "--sort, --columns and --top are for a table: name one "
				       "(analyze report --list)");
	return count ? report_tables(options, list, count, operands[operand_count - 1])
		     : report_summary(options, operands[operand_count - 1]);
}

const struct command cmd_report = {
	.name = "report",
	.usage = "[OPTION]... [TABLE]... FILE",
	.summary = "what happened: a summary on one screen, or any table",
	.examples =
		"Examples:\n"
		"  analyze report run.trc                                     the summary\n"
		"  analyze report --list                                      which tables "
		"there are\n"
		"  analyze report syscall_by_name --sort max --top 10 run.trc\n"
		"  analyze report syscall --pid 322 --syscall %network run.trc\n"
		"  analyze report process --format csv run.trc > process.csv\n"
		"  analyze report --all --top 10 run.trc                      everything, ten rows "
		"of each\n"
		"\n"
		"Moments are seconds since the start of the recording in text, and ns on the "
		"trace clock (the\n"
		"recording machine's CLOCK_MONOTONIC) in the other forms. The tables are those "
		"of analyze load.\n",
	.options = rows,
	.options_size = sizeof(struct report_options),
	.uses = CMD_TIME | CMD_TASKS | CMD_CALLS | CMD_PERIOD,
	.exec = exec,
};
