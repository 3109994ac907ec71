/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/path.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Of a thread whose spans are not told yet; the oldest are forgotten. */
#define WAKES_MAX 2048

static void who_unref(struct path_who *who)
{
	if (!who || --who->references)
		return;
	string_unref(who->comm);
	free(who);
}

struct path_node *path_node_ref(struct path_node *node)
{
	if (node)
		node->references++;
	return node;
}

void path_node_unref(struct paths *paths, struct path_node *node)
{
	while (node && !--node->references) {
		struct path_node *parent = node->parent;

		who_unref(node->who);
		object_unref(node->object);
		free(node);
		paths->node_count--;
		node = parent;
	}
}

struct path_node *path_node_new(struct paths *paths, struct path_who *who)
{
	struct path_node *node = xcalloc(1, sizeof(*node));

	paths->node_count++;
	node->references = 1;
	node->count = 1;
	node->nr = SPAN_NO_CALL;
	node->who = who;
	if (who)
		who->references++;
	return node;
}

struct path *path_of(struct paths *paths, struct thread *thread, void **slot)
{
	struct path *path = *slot;

	if (path)
		return path;
	*slot = path = xcalloc(1, sizeof(*path));
	path->paths = paths;
	path->next = paths->first;
	if (path->next)
		path->next->previous = path;
	paths->first = path;
	path->who = xcalloc(1, sizeof(*path->who));
	path->who->references = 1;
	path->who->thread_id = thread->id;
	path->who->process_id = thread->process->id;
	path->who->tid = thread->tid;
	path->who->comm = string_ref(thread->comm);
	return path;
}

/* ---- going on ---- */

static bool is_run(const struct span *span)
{
	return span->state == SPAN_user || span->state == SPAN_system || span->state == SPAN_call ||
	       span->state == SPAN_outside;
}

static void set_content(struct path_node *node, const struct span *span)
{
	node->state = is_run(span) ? SPAN_user : span->state;
	if (span->state == SPAN_call || span->state == SPAN_outside)
		node->state = SPAN_outside;
	if (is_run(span))
		return;
	node->reason = span->reason;
	node->nr = span->nr;
	node->abi = span->abi;
	node->object = object_ref(span->object);
}

static void add_time(struct path_node *node, const struct span *span, u64 from_ns, u64 to_ns)
{
	node->end_ns = to_ns;
	node->ns += to_ns - from_ns;
	if (span->state == SPAN_system || span->state == SPAN_call)
		node->system_ns += to_ns - from_ns;
}

static struct path_node *add_piece(struct path *path, struct path_node *tip,
				   const struct span *span, u64 from_ns, u64 to_ns)
{
	u8 state = span->state == SPAN_call || span->state == SPAN_outside ? SPAN_outside
		   : is_run(span)					   ? SPAN_user
									   : span->state;
	struct path_node *node;

	if (tip && tip->references == 1 && !tip->jump && !tip->is_sum &&
	    (is_run(span) || state == SPAN_unknown) && tip->state == state &&
	    tip->end_ns == from_ns && tip->who == path->who &&
	    path_side(path->paths, tip->start_ns) == path_side(path->paths, from_ns)) {
		add_time(tip, span, from_ns, to_ns);
		return tip;
	}
	node = path_node_new(path->paths, path->who);
	set_content(node, span);
	node->start_ns = from_ns;
	node->parent = tip;
	add_time(node, span, from_ns, to_ns);
	return node;
}

/* A piece of the span at the end of a chain; the reference to the tip is given away for the new one. */
static struct path_node *go_on(struct path *path, struct path_node *tip, const struct span *span,
			       u64 from_ns, u64 to_ns)
{
	const u64 edges[] = { path->paths->from_ns, path->paths->to_ns };

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		if (edges[i] <= from_ns || edges[i] >= to_ns)
			continue;
		tip = add_piece(path, tip, span, from_ns, edges[i]);
		from_ns = edges[i];
	}
	return add_piece(path, tip, span, from_ns, to_ns);
}

/* The jumps to moments up to the end of the span find their place in the chain. */
static void land(struct path *path, const struct span *span, bool leaves)
{
	struct path_node *tip = leaves ? path_node_ref(path->tip) : path->tip;
	u64 at = span->start_ns;
	size_t landed = 0;

	for (; landed < path->jump_count; landed++) {
		struct path_node *jump = path->jumps[landed];

		if (jump->start_ns > span->end_ns)
			break;
		/* Before anything that is known of it: nothing leads on. */
		if (jump->start_ns > at) {
			tip = go_on(path, tip, span, at, jump->start_ns);
			at = jump->start_ns;
		}
		jump->pending = false;
		if (tip && tip->end_ns <= jump->start_ns)
			jump->parent = path_node_ref(tip);
		path_node_unref(path->paths, jump);
	}
	path->jump_count -= landed;
	if (landed)
		memmove(path->jumps, path->jumps + landed, path->jump_count * sizeof(*path->jumps));
	if (leaves)
		path_node_unref(path->paths, tip);
	else
		path->tip = at < span->end_ns ? go_on(path, tip, span, at, span->end_ns) : tip;
}

