/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/series.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define NAME_LEN 32 /* as the recorder makes them: then comparing all with all costs little */

struct part {
	const char *series; /* NULL: of none */
	s64 begun_ns;
};

static struct part part_of(const struct trace_reader *reader, u32 section)
{
	const struct trace_meta *meta = trace_reader_section_meta(reader, section);
	const char *series = meta ? trace_meta_option(meta, "series") : NULL;

	if (!series || strlen(series) != NAME_LEN)
		return (struct part){ 0 };
	return (struct part){ series, meta->created_wall_ns };
}

static bool is_continued(const struct part *parts, u32 count, u32 which)
{
	for (u32 i = 0; i < count; i++)
		if (parts[i].series && parts[i].begun_ns > parts[which].begun_ns &&
		    !strcmp(parts[i].series, parts[which].series))
			return true;
	return false;
}

bool *series_continued(const struct trace_reader *reader)
{
	u32 count = trace_reader_section_count(reader);
	bool *continued = NULL;
	struct part *parts;

	if (count < 2)
		return NULL;
	parts = xcalloc(count, sizeof(*parts));
	for (u32 i = 0; i < count; i++)
		parts[i] = part_of(reader, i);
	for (u32 i = 0; i < count; i++) {
		if (!parts[i].series || !is_continued(parts, count, i))
			continue;
		if (!continued)
			continued = xcalloc(count, sizeof(*continued));
		continued[i] = true;
	}
	free(parts);
	return continued;
}
