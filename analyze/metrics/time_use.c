/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table time_use: what threads did with their time. The rows add up to the time that all shown threads
 * lived within the trace (and the window): each moment of a thread is in one call or in none.
 */
#include "analyze/call_names.h"
#include "analyze/loss.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"
#include "common/wide.h"

#define NAMES_MAX 65536

#define COLUMNS(C)                                                                                 \
	C(activity, TEXT, NONE,                                                                    \
	  "what the threads were doing: calls of a kind (waiting and working in them together), "  \
	  "or none: own code, page faults, waiting for a CPU")                                     \
	C(time_ns, INTEGER, NS, "sum over all threads")                                            \
	C(share, REAL, NONE, "part of the time of all threads, 0 to 1")                            \
	C(count, INTEGER, COUNT, "calls that ended; NULL for own code")                            \
	C(thread_count, INTEGER, COUNT, "threads that did it")                                     \
	C(most_comm, TEXT, NONE, "name of the threads that spent the most on it")                  \
	C(most_ns, INTEGER, NS, "how much that was")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct times {
	u64 time_ns[ACTIVITY_MAX];
	u64 count[ACTIVITY_MAX];
};

struct state {
	struct text_map by_comm; /* u64 time_ns[ACTIVITY_MAX] */
	struct times all;
	u64 thread_count[ACTIVITY_MAX];
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_comm.value_size = sizeof(u64[ACTIVITY_MAX]);
}

/* From when on the time of threads counts. */
static u64 window_start(const struct walk *walk)
{
	return walk->selection.from_ns > walk->start_ns ? walk->selection.from_ns : walk->start_ns;
}

static u64 window_end(const struct walk *walk)
{
	return walk->selection.to_ns < walk->end_ns ? walk->selection.to_ns : walk->end_ns;
}

static struct times *times_of(const struct fold *fold, struct thread *thread)
{
	if (!thread->slots[fold->slot])
		thread->slots[fold->slot] = xcalloc(1, sizeof(struct times));
	return thread->slots[fold->slot];
}

static u8 activity_of(const struct fold *fold, const struct trc_syscall *record)
{
	u32 id = call_names_id(fold->walk->calls, record->abi, record->nr);

	return call_names_get(fold->walk->calls, id)->activity;
}

/* The part of the call that lies in the window. */
static u64 time_inside(const struct walk *walk, const struct trc_syscall *record)
{
	u64 start = record->head.ts - record->duration_ns, end = record->head.ts;

	if (record->state == TRC_SYSCALL_NO_ENTER)
		return 0;
	if (record->duration_ns > end || start < window_start(walk))
		start = window_start(walk);
	if (end > window_end(walk))
		end = window_end(walk);
	return end > start ? end - start : 0;
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct times *times = times_of(fold, step->thread);
	u8 activity = activity_of(fold, record);

	times->count[activity]++;
	times->time_ns[activity] =
		wide_add(times->time_ns[activity], time_inside(fold->walk, record));
}

static void later(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	u64 time_ns = time_inside(fold->walk, record);
	u64 *sum;

	if (!time_ns)
		return;
	sum = &times_of(fold, step->thread)->time_ns[activity_of(fold, record)];
	*sum = wide_add(*sum, time_ns);
}

static u64 life(const struct walk *walk, const struct thread *thread)
{
	const struct intervals *blind = &walk->losses->blind;
	u64 start = window_start(walk), end = window_end(walk);

	/* Whose birth or end is not known may have been born, or have ended, where that could not be seen. */
	if (blind->count && thread->start_ns == MODEL_UNKNOWN)
		return 0;
	if (blind->count && !thread->ended &&
	    blind->list[blind->count - 1].last_ns >= walk->end_ns &&
	    blind->list[blind->count - 1].first_ns < end)
		end = blind->list[blind->count - 1].first_ns;
	if (thread->start_ns != MODEL_UNKNOWN && thread->start_ns > start)
		start = thread->start_ns;
	/* Ended, nobody knows when: what is known of it is its calls. */
	if (thread->ended && thread->end_ns == MODEL_UNKNOWN)
		return 0;
	if (thread->end_ns != MODEL_UNKNOWN && thread->end_ns < end)
		end = thread->end_ns;
	return end > start ? end - start : 0;
}

static void add_comm(struct state *state, const struct string *comm, const struct times *times)
{
	u64 *by_activity = text_map_get_few(&state->by_comm, NAMES_MAX, comm ? comm->data : "?",
					    comm ? comm->len : 1);

	for (size_t i = 0; by_activity && i < ACTIVITY_MAX; i++)
		by_activity[i] = wide_add(by_activity[i], times->time_ns[i]);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct state *state = fold->state;
	struct times *times = thread->slots[fold->slot];
	u64 in_calls = 0, all;

	if (!times)
		times = xcalloc(1, sizeof(*times));
	thread->slots[fold->slot] = NULL;
	if (shown) {
		for (size_t i = 0; i < ACTIVITY_MAX; i++)
			in_calls = wide_add(in_calls, times->time_ns[i]);
		all = life(fold->walk, thread);
		times->time_ns[ACTIVITY_OUTSIDE] = all > in_calls ? all - in_calls : 0;
		for (size_t i = 0; i < ACTIVITY_MAX; i++) {
			state->all.time_ns[i] = wide_add(state->all.time_ns[i], times->time_ns[i]);
			state->all.count[i] += times->count[i];
			state->thread_count[i] += times->count[i] || times->time_ns[i];
		}
		add_comm(state, thread->comm, times);
	}
	free(times);
}

static void put_most(const struct state *state, size_t activity, struct value *row)
{
	const struct text_map_entry *most = NULL;

	for (size_t i = 0; i < state->by_comm.count; i++) {
		const struct text_map_entry *entry = &state->by_comm.entries[i];
		u64 time_ns = ((const u64 *)entry->value)[activity];

		if (time_ns && (!most || time_ns > ((const u64 *)most->value)[activity]))
			most = entry;
	}
	if (!most)
		return;
	row[COLUMN_most_comm] = value_bytes(most->key, most->key_len);
	row[COLUMN_most_ns] = value_int((s64)((const u64 *)most->value)[activity]);
}

static void finish(struct fold *fold)
{
	const struct state *state = fold->state;
	u64 total = 0;

	for (size_t i = 0; i < ACTIVITY_MAX; i++)
		total = wide_add(total, state->all.time_ns[i]);
	for (size_t i = 0; i < ACTIVITY_MAX; i++) {
		struct value row[COLUMN_COUNT] = {};

		if (!state->thread_count[i])
			continue;
		row[COLUMN_activity] = value_text(activity_name((u8)i));
		row[COLUMN_time_ns] = value_int((s64)state->all.time_ns[i]);
		row[COLUMN_share] =
			value_real(total ? (double)state->all.time_ns[i] / (double)total : 0);
		if (i != ACTIVITY_OUTSIDE)
			row[COLUMN_count] = value_int((s64)state->all.count[i]);
		row[COLUMN_thread_count] = value_int((s64)state->thread_count[i]);
		put_most(state, i, row);
		fold_row(fold, row);
	}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	text_map_release(&state->by_comm);
}

const struct metric metric_time_use = {
	.table = { .name = "time_use",
		   .doc = "what threads did with their time",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "time_ns" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.later = later,
	.thread_gone = thread_gone,
	.finish = finish,
	.release = release,
};
