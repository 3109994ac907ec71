/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/info.h"

#include "analyze/loss.h"
#include "analyze/sinks/cell.h"
#include "analyze/sinks/put.h"
#include "common/cleanup.h"

/* One list of names and values, printed as lines or as an object. */
struct page {
	const struct walk *walk;
	FILE *file;
	bool json;
	bool any;
	struct text line;
};

static void put(struct page *page, const char *name, u8 unit, struct value value)
{
	const struct column column = { .name = name, .unit = unit };

	if (value.type == VALUE_NULL || (value.type == VALUE_TEXT && !value.len))
		return;
	if (page->json) {
		text_addf(&page->line, "%s\"%s\":", page->any ? ",\n " : "{", name);
		cell_add_json(&page->line, &value);
	} else {
		text_addf(&page->line, "%-24.*s ",
			  (int)(unit == UNIT_BYTES ? strlen(name) : column_short_len(&column)),
			  name);
		cell_add(&page->line, &column, &value, page->walk->start_ns,
			 page->walk->meta->utc_offset_s);
		text_addc(&page->line, '\n');
	}
	page->any = true;
	put_text(&page->line, page->file);
}

static void put_string(struct page *page, const char *name, const char *text)
{
	put(page, name, UNIT_NONE, value_text(text));
}

static void put_number(struct page *page, const char *name, u8 unit, u64 number)
{
	put(page, name, unit, value_int(number > INT64_MAX ? INT64_MAX : (s64)number));
}

static void put_machine(struct page *page)
{
	const struct trace_meta *meta = page->walk->meta;

	put_string(page, "host", meta->hostname);
	put_string(page, "distribution", meta->distribution);
	put_string(page, "kernel", meta->kernel_release);
	put_string(page, "kernel_version", meta->kernel_version);
	put_string(page, "arch", meta->machine);
	put_string(page, "byte_order", meta->big_endian ? "big-endian" : "little-endian");
	put_number(page, "cpu_count", UNIT_NUMBER, meta->cpu_count);
	put_number(page, "page_bytes", UNIT_COUNT, meta->page_size);
	put_string(page, "machine_id", meta->machine_id);
	put_string(page, "boot_id", meta->boot_id);
	put_string(page, "trace_clock", meta->trace_clock);
}

static void put_option_values(struct page *page)
{
	const struct trace_meta *meta = page->walk->meta;
	struct text name = {};

	for (size_t i = 0; i < meta->option_count; i++) {
		text_clear(&name);
		text_adds(&name, "option_");
		/* Part of a name: a hostile one is made harmless. */
		text_add_json(&name, meta->options[i].name, strlen(meta->options[i].name));
		put_string(page, name.data, meta->options[i].value);
	}
	text_release(&name);
}

struct unit { /* of an option's number */
	u64 step;
	const char *const *names;
};

static const char *const size_names[] = { "", "K", "M", "G", NULL };
static const char *const time_names[] = { "ns", "us", "ms", "s", NULL };
static const struct unit plain = { 0 }, size = { 1024, size_names },
			 duration = { 1000, time_names };

/* " -b 8M": the number in the largest unit that leaves it whole. */
static void add_option(struct text *line, const char *dashes, const char *name, const char *value,
		       const struct unit *unit)
{
	const char *const *names = unit->names;
	u64 number;

	text_addf(line, "%s%s%s ", line->len ? " " : "", dashes, name);
	if (!unit->step || parse_u64(value, &number)) {
		text_add_shell_word(line, value, strlen(value));
		return;
	}
	for (; names[1] && number && number % unit->step == 0; names++)
		number /= unit->step;
	text_addu(line, number);
	text_adds(line, *names);
}

/* An option that the file has by its long name; what ends in -ns is a time. */
static void add_long_option(struct text *line, const char *name, const char *value)
{
	size_t len = strlen(name);
	bool is_time = len > 3 && !strcmp(name + len - 3, "-ns");
	struct text word = {};

	if (!strcmp(name, "targets")) { /* options themselves */
		text_adds(line, *value ? " " : "");
		text_add_printable(line, value, strlen(value));
		return;
	}
	if (!strcmp(name, "env") || !strcmp(name, "results")) { /* flags */
		text_adds(line, " --");
		text_add_printable(line, *name == 'e' ? name : value,
				   strlen(*name == 'e' ? name : value));
		return;
	}
	/* A hostile one is made harmless. */
	text_add_escaped(&word, name, is_time ? len - 3 : len);
	add_option(line, "--", word.data, value, is_time ? &duration : &plain);
	text_release(&word);
}

