/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/options.h"

#include <string.h>

#include "common/text.h"

#define LINE_WIDTH  100
#define HELP_COLUMN 28

/* Characters, not bytes. */
static size_t width_of(const char *s, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)s[i] & 0xc0) != 0x80;
	return width;
}

static void add_spaces(struct text *text, size_t count)
{
	text_addf(text, "%*s", (int)count, "");
}

/* The words of `help` from HELP_COLUMN on; `column` is where the line stands. */
static void add_wrapped(struct text *text, const char *help, size_t column)
{
	bool first = true;

	if (column + 2 > HELP_COLUMN) {
		text_addc(text, '\n');
		column = 0;
	}
	add_spaces(text, HELP_COLUMN - column);
	column = HELP_COLUMN;
	while (*help) {
		size_t len = strcspn(help, " "), width = width_of(help, len);

		if (!first && column + 1 + width > LINE_WIDTH) {
			text_addc(text, '\n');
			add_spaces(text, HELP_COLUMN);
			column = HELP_COLUMN;
			first = true;
		}
		if (!first) {
			text_addc(text, ' ');
			column++;
		}
		text_add(text, help, len);
		column += width;
		first = false;
		help += len;
		help += strspn(help, " ");
	}
	text_addc(text, '\n');
}

char *options_help(const struct option_row *rows)
{
	struct text text = { 0 };

	text_adds(&text, "");
	for (; rows->short_name || rows->long_name; rows++) {
		const char *arg = rows->arg ? rows->arg : rows->choices;
		size_t start = text.len;

		if (!rows->help)
			continue; /* works, but is not advertised */
		if (rows->short_name)
			text_addf(&text, "  -%c", rows->short_name);
		else
			text_adds(&text, "    ");
		if (rows->long_name)
			text_addf(&text, "%s--%s", rows->short_name ? ", " : "  ", rows->long_name);
		if (arg)
			text_addf(&text, "%c%s", rows->long_name ? '=' : ' ', arg);
		add_wrapped(&text, rows->help, width_of(text.data + start, text.len - start));
	}
	return text.data;
}
