/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path to the end of the recorded command, or of what was selected by thread: for the tables of the critical path.
 * It is that of the whole trace; of a window the part that lies in it.
 */
#pragma once

#include "analyze/metrics/path.h"

struct path_end { /* the state of such a metric */
	struct paths paths;
	struct path_node *end; /* so far */
	u64 start_ns, end_ns;
	bool is_shown; /* the selection wants anything of what it is the path of */
};

void path_end_init(struct fold *fold);
void path_end_span(struct fold *fold, struct thread *thread, const struct span *span, bool shown);
void path_end_woken(struct fold *fold, struct thread *thread, struct thread *waker, u64 at_ns);
void path_end_thread_gone(struct fold *fold, struct thread *thread, bool shown);
void path_end_release(struct fold *fold);

typedef void (*path_end_fn)(void *context, const struct path_node *node,
			    const struct path_node *jump);
/*
 * After the walk: tells the nodes from the beginning on, each with the jump that led to it or NULL. Their times
 * add up to that of what the path is about, or its part in the window.
 */
void path_end_tell(struct fold *fold, path_end_fn tell, void *context);