/* As record takes them, so that the same can be recorded again. */
static void put_options(struct page *page)
{
	static const struct {
		const char *name, *letter;
		const struct unit *unit;
	} short_ones[] = {
		{ "syscalls", "e", &plain },	   { "stacks", "g", &plain },
		{ "buffer", "b", &size },	   { "level", "z", &plain },
		{ "duration-ns", "d", &duration },
	};
	const struct trace_meta *meta = page->walk->meta;
	const char *strings = trace_meta_option(meta, "string-size"),
		   *data = trace_meta_option(meta, "data-size");
	struct text line = {};

	for (size_t i = 0; i < meta->option_count; i++) {
		const char *name = meta->options[i].name, *value = meta->options[i].value;
		size_t known = 0;

		while (known < ARRAY_SIZE(short_ones) && strcmp(name, short_ones[known].name) != 0)
			known++;
		if (!strcmp(name, "duration-ns") && !strcmp(value, "0"))
			continue;
		if (known < ARRAY_SIZE(short_ones))
			add_option(&line, "-", short_ones[known].letter, value,
				   short_ones[known].unit);
		else if (!strcmp(name, "string-size")) {
			/* -s is for both; without it they differ. */
			if (!strcmp(strings, data))
				add_option(&line, "-", "s", strings, &plain);
		} else if (strcmp(name, "data-size") && strcmp(name, "missing-hooks")) {
			add_long_option(&line, name, value);
		}
	}
	if (line.len)
		put_string(page, "options", line.data);
	put_string(page, "string_bytes", strings);
	put_string(page, "data_bytes", data);
	put_string(page, "missing_hooks", trace_meta_option(meta, "missing-hooks"));
	text_release(&line);
}

static void put_command(struct page *page)
{
	const struct trace_meta *meta = page->walk->meta;
	struct text argv = {};
	struct string *command;

	for (size_t i = 0; i < meta->argc; i++)
		text_add(&argv, meta->argv[i], strlen(meta->argv[i]) + 1);
	command = string_new_cmdline(argv.data ? argv.data : "", argv.len, false);
	if (meta->argc)
		put_string(page, "command", command->data);
	if (meta->command_pid)
		put_number(page, "command_pid", UNIT_NUMBER, meta->command_pid);
	put_string(page, "cwd", meta->cwd);
	if (page->json)
		put_option_values(page);
	else
		put_options(page);
	string_unref(command);
	text_release(&argv);
}

/* `cat a b` makes one file: who else is in it. */
static void put_others(struct page *page)
{
	const struct trace_reader *reader = page->walk->reader;
	u32 count = trace_reader_section_count(reader);

	for (u32 i = 0; i < count; i++) {
		const struct trace_meta *meta = trace_reader_section_meta(reader, i);
		char name[32], uuid[TRACE_UUID_TEXT];
		struct text text = {};

		if (!meta || !memcmp(meta->uuid, page->walk->meta->uuid, sizeof(meta->uuid)))
			continue;
		snprintf(name, sizeof(name), "section_%u", i + 1);
		trace_uuid_text(meta, uuid);
		text_addf(&text, "%s, on %s: ", uuid, meta->hostname);
		for (size_t j = 0; j < meta->argc; j++) {
			text_adds(&text, j ? " " : "");
			text_add_shell_word(&text, meta->argv[j], strlen(meta->argv[j]));
		}
		if (!trace_reader_has_clock(reader, i))
			text_adds(&text, " (left out: another boot or machine)");
		put_string(page, name, text.data);
		text_release(&text);
	}
}

static void put_times(struct page *page)
{
	const struct walk *walk = page->walk;
	size_t clocks;

	put(page, "start_wall_ns", UNIT_WALL,
	    value_int(trace_reader_wall_ns(walk->reader, walk->start_ns)));
	if (page->json)
		put_number(page, "start_mono_ns", UNIT_NUMBER, walk->start_ns);
	put_number(page, "duration_ns", UNIT_NS, walk->end_ns - walk->start_ns);
	trace_reader_clocks(walk->reader, &clocks);
	put_number(page, "clock_samples", UNIT_COUNT, clocks);
}

