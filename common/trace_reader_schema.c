/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What chunks are asked of their section's HEADER, found once per section: a small chunk must not cost a
 * walk over a large schema.
 */
#include "common/trace_reader_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static int compare_kinds(const void *a, const void *b)
{
	return (*(const struct schema_kind *const *)a)->id -
	       (*(const struct schema_kind *const *)b)->id;
}

static void section_settle(struct trace_section *section, const struct trace_meta *first)
{
	const struct schema *schema = &section->meta->schema;

	section->has_clock = !strcmp(section->meta->boot_id, first->boot_id);
	section->kinds = xcalloc(schema->kind_count, sizeof(*section->kinds));
	section->classes = xcalloc(TRACE_CLASSES, sizeof(*section->classes));
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i], *ours;

		section->kinds[i] = kind;
		ours = schema_kind_by_name(schema_builtin(), kind->name);
		section->classes[kind->class] |= ours ? 1ull << ours->class : TRACE_STRANGE;
	}
	qsort(section->kinds, schema->kind_count, sizeof(*section->kinds), compare_kinds);
}

void schemas_settle(struct trace_reader *reader)
{
	const struct trace_meta *first = reader->sections[reader->first].meta;

	for (size_t i = 0; i < reader->section_count; i++)
		if (reader->sections[i].meta)
			section_settle(&reader->sections[i], first);
}

const struct schema_kind *section_kind(const struct trace_section *section, u16 id)
{
	size_t low = 0, high = section->meta->schema.kind_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (section->kinds[middle]->id == id)
			return section->kinds[middle];
		if (section->kinds[middle]->id > id)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool trace_reader_has_clock(const struct trace_reader *reader, u32 section)
{
	return reader->sections[section].has_clock;
}

u64 trace_reader_stream_classes(const struct trace_reader *reader, u32 section, u32 stream)
{
	const struct trace_section *of = &reader->sections[section];
	u32 class = stream >> 16;
	u64 classes;

	if (!of->classes) /* it has no HEADER */
		of = &reader->sections[reader->first];
	classes = class < TRACE_CLASSES ? of->classes[class] : 0;
	return classes ? classes : TRACE_STRANGE;
}

u64 trace_reader_classes(const struct trace_reader *reader, const struct trace_chunk *chunk)
{
	return trace_reader_stream_classes(reader, chunk->section, chunk->head.stream);
}
