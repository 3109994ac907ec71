/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/tree_nodes.h"

#include "common/alloc.h"

#include <stdlib.h>

static struct tree_node *find(struct tree *tree, const struct value *id)
{
	size_t low = 0, high = tree->count;

	if (id->type != VALUE_INTEGER)
		return NULL;
	while (low < high) {
		size_t middle = (low + high) / 2;
		s64 there = tree->nodes[middle].row[TREE_id].integer;

		if (there == id->integer)
			return &tree->nodes[middle];
		if (there < id->integer)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void append(struct tree_node **first, struct tree_node **last, struct tree_node *node)
{
	if (*last)
		(*last)->next = node;
	else
		*first = node;
	*last = node;
}

/* A file can name processes each other's parents: the one that is met first of these has none. */
static void open_circles(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct tree_node *node = &tree->nodes[i];

		for (; node && !node->walk; node = node->parent)
			node->walk = i + 1;
		if (node && node->walk == i + 1)
			node->parent = NULL;
	}
}

static void link_nodes(struct tree *tree)
{
	struct tree_node *last_root = NULL;

	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].parent = find(tree, &tree->nodes[i].row[TREE_parent]);
	open_circles(tree);
	for (size_t i = 0; i < tree->count; i++) {
		struct tree_node *node = &tree->nodes[i], *parent = node->parent;

		if (parent)
			append(&parent->first_child, &parent->last_child, node);
		else
			append(&tree->root, &last_root, node);
	}
	for (struct tree_node *node = tree->root; node; node = tree_next(node))
		node->depth = node->parent ? node->parent->depth + 1 : 0;
}

/* Rows sorted by process: each node gets its range. */
static void share_out(struct tree *tree, const struct rows *rows, bool threads)
{
	for (size_t from = 0, to; from < rows->count; from = to) {
		s64 id = rows->rows[from][0].integer;
		struct tree_node *node = find(tree, &rows->rows[from][0]);

		for (to = from; to < rows->count && rows->rows[to][0].integer == id; to++)
			;
		if (node && threads) {
			node->thread_from = from;
			node->thread_count = to - from;
		} else if (node) {
			node->exec_from = from;
			node->exec_count = to - from;
		}
	}
}

void tree_build(struct tree *tree, struct sink *memory)
{
	struct rows *processes = &sink_memory_table(memory, "process")->rows;
	struct rows *execs = &sink_memory_table(memory, "exec")->rows;
	struct rows *threads = &sink_memory_table(memory, "thread")->rows;

	*tree = (struct tree){ .count = processes->count, .execs = execs, .threads = threads };
	rows_sort(processes, TREE_id, false);
	rows_sort(execs, TREE_EXEC_process, false);
	rows_sort(threads, TREE_THREAD_id, false);
	rows_sort(threads, TREE_THREAD_process, false);
	tree->nodes = xcalloc(tree->count, sizeof(*tree->nodes));
	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].row = processes->rows[i];
	link_nodes(tree);
	share_out(tree, execs, false);
	share_out(tree, threads, true);
}

void tree_release(struct tree *tree)
{
	free(tree->nodes);
	*tree = (struct tree){};
}

struct tree_node *tree_next(struct tree_node *node)
{
	if (node->first_child)
		return node->first_child;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}
