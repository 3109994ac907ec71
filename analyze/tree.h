/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process tree of a walk, from the rows of the tables process, exec and thread. */
#pragma once

#include "analyze/metrics/metric.h"

#include <stdio.h>

struct tree_options {
	bool threads; /* show them, below their process */
	bool color;
	unsigned width; /* commands are cut to it; 0: not cut */
};

#define TREE_TABLES 3

/* The metrics to run, of which the last, thread, only if threads are wanted, and the sink for them. */
void tree_metrics(const struct metric *ret_list[TREE_TABLES]);
struct sink *tree_sink(void);

void tree_print_text(const struct walk *walk, struct sink *memory,
		     const struct tree_options *options, FILE *file);
/* An array of the roots; "children", "execs" and "threads" are arrays in each. */
void tree_print_json(struct sink *memory, const struct tree_options *options, FILE *file);
