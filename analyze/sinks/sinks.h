/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where tables go: one file per form. Each sink writes to a stream that the caller owns and checks;
 * foreign bytes are escaped as the form asks.
 */
#pragma once

#include "analyze/table.h"

#include <stdio.h>

struct text_sink_options {
	bool color;
	u64 start_ns;	  /* moments are shown relative to it */
	s64 utc_offset_s; /* dates are shown in this zone */
	bool headings;	  /* name each table: there are several */
	/* The name of an error, NULL if it has none; NULL: numbers stay numbers. */
	const char *(*errno_name)(const void *context, u32 number);
	const void *context;
};

/* Aligned columns with units for people. */
struct sink *sink_text_new(FILE *file, const struct text_sink_options *options);
/* RFC 4180 with a header line. One table. */
struct sink *sink_csv_new(FILE *file);

enum json_form {
	JSON_LINES,	   /* an object per line */
	JSON_TAGGED_LINES, /* the same, with "table": several tables */
	JSON_ARRAY,	   /* one array of objects */
	JSON_OBJECT,	   /* {"table": [objects], …} */
};
struct sink *sink_json_new(FILE *file, enum json_form form);
