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

void page_put_words(struct page *page)
{
	struct text words = page->line;
	char *at = words.data;

	page->line = (struct text){};
	while (at && *at) {
		size_t gap = strspn(at, " "), len = gap + strcspn(at + gap, " ");

		text_add(&page->cell, at, len);
		if (page->line.len &&
		    cell_width(&page->line) + cell_width(&page->cell) > page->width) {
			page_put_line(page);
			text_adds(&page->line, "    ");
			text_clear(&page->cell);
			text_add(&page->cell, at + gap, len - gap);
		}
		page_add_cell(page, 0, false);
		at += len;
	}
	page_put_line(page);
	text_release(&words);
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
	/* One that is wider than its column stays apart from what stands before it. */
	if (right && page->line.len && page->line.data[page->line.len - 1] != ' ' &&
	    cell_width(&page->cell) >= width)
		text_addc(&page->line, ' ');
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

void page_add_selection(struct page *page, unsigned which)
{
	struct text words = {};

	selection_add_words(page->selection, which, &words);
	if (words.len)
		text_add_printable(&page->line, words.data, words.len);
	text_release(&words);
}
