/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/wide.h"

void text_release(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

void text_clear(struct text *text)
{
	text->len = 0;
	if (text->data)
		text->data[0] = 0;
}

/* Room for `more` bytes and the NUL; returns where they go. */
static char *text_room(struct text *text, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(text->len, more, &need) || need > SIZE_MAX / 4)
		need = SIZE_MAX / 4; /* no machine has it: ends the program as out of memory */
	ARRAY_RESERVE(text->data, text->capacity, need + 1);
	return text->data + text->len;
}

void text_add(struct text *text, const char *s, size_t len)
{
	char *to = text_room(text, len);

	if (len)
		memcpy(to, s, len);
	text->len += len;
	text->data[text->len] = 0;
}

void text_adds(struct text *text, const char *s)
{
	text_add(text, s, strlen(s));
}

void text_addc(struct text *text, char c)
{
	char *to = text_room(text, 1);

	to[0] = c;
	to[1] = 0;
	text->len++;
}

void text_addu(struct text *text, u64 value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_addi(struct text *text, s64 value)
{
	if (value < 0) {
		text_addc(text, '-');
		text_addu(text, -(u64)value);
		return;
	}
	text_addu(text, (u64)value);
}

void text_addx(struct text *text, u64 value)
{
	char digits[18];
	size_t at = sizeof(digits);

	if (!value) {
		text_addc(text, '0');
		return;
	}
	for (; value; value >>= 4)
		digits[--at] = "0123456789abcdef"[value & 15];
	digits[--at] = 'x';
	digits[--at] = '0';
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_addf(struct text *text, const char *format, ...)
{
	char *to = text_room(text, 128);
	size_t room = text->capacity - text->len;
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(to, room, format, args);
	va_end(args);
	if (n > 0 && (size_t)n >= room) {
		to = text_room(text, (size_t)n);
		n = vsnprintf(to, text->capacity - text->len, format, again);
	}
	va_end(again);
	if (n > 0)
		text->len += (size_t)n;
	text->data[text->len] = 0;
}

void text_add_count(struct text *text, u64 count)
{
	char digits[26];
	size_t at = sizeof(digits), n = 0;

	do {
		if (n && n % 3 == 0)
			digits[--at] = ',';
		digits[--at] = (char)('0' + count % 10);
		count /= 10;
		n++;
	} while (count);
	text_add(text, digits + at, sizeof(digits) - at);
}

/* value / unit with one or two decimals, rounded half up. */
static void add_scaled(struct text *text, u64 value, u64 unit, unsigned decimals, const char *name)
{
	u64 scale = decimals == 2 ? 100 : 10;
	u64 whole = value / unit, rest = value % unit;
	u64 parts = wide_mul_div(rest, scale, unit / 2, unit);

	if (parts == scale) {
		whole++;
		parts = 0;
	}
	text_addu(text, whole);
	text_addc(text, '.');
	if (decimals == 2)
		text_addc(text, (char)('0' + parts / 10));
	text_addc(text, (char)('0' + parts % 10));
	text_addc(text, ' ');
	text_adds(text, name);
}

void text_add_bytes(struct text *text, u64 bytes)
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	u64 unit = 1000;
	size_t i = 0;

	if (bytes < 1000) {
		text_addu(text, bytes);
		text_adds(text, " B");
		return;
	}
	/* 999,950 bytes would round to "1000.0 kB". */
	while (i + 1 < ARRAY_SIZE(names) && bytes >= unit * 1000 - unit / 20) {
		unit *= 1000;
		i++;
	}
	add_scaled(text, bytes, unit, 1, names[i]);
}

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

void text_add_ns(struct text *text, u64 ns)
{
	u64 s = ns / NS_PER_S;

	if (ns < NS_PER_US) {
		text_addu(text, ns);
		text_adds(text, " ns");
	} else if (ns < NS_PER_MS - NS_PER_US / 20) {
		add_scaled(text, ns, NS_PER_US, 1, "µs");
	} else if (ns < NS_PER_S - NS_PER_MS / 20) {
		add_scaled(text, ns, NS_PER_MS, 1, "ms");
	} else if (s < 600) {
		add_scaled(text, ns, NS_PER_S, 2, "s");
	} else if (s < 3600) {
		text_addf(text, "%um %02us", (unsigned)(s / 60), (unsigned)(s % 60));
	} else {
		text_addu(text, s / 3600);
		text_addf(text, "h %02um", (unsigned)(s / 60 % 60));
	}
}
