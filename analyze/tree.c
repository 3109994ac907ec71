/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/tree.h"

#include "analyze/sinks/cell.h"
#include "analyze/sinks/put.h"
#include "analyze/tree_nodes.h"

/* Deeper than this the drawing starts again at the left, with the depth as a number. */
#define DEPTH_DRAWN 48

static const struct memory_choice choices[] = {
	{ "process",
	  { "process_id", "parent_process_id", "pid", "ns_pid", "ppid", "last_ppid", "start_ns",
	    "end_ns", "exit_code", "exit_signal", "comm", "cmdline", "thread_count", "cgroup",
	    "exec_count" } },
	{ "exec", { "process_id", "ts_ns", "cmdline", "exe" } },
	{ "thread",
	  { "process_id", "thread_id", "tid", "old_tid", "comm", "start_ns", "end_ns", "cpu_ns" } },
	{},
};

struct page {
	const struct walk *walk;
	const struct tree_options *options;
	const struct tree *tree;
	FILE *file;
	struct text line, cell;
};

void tree_metrics(const struct metric *ret_list[TREE_TABLES])
{
	for (size_t i = 0; i < TREE_TABLES; i++)
		ret_list[i] = metric_by_name(choices[i].table);
}

struct sink *tree_sink(void)
{
	return sink_memory_new(choices);
}

/* ---- text ---- */

static void put_line(struct page *page)
{
	cell_clip(&page->line, page->options->width);
	text_addc(&page->line, '\n');
	put_text(&page->line, page->file);
}

static void add_right(struct page *page, unsigned width)
{
	cell_move(&page->line, &page->cell, width, true);
}

static void add_outcome(struct page *page, const struct value *code, const struct value *signal)
{
	if (signal->type == VALUE_INTEGER) {
		walk_add_signal(page->walk, &page->cell, (u32)signal->integer);
	} else if (code->type == VALUE_INTEGER) {
		text_addi(&page->cell, code->integer);
	} else {
		text_addc(&page->cell, '-');
	}
}

/* When it began, how long it lived. */
static void add_times(struct page *page, const struct value *start, const struct value *end)
{
	if (start->type == VALUE_INTEGER)
		cell_add_moment(&page->cell, walk_relative_ns(page->walk, (u64)start->integer));
	else
		text_addc(&page->cell, '-');
	add_right(page, 14);
	if (start->type == VALUE_INTEGER && end->type == VALUE_INTEGER &&
	    end->integer >= start->integer)
		text_add_ns(&page->cell, (u64)end->integer - (u64)start->integer);
	else
		text_adds(&page->cell, end->type == VALUE_INTEGER ? "-" : "alive");
	add_right(page, 11);
}

static void add_branch(struct page *page, const struct tree_node *node)
{
	const struct tree_node *path[DEPTH_DRAWN];
	u32 drawn = node->depth % DEPTH_DRAWN;

	text_adds(&page->line, "  ");
	if (node->depth >= DEPTH_DRAWN)
		text_addf(&page->line, "(%u) ", node->depth - drawn);
	for (u32 i = drawn; i-- > 0;) {
		path[i] = node;
		node = node->parent;
	}
	for (u32 i = 0; i < drawn; i++)
		if (i + 1 < drawn)
			text_adds(&page->line, path[i]->next ? "│  " : "   ");
		else
			text_adds(&page->line, path[i]->next ? "├─ " : "└─ ");
}

/* Below a node: what runs down beside its threads and execs. */
static void add_branch_below(struct page *page, const struct tree_node *node)
{
	size_t from = page->line.len;
	struct text *line = &page->line;

	add_branch(page, node);
	/* The last joint becomes what follows it: ├─ is │, └─ is nothing. Both are 7 bytes with the space. */
	if (node->depth % DEPTH_DRAWN && line->len - from >= 7) {
		line->len -= 7;
		text_adds(line, node->next ? "│  " : "   ");
	}
	text_adds(line, node->first_child ? "│  " : "   ");
}

static void add_name(struct page *page, const struct value *comm, s64 number)
{
	cell_add_text(&page->line, comm);
	text_addf(&page->line, "[%lld]", (long long)number);
}

static void add_notes(struct page *page, const struct tree_node *node)
{
	const struct value *row = node->row;

	if (row[TREE_ns_pid].type == VALUE_INTEGER &&
	    row[TREE_ns_pid].integer != row[TREE_pid].integer)
		text_addf(&page->line, " (pid %lld in its namespace)",
			  (long long)row[TREE_ns_pid].integer);
	if (row[TREE_last_ppid].type == VALUE_INTEGER && row[TREE_ppid].type == VALUE_INTEGER &&
	    row[TREE_last_ppid].integer != row[TREE_ppid].integer)
		text_addf(&page->line, " (reparented to %lld)",
			  (long long)row[TREE_last_ppid].integer);
	if (row[TREE_threads].integer > 1)
		text_addf(&page->line, " (%lld threads)", (long long)row[TREE_threads].integer);
}

