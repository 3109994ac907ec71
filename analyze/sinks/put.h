/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "common/text.h"

#include <errno.h>
#include <stdio.h>

/* Writes what is in the text and empties it. 0 or -errno; -EIO if the stream has failed before. */
static inline int put_text(struct text *text, FILE *file)
{
	int r = ferror(file) ? -EIO : 0;

	if (text->len && fwrite(text->data, 1, text->len, file) != text->len && !r)
		r = errno ? -errno : -EIO;
	text_clear(text);
	return r;
}
