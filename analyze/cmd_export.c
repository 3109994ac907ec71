/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/info.h"
#include "analyze/sinks/event_json.h"
#include "analyze/sinks/put.h"
#include "analyze/terminal.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/suggest.h"

#include <stdlib.h>
#include <string.h>

struct export_options {
	struct cmd_options common;
	const char *format, *kind;
	bool schema;
};

static const struct option_row rows[] = {
	{ .short_name = 'f',
	  .long_name = "format",
	  .type = OPTION_CHOICE,
	  .offset = offsetof(struct export_options, format),
	  .arg = "FORM",
	  .help = "jsonl: an object per event and line (the default); csv: a line per event of one "
		  "--kind",
	  .choices = "jsonl|csv" },
	{ .short_name = 'k',
	  .long_name = "kind",
	  .type = OPTION_STRING,
	  .offset = offsetof(struct export_options, kind),
	  .arg = "NAME",
	  .help = "only events of this kind: syscall, exec, task_exit…" },
	{ .long_name = "schema",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct export_options, schema),
	  .help = "describe the file's kinds and fields, and the form of the output" },
	OPTION_END,
};

static const char form_text[] =
	"Each line of jsonl is one event, in the order of time:\n"
	"  "
	"{\"ts\":NS,\"tid\":N,\"tgid\":N,\"kind\":NAME,\"cpu\":N,\"flags\":"
	"N,\"fields\":{NAME:VALUE,...},\n"
	"   "
	"\"items\":[{\"field\":NAME,\"type\":NAME,\"state\":\"whole\"|"
	"\"truncated\"|\"unreadable\",\"more\":N,\"data\":...}]}\n"
	"ts is in ns on the trace clock. Fields that a record does not "
	"have are left out, one of an\n"
	"unknown type is {\"type\":N,\"data\":\"HEX\"}. data is a string "
	"(str), a list of strings (strv), a list of integers\n"
	"(fds, u32s, u64s), null (unreadable), else the bytes in hexadecimal.\n"
	"Bytes of strings that are not UTF-8 are "
	"\\udc80...\\udcff, as Python's surrogateescape.\n"
	"A kind that the file does not describe has its number as kind and "
	"\"data\", its bytes in hexadecimal.\n"
	"csv has the columns ts,tid,tgid,cpu,flags, the fields (empty: not "
	"in the record), and items as JSON.\n";

static int describe(const struct schema *schema)
{
	fputs(form_text, stdout);
	putchar('\n');
	info_print_schema(schema, stdout);
	return cmd_flush_stdout();
}

static int unknown_kind(const struct schema *schema, const char *word)
{
	const char *names[SCHEMA_KINDS_MAX], *nearest;

	for (size_t i = 0; i < schema->kind_count && i < SCHEMA_KINDS_MAX; i++)
		names[i] = schema->kinds[i].name;
	nearest = suggest(word, names, schema->kind_count);
	if (nearest)
		return cmd_usage_error(&cmd_export, "the file has no kind '%s'; did you mean '%s'?",
				       word, nearest);
	return cmd_usage_error(&cmd_export,
			       "the file has no kind '%s'; export --schema FILE lists them", word);
}

static void add_csv_heading(struct text *text, const struct schema_kind *kind, put_csv_field add)
{
	text_adds(text, "ts,tid,tgid,cpu,flags");
	for (size_t i = 0; i < kind->field_count; i++) {
		text_addc(text, ',');
		add(text, kind->fields[i].name, strlen(kind->fields[i].name));
	}
	text_adds(text, ",items\n");
}

/* `items` is scratch. */
static void add_csv(struct text *text, struct text *items, const struct trc_head *record,
		    const struct schema_kind *kind, put_csv_field add)
{
	text_addu(text, record->ts);
	text_addc(text, ',');
	text_addu(text, record->tid);
	text_addc(text, ',');
	text_addu(text, record->tgid);
	text_addc(text, ',');
	text_addu(text, record->cpu);
	text_addc(text, ',');
	text_addu(text, record->flags);
	for (size_t i = 0; i < kind->field_count; i++) {
		const char *s;
		size_t len;
		u64 value;

		text_addc(text, ',');
		if (event_field_text(record, &kind->fields[i], &s, &len)) {
			add(text, s, len);
		} else if (event_field_unknown(record, &kind->fields[i])) {
			text_clear(items);
			event_add_unknown(items, record, &kind->fields[i]);
			add(text, items->data, items->len);
		} else if (record_field(record, &kind->fields[i], &value)) {
			event_add_number(text, &kind->fields[i], value);
		}
	}
	text_clear(items);
	event_add_items(items, record, kind);
	text_addc(text, ',');
	add(text, items->data, items->len);
}

