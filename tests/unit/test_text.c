/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/suggest.h"
#include "common/text.h"
#include "tests/unit/check.h"

typedef void (*adder)(struct text *text, const char *s, size_t len);

static void check_add(int line, adder add, const char *in, size_t len, const char *want)
{
	struct text text = { 0 };

	check_count++;
	add(&text, in, len);
	if (!text.data || strcmp(text.data, want) || text.len != strlen(want))
		CHECK_FAIL("line %d: \"%s\", not \"%s\"", line, text.data ? text.data : "(null)",
			   want);
	text_release(&text);
}

#define ESCAPED(in, want)   check_add(__LINE__, text_add_escaped, in, sizeof(in) - 1, want)
#define PRINTABLE(in, want) check_add(__LINE__, text_add_printable, in, sizeof(in) - 1, want)
#define JSON(in, want)	    check_add(__LINE__, text_add_json, in, sizeof(in) - 1, want)
#define CSV(in, want)	    check_add(__LINE__, text_add_csv, in, sizeof(in) - 1, want)

static void check_number(int line, void (*add)(struct text *text, u64 value), u64 value,
			 const char *want)
{
	struct text text = { 0 };

	check_count++;
	add(&text, value);
	if (strcmp(text.data, want) || text.len != strlen(want))
		CHECK_FAIL("line %d: %" PRIu64 " is \"%s\", not \"%s\"", line, value, text.data,
			   want);
	text_release(&text);
}

#define NUMBER(add, value, want) check_number(__LINE__, add, UINT64_C(value), want)

static void test_growth(void)
{
	struct text text = { 0 };
	char *big;

	text_add(&text, "", 0);
	CHECK_STR(text.data, "");
	for (unsigned i = 0; i < 10000; i++)
		text_addc(&text, (char)('a' + i % 26));
	CHECK_EQ(text.len, 10000);
	CHECK_EQ(strlen(text.data), 10000);
	CHECK_EQ(text.data[9999], 'a' + 9999 % 26);
	text_clear(&text);
	CHECK_EQ(text.len, 0);
	CHECK_STR(text.data, "");

	big = malloc(5001);
	memset(big, 'x', 5000);
	big[5000] = 0;
	text_addf(&text, "%d<%s>", 7, big); /* longer than the room that it finds */
	CHECK_EQ(text.len, 5003);
	CHECK_EQ(text.data[0], '7');
	CHECK_STR(text.data + 5000, "xx>");
	free(big);

	text_clear(&text);
	text_addi(&text, INT64_MIN);
	text_addc(&text, ' ');
	text_addi(&text, -1);
	text_addc(&text, ' ');
	text_addi(&text, INT64_MAX);
	CHECK_STR(text.data, "-9223372036854775808 -1 9223372036854775807");
	text_release(&text);
	CHECK(!text.data && !text.len && !text.capacity);
	text_clear(&text);
	CHECK(!text.data);
}

