/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/path.h"

#include "common/alloc.h"

#include <stdlib.h>

#define SEARCH_MAX 65536 /* nodes that are searched for a moment of a thread */

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

/* A piece of the span at the end of a chain; the reference to the tip is given away for the new one. */
static struct path_node *go_on(struct path *path, struct path_node *tip, const struct span *span,
			       u64 from_ns, u64 to_ns)
{
	u8 state =
		span->state == SPAN_call || span->state == SPAN_outside ? SPAN_outside : SPAN_user;
	struct path_node *node;

	if (tip && tip->references == 1 && !tip->jump && tip->count == 1 && is_run(span) &&
	    tip->state == state && tip->end_ns == from_ns && tip->who == path->who) {
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
		if (tip && tip->end_ns <= jump->start_ns)
			jump->parent = path_node_ref(tip);
		path_node_unref(path->paths, jump);
	}
	path->jump_count -= landed;
	for (size_t i = 0; i < path->jump_count; i++)
		path->jumps[i] = path->jumps[i + landed];
	if (leaves)
		path_node_unref(path->paths, tip);
	else
		path->tip = at < span->end_ns ? go_on(path, tip, span, at, span->end_ns) : tip;
}

/* ---- jumps ---- */

/* The chain of a thread up to a moment that is told; NULL: it was summed up, or is not known. */
static struct path_node *find(struct path *path, u64 at_ns)
{
	struct path_node *node = path->tip, *part;

	for (unsigned i = 0; node && i < SEARCH_MAX; i++, node = node->parent) {
		if (node->count > 1 || node->jump)
			return NULL;
		if (node->start_ns < at_ns)
			break;
	}
	if (!node || node->start_ns >= at_ns)
		return NULL;
	if (node->end_ns <= at_ns)
		return path_node_ref(node);
	part = path_node_new(path->paths, node->who);
	part->state = node->state;
	part->reason = node->reason;
	part->nr = node->nr;
	part->abi = node->abi;
	part->object = object_ref(node->object);
	part->start_ns = node->start_ns;
	part->end_ns = at_ns;
	part->ns = at_ns - node->start_ns;
	part->system_ns = (u64)((unsigned __int128)node->system_ns * part->ns / node->ns);
	part->parent = path_node_ref(node->parent);
	return part;
}

static void add_jump(struct path *path, struct path_node *jump)
{
	size_t at = path->jump_count;

	ARRAY_RESERVE(path->jumps, path->jump_capacity, path->jump_count + 1);
	for (; at && path->jumps[at - 1]->start_ns > jump->start_ns; at--)
		path->jumps[at] = path->jumps[at - 1];
	path->jumps[at] = path_node_ref(jump);
	path->jump_count++;
}

static void jump_to(struct path *path, struct path *to, const struct span *span, u64 at_ns)
{
	struct path_node *jump = path_node_new(path->paths, path->who);

	jump->jump = true;
	jump->is_new = span->state == SPAN_runnable;
	jump->reason = span->reason;
	jump->nr = span->nr;
	jump->abi = span->abi;
	jump->object = object_ref(span->object);
	jump->start_ns = jump->end_ns = at_ns;
	if (at_ns > to->told_ns)
		add_jump(to, jump);
	else
		jump->parent = find(to, at_ns);
	path_node_unref(path->paths, path->tip);
	path->tip = jump;
}

void path_span(struct path *path, const struct span *span, struct path *waker)
{
	bool leaves;

	if (waker == path)
		waker = NULL;
	if (!path->told_ns || span->start_ns < path->begin_ns)
		path->begin_ns = span->start_ns;
	if (!path->tip && span->state == SPAN_runnable && waker)
		jump_to(path, waker, span, span->start_ns);
	leaves = waker && span_waits(span->state);
	if (path->jump_count || !leaves)
		land(path, span, leaves);
	if (leaves)
		jump_to(path, waker, span, span->end_ns);
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
	path_node_unref(paths, path->tip);
	who_unref(path->who);
	free(path->jumps);
	free(path);
}
