/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table time_spent: what threads did with their time, waits by what they were for. The rows add up to the
 * time that all shown threads lived within the trace (and the window).
 */
#include "analyze/loss.h"
#include "analyze/metrics/wait_key.h"
#include "common/wide.h"

#define NAMES_MAX   16384
#define OBJECTS_MAX 16384

/* Who came from vfork has its own name only after its parent's wait: some are kept apart until they have it. */
#define CHILDREN_MAX 1024

#define COLUMNS(C)                                                                                 \
	C(activity, TEXT, NONE, "what the threads did, in words")                                  \
	C(state, TEXT, NONE,                                                                       \
	  "user, system: on a CPU; preempted, runnable: ready for one; wait; stopped; call, "      \
	  "outside: the trace does not tell of the scheduler; unknown; paused: the same, where "   \
	  "nothing was to be recorded")                                                            \
	C(reason, TEXT, NONE, "of wait and call, as in the table wait")                            \
	C(time_ns, INTEGER, NS, "sum over all threads")                                            \
	C(share, REAL, NONE, "part of the time of all threads, 0 to 1")                            \
	C(count, INTEGER, COUNT, "how often it began")                                             \
	C(thread_count, INTEGER, COUNT, "threads that did it")                                     \
	C(most_comm, TEXT, NONE, "name of the threads that spent the most on it")                  \
	C(most_ns, INTEGER, NS, "how much that was")                                               \
	C(most_object, TEXT, NONE, "the file, pipe, socket … that the most of it was waited for")  \
	C(most_object_ns, INTEGER, NS, "how much that was")                                        \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/* Activities: states that are no waits, then waits by reason, then calls by reason, then pauses. */
#define WAIT_AT	   SPAN_STATE_COUNT
#define CALL_AT	   (WAIT_AT + WAIT_REASON_COUNT)
#define PAUSED	   (CALL_AT + WAIT_REASON_COUNT)
#define ACTIVITIES (PAUSED + 1)

static const char *const wait_texts[WAIT_REASON_COUNT] = {
	[WAIT_none] = "waiting, reason unknown",
	[WAIT_file] = "waiting for files",
	[WAIT_lock] = "waiting for file locks",
	[WAIT_directory] = "waiting for directories",
	[WAIT_device] = "waiting for devices",
	[WAIT_pipe] = "waiting for pipes",
	[WAIT_socket] = "waiting for sockets",
	[WAIT_event] = "waiting for events (eventfd and the like)",
	[WAIT_futex] = "waiting for futexes (locks, conditions)",
	[WAIT_poll] = "waiting for readiness (poll, epoll)",
	[WAIT_child] = "waiting for children",
	[WAIT_timer] = "sleeping until a time",
	[WAIT_signal] = "waiting for signals",
	[WAIT_disk] = "waiting for disks",
	[WAIT_fault] = "waiting in page faults",
	[WAIT_memory] = "waiting to change mappings",
	[WAIT_ipc] = "waiting for IPC queues, semaphores",
	[WAIT_vfork] = "waiting for children of vfork",
	[WAIT_exit] = "waiting to end",
	[WAIT_uring] = "waiting for io_uring",
	[WAIT_kernel] = "waiting in other calls",
	[WAIT_kernel_thread] = "waiting, kernel threads",
	[WAIT_unknown] = "waiting, reason unknown",
};

struct times {
	u64 ns[ACTIVITIES];
};

struct by_object { /* key: activity and name */
	u64 ns;
};

struct child_key {
	u64 object_id;
	u64 activity;
};

struct child {
	struct object *object; /* held */
	u64 ns;
};

struct state {
	struct text_map by_comm;   /* struct times */
	struct text_map by_object; /* struct by_object */
	struct text_map children; /* struct child; key: struct child_key; on the way to by_object */
	struct times all;
	u64 count[ACTIVITIES], thread_count[ACTIVITIES];
	bool lossy[ACTIVITIES];
	u64 *pause_sums; /* of the walk's pauses */
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_comm.value_size = sizeof(struct times);
	state->by_object.value_size = sizeof(struct by_object);
	state->children.value_size = sizeof(struct child);
	state->pause_sums = intervals_sums(&fold->walk->losses->pauses);
}

