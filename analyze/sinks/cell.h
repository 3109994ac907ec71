/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One value as a person reads it. */
#pragma once

#include "analyze/table.h"
#include "common/text.h"

/* NULL is "-"; moments are relative to start_ns; nothing that could drive a terminal remains. */
void cell_add(struct text *text, const struct column *column, const struct value *value,
	      u64 start_ns, s64 utc_offset_s);
/* "+4.113025 s" */
void cell_add_moment(struct text *text, s64 relative_ns);
/* "2026-11-20 10:02:11 +0100" */
void cell_add_wall(struct text *text, s64 wall_ns, s64 utc_offset_s);
/* A text harmless to a terminal; "?" for NULL. */
void cell_add_text(struct text *text, const struct value *value);
/* A value as JSON has it. */
void cell_add_json(struct text *text, const struct value *value);
/* Moves a cell to the end of a line, padded on the left (`right`-aligned) or the right to `width` places. */
void cell_move(struct text *line, struct text *cell, unsigned width, bool right);
/* Cuts to so many places, with an ellipsis as the last; 0: not at all. */
void cell_clip(struct text *text, unsigned width);
/* Places on the screen; the locale must know the characters of UTF-8, else each takes one. */
unsigned cell_width(const struct text *text);
/* Length of the column's name without its unit, as headings have it: total_ns → total. */
size_t column_short_len(const struct column *column);