static void test_numbers(void)
{
	NUMBER(text_addu, 0, "0");
	NUMBER(text_addu, 18446744073709551615, "18446744073709551615");
	NUMBER(text_addx, 0, "0");
	NUMBER(text_addx, 0x7f, "0x7f");
	NUMBER(text_addx, 0xffffffffffffffff, "0xffffffffffffffff");
	NUMBER(text_add_count, 0, "0");
	NUMBER(text_add_count, 999, "999");
	NUMBER(text_add_count, 1000, "1,000");
	NUMBER(text_add_count, 1483201, "1,483,201");
	NUMBER(text_add_count, 18446744073709551615, "18,446,744,073,709,551,615");

	NUMBER(text_add_bytes, 0, "0 B");
	NUMBER(text_add_bytes, 999, "999 B");
	NUMBER(text_add_bytes, 1000, "1.0 kB");
	NUMBER(text_add_bytes, 9149000, "9.1 MB");
	NUMBER(text_add_bytes, 9150000, "9.2 MB");
	NUMBER(text_add_bytes, 999949, "999.9 kB");
	NUMBER(text_add_bytes, 999950, "1.0 MB");
	NUMBER(text_add_bytes, 18446744073709551615, "18.4 EB");

	NUMBER(text_add_ns, 0, "0 ns");
	NUMBER(text_add_ns, 999, "999 ns");
	NUMBER(text_add_ns, 1900, "1.9 µs");
	NUMBER(text_add_ns, 999949, "999.9 µs");
	NUMBER(text_add_ns, 999950, "1.0 ms");
	NUMBER(text_add_ns, 88000000, "88.0 ms");
	NUMBER(text_add_ns, 999950000, "1.00 s");
	NUMBER(text_add_ns, 12410000000, "12.41 s");
	NUMBER(text_add_ns, 12995000000, "13.00 s");
	NUMBER(text_add_ns, 599000000000, "599.00 s");
	NUMBER(text_add_ns, 600000000000, "10m 00s");
	NUMBER(text_add_ns, 3725000000000, "1h 02m");
	NUMBER(text_add_ns, 18446744073709551615, "5124095h 34m");
}

static void test_escaped(void)
{
	ESCAPED("", "");
	ESCAPED("/etc/passwd", "/etc/passwd");
	ESCAPED("a\n\t\r\v\f\"\\b", "a\\n\\t\\r\\v\\f\\\"\\\\b");
	ESCAPED("\0", "\\0");
	ESCAPED("\0x", "\\0x");
	ESCAPED("\0001", "\\0001"); /* a digit after it: three digits */
	ESCAPED("\0009", "\\0009");
	ESCAPED("\033[0m", "\\33[0m");
	ESCAPED("\177\200\377", "\\177\\200\\377");
	ESCAPED("é", "\\303\\251");
}

