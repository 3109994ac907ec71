/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "common/options.h"
#include "tests/unit/check.h"

struct settings {
	bool quiet;
	unsigned verbose;
	const char *output;
	struct option_list pids;
	u64 number, size, duration_ns;
	const char *format;
};

static const struct option_row rows[] = {
	{ 'q', "quiet", OPTION_FLAG, offsetof(struct settings, quiet), NULL, "say nothing", NULL },
	{ 'v', "verbose", OPTION_COUNT, offsetof(struct settings, verbose), NULL, "say more",
	  NULL },
	{ 'o', "output", OPTION_STRING, offsetof(struct settings, output), "FILE", "write there",
	  NULL },
	{ 'p', "pid", OPTION_LIST, offsetof(struct settings, pids), "PID", "a process", NULL },
	{ 'n', "number", OPTION_U64, offsetof(struct settings, number), "N", "a number", NULL },
	{ 'b', "buffer-size", OPTION_SIZE, offsetof(struct settings, size), "SIZE",
	  "a help text that is so long that it does not fit into one line of a hundred columns and "
	  "has to be "
	  "wrapped",
	  NULL },
	{ 'd', NULL, OPTION_DURATION, offsetof(struct settings, duration_ns), "TIME", "a duration",
	  NULL },
	{ 0, "format", OPTION_CHOICE, offsetof(struct settings, format), NULL, "the form",
	  "text|csv|json" },
	{ 0, "hidden", OPTION_FLAG, offsetof(struct settings, quiet), NULL, NULL, NULL },
	OPTION_END,
};

#define ARGS_MAX 32

static struct settings settings;
static char *args[ARGS_MAX + 1];
static int operand;
static char *error;

/* Splits "a b c" at the spaces and parses it. Settings start from zero. */
static int parse(const char *line, bool stop)
{
	static char words[256];
	int argc = 0, r;

	option_list_release(&settings.pids);
	settings = (struct settings){ 0 };
	free(error);
	error = NULL;
	operand = -1;
	snprintf(words, sizeof(words), "%s", line);
	args[argc++] = (char *)"program";
	for (char *word = strtok(words, " "); word && argc < ARGS_MAX; word = strtok(NULL, " "))
		args[argc++] = word;
	args[argc] = NULL;
	r = options_parse(rows, &settings, argc, args, stop, &operand, &error);
	CHECK_EQ(r < 0, error != NULL);
	return r;
}

static void check_error(int line, const char *text, const char *want)
{
	check_count++;
	if (parse(text, false) != -EINVAL || !error || strcmp(error, want))
		CHECK_FAIL("line %d: \"%s\" gives \"%s\", not \"%s\"", line, text,
			   error ? error : "no error", want);
	if (operand != -1)
		CHECK_FAIL("line %d: ret_operand was touched", line);
}

#define ERROR(text, want) check_error(__LINE__, text, want)

static void test_types(void)
{
	CHECK_EQ(parse("-q -vv -v -o a --output=b -p1 -p 2 --pid 3 -n 0x10 -b 64K -d 1.5s --format "
		       "csv x",
		       false),
		 0);
	CHECK(settings.quiet);
	CHECK_EQ(settings.verbose, 3);
	CHECK_STR(settings.output, "b");
	CHECK_EQ(settings.pids.count, 3);
	CHECK_STR(settings.pids.values[0], "1");
	CHECK_STR(settings.pids.values[1], "2");
	CHECK_STR(settings.pids.values[2], "3");
	CHECK_EQ(settings.number, 16);
	CHECK_EQ(settings.size, 65536);
	CHECK_EQ(settings.duration_ns, 1500000000);
	CHECK_STR(settings.format, "csv");
	CHECK_STR(args[operand], "x");

	CHECK_EQ(parse("", false), 0);
	CHECK_EQ(operand, 1);
	CHECK(!settings.quiet && !settings.verbose && !settings.output && !settings.pids.count);

	CHECK_EQ(parse("-vqo-", false), 0); /* joined, the last with its value */
	CHECK(settings.quiet && settings.verbose == 1);
	CHECK_STR(settings.output, "-");
	CHECK_EQ(parse("--output= -o -q", false), 0);
	CHECK_STR(settings.output, "-q");
	CHECK(!settings.quiet);
	CHECK_EQ(parse("--hidden", false), 0);
	CHECK(settings.quiet);
}

static void test_operands(void)
{
	/* Mixed: options come first afterwards, both in their order. */
	CHECK_EQ(parse("one -q two -o out - three -- -v", false), 0);
	CHECK_EQ(operand, 5);
	CHECK_STR(args[1], "-q");
	CHECK_STR(args[2], "-o");
	CHECK_STR(args[3], "out");
	CHECK_STR(args[4], "--");
	CHECK_STR(args[5], "one");
	CHECK_STR(args[6], "two");
	CHECK_STR(args[7], "-");
	CHECK_STR(args[8], "three");
	CHECK_STR(args[9], "-v");
	CHECK(!args[10]);
	CHECK_EQ(settings.verbose, 0);

	/* A command: its options are its own. */
	CHECK_EQ(parse("-q ls -v --unknown", true), 0);
	CHECK_EQ(operand, 2);
	CHECK_STR(args[operand], "ls");
	CHECK_STR(args[3], "-v");
	CHECK_EQ(settings.verbose, 0);
	CHECK_EQ(parse("-q -- -strange", true), 0);
	CHECK_STR(args[operand], "-strange");
	CHECK_EQ(parse("-q --", true), 0);
	CHECK_EQ(operand, 3);
}

