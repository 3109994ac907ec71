/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/memory.h"

#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>

#define TABLES_MAX 16

struct memory_sink {
	struct sink sink;
	size_t count;
	struct memory_table tables[TABLES_MAX];
};

static struct memory_table *find(struct memory_sink *memory, const char *name)
{
	for (size_t i = 0; i < memory->count; i++)
		if (!strcmp(memory->tables[i].choice->table, name))
			return &memory->tables[i];
	return NULL;
}

static int memory_begin(struct sink *sink, const struct table *table)
{
	struct memory_table *kept = find((struct memory_sink *)sink, table->name);

	if (!kept)
		return 0;
	kept->table = table;
	for (size_t i = 0; kept->choice->columns[i]; i++) {
		int column = table_column(table, kept->choice->columns[i]);

		if (column < 0)
			return -EINVAL;
		kept->from[i] = (size_t)column;
		kept->rows.column_count = i + 1;
	}
	return 0;
}

static int memory_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct memory_table *kept = find((struct memory_sink *)sink, table->name);
	struct value chosen[20];

	if (!kept)
		return 0;
	for (size_t i = 0; i < kept->rows.column_count; i++)
		chosen[i] = values[kept->from[i]];
	rows_add(&kept->rows, chosen, kept->rows.column_count);
	return 0;
}

static int memory_end(struct sink *sink, const struct table *table)
{
	return 0;
}

static int memory_close(struct sink *sink)
{
	return 0;
}

static void memory_free(struct sink *sink)
{
	struct memory_sink *memory = (struct memory_sink *)sink;

	for (size_t i = 0; i < memory->count; i++)
		rows_release(&memory->tables[i].rows);
	free(memory);
}

struct sink *sink_memory_new(const struct memory_choice *choices)
{
	struct memory_sink *memory = xcalloc(1, sizeof(*memory));

	memory->sink = (struct sink){ memory_begin, memory_row,	 memory_end,
				      memory_close, memory_free, NULL };
	for (; choices->table && memory->count < TABLES_MAX; choices++)
		memory->tables[memory->count++].choice = choices;
	return &memory->sink;
}

struct memory_table *sink_memory_table(struct sink *sink, const char *table)
{
	return find((struct memory_sink *)sink, table);
}