static void put_process(struct page *page, const struct tree_node *node)
{
	const struct value *row = node->row;

	add_times(page, &row[TREE_start], &row[TREE_end]);
	add_outcome(page, &row[TREE_code], &row[TREE_signal]);
	add_right(page, 9);
	add_branch(page, node);
	add_name(page, &row[TREE_comm], row[TREE_pid].integer);
	/* Of a child that was forked here the command line is its parent's. */
	if (node->parent && !row[TREE_exec_count].integer &&
	    row[TREE_start].type == VALUE_INTEGER &&
	    row[TREE_start].integer >= (s64)page->walk->start_ns) {
		text_adds(&page->line, " (no exec)");
	} else if (row[TREE_cmdline].type == VALUE_TEXT) {
		text_addc(&page->line, ' ');
		cell_add_text(&page->line, &row[TREE_cmdline]);
	}
	add_notes(page, node);
	put_line(page);
}

/* The programs it was before the last one. */
static void put_execs(struct page *page, const struct tree_node *node)
{
	for (size_t i = node->exec_from; i + 1 < node->exec_from + node->exec_count; i++) {
		const struct value *row = page->tree->execs->rows[i];

		cell_add_moment(&page->cell,
				walk_relative_ns(page->walk, (u64)row[TREE_EXEC_ts].integer));
		add_right(page, 14);
		add_right(page, 20);
		add_branch_below(page, node);
		text_adds(&page->line, "was ");
		cell_add_text(&page->line, row[TREE_EXEC_cmdline].type == VALUE_TEXT
						   ? &row[TREE_EXEC_cmdline]
						   : &row[TREE_EXEC_exe]);
		put_line(page);
	}
}

static void put_threads(struct page *page, const struct tree_node *node)
{
	for (size_t i = node->thread_from; i < node->thread_from + node->thread_count; i++) {
		const struct value *row = page->tree->threads->rows[i];

		/* The first is the process itself, unless it was there before and its leader is gone. */
		if (i == node->thread_from &&
		    row[TREE_THREAD_tid].integer == node->row[TREE_pid].integer)
			continue;
		add_times(page, &row[TREE_THREAD_start], &row[TREE_THREAD_end]);
		text_adds(&page->cell, "thread");
		add_right(page, 9);
		add_branch_below(page, node);
		text_addc(&page->line, '{');
		cell_add_text(&page->line, &row[TREE_THREAD_comm]);
		text_addf(&page->line, "}[%lld]", (long long)row[TREE_THREAD_tid].integer);
		if (row[TREE_THREAD_old_tid].type == VALUE_INTEGER)
			text_addf(&page->line, " (was %lld until its exec)",
				  (long long)row[TREE_THREAD_old_tid].integer);
		if (row[TREE_THREAD_cpu].type == VALUE_INTEGER) {
			text_adds(&page->line, " on CPU ");
			text_add_ns(&page->line, (u64)row[TREE_THREAD_cpu].integer);
		}
		put_line(page);
	}
}

void tree_print_text(const struct walk *walk, struct sink *memory,
		     const struct tree_options *options, FILE *file)
{
	struct page page = { .walk = walk, .options = options, .file = file };
	struct tree tree;

	tree_build(&tree, memory);
	page.tree = &tree;
	text_adds(&page.line, options->color ? "\033[1m" : "");
	text_adds(&page.line, "         start       life     exit  process");
	text_adds(&page.line, options->color ? "\033[0m" : "");
	put_line(&page);
	for (struct tree_node *node = tree.root; node; node = tree_next(node)) {
		put_process(&page, node);
		put_execs(&page, node);
		if (options->threads)
			put_threads(&page, node);
	}
	tree_release(&tree);
	text_release(&page.line);
	text_release(&page.cell);
}

/* ---- JSON ---- */

static void add_members(struct text *line, const char *const *names, const struct value *row,
			size_t from)
{
	for (size_t i = from; names[i]; i++) {
		text_addf(line, "%s\"%s\":", i > from ? "," : "", names[i]);
		cell_add_json(line, &row[i]);
	}
}

/* Rows without their first column, the process. */
static void add_list(struct text *line, const char *name, const struct memory_choice *choice,
		     const struct rows *rows, size_t from, size_t count)
{
	text_addf(line, ",\"%s\":[", name);
	for (size_t i = from; i < from + count; i++) {
		text_adds(line, i > from ? ",{" : "{");
		add_members(line, choice->columns, rows->rows[i], 1);
		text_addc(line, '}');
	}
	text_addc(line, ']');
}

void tree_print_json(struct sink *memory, const struct tree_options *options, FILE *file)
{
	struct text line = {};
	struct tree tree;

	tree_build(&tree, memory);
	text_addc(&line, '[');
	for (struct tree_node *node = tree.root; node;) {
		struct tree_node *next = tree_next(node);

		text_adds(&line, "\n{");
		add_members(&line, choices[0].columns, node->row, 0);
		add_list(&line, "execs", &choices[1], tree.execs, node->exec_from,
			 node->exec_count);
		if (options->threads)
			add_list(&line, "threads", &choices[2], tree.threads, node->thread_from,
				 node->thread_count);
		text_adds(&line, ",\"children\":[");
		if (next && next->parent == node) {
			node = next;
			continue;
		}
		/* Close this node and those of its ancestors whose last child it was. */
		text_adds(&line, "]}");
		for (; node && !node->next; node = node->parent)
			if (node->parent)
				text_adds(&line, "]}");
		if (next)
			text_addc(&line, ',');
		node = next;
		put_text(&line, file);
	}
	text_adds(&line, "\n]\n");
	put_text(&line, file);
	tree_release(&tree);
	text_release(&line);
}
