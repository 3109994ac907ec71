/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers with units, as people write them. */
#include "common/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "common/wide.h"

struct unit {
	const char *name;
	u64 factor;
};

int parse_u64(const char *text, u64 *ret_value)
{
	unsigned base = 10;
	u64 value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned)(*text - '0');
		else if (base == 16 && isxdigit((unsigned char)*text))
			digit = (unsigned)(tolower((unsigned char)*text) - 'a') + 10;
		else
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

/*
 * A decimal number, with a fraction or not, and one of the units; what is less than one of the
 * smallest is cut off. In integers, because a double does not hold every nanosecond of a year.
 */
static int parse_scaled(const char *text, const struct unit *units, size_t unit_count,
			u64 *ret_value)
{
	u64 whole = 0, fraction = 0, scale = 1, factor = 0, value;
	bool digits = false;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (u64)(*text - '0'), &whole))
			return -EINVAL;
		digits = true;
	}
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++) {
			if (scale < UINT64_C(1000000000000000000)) {
				fraction = fraction * 10 + (u64)(*text - '0');
				scale *= 10;
			}
			digits = true;
		}
	}
	if (!digits)
		return -EINVAL;
	for (size_t i = 0; i < unit_count && !factor; i++) {
		if (!strcasecmp(text, units[i].name))
			factor = units[i].factor;
	}
	if (!factor || __builtin_mul_overflow(whole, factor, &value) ||
	    __builtin_add_overflow(value, wide_mul_div(fraction, factor, 0, scale), &value))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int parse_size(const char *text, u64 *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "K", UINT64_C(1) << 10 },
		{ "KiB", UINT64_C(1) << 10 },
		{ "KB", UINT64_C(1000) },
		{ "M", UINT64_C(1) << 20 },
		{ "MiB", UINT64_C(1) << 20 },
		{ "MB", UINT64_C(1000000) },
		{ "G", UINT64_C(1) << 30 },
		{ "GiB", UINT64_C(1) << 30 },
		{ "GB", UINT64_C(1000000000) },
		{ "T", UINT64_C(1) << 40 },
		{ "TiB", UINT64_C(1) << 40 },
		{ "TB", UINT64_C(1000000000000) },
	};

	return parse_scaled(text, units, ARRAY_SIZE(units), ret_bytes);
}

int parse_duration(const char *text, u64 *ret_ns)
{
	static const struct unit units[] = {
		{ "", UINT64_C(1000000000) },	   { "ns", 1 },
		{ "us", UINT64_C(1000) },	   { "µs", UINT64_C(1000) },
		{ "ms", UINT64_C(1000000) },	   { "s", UINT64_C(1000000000) },
		{ "sec", UINT64_C(1000000000) },   { "m", UINT64_C(60000000000) },
		{ "min", UINT64_C(60000000000) },  { "h", UINT64_C(3600000000000) },
		{ "d", UINT64_C(86400000000000) },
	};

	return parse_scaled(text, units, ARRAY_SIZE(units), ret_ns);
}
