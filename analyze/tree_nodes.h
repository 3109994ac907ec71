/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows linked into a tree, and a walk over it that needs no recursion: a file may nest as deep as it likes. */
#pragma once

#include "analyze/sinks/memory.h"

struct tree_node {
	const struct value *row;				    /* of the table process */
	struct tree_node *parent, *first_child, *last_child, *next; /* next: of the same parent */
	size_t exec_from, exec_count;				    /* rows of the table exec */
	size_t thread_from, thread_count;			    /* rows of the table thread */
	u32 depth;
	size_t walk; /* that came by first, in search of circles */
};

/* The columns of the tables, in this order. */
enum {
	TREE_id,
	TREE_parent,
	TREE_pid,
	TREE_ns_pid,
	TREE_ppid,
	TREE_last_ppid,
	TREE_start,
	TREE_end,
	TREE_code,
	TREE_signal,
	TREE_comm,
	TREE_cmdline,
	TREE_threads,
	TREE_cgroup,
	TREE_exec_count
};
enum { TREE_EXEC_process, TREE_EXEC_ts, TREE_EXEC_cmdline, TREE_EXEC_exe };
enum {
	TREE_THREAD_process,
	TREE_THREAD_id,
	TREE_THREAD_tid,
	TREE_THREAD_old_tid,
	TREE_THREAD_comm,
	TREE_THREAD_start,
	TREE_THREAD_end,
	TREE_THREAD_cpu
};

struct tree {
	size_t count;
	struct tree_node *nodes; /* by process_id */
	struct tree_node *root;	 /* the first; the others are its `next` */
	const struct rows *execs, *threads;
};

void tree_build(struct tree *tree, struct sink *memory);
void tree_release(struct tree *tree);
/* Parents before children; NULL at the end. */
struct tree_node *tree_next(struct tree_node *node);
