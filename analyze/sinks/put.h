/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* How a field of CSV is written into this file: as it is, or harmless for a terminal. */
typedef void (*put_csv_field)(struct text *text, const char *s, size_t len);

static inline put_csv_field put_csv_field_for(FILE *file)
{
	return isatty(fileno(file)) ? text_add_csv_printable : text_add_csv;
}

/* Writes what is in the text and empties it. 0 or -errno; -EIO if the stream has failed before. */
static inline int put_text(struct text *text, FILE *file)
{
	int r = ferror(file) ? -EIO : 0;

	if (text->len && fwrite(text->data, 1, text->len, file) != text->len && !r)
		r = errno ? -errno : -EIO;
	text_clear(text);
	return r;
}