#define MISSING_TOLD 100

static void add_missing(struct text *text, const struct walk *walk,
			const struct trace_missing *missing)
{
	const char *class = schema_class_name(missing->stream >> 16);
	u32 cpu = missing->stream & 0xffff;

	if (missing->stream == TRACE_STREAM_NONE)
		text_adds(text, "any ring");
	else if (cpu == TRACE_CPU_MIXED)
		text_adds(text, "all CPUs");
	else
		text_addf(text, "CPU %u", cpu);
	if (missing->stream != TRACE_STREAM_NONE)
		text_addf(text, ", %s", class ? class : "unknown class");
	text_adds(text, ": ");
	if (missing->count)
		text_add_count(text, missing->count);
	text_adds(text, missing->count ? " events" : "events");
	if (missing->first_ns) {
		text_adds(text, ", from ");
		cell_add_moment(text, walk_relative_ns(walk, missing->first_ns));
	}
	if (missing->last_ns != UINT64_MAX) {
		text_adds(text, missing->first_ns ? " to " : ", up to ");
		cell_add_moment(text, walk_relative_ns(walk, missing->last_ns));
	}
	if (!missing->first_ns && missing->last_ns == UINT64_MAX)
		text_adds(text, ", at any time");
}

/* What cannot be read, by ring. */
static void put_missing(struct page *page)
{
	const struct trace_reader *reader = page->walk->reader;
	size_t number = 0;

	for (u32 i = 0; i < trace_reader_section_count(reader); i++) {
		_cleanup_free_ struct trace_missing *missing = NULL;
		size_t count;

		trace_reader_missing(reader, i, &missing, &count, NULL);
		for (size_t j = 0; j < count; j++) {
			struct text text = {};
			char name[40];

			snprintf(name, sizeof(name), "missing_%zu", ++number);
			add_missing(&text, page->walk, &missing[j]);
			if (number <= MISSING_TOLD)
				put_string(page, name, text.data);
			text_release(&text);
		}
	}
	if (number > MISSING_TOLD)
		put_number(page, "missing_count", UNIT_COUNT, number);
}

static const char *end_word(const struct trace_reader *reader)
{
	for (u32 i = 0; i < trace_reader_section_count(reader); i++)
		if (!trace_reader_section_ended(reader, i))
			return trace_reader_ended_cleanly(reader) ? "missing, repaired" : "missing";
	return "complete";
}

static void put_file(struct page *page)
{
	const struct walk *walk = page->walk;
	char uuid[TRACE_UUID_TEXT];
	size_t chunks, damages;
	struct text version = {};

	trace_uuid_text(walk->meta, uuid);
	trace_reader_chunks(walk->reader, &chunks);
	trace_reader_damages(walk->reader, &damages);
	put_string(page, "file", walk->path);
	text_addf(&version, "%u.%u", walk->meta->major, walk->meta->minor);
	put_string(page, "format", version.data);
	text_release(&version);
	put_string(page, "producer", walk->meta->producer);
	put_string(page, "uuid", uuid);
	put_number(page, "file_bytes", UNIT_BYTES, trace_reader_file_bytes(walk->reader));
	put_number(page, "section_count", UNIT_COUNT, trace_reader_section_count(walk->reader));
	put_number(page, "chunk_count", UNIT_COUNT, chunks);
	put_number(page, "event_count", UNIT_COUNT, walk->event_count);
	put_number(page, "lost_count", UNIT_COUNT, walk->lost_count);
	put_number(page, "damage_count", UNIT_COUNT, damages);
	if (walk->losses->pauses.count) {
		put_number(page, "pause_count", UNIT_COUNT, walk->losses->pauses.count);
		put_number(page, "paused_ns", UNIT_NS, walk_paused_ns(walk));
	}
	put_string(page, "end", end_word(walk->reader));
	put_missing(page);
	if (walk->state)
		put_number(page, "snapshot_tasks", UNIT_COUNT, walk->state->task_count);
}

