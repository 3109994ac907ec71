/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/summary_page.h"

#include "analyze/model/shared_string.h"
#include "analyze/sinks/cell.h"
#include "analyze/sinks/put.h"

void page_put_line(struct page *page)
{
	while (page->line.len && page->line.data[page->line.len - 1] == ' ')
		page->line.len--;
	text_addc(&page->line, '\n');
	put_text(&page->line, page->file);
}

void page_add_heading(struct page *page, const char *heading)
{
	if (page->color)
		text_adds(&page->line, "\033[1m");
	text_adds(&page->line, heading);
	if (page->color)
		text_adds(&page->line, "\033[0m");
}

void page_add_cell(struct page *page, unsigned width, bool right)
{
	cell_move(&page->line, &page->cell, width, right);
}

void page_add_clipped(struct page *page, const struct value *value, unsigned width)
{
	cell_add_text(&page->cell, value);
	cell_clip(&page->cell, width);
	cell_move(&page->line, &page->cell, 0, false);
}

static void cell_ns(struct page *page, const struct value *value)
{
	if (value->type == VALUE_INTEGER)
		text_add_ns(&page->cell, (u64)value->integer);
	else
		text_addc(&page->cell, '-');
}

void page_add_ns(struct page *page, const struct value *value, unsigned width)
{
	cell_ns(page, value);
	page_add_cell(page, width, true);
}

void page_add_count(struct page *page, const struct value *value, unsigned width)
{
	text_add_count(&page->cell, page_number(value));
	page_add_cell(page, width, true);
}

unsigned page_places_left(const struct page *page)
{
	unsigned used = cell_width(&page->line);

	return used + 8 < page->width ? page->width - used : 8;
}

const struct rows *page_rows(struct page *page, const char *table)
{
	return &sink_memory_table(page->memory, table)->rows;
}

void page_sort(struct page *page, const char *table, size_t column)
{
	rows_sort(&sink_memory_table(page->memory, table)->rows, column, true);
}

void page_put_heading(struct page *page)
{
	page_put_line(page);
	page_add_heading(page, page->cell.data);
	text_clear(&page->cell);
	page_put_line(page);
}

void page_add_word(struct page *page, const char *word)
{
	struct text quoted = {};

	text_add_shell_word(&quoted, word, strlen(word));
	text_add_printable(&page->line, quoted.data, quoted.len);
	text_release(&quoted);
}

static void add_option(struct page *page, const char *name, const char *value)
{
	text_addf(&page->line, " --%s ", name);
	page_add_word(page, value);
}

void page_add_selection(struct page *page, unsigned which)
{
	const struct selection_options *selection = page->selection;

	if (selection->time)
		add_option(page, "time", selection->time);
	for (size_t i = 0; which & SELECTED_PIDS && i < selection->pids.count; i++)
		add_option(page, "pid", selection->pids.values[i]);
	if (selection->comm)
		add_option(page, "comm", selection->comm);
	if (which & SELECTED_CALLS && selection->calls)
		add_option(page, "syscall", selection->calls);
}