static int export_events(struct walk *walk, const struct schema_kind *only, bool csv)
{
	_cleanup_(text_release) struct text line = {}, items = {};
	put_csv_field add = put_csv_field_for(stdout);
	struct progress progress;
	struct walk_step step;

	progress_init(&progress);
	/* All that the file has, also what the next part tells of again. */
	free(walk->continued);
	walk->continued = NULL;
	if (csv)
		add_csv_heading(&line, only, add);
	while (walk_next(walk, &step)) {
		const struct schema_kind *kind = step.event.kind;

		if (!(walk->walked_count & 0xffff))
			progress_update(&progress, walk->path, stream_progress(walk->stream),
					walk->walked_count);
		/* Names, not addresses: each section of the file has a schema of its own. */
		if (!step.selected || (only && (!kind || strcmp(kind->name, only->name) != 0)))
			continue;
		if (csv)
			add_csv(&line, &items, step.event.raw, kind, add);
		else
			event_add_json(&line, step.event.raw, kind);
		text_addc(&line, '\n');
		if (line.len < 1u << 16)
			continue;
		if (put_text(&line, stdout))
			break;
	}
	put_text(&line, stdout);
	progress_clear(&progress);
	return cmd_flush_stdout();
}

static int exec(void *target, int operand_count, char **operands)
{
	const struct export_options *options = target;
	bool csv = options->format && !strcmp(options->format, "csv");
	const struct schema_kind *only = NULL;
	struct walk *walk;
	u64 classes = 0;
	int code = EXIT_OK;

	if (options->schema && !operand_count)
		return describe(schema_builtin());
	if (operand_count != 1)
		return cmd_usage_error(&cmd_export, "one trace is needed: analyze export run.trc");
	if (csv && !options->kind && !options->schema)
		return cmd_usage_error(&cmd_export,
				       "CSV holds one kind of events: name it with --kind, as in "
				       "analyze export --format csv --kind syscall %s",
				       operands[0]);
	/* Life-cycle events alone name what they are about: calls can be passed over. */
	if (options->kind) {
		const struct schema_kind *ours =
			schema_kind_by_name(schema_builtin(), options->kind);

		classes = ours && ours->class == TRC_CLASS_TASK ? 1ull << TRC_CLASS_TASK : 0;
	}
	walk = cmd_open(&options->common, operands[0], classes, &code);
	if (!walk)
		return code;
	if (options->kind) {
		only = schema_kind_by_name(&walk->meta->schema, options->kind);
		if (!only)
			code = unknown_kind(&walk->meta->schema, options->kind);
	}
	if (code == EXIT_OK)
		code = options->schema ? describe(&walk->meta->schema)
				       : export_events(walk, only, csv);
	return cmd_close(&options->common, walk, code);
}

const struct command cmd_export = {
	.name = "export",
	.usage = "[OPTION]... FILE",
	.summary = "the raw events, every field by its name, for other programs",
	.examples = "Examples:\n"
		    "  analyze export run.trc | head\n"
		    "  analyze export --kind exec run.trc | jq -r '.items[] | "
		    "select(.field==\"exe\").data'\n"
		    "  analyze export --format csv --kind syscall --pid 322 run.trc > calls.csv\n"
		    "  analyze export --schema run.trc\n"
		    "\n"
		    "Tables (processes, statistics) come from analyze report --format "
		    "csv|json|jsonl.\n",
	.options = rows,
	.options_size = sizeof(struct export_options),
	.uses = CMD_TIME | CMD_TASKS | CMD_CALLS,
	.exec = exec,
};
