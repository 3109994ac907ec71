/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/sinks.h"

#include "analyze/sinks/cell.h"
#include "analyze/sinks/put.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>

struct json_sink {
	struct sink sink;
	FILE *file;
	enum json_form form;
	bool any_table, any_row;
	struct text line;
};

static int put(struct json_sink *json)
{
	return put_text(&json->line, json->file);
}

static int json_begin(struct sink *sink, const struct table *table)
{
	struct json_sink *json = (struct json_sink *)sink;

	json->any_row = false;
	if (json->form == JSON_OBJECT) {
		text_adds(&json->line, json->any_table ? ",\n\"" : "{\"");
		text_adds(&json->line, table->name);
		text_adds(&json->line, "\":[");
	} else if (json->form == JSON_ARRAY) {
		text_addc(&json->line, '[');
	}
	json->any_table = true;
	return put(json);
}

static int json_row(struct sink *sink, const struct table *table, const struct value *values)
{
	struct json_sink *json = (struct json_sink *)sink;

	if (json->form == JSON_ARRAY || json->form == JSON_OBJECT)
		text_adds(&json->line, json->any_row ? ",\n" : "\n");
	json->any_row = true;
	text_addc(&json->line, '{');
	if (json->form == JSON_TAGGED_LINES) {
		text_adds(&json->line, "\"table\":\"");
		text_adds(&json->line, table->name);
		text_adds(&json->line, table->column_count ? "\"," : "\"");
	}
	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			text_addc(&json->line, ',');
		text_addc(&json->line, '"');
		text_adds(&json->line, table->columns[i].name);
		text_adds(&json->line, "\":");
		cell_add_json(&json->line, &values[i]);
	}
	text_addc(&json->line, '}');
	if (json->form == JSON_LINES || json->form == JSON_TAGGED_LINES)
		text_addc(&json->line, '\n');
	return put(json);
}

static int json_end(struct sink *sink, const struct table *table)
{
	struct json_sink *json = (struct json_sink *)sink;

	if (json->form == JSON_ARRAY)
		text_adds(&json->line, json->any_row ? "\n]\n" : "]\n");
	else if (json->form == JSON_OBJECT)
		text_adds(&json->line, json->any_row ? "\n]" : "]");
	else
		return 0;
	return put(json);
}

static int json_close(struct sink *sink)
{
	struct json_sink *json = (struct json_sink *)sink;

	if (json->form == JSON_OBJECT) {
		text_adds(&json->line, json->any_table ? "}\n" : "{}\n");
		put(json);
	}
	return fflush(json->file) ? -errno : 0;
}

static void json_free(struct sink *sink)
{
	struct json_sink *json = (struct json_sink *)sink;

	text_release(&json->line);
	free(json);
}

struct sink *sink_json_new(FILE *file, enum json_form form)
{
	struct json_sink *json = xcalloc(1, sizeof(*json));

	json->sink = (struct sink){ json_begin, json_row, json_end, json_close, json_free, NULL };
	json->file = file;
	json->form = form;
	return &json->sink;
}
