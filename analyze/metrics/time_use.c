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
	  "or none: own code, page faults, waiting for a CPU; not known: outside of the calls "    \
	  "that are there, where some may be missing")                                             \
	C(time_ns, INTEGER, NS, "sum over all threads")                                            \
	C(share, REAL, NONE, "part of the time of all threads, 0 to 1")                            \
	C(count, INTEGER, COUNT, "calls that ended; NULL for what is no call")                     \
	C(thread_count, INTEGER, COUNT, "threads that did it")                                     \
	C(most_comm, TEXT, NONE, "name of the threads that spent the most on it")                  \
	C(most_ns, INTEGER, NS, "how much that was")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/* Behind the calls': */
enum { NOT_KNOWN = ACTIVITY_MAX, PAUSED, ROWS };

struct times {
	u64 time_ns[ROWS];
	u64 count[ROWS];
	/* Of the calls' time: the part in which other calls may be missing, and that in pauses. */
	u64 callless_ns, paused_ns;
};

struct state {
	struct text_map by_comm; /* u64 time_ns[ROWS] */
	struct times all;
	u64 thread_count[ROWS];
	u64 *callless_sums, *pause_sums;
	size_t seen_count; /* damages that are in the former */
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_comm.value_size = sizeof(u64[ROWS]);
	state->pause_sums = intervals_sums(&fold->walk->losses->pauses);
	state->callless_sums = intervals_sums(&fold->walk->losses->callless);
	state->seen_count = fold->walk->losses->damage_count;
}

/* Damage becomes known while the file is read. */
static void refresh(struct fold *fold)
{
	struct loss_list *losses = fold->walk->losses;
	struct state *state = fold->state;

	loss_list_refresh(losses, fold->walk->reader);
	if (state->seen_count == losses->damage_count)
		return;
	state->seen_count = losses->damage_count;
	free(state->callless_sums);
	state->callless_sums = intervals_sums(&losses->callless);
}

static u64 callless_ns(const struct fold *fold, u64 from_ns, u64 to_ns)
{
	const struct state *state = fold->state;
	const struct intervals *callless = &fold->walk->losses->callless;

	return intervals_before(callless, state->callless_sums, to_ns) -
	       intervals_before(callless, state->callless_sums, from_ns);
}