static void test_printable(void)
{
	PRINTABLE("", "");
	PRINTABLE("naïve — 日本 😀", "naïve — 日本 😀");
	PRINTABLE("\\ \" '", "\\ \" '");
	PRINTABLE("\x1b]0;owned\x07", "\\x1b]0;owned\\x07");
	PRINTABLE("a\nb\tc\rd\0e\x7f", "a\\x0ab\\x09c\\x0dd\\x00e\\x7f");
	PRINTABLE("\xc2\x9b"
		  "31m",
		  "\\xc2\\x9b31m"); /* C1: CSI in one character */
	PRINTABLE("\xc2\xa0", "\xc2\xa0");
	PRINTABLE("\xe2\x80\xae"
		  "txt.exe",
		  "\\xe2\\x80\\xaetxt.exe"); /* right-to-left override */
	PRINTABLE("\xe2\x81\xa6x\xe2\x81\xa9", "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9");
	PRINTABLE("\xe2\x80\xa8", "\\xe2\\x80\\xa8");
	PRINTABLE("\xe2\x80\x9cx\xe2\x80\x9d", "“x”");

	/* Not UTF-8: a lone continuation, a cut sequence, overlong forms, surrogates, beyond U+10FFFF. */
	PRINTABLE("\x80", "\\x80");
	PRINTABLE("\xff\xfe", "\\xff\\xfe");
	PRINTABLE("a\xc3", "a\\xc3");
	PRINTABLE("\xc3(", "\\xc3(");
	PRINTABLE("\xe2\x82", "\\xe2\\x82");
	PRINTABLE("\xe2\x82z", "\\xe2\\x82z");
	PRINTABLE("\xf0\x9f\x98", "\\xf0\\x9f\\x98");
	PRINTABLE("\xc0\xaf", "\\xc0\\xaf");
	PRINTABLE("\xc1\xbf", "\\xc1\\xbf");
	PRINTABLE("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	PRINTABLE("\xe0\x9f\xbf\xe0\xa0\x80", "\\xe0\\x9f\\xbf\xe0\xa0\x80");
	PRINTABLE("\xf0\x8f\xbf\xbf\xf0\x90\x80\x80", "\\xf0\\x8f\\xbf\\xbf\xf0\x90\x80\x80");
	PRINTABLE("\xed\xa0\x80", "\\xed\\xa0\\x80");
	PRINTABLE("\xed\x9f\xbf", "\xed\x9f\xbf");
	PRINTABLE("\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf\\xf4\\x90\\x80\\x80");
	PRINTABLE("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
}

static void test_json(void)
{
	JSON("", "");
	JSON("a\"b\\c/d", "a\\\"b\\\\c/d");
	JSON("\n\t\r\f\v\b\x1b\0", "\\n\\t\\r\\f\\u000b\\u0008\\u001b\\u0000");
	JSON("é😀", "é😀");
	JSON("\x7f\xc2\x9b\xe2\x80\xae", "\\u007f\\u009b\\u202e");
	JSON("\xff", "\\udcff");
	JSON("x\xc3", "x\\udcc3");
	JSON("\xed\xa0\x80", "\\udced\\udca0\\udc80");
	JSON("\xc0\x80", "\\udcc0\\udc80");
}

static void test_csv(void)
{
	CSV("", "");
	CSV("plain", "plain");
	CSV("a,b", "\"a,b\"");
	CSV("say \"hi\"", "\"say \"\"hi\"\"\"");
	CSV("\"", "\"\"\"\"");
	CSV("two\nlines", "\"two\nlines\"");
	CSV("cr\r", "\"cr\r\"");
	CSV(" space", "\" space\"");
}

static void test_suggest(void)
{
	static const char *const words[] = { "open",  "openat",	 "close", "read",
					     "write", "verbose", "ls" };
	const size_t count = ARRAY_SIZE(words);

	CHECK_STR(suggest("opneat", words, count), "openat"); /* swapped */
	CHECK_STR(suggest("opena", words, count),
		  "open"); /* the first of two at the same distance */
	CHECK_STR(suggest("clos", words, count), "close");
	CHECK_STR(suggest("vrebsoe", words, count), "verbose");
	CHECK_STR(suggest("wirte", words, count), "write");
	CHECK_STR(suggest("write", words, count), "write");
	CHECK(!suggest("elephant", words, count));
	CHECK(!suggest("xs", words, count)); /* half the word would be another */
	CHECK(!suggest("", words, count));
	CHECK(!suggest("open", words, 0));
	CHECK(!suggest("an extremely long word that is longer than any option of ours ever will be",
		       words, count));
}

/* What the four levels write at a verbosity. */
static void check_log(int line, int verbosity, const char *want)
{
	char got[512];
	int saved = dup(STDERR_FILENO), pipes[2];
	ssize_t n;

	CHECK_FATAL(saved >= 0 && pipe2(pipes, O_NONBLOCK) == 0);
	dup2(pipes[1], STDERR_FILENO);
	log_init("record", verbosity);
	log_error("cannot open '%s'", "a\x1b[31m\xff.trc");
	log_warning("two\nlines\n");
	log_info("%d events", 7);
	log_verbose("ring %u", 1u);
	dup2(saved, STDERR_FILENO);
	n = read(pipes[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = 0;
	check_count++;
	if (strcmp(got, want))
		CHECK_FAIL("line %d: %s", line, got);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_log(void)
{
#define LOGGED_ERROR "record: cannot open 'a\\x1b[31m\\xff.trc'\n"
#define LOGGED_TALK  "record: warning: two\nlines\nrecord: 7 events\n"
	check_log(__LINE__, -1, LOGGED_ERROR);
	check_log(__LINE__, 0, LOGGED_ERROR LOGGED_TALK);
	check_log(__LINE__, 1, LOGGED_ERROR LOGGED_TALK "record: ring 1\n");
}

int main(void)
{
	test_growth();
	test_numbers();
	test_escaped();
	test_printable();
	test_json();
	test_csv();
	test_suggest();
	test_log();
	return check_report();
}
