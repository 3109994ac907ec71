/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/path_end.h"

#include "common/alloc.h"

#include <stdlib.h>

void path_end_init(struct fold *fold)
{
	struct path_end *state = fold->state;

	state->paths.node_max = PATH_NODES_MAX;
	state->paths.folded_ns = fold->walk->start_ns;
	state->paths.from_ns = fold->walk->selection.from_ns;
	state->paths.to_ns = fold->walk->selection.to_ns;
	state->start_ns = UINT64_MAX;
}

void path_end_span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct path_end *state = fold->state;

	path_span(path_of(&state->paths, thread, &thread->slots[fold->slot]), span,
		  span->waker && span_by_thread(span));
}

void path_end_woken(struct fold *fold, struct thread *thread, struct thread *waker, u64 at_ns)
{
	struct path_end *state = fold->state;

	path_woken(path_of(&state->paths, thread, &thread->slots[fold->slot]),
		   path_of(&state->paths, waker, &waker->slots[fold->slot]), at_ns);
}

/* The command of the recording, or what was selected, though it may live on behind the window. */
static bool is_wanted(const struct fold *fold, struct thread *thread)
{
	if (fold->walk->selection.by_thread)
		return selection_thread(&fold->walk->selection, thread);
	return fold->walk->meta->command_pid &&
	       thread->process->pid == fold->walk->meta->command_pid;
}

void path_end_thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct path_end *state = fold->state;
	struct path *path = thread->slots[fold->slot];

	if (!path)
		return;
	if (is_wanted(fold, thread) && path->tip) {
		state->is_shown |= shown;
		if (path->begin_ns < state->start_ns)
			state->start_ns = path->begin_ns;
		if (!state->end || path->told_ns > state->end_ns) {
			path_node_unref(&state->paths, state->end);
			state->end = path_node_ref(path->tip);
			state->end_ns = path->told_ns;
		}
	}
	string_set(&path->who->comm, string_ref(thread->comm));
	path_free(path);
	thread->slots[fold->slot] = NULL;
}

void path_end_release(struct fold *fold)
{
	struct path_end *state = fold->state;

	path_node_unref(&state->paths, state->end);
	free(state->paths.young);
	free(state->paths.old);
}

static bool is_same_run(const struct path_node *a, const struct path_node *b)
{
	return a->state == SPAN_user && b->state == SPAN_user && a->who == b->who && !b->jump &&
	       !a->is_sum && !b->is_sum;
}

static void join(struct path_node *into, const struct path_node *before)
{
	into->start_ns = before->start_ns;
	into->ns += before->ns;
	into->system_ns += before->system_ns;
}

void path_end_tell(struct fold *fold, path_end_fn tell, void *context)
{
	struct path_end *state = fold->state;
	struct path_node **nodes = NULL;
	size_t count = 0, capacity = 0;
	const struct path_node *jump = NULL;
	u64 told = 0, start_ns = state->start_ns, end_ns = state->end_ns;

	for (struct path_node *node = state->is_shown ? state->end : NULL; node;
	     node = node->parent) {
		if (path_side(&state->paths, node->start_ns) != PATH_WITHIN)
			continue;
		ARRAY_RESERVE(nodes, capacity, count + 1);
		nodes[count++] = node;
		told += node->ns;
	}
	/* It began before all that is known of those whom it went through. */
	if (start_ns < state->paths.from_ns)
		start_ns = state->paths.from_ns;
	if (end_ns > state->paths.to_ns)
		end_ns = state->paths.to_ns;
	if (state->is_shown && end_ns > start_ns && end_ns - start_ns > told) {
		const struct path_node unknown = { .state = SPAN_unknown,
						   .count = 1,
						   .start_ns = start_ns,
						   .end_ns = end_ns - told,
						   .ns = end_ns - told - start_ns };

		tell(context, &unknown, NULL);
	}
	for (; count; count--) {
		struct path_node *node = nodes[count - 1];

		if (node->jump) {
			jump = node->is_sum ? NULL : node;
			continue;
		}
		/* A run goes on behind a moment at which it woke somebody. */
		if (count > 1 && is_same_run(node, nodes[count - 2])) {
			join(nodes[count - 2], node);
			continue;
		}
		tell(context, node, jump);
		jump = NULL;
	}
	free(nodes);
}
