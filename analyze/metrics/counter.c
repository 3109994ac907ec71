/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table counter: what threads counted, from the last that the trace has of each. */
#include "analyze/metrics/instance.h"
#include "common/wide.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "thread id as the kernel gave it")                                 \
	C(comm, TEXT, NONE, "name of the thread")                                                  \
	C(counter, TEXT, NONE, "as record --counters named it")                                    \
	C(value, INTEGER, COUNT,                                                                   \
	  "counted since the thread came under watch; estimated for the whole time where the CPU " \
	  "took turns")                                                                            \
	C(counted_share, REAL, NONE,                                                               \
	  "part of the thread's time on CPUs in which the counter was counting, 0 to 1")           \
	C(ts_ns, INTEGER, TS, "when the thread had counted so much")                               \
	C(ended, INTEGER, BOOL, "1: this is all; 0: the thread went on")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

enum { COUNTERS_values, COUNTERS_running_ns }; /* V() fields in the order of events.def */

struct state {
	size_t count, capacity;
	struct value *names; /* of the counters */
};

struct last {
	u64 ts, enabled_ns;
	u32 why, count;
	bool shared; /* running_ns is known */
	u64 *values; /* then as many running_ns */
};

static u32 item_values(const struct trc_head *record, u8 field, const void **ret_values)
{
	const struct trc_item *item = record_item(record, field);

	*ret_values = item ? trc_item_data(item) : NULL;
	return item ? item->len / 8 : 0;
}

/* "cycles,page-faults" */
static void init(struct fold *fold)
{
	struct state *state = fold->state;
	const char *name = trace_meta_option(fold->walk->meta, "counters");

	for (; *name; name += *name == ',') {
		size_t len = strcspn(name, ",");

		ARRAY_RESERVE(state->names, state->capacity, state->count + 1);
		state->names[state->count++] = len ? value_bytes(name, len) : value_null();
		name += len;
	}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	free(state->names);
}

static void last_free(struct last *last)
{
	if (last)
		free(last->values);
	free(last);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_counters *record = (const struct trc_counters *)step->event.record;
	const void *values, *running;
	struct last *last;

	if (step->event.kind_id != TRC_KIND_counters || !step->thread)
		return;
	last_free(step->thread->slots[fold->slot]);
	last = step->thread->slots[fold->slot] = xcalloc(1, sizeof(*last));
	last->ts = record->head.ts;
	last->why = record->why;
	last->enabled_ns = record->enabled_ns;
	last->count = item_values(&record->head, COUNTERS_values, &values);
	last->shared = item_values(&record->head, COUNTERS_running_ns, &running) == last->count;
	last->values = xcalloc(last->count * 2 + 1, sizeof(u64));
	if (last->count)
		memcpy(last->values, values, last->count * sizeof(u64));
	if (last->count && last->shared)
		memcpy(last->values + last->count, running, last->count * sizeof(u64));
}

static void put_value(const struct last *last, u32 i, struct value *row)
{
	u64 value = last->values[i], running = last->values[last->count + i];

	row[COLUMN_counted_share] = value_real(1);
	if (last->shared && running < last->enabled_ns) {
		row[COLUMN_counted_share] = value_real((double)running / (double)last->enabled_ns);
		/* Never counted: nothing can be said of how much there was. */
		if (!running)
			return;
		value = wide_mul_div(value, last->enabled_ns, 0, running);
	}
	row[COLUMN_value] = value_int(value > INT64_MAX ? INT64_MAX : (s64)value);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct last *last = thread->slots[fold->slot];
	const struct state *state = fold->state;

	thread->slots[fold->slot] = NULL;
	for (u32 i = 0; shown && last && i < last->count; i++) {
		struct value row[COLUMN_COUNT] = {};

		row[COLUMN_thread_id] = value_int(thread->id);
		row[COLUMN_process_id] = value_int(thread->process->id);
		row[COLUMN_tid] = value_int(thread->tid);
		row[COLUMN_comm] = value_string(thread->comm);
		row[COLUMN_counter] = i < state->count ? state->names[i] : value_null();
		row[COLUMN_ts_ns] = value_int((s64)last->ts);
		row[COLUMN_ended] = value_int(last->why == TRC_COUNTERS_EXIT);
		put_value(last, i, row);
		fold_row(fold, row);
	}
	last_free(last);
}

const struct metric metric_counter = {
	.table = { .name = "counter",
		   .doc = "what threads counted (record --counters)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "thread_id",
		   .brief = "tid,comm,counter,value,counted_share,ended" },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_COUNTER),
	.state_size = sizeof(struct state),
	.init = init,
	.event = event,
	.thread_gone = thread_gone,
	.release = release,
};
