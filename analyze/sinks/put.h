/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "common/text.h"

#include <errno.h>
#include <stdio.h>

/* Writes what is in the text and empties it. 0 or -EIO once the stream has failed. */
static inline int put_text(struct text *text, FILE *file)
{
	if (text->len)
		fwrite(text->data, 1, text->len, file);
	text_clear(text);
	return ferror(file) ? -EIO : 0;
}