static u64 paused_ns(const struct fold *fold, u64 from_ns, u64 to_ns)
{
	const struct state *state = fold->state;
	const struct intervals *pauses = &fold->walk->losses->pauses;

	return intervals_before(pauses, state->pause_sums, to_ns) -
	       intervals_before(pauses, state->pause_sums, from_ns);
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
static bool clip_call(const struct walk *walk, const struct trc_syscall *record, u64 *ret_start_ns,
		      u64 *ret_end_ns)
{
	u64 start = record->head.ts - record->duration_ns, end = record->head.ts;

	if (record->state == TRC_SYSCALL_NO_ENTER)
		return false;
	if (record->duration_ns > end || start < window_start(walk))
		start = window_start(walk);
	if (end > window_end(walk))
		end = window_end(walk);
	*ret_start_ns = start;
	*ret_end_ns = end;
	return end > start;
}

static void add_time(struct fold *fold, struct times *times, u8 activity, u64 start_ns, u64 end_ns)
{
	refresh(fold);
	times->time_ns[activity] = wide_add(times->time_ns[activity], end_ns - start_ns);
	times->callless_ns = wide_add(times->callless_ns, callless_ns(fold, start_ns, end_ns));
	times->paused_ns = wide_add(times->paused_ns, paused_ns(fold, start_ns, end_ns));
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct times *times = times_of(fold, step->thread);
	u8 activity = activity_of(fold, record);
	u64 start_ns, end_ns;

	times->count[activity]++;
	if (clip_call(fold->walk, record, &start_ns, &end_ns))
		add_time(fold, times, activity, start_ns, end_ns);
}

static void later(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	u64 start_ns, end_ns;

	if (clip_call(fold->walk, record, &start_ns, &end_ns))
		add_time(fold, times_of(fold, step->thread), activity_of(fold, record), start_ns,
			 end_ns);
}

/* As far as it is known; false: it is not. */
static bool life(const struct walk *walk, const struct thread *thread, u64 *ret_start_ns,
		 u64 *ret_end_ns)
{
	u64 start = window_start(walk), end = window_end(walk);

	/* Whose birth is not known may have been born where that could not be seen. */
	if (walk->losses->blind.count && thread->start_ns == MODEL_UNKNOWN)
		return false;
	if (thread->start_ns != MODEL_UNKNOWN && thread->start_ns > start)
		start = thread->start_ns;
	/* Ended, nobody knows when: what is known of it is its calls. */
	if (thread->ended && thread->end_ns == MODEL_UNKNOWN)
		return false;
	if (thread->end_ns != MODEL_UNKNOWN && thread->end_ns < end)
		end = thread->end_ns;
	*ret_start_ns = start;
	*ret_end_ns = end;
	return end > start;
}

static u64 without(u64 ns, u64 part_ns)
{
	return ns > part_ns ? ns - part_ns : 0;
}

/* The time outside of its calls. */
static void add_rest(struct fold *fold, const struct thread *thread, struct times *times)
{
	u64 start_ns, end_ns, in_calls = 0, rest, unknown, paused;

	for (size_t i = 0; i < ACTIVITY_MAX; i++)
		in_calls = wide_add(in_calls, times->time_ns[i]);
	if (!life(fold->walk, thread, &start_ns, &end_ns))
		return;
	refresh(fold);
	rest = without(end_ns - start_ns, in_calls);
	unknown = without(callless_ns(fold, start_ns, end_ns), times->callless_ns);
	if (unknown > rest)
		unknown = rest;
	paused = without(paused_ns(fold, start_ns, end_ns), times->paused_ns);
	if (paused > unknown)
		paused = unknown;
	times->time_ns[ACTIVITY_OUTSIDE] = rest - unknown;
	times->time_ns[NOT_KNOWN] = unknown - paused;
	times->time_ns[PAUSED] = paused;
}

static void add_comm(struct state *state, const struct string *comm, const struct times *times)
{
	u64 *by_activity = text_map_get_few(&state->by_comm, NAMES_MAX, comm ? comm->data : "?",
					    comm ? comm->len : 1);

	for (size_t i = 0; by_activity && i < ROWS; i++)
		by_activity[i] = wide_add(by_activity[i], times->time_ns[i]);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct state *state = fold->state;
	struct times *times = thread->slots[fold->slot];

	if (!times)
		times = xcalloc(1, sizeof(*times));
	thread->slots[fold->slot] = NULL;
	if (shown) {
		add_rest(fold, thread, times);
		for (size_t i = 0; i < ROWS; i++) {
			state->all.time_ns[i] = wide_add(state->all.time_ns[i], times->time_ns[i]);
			state->all.count[i] += times->count[i];
			state->thread_count[i] += times->count[i] || times->time_ns[i];
		}
		add_comm(state, thread->comm, times);
	}
	free(times);
}

static const char *row_name(size_t i)
{
	if (i < ACTIVITY_MAX)
		return activity_name((u8)i);
	return i == PAUSED ? SPAN_PAUSED_TEXT : span_state_text(SPAN_unknown);
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

	for (size_t i = 0; i < ROWS; i++)
		total = wide_add(total, state->all.time_ns[i]);
	for (size_t i = 0; i < ROWS; i++) {
		struct value row[COLUMN_COUNT] = {};

		if (!state->thread_count[i])
			continue;
		row[COLUMN_activity] = value_text(row_name(i));
		row[COLUMN_time_ns] = value_int((s64)state->all.time_ns[i]);
		row[COLUMN_share] =
			value_real(total ? (double)state->all.time_ns[i] / (double)total : 0);
		if (i != ACTIVITY_OUTSIDE && i < ACTIVITY_MAX)
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
	free(state->callless_sums);
	free(state->pause_sums);
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