static void put_kinds(struct page *page, const struct trace_summary *summary)
{
	for (size_t i = 0; i < summary->kind_count; i++) {
		const struct schema_kind *kind =
			schema_kind_by_id(&page->walk->meta->schema, summary->kinds[i].kind);
		struct text name = {}, counts = {};

		text_adds(&name, "events_");
		if (kind)
			text_add_json(&name, kind->name, strlen(kind->name));
		else
			text_addf(&name, "kind_%u", summary->kinds[i].kind);
		if (page->json || !summary->kinds[i].lost) {
			put_number(page, name.data, UNIT_COUNT, summary->kinds[i].recorded);
		} else {
			text_add_count(&counts, summary->kinds[i].recorded);
			text_adds(&counts, ", lost ");
			text_add_count(&counts, summary->kinds[i].lost);
			put_string(page, name.data, counts.data);
		}
		text_release(&name);
		text_release(&counts);
	}
}

static void put_end(struct page *page)
{
	const struct trace_summary *summary = page->walk->summary;
	u64 runs = 0, run_ns = 0;

	if (!summary)
		return;
	put_string(page, "end_reason", summary->end_reason);
	if (summary->command_ended && summary->exit_signal)
		put_string(page, "exit_signal",
			   decoder_signal_name(page->walk->decoder, summary->exit_signal));
	else if (summary->command_ended)
		put(page, "exit_code", UNIT_NUMBER, value_int(summary->exit_code));
	put_kinds(page, summary);
	for (size_t i = 0; i < summary->program_count; i++) {
		runs += summary->programs[i].run_count;
		run_ns += summary->programs[i].run_ns;
	}
	put_number(page, "recorder_user_ns", UNIT_NS, summary->user_ns);
	put_number(page, "recorder_system_ns", UNIT_NS, summary->system_ns);
	put_number(page, "recorder_rss_bytes", UNIT_BYTES, summary->max_rss_bytes);
	if (summary->ring_bytes)
		put_number(page, "ring_bytes", UNIT_BYTES, summary->ring_bytes);
	put_number(page, "ring_high_bytes", UNIT_BYTES, summary->ring_high_bytes);
	if (summary->empty_probe_ns)
		put_number(page, "empty_probe_ns", UNIT_NS, summary->empty_probe_ns);
	if (runs) {
		put_number(page, "probe_runs", UNIT_COUNT, runs);
		put_number(page, "probe_ns", UNIT_NS, run_ns);
	}
}

void info_print(const struct walk *walk, bool json, FILE *file)
{
	struct page page = { .walk = walk, .file = file, .json = json };

	put_file(&page);
	put_others(&page);
	put_machine(&page);
	put_command(&page);
	put_times(&page);
	put_end(&page);
	if (json)
		fputs("}\n", file);
	text_release(&page.line);
}

static void add_field(struct text *text, const char *name, u8 type, const char *unit,
		      const char *doc)
{
	const char *type_name = schema_type_name(type);

	text_addf(text, "  %-20s %-8s ", name, type_name ? type_name : "?");
	if (unit)
		text_addf(text, "%-10s ", unit);
	text_adds(text, doc ? doc : "");
	text_addc(text, '\n');
}

void info_print_schema(const struct schema *schema, FILE *file)
{
	struct text text = {}, safe = {};

	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];
		const char *class = schema_class_name(kind->class);

		text_addf(&text, "%s%s (%u, class %s): %s\n", i ? "\n" : "", kind->name, kind->id,
			  class ? class : "unknown", kind->doc ? kind->doc : "");
		for (size_t j = 0; j < kind->field_count; j++)
			add_field(&text, kind->fields[j].name, kind->fields[j].type,
				  kind->fields[j].unit, kind->fields[j].doc);
		for (size_t j = 0; j < kind->item_count; j++)
			add_field(&text, kind->items[j].name, kind->items[j].type, "item",
				  kind->items[j].doc);
	}
	/* The names come from the file: line by line, made harmless. */
	for (const char *at = text.data; at && *at;) {
		size_t len = strcspn(at, "\n");

		text_add_printable(&safe, at, len);
		text_addc(&safe, '\n');
		at += len + (at[len] == '\n');
	}
	put_text(&safe, file);
	text_release(&text);
	text_release(&safe);
}
