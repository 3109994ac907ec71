/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What users write: options, sizes, times, sets of calls, triggers, filters. The first byte chooses the parser. */
#include <string.h>

#include "analyze/select.h"
#include "common/syscalls.h"
#include "record/filter.h"
#include "record/trigger.h"
#include "tests/fuzz/fuzz.h"

static struct syscall_table *tables;
static size_t table_count;

static void parse_set(const char *text)
{
	struct syscall_set *set = NULL;
	char *error = NULL;

	if (!syscall_set_parse(tables, table_count, text, &set, &error)) {
		syscall_set_has(set, SYSCALL_ABI_X86_64, 1);
		syscall_set_has(set, 255, UINT32_MAX);
		syscall_set_free(set);
	} else {
		FUZZ_CHECK(error);
	}
	free(error);
}

static void parse_trigger(const char *text)
{
	static u64 record[256];
	struct trigger *trigger = NULL;
	char *error = NULL;

	if (!trigger_parse(text, tables, table_count, &trigger, &error)) {
		struct trc_head *head = (struct trc_head *)record;

		for (u16 kind = 1; kind < TRC_KIND_MAX; kind++) {
			*head = (struct trc_head){ .kind = kind, .words = 20, .len = 400 };
			trigger_matches(trigger, head);
		}
		FUZZ_CHECK(!strcmp(trigger_text(trigger), text));
		trigger_free(trigger);
	} else {
		FUZZ_CHECK(error);
	}
	free(error);
}

static void parse_samples(const char *text)
{
	struct samples *samples = NULL;
	char *error = NULL;

	if (!samples_parse(tables, table_count, text, &samples, &error))
		FUZZ_CHECK(samples_of(samples, SYSCALL_ABI_X86_64, 1));
	else
		FUZZ_CHECK(error);
	samples_free(samples);
	free(error);
}

static void parse_filter(char *text)
{
	struct settings settings = { .string_bytes = STRING_BYTES_UNSET };
	struct call_filter filter;
	char *error = NULL, *rest = text;

	settings.errnos = strsep(&rest, "\n");
	settings.path = strsep(&rest, "\n");
	settings.comm = rest;
	if (filter_parse(&settings, &filter, &error))
		FUZZ_CHECK(error);
	free(error);
}

static void parse_numbers(const char *text)
{
	u64 value;

	parse_u64(text, &value);
	parse_size(text, &value);
	parse_duration(text, &value);
}

static void parse_selection(char *text)
{
	static struct trace_reader *reader;
	struct selection_options options = { 0 };
	struct selection selection = { 0 };
	char *error = NULL, *rest = text;
	const char *pids[1];
	int err;

	if (!reader)
		FUZZ_CHECK(!trace_reader_open(SOURCE_DIR "/samples/traces/first_act.trc", &reader));
	options.time = strsep(&rest, "\n");
	options.comm = strsep(&rest, "\n");
	options.calls = strsep(&rest, "\n");
	pids[0] = rest;
	options.pids = (struct option_list){ rest ? 1 : 0, pids };
	err = selection_parse(&options, reader, 1000000000, &selection, &error);
	FUZZ_CHECK(!err || error);
	if (!err)
		selection_call(&selection, SYSCALL_ABI_X86_64, 1);
	selection_release(&selection);
	free(error);
}

struct target {
	bool flag;
	unsigned count;
	const char *string, *choice;
	struct option_list list;
	u64 number, size, duration;
};

static const struct option_row rows[] = {
	{ 'f', "flag", OPTION_FLAG, offsetof(struct target, flag), NULL, "", NULL },
	{ 'c', "count", OPTION_COUNT, offsetof(struct target, count), NULL, "", NULL },
	{ 's', "string", OPTION_STRING, offsetof(struct target, string), "S", "", NULL },
	{ 'l', "list", OPTION_LIST, offsetof(struct target, list), "L", "", NULL },
	{ 'n', "number", OPTION_U64, offsetof(struct target, number), "N", "", NULL },
	{ 'b', "bytes", OPTION_SIZE, offsetof(struct target, size), "B", "", NULL },
	{ 'd', "duration", OPTION_DURATION, offsetof(struct target, duration), "D", "", NULL },
	{ 0, "choice", OPTION_CHOICE, offsetof(struct target, choice), "C", "", "one|two" },
	OPTION_END,
};

static void parse_options(char *text, bool stop)
{
	struct target target = { 0 };
	char *argv[32] = { "fuzz" }, *word, *error = NULL;
	int argc = 1, operand;

	while (argc < 31 && (word = strsep(&text, "\n")))
		argv[argc++] = word;
	if (options_parse(rows, &target, argc, argv, stop, &operand, &error))
		FUZZ_CHECK(error);
	else
		FUZZ_CHECK(operand >= 1 && operand <= argc);
	option_list_release(&target.list);
	free(error);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	if (!tables)
		FUZZ_CHECK(!syscall_tables_for_machine("x86_64", &tables, &table_count));
	text = fuzz_string(data + 1, size - 1);
	switch (data[0]) {
	case 'e':
		parse_set(text);
		break;
	case 't':
		parse_trigger(text);
		break;
	case 's':
		parse_samples(text);
		break;
	case 'f':
		parse_filter(text);
		break;
	case 'm':
		parse_selection(text);
		break;
	case 'n':
		parse_numbers(text);
		break;
	case 'o':
		parse_options(text, false);
		break;
	case 'c':
		parse_options(text, true);
		break;
	}
	free(text);
	return 0;
}
