/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table critical_path: what made the command take as long as it took. From its end backwards: where a thread
 * waited for another, the path goes on in that one.
 */
#include "analyze/metrics/path.h"
#include "analyze/metrics/wait_key.h"

#define COLUMNS(C)                                                                                 \
	C(segment, INTEGER, NUMBER, "1, 2, … from the beginning to the end")                       \
	C(start_ns, INTEGER, TS, "when it begins; where the one before it ended")                  \
	C(end_ns, INTEGER, TS, "when it ends")                                                     \
	C(duration_ns, INTEGER, NS,                                                                \
	  "how long it took; the sum over all is the time from the command's start to its end")    \
	C(thread_id, INTEGER, ID, "the thread that the path goes through; NULL: not known")        \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                   \
	C(state, TEXT, NONE,                                                                       \
	  "run: on a CPU; preempted, runnable: ready, but not on one; sleep, block, iowait: "      \
	  "waiting for something that no thread of the trace did; stopped; outside: the trace "    \
	  "does not tell; unknown")                                                                \
	C(system_ns, INTEGER, NS, "of the duration in system calls, of run and outside")           \
	C(reason, TEXT, NONE, "what it waited for, as in the table wait")                          \
	C(object_id, INTEGER, ID, "what it waited for; NULL: none, or not known")                  \
	C(object_type, TEXT, NONE, "its type")                                                     \
	C(object, TEXT, NONE, "its name")                                                          \
	C(call, TEXT, NONE, "the system call that it waited in")                                   \
	C(via, TEXT, NONE,                                                                         \
	  "how the path came to the thread: wake: the thread before ended its wait; birth: it "    \
	  "made it; NULL: it was there")                                                           \
	C(via_reason, TEXT, NONE, "of wake: what it had waited for")                               \
	C(via_object, TEXT, NONE, "and the name of that")                                          \
	C(count, INTEGER, COUNT,                                                                   \
	  "1; more: of a very long path segments that were alike are one, from the first "         \
	  "to the last of them")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct state {
	struct paths paths;
	/* The path to the end of what the table is about, so far */
	struct path_node *end;
	u64 start_ns, end_ns;
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->paths.node_max = PATH_NODES_MAX;
	state->paths.folded_ns = fold->walk->start_ns;
	state->start_ns = UINT64_MAX;
}

/*
 * Who in the trace ended the wait? A soft interrupt is the doing of the thread that it interrupted only where
 * that had sent what it brought: over a loopback.
 */
static struct path *waker_of(struct fold *fold, const struct span *span)
{
	struct state *state = fold->state;
	struct thread *waker = span->waker;

	if (!waker || (span->waker_context == WAKER_softirq && span->reason != WAIT_socket &&
		       span->reason != WAIT_poll))
		return NULL;
	return path_of(&state->paths, waker, &waker->slots[fold->slot]);
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct state *state = fold->state;
	bool ends = span_waits(span->state) || (span->state == SPAN_runnable && span->begins);

	path_span(path_of(&state->paths, thread, &thread->slots[fold->slot]), span,
		  ends ? waker_of(fold, span) : NULL);
}

/* The command of the recording, or what was selected. */
static bool is_wanted(const struct fold *fold, const struct thread *thread, bool shown)
{
	if (fold->walk->selection.by_thread)
		return shown;
	return fold->walk->meta->command_pid &&
	       thread->process->pid == fold->walk->meta->command_pid;
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct state *state = fold->state;
	struct path *path = thread->slots[fold->slot];

	if (!path)
		return;
	if (is_wanted(fold, thread, shown) && path->tip) {
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

static void put(struct fold *fold, u64 number, const struct path_node *node,
		const struct path_node *jump)
{
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_segment] = value_int((s64)number);
	row[COLUMN_start_ns] = value_int((s64)node->start_ns);
	row[COLUMN_end_ns] = value_int((s64)node->end_ns);
	row[COLUMN_duration_ns] = value_int((s64)node->ns);
	row[COLUMN_count] = value_int(node->count);
	row[COLUMN_state] =
		value_text(node->state == SPAN_user ? "run" : span_state_name(node->state));
	if (node->who) {
		row[COLUMN_thread_id] = value_int(node->who->thread_id);
		row[COLUMN_process_id] = value_int(node->who->process_id);
		row[COLUMN_tid] = value_int(node->who->tid);
		row[COLUMN_comm] = value_string(node->who->comm);
	}
	if (node->state == SPAN_user || node->state == SPAN_outside)
		row[COLUMN_system_ns] = value_int((s64)node->system_ns);
	if (span_waits(node->state)) {
		row[COLUMN_reason] = value_text(wait_reason_name(node->reason));
		row[COLUMN_object_id] =
			node->object ? value_int((s64)node->object->id) : value_null();
		row[COLUMN_object_type] = value_object_type(node->object);
		row[COLUMN_object] = value_object_name(node->object);
		row[COLUMN_call] = value_call(fold, node->abi, node->nr);
	}
	if (jump) {
		row[COLUMN_via] = value_text(jump->is_new ? "birth" : "wake");
		if (!jump->is_new)
			row[COLUMN_via_reason] = value_text(wait_reason_name(jump->reason));
		row[COLUMN_via_object] = value_object_name(jump->object);
	}
	fold_row(fold, row);
}

static void put_unknown(struct fold *fold, u64 number, u64 start_ns, u64 end_ns)
{
	const struct path_node node = { .state = SPAN_unknown,
					.count = 1,
					.start_ns = start_ns,
					.end_ns = end_ns,
					.ns = end_ns - start_ns };

	put(fold, number, &node, NULL);
}

static bool is_same_run(const struct path_node *a, const struct path_node *b)
{
	return a->state == SPAN_user && b->state == SPAN_user && a->who == b->who && !b->jump &&
	       a->count == 1 && b->count == 1;
}

static void join(struct path_node *into, const struct path_node *before)
{
	into->start_ns = before->start_ns;
	into->ns += before->ns;
	into->system_ns += before->system_ns;
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;
	struct path_node **nodes = NULL;
	size_t count = 0, capacity = 0;
	const struct path_node *jump = NULL;
	u64 number = 0, told = 0;

	for (struct path_node *node = state->end; node; node = node->parent) {
		ARRAY_RESERVE(nodes, capacity, count + 1);
		nodes[count++] = node;
		told += node->ns;
	}
	/* Where it began before all that is known of those whom it went through. */
	if (count && state->end_ns - state->start_ns > told)
		put_unknown(fold, ++number, state->start_ns,
			    state->end_ns - told);
	for (; count; count--) {
		struct path_node *node = nodes[count - 1];

		if (node->jump) {
			jump = node;
			continue;
		}
		/* A run goes on behind a moment at which it woke somebody. */
		if (count > 1 && is_same_run(node, nodes[count - 2])) {
			join(nodes[count - 2], node);
			continue;
		}
		put(fold, ++number, node, jump);
		jump = NULL;
	}
	free(nodes);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	path_node_unref(&state->paths, state->end);
	free(state->paths.old);
}

const struct metric metric_critical_path = {
	.table = { .name = "critical_path",
		   .doc = "why the command took as long as it took: the chain of threads and waits "
			  "that led to its end",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "segment",
		   .brief = "segment,start_ns,duration_ns,tid,comm,state,system_ns,reason,object,"
			    "call,via,via_reason,via_object" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(struct state),
	.init = init,
	.span = span,
	.thread_gone = thread_gone,
	.finish = finish,
	.release = release,
};
