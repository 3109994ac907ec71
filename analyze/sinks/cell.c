/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/cell.h"

#include <math.h>
#include <time.h>
#include <wchar.h>

#define SECOND_NS 1000000000ll

void cell_add_moment(struct text *text, s64 relative_ns)
{
	u64 ns = relative_ns < 0 ? -(u64)relative_ns : (u64)relative_ns;

	text_addf(text, "%c%llu.%06llu s", relative_ns < 0 ? '-' : '+',
		  (unsigned long long)(ns / SECOND_NS),
		  (unsigned long long)(ns % SECOND_NS / 1000));
}

void cell_add_wall(struct text *text, s64 wall_ns, s64 utc_offset_s)
{
	s64 minutes = utc_offset_s / 60;
	time_t seconds = wall_ns / SECOND_NS + utc_offset_s;
	struct tm tm;
	char date[64];

	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm)) {
		text_addc(text, '?');
		return;
	}
	text_addf(text, "%s %c%02d%02d", date, minutes < 0 ? '-' : '+',
		  (int)(minutes < 0 ? -minutes : minutes) / 60,
		  (int)(minutes < 0 ? -minutes : minutes) % 60);
}

static void add_integer(struct text *text, const struct column *column, s64 value, u64 start_ns,
			s64 utc_offset_s)
{
	switch (column->unit) {
	case UNIT_COUNT:
		text_add_count(text, (u64)value);
		break;
	case UNIT_NS:
		text_add_ns(text, (u64)value);
		break;
	case UNIT_BYTES:
		text_add_bytes(text, (u64)value);
		break;
	case UNIT_TS:
		cell_add_moment(text, (s64)((u64)value - start_ns));
		break;
	case UNIT_WALL:
		cell_add_wall(text, value, utc_offset_s);
		break;
	case UNIT_BOOL:
		text_adds(text, value ? "yes" : "no");
		break;
	case UNIT_ADDRESS:
		text_addf(text, "0x%llx", (unsigned long long)value);
		break;
	default:
		text_addi(text, value);
	}
}

void cell_add(struct text *text, const struct column *column, const struct value *value,
	      u64 start_ns, s64 utc_offset_s)
{
	switch (value->type) {
	case VALUE_INTEGER:
		add_integer(text, column, value->integer, start_ns, utc_offset_s);
		break;
	case VALUE_REAL:
		text_addf(text, "%.4g", value->real);
		break;
	case VALUE_TEXT:
		text_add_printable(text, value->text, value->len);
		break;
	default:
		text_addc(text, '-');
	}
}

void cell_add_text(struct text *text, const struct value *value)
{
	if (value->type == VALUE_TEXT)
		text_add_printable(text, value->text, value->len);
	else
		text_addc(text, '?');
}

void cell_add_json(struct text *text, const struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER:
		text_addi(text, value->integer);
		break;
	case VALUE_REAL:
		if (isfinite(value->real))
			text_addf(text, "%.17g", value->real);
		else
			text_adds(text, "null");
		break;
	case VALUE_TEXT:
		text_addc(text, '"');
		text_add_json(text, value->text, value->len);
		text_addc(text, '"');
		break;
	default:
		text_adds(text, "null");
	}
}

void cell_move(struct text *line, struct text *cell, unsigned width, bool right)
{
	unsigned len = cell_width(cell);

	for (; right && len < width; len++)
		text_addc(line, ' ');
	text_add(line, cell->data ? cell->data : "", cell->len);
	for (; len < width; len++)
		text_addc(line, ' ');
	text_clear(cell);
}

/* The places of the well-formed character at `at`, and its length in bytes: CJK takes two, a combining one none. */
static unsigned place_count(const char *at, size_t *ret_len)
{
	u32 point = (u8)*at;
	size_t len = 1;
	int count;

	if (point < 0x80) {
		*ret_len = 1;
		return 1;
	}
	for (point &= point < 0xe0   ? 0x1f
		      : point < 0xf0 ? 0x0f
				     : 0x07;
	     ((u8)at[len] & 0xc0) == 0x80; len++)
		point = point << 6 | ((u8)at[len] & 0x3f);
	*ret_len = len;
	count = wcwidth((wchar_t)point);
	return count < 0 ? 1 : (unsigned)count;
}

void cell_clip(struct text *text, unsigned width)
{
	unsigned places = 0;
	size_t len;

	if (!width || cell_width(text) <= width)
		return;
	for (size_t i = 0; i < text->len; i += len) {
		places += place_count(text->data + i, &len);
		if (places < width)
			continue;
		text->len = i;
		text_adds(text, "…");
		return;
	}
}

unsigned cell_width(const struct text *text)
{
	unsigned width = 0;
	size_t len;

	for (size_t i = 0; i < text->len; i += len)
		width += place_count(text->data + i, &len);
	return width;
}

size_t column_short_len(const struct column *column)
{
	static const struct {
		u8 unit;
		const char *suffix;
	} suffixes[] = { { UNIT_NS, "_ns" },
			 { UNIT_TS, "_ns" },
			 { UNIT_WALL, "_ns" },
			 { UNIT_BYTES, "_bytes" } };
	size_t len = strlen(column->name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t suffix = strlen(suffixes[i].suffix);

		if (column->unit == suffixes[i].unit && len > suffix &&
		    !strcmp(column->name + len - suffix, suffixes[i].suffix))
			return len - suffix;
	}
	return len;
}
