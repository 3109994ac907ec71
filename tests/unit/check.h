/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unit tests' only tool. A test is a plain main() that ends with `return check_report();`.
 * A check that fails says where and with what values, is counted, and the test goes on;
 * CHECK_FATAL() ends it, for when nothing behind it makes sense.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long check_count, check_failures;

#define CHECK_FAIL(...)                                                                            \
	do {                                                                                       \
		check_failures++;                                                                  \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                    \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fputc('\n', stderr);                                                               \
	} while (0)

#define CHECK(expr)                                                                                \
	do {                                                                                       \
		check_count++;                                                                     \
		if (!(expr))                                                                       \
			CHECK_FAIL("failed: %s", #expr);                                           \
	} while (0)

#define CHECK_FATAL(expr)                                                                          \
	do {                                                                                       \
		check_count++;                                                                     \
		if (!(expr)) {                                                                     \
			CHECK_FAIL("failed: %s", #expr);                                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Integers of any type. */
#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		intmax_t _a = (intmax_t)(a), _b = (intmax_t)(b);                                   \
		check_count++;                                                                     \
		if (_a != _b)                                                                      \
			CHECK_FAIL("%s is %" PRIdMAX ", not %s = %" PRIdMAX, #a, _a, #b, _b);      \
	} while (0)

/* Strings; NULL equals NULL only. */
#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *_a = (a), *_b = (b);                                                   \
		check_count++;                                                                     \
		if (_a != _b && (!_a || !_b || strcmp(_a, _b)))                                    \
			CHECK_FAIL("%s is \"%s\", not \"%s\"", #a, _a ? _a : "(null)",             \
				   _b ? _b : "(null)");                                            \
	} while (0)

#define CHECK_MEM(a, b, size)                                                                      \
	do {                                                                                       \
		check_count++;                                                                     \
		if (memcmp((a), (b), (size)))                                                      \
			CHECK_FAIL("%s and %s differ within %zu bytes", #a, #b, (size_t)(size));   \
	} while (0)

/* main()'s result: 0 if something was checked and all of it held. */
static inline int check_report(void)
{
	if (check_failures || !check_count) {
		fprintf(stderr, "%lu of %lu checks failed\n", check_failures, check_count);
		return 1;
	}
	return 0;
}