static unsigned activity_of(const struct span *span)
{
	if (span_waits(span->state))
		return WAIT_AT + (span->reason ? span->reason : WAIT_unknown);
	if (span->state == SPAN_call && span->reason)
		return CALL_AT + span->reason;
	return span->state;
}

static void add_object(struct fold *fold, unsigned activity, const struct object *object, u64 ns)
{
	struct state *state = fold->state;
	struct by_object *sum;

	text_clear(&fold->text);
	text_addc(&fold->text, (char)(activity + 1));
	object_add_name(object, &fold->text);
	sum = text_map_get_few(&state->by_object, OBJECTS_MAX, fold->text.data, fold->text.len);
	if (sum)
		sum->ns = wide_add(sum->ns, ns);
}

static void add_children(struct fold *fold)
{
	struct state *state = fold->state;
	struct child_key key;

	for (size_t i = 0; i < state->children.count; i++) {
		struct child *child = state->children.entries[i].value;

		memcpy(&key, state->children.entries[i].key, sizeof(key));
		add_object(fold, (unsigned)key.activity, child->object, child->ns);
		object_unref(child->object);
	}
	text_map_release(&state->children);
}

static void add_child(struct fold *fold, unsigned activity, struct object *object, u64 ns)
{
	const struct child_key key = { object->id, activity };
	struct state *state = fold->state;
	struct child *child;

	if (state->children.count >= CHILDREN_MAX)
		add_children(fold);
	child = text_map_get(&state->children, (const char *)&key, sizeof(key));
	if (!child->object)
		child->object = object_ref(object);
	child->ns = wide_add(child->ns, ns);
}

static u64 paused_ns(const struct fold *fold, const struct span *span)
{
	const struct state *state = fold->state;
	const struct intervals *pauses = &fold->walk->losses->pauses;

	if (span->state != SPAN_unknown)
		return 0;
	return intervals_before(pauses, state->pause_sums, span->end_ns) -
	       intervals_before(pauses, state->pause_sums, span->start_ns);
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct times *times = thread->slots[fold->slot];
	unsigned activity = activity_of(span);
	u64 ns = span->end_ns - span->start_ns, paused = paused_ns(fold, span);
	struct state *state = fold->state;

	if (!shown)
		return;
	if (!times)
		times = thread->slots[fold->slot] = xcalloc(1, sizeof(*times));
	times->ns[activity] = wide_add(times->ns[activity], ns - paused);
	times->ns[PAUSED] = wide_add(times->ns[PAUSED], paused);
	state->lossy[PAUSED] |= paused > 0;
	state->count[activity] += span->begins;
	state->lossy[activity] |= !span->complete;
	if (!span->object || !span_waits(span->state))
		return;
	if (span->object->type == OBJECT_child)
		add_child(fold, activity, span->object, ns);
	else
		add_object(fold, activity, span->object, ns);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct times *times = thread->slots[fold->slot], *of_comm;
	struct state *state = fold->state;

	if (!times)
		return;
	thread->slots[fold->slot] = NULL;
	of_comm = text_map_get_few(&state->by_comm, NAMES_MAX,
				   thread->comm ? thread->comm->data : "?",
				   thread->comm ? thread->comm->len : 1);
	for (size_t i = 0; i < ACTIVITIES; i++) {
		state->all.ns[i] = wide_add(state->all.ns[i], times->ns[i]);
		state->thread_count[i] += times->ns[i] > 0;
		if (of_comm)
			of_comm->ns[i] = wide_add(of_comm->ns[i], times->ns[i]);
	}
	free(times);
}