static void test_errors(void)
{
	ERROR("--ouput x", "unknown option '--ouput'; did you mean '--output'?");
	ERROR("--zebra", "unknown option '--zebra'; --help lists them all");
	ERROR("--hiden", "unknown option '--hiden'; --help lists them all");
	ERROR("-x", "unknown option '-x'; --help lists them all");
	ERROR("-qx", "unknown option '-x'; --help lists them all");
	ERROR("-format", "unknown option '-format'; did you mean '--format'?");
	ERROR("-o", "-o needs a value: FILE");
	ERROR("--output", "--output needs a value: FILE");
	ERROR("--format", "--format needs a value: text|csv|json");
	ERROR("--quiet=yes", "--quiet takes no value");
	ERROR("-n -1", "-n: '-1' is not a number");
	ERROR("--number=1k", "--number: '1k' is not a number");
	ERROR("-b lots", "-b: 'lots' is not a size such as 4096, 64K, 1M, 2GiB");
	ERROR("-d soon", "-d: 'soon' is not a duration such as 10s, 1.5s, 200ms, 3m");
	ERROR("--format jsno",
	      "--format: 'jsno' is not one of text, csv, json; did you mean 'json'?");
	ERROR("--format xml", "--format: 'xml' is not one of text, csv, json");
	ERROR("x y -o", "-o needs a value: FILE");
}

static void test_help(void)
{
	char *help = options_help(rows);
	const char *line = help;

	CHECK(strstr(help, "  -q, --quiet               say nothing\n"));
	CHECK(strstr(help, "  -o, --output=FILE         write there\n"));
	CHECK(strstr(help, "  -d TIME                   a duration\n"));
	CHECK(strstr(help, "      --format=text|csv|json\n                            the form\n"));
	CHECK(!strstr(help, "hidden"));
	for (const char *end; (end = strchr(line, '\n')); line = end + 1)
		CHECK(end - line <= 100);
	CHECK_EQ(*line, 0);
	free(help);
}

struct parsed {
	const char *text;
	int result;
	u64 value;
};

static void test_parsers(void)
{
	static const struct parsed numbers[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "0XaB", 0, 0xab },
		{ "007", 0, 7 },
		{ "18446744073709551616", -EINVAL, 0 },
		{ "0x10000000000000000", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1a", -EINVAL, 0 },
	};
	static const struct parsed sizes[] = {
		{ "4096", 0, 4096 },
		{ "1B", 0, 1 },
		{ "64K", 0, 65536 },
		{ "64k", 0, 65536 },
		{ "64KiB", 0, 65536 },
		{ "64KB", 0, 64000 },
		{ "1M", 0, 1048576 },
		{ "2GiB", 0, UINT64_C(2) << 30 },
		{ "1.5M", 0, 1572864 },
		{ ".5K", 0, 512 },
		{ "1T", 0, UINT64_C(1) << 40 },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
	};
	static const struct parsed durations[] = {
		{ "10", 0, UINT64_C(10000000000) },
		{ "10s", 0, UINT64_C(10000000000) },
		{ "1.5s", 0, 1500000000 },
		{ "0.000000001", 0, 1 },
		{ "0.0000000019", 0, 1 },
		{ "1.99999999999999999999999999s", 0, 1999999999 },
		{ "200ms", 0, 200000000 },
		{ "5us", 0, 5000 },
		{ "5µs", 0, 5000 },
		{ "7ns", 0, 7 },
		{ "3m", 0, UINT64_C(180000000000) },
		{ "3min", 0, UINT64_C(180000000000) },
		{ "2h", 0, UINT64_C(7200000000000) },
		{ "1d", 0, UINT64_C(86400000000000) },
		{ "213503d", 0, UINT64_C(213503) * 86400 * 1000000000 },
		{ "213504d", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "10parsecs", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};
#define EACH(list, parser)                                                                         \
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {                                            \
		u64 value = 0;                                                                     \
		int r = parser(list[i].text, &value);                                              \
		check_count++;                                                                     \
		if (r != list[i].result || value != list[i].value)                                 \
			CHECK_FAIL(#parser "(\"%s\") is %d, %" PRIu64, list[i].text, r, value);    \
	}
	EACH(numbers, parse_u64)
	EACH(sizes, parse_size)
	EACH(durations, parse_duration)
}

int main(void)
{
	test_types();
	test_operands();
	test_errors();
	test_help();
	test_parsers();
	option_list_release(&settings.pids);
	free(error);
	return check_report();
}