/* ---- jumps ---- */

static void drop_wakes(struct path *path, size_t count)
{
	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		path_node_unref(path->paths, path->wakes[i]);
	path->wake_count -= count;
	memmove(path->wakes, path->wakes + count, path->wake_count * sizeof(*path->wakes));
}

/* A place for one more. What nobody holds any more leads nowhere, though the waker may not be told of for ever. */
static void reserve_jump(struct path *waker)
{
	size_t kept = 0;

	if (waker->jump_count < waker->jump_capacity)
		return;
	for (size_t i = 0; i < waker->jump_count; i++)
		if (waker->jumps[i]->references > 1)
			waker->jumps[kept++] = waker->jumps[i];
		else
			path_node_unref(waker->paths, waker->jumps[i]);
	waker->jump_count = kept;
	if (kept >= waker->jump_capacity / 2) /* or it would be full again soon */
		ARRAY_RESERVE(waker->jumps, waker->jump_capacity, waker->jump_capacity + 1);
}

void path_woken(struct path *path, struct path *waker, u64 at_ns)
{
	struct path_node *jump;
	size_t at;

	if (waker == path || at_ns <= waker->told_ns)
		return;
	if (path->wake_count >= WAKES_MAX)
		drop_wakes(path, WAKES_MAX / 2);
	jump = path_node_new(path->paths, path->who);
	jump->jump = jump->pending = true;
	jump->start_ns = jump->end_ns = at_ns;
	ARRAY_RESERVE(path->wakes, path->wake_capacity, path->wake_count + 1);
	path->wakes[path->wake_count++] = jump;
	reserve_jump(waker);
	for (at = waker->jump_count; at && waker->jumps[at - 1]->start_ns > at_ns; at--)
		waker->jumps[at] = waker->jumps[at - 1];
	waker->jumps[at] = path_node_ref(jump);
	waker->jump_count++;
}

/* The jump of that moment, which becomes the caller's; NULL: nobody of the trace woke it then. */
static struct path_node *take_wake(struct path *path, u64 at_ns)
{
	struct path_node *jump = NULL;
	size_t i = 0;

	while (i < path->wake_count && path->wakes[i]->start_ns < at_ns)
		i++;
	if (i < path->wake_count && path->wakes[i]->start_ns == at_ns)
		jump = path_node_ref(path->wakes[i++]);
	drop_wakes(path, i);
	return jump;
}

/* From here on the path is that of who woke it. */
static void leap(struct path *path, struct path_node *jump, const struct span *span)
{
	jump->is_new = span->state == SPAN_runnable;
	jump->reason = span->reason;
	jump->nr = span->nr;
	jump->abi = span->abi;
	jump->object = object_ref(span->object);
	path_node_unref(path->paths, path->tip);
	path->tip = jump;
}

void path_span(struct path *path, const struct span *span, bool by_thread)
{
	struct path_node *jump = NULL;

	if (!path->told_ns || span->start_ns < path->begin_ns)
		path->begin_ns = span->start_ns;
	if (span->start_ns < path->told_ns) /* its beginning, which became known at its end */
		return;
	if (by_thread && !path->tip && span->state == SPAN_runnable) {
		jump = take_wake(path, span->start_ns);
		if (jump)
			leap(path, jump, span);
		jump = NULL;
	} else if (by_thread && span_waits(span->state)) {
		jump = take_wake(path, span->end_ns);
	}
	if (path->jump_count || !jump)
		land(path, span, jump != NULL);
	if (jump)
		leap(path, jump, span);
	path->told_ns = span->end_ns;
	if (path->paths->node_count > path->paths->node_max)
		paths_fold(path->paths, span->end_ns);
}

void path_free(struct path *path)
{
	struct paths *paths = path->paths;
	const struct span rest = { .start_ns = path->told_ns,
				   .end_ns = UINT64_MAX,
				   .state = SPAN_system,
				   .nr = SPAN_NO_CALL };

	/* It woke others after its end was told: while it was ending. */
	if (path->jump_count)
		land(path, &rest, true);
	if (path->previous)
		path->previous->next = path->next;
	else
		paths->first = path->next;
	if (path->next)
		path->next->previous = path->previous;
	drop_wakes(path, path->wake_count);
	path_node_unref(paths, path->tip);
	who_unref(path->who);
	free(path->wakes);
	free(path->jumps);
	free(path);
}