static void put_most(const struct state *state, unsigned activity, struct value *row)
{
	const struct text_map_entry *most = NULL;
	u64 most_ns = 0;

	for (size_t i = 0; i < state->by_comm.count; i++) {
		const struct text_map_entry *entry = &state->by_comm.entries[i];
		u64 ns = ((const struct times *)entry->value)->ns[activity];

		if (ns > most_ns) {
			most_ns = ns;
			most = entry;
		}
	}
	if (most) {
		row[COLUMN_most_comm] = value_bytes(most->key, most->key_len);
		row[COLUMN_most_ns] = value_int((s64)most_ns);
	}
	most = NULL;
	most_ns = 0;
	for (size_t i = 0; i < state->by_object.count; i++) {
		const struct text_map_entry *entry = &state->by_object.entries[i];
		u64 ns = ((const struct by_object *)entry->value)->ns;

		if (entry->key[0] == (char)(activity + 1) && ns > most_ns) {
			most_ns = ns;
			most = entry;
		}
	}
	if (most) {
		row[COLUMN_most_object] = value_bytes(most->key + 1, most->key_len - 1);
		row[COLUMN_most_object_ns] = value_int((s64)most_ns);
	}
}

static void put_activity(struct fold *fold, unsigned activity, struct value *row)
{
	u8 reason = (u8)((activity - WAIT_AT) % WAIT_REASON_COUNT);

	if (activity == PAUSED) {
		row[COLUMN_activity] = value_text(SPAN_PAUSED_TEXT);
		row[COLUMN_state] = value_text(SPAN_PAUSED_NAME);
		return;
	}
	if (activity < WAIT_AT) {
		row[COLUMN_activity] = value_text(span_state_text((u8)activity));
		row[COLUMN_state] = value_text(span_state_name((u8)activity));
		return;
	}
	row[COLUMN_reason] = value_text(wait_reason_name(reason));
	if (activity < CALL_AT) {
		row[COLUMN_activity] = value_text(wait_texts[reason]);
		row[COLUMN_state] = value_text("wait");
		return;
	}
	text_clear(&fold->text);
	text_adds(&fold->text, "in calls, waiting or not: ");
	text_adds(&fold->text, wait_reason_text(reason));
	row[COLUMN_activity] = value_bytes(fold->text.data, fold->text.len);
	row[COLUMN_state] = value_text(span_state_name(SPAN_call));
}

static void finish(struct fold *fold)
{
	const struct state *state = fold->state;
	u64 total = 0;

	add_children(fold);
	for (size_t i = 0; i < ACTIVITIES; i++)
		total = wide_add(total, state->all.ns[i]);
	for (unsigned i = 0; i < ACTIVITIES; i++) {
		struct value row[COLUMN_COUNT] = {};

		if (!state->all.ns[i])
			continue;
		put_activity(fold, i, row);
		row[COLUMN_time_ns] = value_int((s64)state->all.ns[i]);
		row[COLUMN_share] = value_real((double)state->all.ns[i] / (double)total);
		row[COLUMN_count] = value_int((s64)state->count[i]);
		row[COLUMN_thread_count] = value_int((s64)state->thread_count[i]);
		row[COLUMN_complete] = value_int(!state->lossy[i]);
		put_most(state, i, row);
		fold_row(fold, row);
	}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->children.count; i++)
		object_unref(((struct child *)state->children.entries[i].value)->object);
	text_map_release(&state->children);
	text_map_release(&state->by_comm);
	text_map_release(&state->by_object);
	free(state->pause_sums);
}

const struct metric metric_time_spent = {
	.table = { .name = "time_spent",
		   .doc = "what threads did with their time: on a CPU, ready, waiting and for what",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "time_ns",
		   .brief = "activity,time_ns,share,count,thread_count,most_comm,most_ns,"
			    "most_object,most_object_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(struct state),
	.init = init,
	.span = span,
	.thread_gone = thread_gone,
	.finish = finish,
	.release = release,
};
