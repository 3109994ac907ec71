/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Foreign bytes made harmless for a terminal, JSON, CSV. */
#include "common/text.h"

#include "common/cleanup.h"

#include <string.h>

/* The length of the well-formed UTF-8 sequence at s, and its code point; 0 if there is none. */
static size_t utf8_next(const u8 *s, size_t len, u32 *ret_point)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n;
	u32 point;

	if (s[0] < 0x80) {
		*ret_point = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
		point = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3;
		point = s[0] & 0x0f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		point = s[0] & 0x07;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return n;
}

/* Characters that move the cursor, break lines or turn the direction of writing. */
static bool is_control(u32 point)
{
	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return true;
	switch (point) {
	case 0x061c:		/* Arabic letter mark */
	case 0x200e ... 0x200f: /* left-to-right, right-to-left marks */
	case 0x2028 ... 0x202e: /* line and paragraph separator, embeddings, overrides */
	case 0x2066 ... 0x2069: /* isolates */
	case 0xfeff:		/* byte order mark */
		return true;
	}
	return false;
}

/* Bytes that every form here passes unchanged; runs of them are copied at once. */
static size_t plain_run(const u8 *s, size_t len, const char *special)
{
	size_t n = 0;

	/* What any form treats specially is a quote or a backslash: only for those is it worth to ask. */
	while (n < len && s[n] >= 0x20 && s[n] < 0x7f &&
	       ((s[n] != '"' && s[n] != '\\') || !strchr(special, s[n])))
		n++;
	return n;
}

static char short_escape(u8 byte)
{
	switch (byte) {
	case '\n':
		return 'n';
	case '\t':
		return 't';
	case '\r':
		return 'r';
	case '\v':
		return 'v';
	case '\f':
		return 'f';
	case '"':
	case '\\':
		return (char)byte;
	}
	return 0;
}

void text_add_escaped(struct text *text, const char *string, size_t len)
{
	const u8 *s = (const u8 *)string;

	for (size_t i = 0; i < len;) {
		size_t run = plain_run(s + i, len - i, "\"\\");
		char c;

		text_add(text, string + i, run);
		i += run;
		if (i == len)
			break;
		c = short_escape(s[i]);
		if (c) {
			text_addc(text, '\\');
			text_addc(text, c);
		} else {
			/* Before a digit all three, or it would be read as one more. */
			bool all = i + 1 < len && s[i + 1] >= '0' && s[i + 1] <= '9';

			text_addc(text, '\\');
			if (all || s[i] >= 0100)
				text_addc(text, '0' + (s[i] >> 6));
			if (all || s[i] >= 010)
				text_addc(text, '0' + (s[i] >> 3 & 7));
			text_addc(text, '0' + (s[i] & 7));
		}
		i++;
	}
	text_add(text, "", 0);
}

/*
 * Passes well-formed UTF-8 and gives the rest to the callbacks: control characters and ASCII out
 * of `special` with their code point, bytes that are no character alone.
 */
static void add_utf8(struct text *text, const char *string, size_t len, const char *special,
		     void (*add_character)(struct text *text, const u8 *s, size_t len, u32 point),
		     void (*add_byte)(struct text *text, u8 byte))
{
	const u8 *s = (const u8 *)string;

	for (size_t i = 0; i < len;) {
		size_t n = plain_run(s + i, len - i, special);
		u32 point;

		if (n) {
			text_add(text, string + i, n);
			i += n;
			continue;
		}
		n = utf8_next(s + i, len - i, &point);
		if (!n) {
			add_byte(text, s[i]);
			n = 1;
		} else if (point < 0x80 || is_control(point)) {
			add_character(text, s + i, n, point);
		} else {
			text_add(text, string + i, n);
		}
		i += n;
	}
	text_add(text, "", 0);
}

static void add_hex_byte(struct text *text, u8 byte)
{
	text_addf(text, "\\x%02x", byte);
}

static void add_hex_bytes(struct text *text, const u8 *s, size_t len, u32 point)
{
	for (size_t i = 0; i < len; i++)
		add_hex_byte(text, s[i]);
}

void text_add_printable(struct text *text, const char *string, size_t len)
{
	add_utf8(text, string, len, "", add_hex_bytes, add_hex_byte);
}

static void add_json_byte(struct text *text, u8 byte)
{
	text_addf(text, "\\udc%02x", byte);
}

static void add_json_character(struct text *text, const u8 *s, size_t len, u32 point)
{
	char c = point < 0x80 && point != '\v' ? short_escape((u8)point) : 0;

	if (c) {
		text_addc(text, '\\');
		text_addc(text, c);
	} else {
		text_addf(text, "\\u%04x", point);
	}
}

void text_add_json(struct text *text, const char *string, size_t len)
{
	add_utf8(text, string, len, "\"\\", add_json_character, add_json_byte);
}

void text_add_csv(struct text *text, const char *string, size_t len)
{
	bool quote = len && (string[0] == ' ' || string[len - 1] == ' ');

	for (size_t i = 0; i < len && !quote; i++)
		quote = string[i] == ',' || string[i] == '"' || string[i] == '\n' ||
			string[i] == '\r';
	if (!quote) {
		text_add(text, string, len);
		return;
	}
	text_addc(text, '"');
	for (const char *end = string + len; string < end;) {
		const char *mark = memchr(string, '"', (size_t)(end - string));
		const char *stop = mark ? mark + 1 : end;

		text_add(text, string, (size_t)(stop - string));
		if (mark)
			text_addc(text, '"');
		string = stop;
	}
	text_addc(text, '"');
}

void text_add_csv_printable(struct text *text, const char *string, size_t len)
{
	_cleanup_(text_release) struct text printable = {};

	text_add_printable(&printable, string, len);
	text_add_csv(text, printable.data, printable.len);
}
