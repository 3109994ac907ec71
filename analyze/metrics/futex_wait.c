/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables futex_wait and futex_wake: per thread and futex. Both are held by the thread and go with it. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/futexes.h"

#define OWNER_COLUMNS(C)                                                                           \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(futex_id, INTEGER, ID, "the futex")                                                      \
	C(futex, TEXT, NONE, "its name")

#define WAIT_COLUMNS(C)                                                                            \
	OWNER_COLUMNS(C)                                                                           \
	C(count, INTEGER, COUNT,                                                                   \
	  "calls that are to wait or to take a lock: the sum of the six below")                    \
	C(woken_count, INTEGER, COUNT, "of them woken, or given the lock")                         \
	C(timeout_count, INTEGER, COUNT, "of them timed out")                                      \
	C(signal_count, INTEGER, COUNT, "of them ended by a signal")                               \
	C(again_count, INTEGER, COUNT,                                                             \
	  "of them turned back: the value had changed already (EAGAIN)")                           \
	C(error_count, INTEGER, COUNT, "of them failed otherwise")                                 \
	C(unfinished_count, INTEGER, COUNT,                                                        \
	  "of them under way at the end of the thread or of the recording")                        \
	LATENCY_COLUMNS(C, wait_, "the waits: the calls but those turned back or failed")          \
	C(max_ts_ns, INTEGER, TS, "when the longest wait began")                                   \
	C(complete, INTEGER, BOOL, "0: events of this thread may be missing")

#define WAKE_COLUMNS(C)                                                                            \
	OWNER_COLUMNS(C)                                                                           \
	C(count, INTEGER, COUNT, "calls that are to wake, to move waiters, or to give up a lock")  \
	C(success_count, INTEGER, COUNT, "of them, those that woke or moved somebody")             \
	C(woken_count, INTEGER, COUNT, "waiters woken, as the calls returned it")                  \
	C(requeued_count, INTEGER, COUNT, "waiters moved to another futex")                        \
	C(total_ns, INTEGER, NS, "time in the calls")                                              \
	C(hold_count, INTEGER, COUNT, "times it seems to have held the futex while others waited") \
	C(hold_ns, INTEGER, NS,                                                                    \
	  "estimate of the time it held it then: from its own wake-up to its next wake, or, if "   \
	  "it had not waited, from the beginning of the wait that it ended or the wake before: "   \
	  "at least so long. It means something where futex.use is lock")                          \
	C(hold_max_ns, INTEGER, NS, "the longest of these")                                        \
	C(complete, INTEGER, BOOL, "0: events of this thread may be missing")

enum { WAIT_COLUMNS(COLUMN_ENUM) WAIT_COUNT };
static const struct column wait_columns[] = { WAIT_COLUMNS(COLUMN_ROW) };

#define WAKE_ENUM(name, type, unit, doc) WAKE_##name,
enum { WAKE_COLUMNS(WAKE_ENUM) WAKE_COUNT };
static const struct column wake_columns[] = { WAKE_COLUMNS(COLUMN_ROW) };

#define OUTCOMES 7

struct waits {
	struct object *object;
	u64 by_outcome[OUTCOMES];
	struct latency latency;
	u64 max_ts;
};

struct wakes {
	struct object *object;
	u64 count, success_count, woken_count, requeued_count, total_ns;
	u64 hold_count, hold_ns, hold_max_ns;
};

/* Of the futex, in the thread's slot. */
static void *entry_of(struct fold *fold, struct thread *thread, const struct futex *futex,
		      size_t size)
{
	struct text_map *map = thread->slots[fold->slot];
	struct object **entry;

	if (!map) {
		map = thread->slots[fold->slot] = xcalloc(1, sizeof(*map));
		map->value_size = size;
	}
	entry = text_map_get(map, (const char *)&futex->id, sizeof(futex->id));
	if (!*entry)
		*entry = object_ref(futex->object);
	return entry;
}

/* What the last futex event meant, if this is one. */
static const struct futex_step *step_of(struct fold *fold, const struct walk_step *step)
{
	const struct futex_step *futex;

	if (step->event.kind_id != TRC_KIND_futex || !step->thread)
		return NULL;
	futex = futexes_step(fold->walk->model);
	return futex->futex ? futex : NULL;
}

static void wait_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_futex *record = (const struct trc_futex *)step->event.record;
	const struct futex_step *futex = step_of(fold, step);
	struct waits *waits;

	if (!futex || !futex->waits)
		return;
	waits = entry_of(fold, step->thread, futex->futex, sizeof(*waits));
	waits->by_outcome[record->outcome < OUTCOMES ? record->outcome : TRC_FUTEX_ERROR]++;
	if (!futex->waited)
		return;
	if (latency_is_worst(&waits->latency, record->duration_ns))
		waits->max_ts = record->head.ts - record->duration_ns;
	latency_add(&waits->latency, record->duration_ns);
}

/* The holder may be another thread than the one whose event shows it, so it is told by that. */
static void wake_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_futex *record = (const struct trc_futex *)step->event.record;
	const struct futex_step *futex = step_of(fold, step);
	struct thread *thread = step->thread;
	struct wakes *wakes;

	if (!futex)
		return;
	if (!futex->waits) {
		wakes = entry_of(fold, thread, futex->futex, sizeof(*wakes));
		wakes->count++;
		wakes->success_count += futex->woken || futex->requeued;
		wakes->woken_count += futex->woken;
		wakes->requeued_count += futex->requeued;
		wakes->total_ns += record->duration_ns;
	}
	if (!futex->holder_id)
		return;
	if (futex->holder_id != thread->id)
		thread = model_thread(fold->walk->model, futex->holder_tid, futex->holder_id);
	if (!thread)
		return;
	wakes = entry_of(fold, thread, futex->futex, sizeof(*wakes));
	wakes->hold_count++;
	wakes->hold_ns += futex->held_ns;
	if (futex->held_ns > wakes->hold_max_ns)
		wakes->hold_max_ns = futex->held_ns;
}

/* The same places in both tables. */
static void put_owner(struct value *row, const struct thread *thread,
		      const struct text_map_entry *entry)
{
	const struct object *object = *(struct object **)entry->value;
	u64 id;

	memcpy(&id, entry->key, sizeof(id));
	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_futex_id] = value_int((s64)id);
	row[COLUMN_futex] = value_string(object->name);
}

static void put_waits(struct value *row, const struct waits *waits)
{
	u64 count = 0;

	for (unsigned i = 0; i < OUTCOMES; i++)
		count += waits->by_outcome[i];
	row[COLUMN_count] = value_int((s64)count);
	row[COLUMN_woken_count] = value_int((s64)waits->by_outcome[TRC_FUTEX_WOKEN]);
	row[COLUMN_timeout_count] = value_int((s64)waits->by_outcome[TRC_FUTEX_TIMEOUT]);
	row[COLUMN_signal_count] = value_int((s64)waits->by_outcome[TRC_FUTEX_SIGNAL]);
	row[COLUMN_again_count] = value_int((s64)waits->by_outcome[TRC_FUTEX_AGAIN]);
	row[COLUMN_error_count] = value_int(
		(s64)(waits->by_outcome[TRC_FUTEX_ERROR] + waits->by_outcome[TRC_FUTEX_DONE]));
	row[COLUMN_unfinished_count] = value_int((s64)waits->by_outcome[TRC_FUTEX_UNFINISHED]);
	latency_values(&waits->latency, &row[COLUMN_wait_total_ns]);
	if (waits->latency.histogram.count)
		row[COLUMN_max_ts_ns] = value_int((s64)waits->max_ts);
}

static void put_wakes(struct value *row, const struct wakes *wakes)
{
	row[WAKE_count] = value_int((s64)wakes->count);
	row[WAKE_success_count] = value_int((s64)wakes->success_count);
	row[WAKE_woken_count] = value_int((s64)wakes->woken_count);
	row[WAKE_requeued_count] = value_int((s64)wakes->requeued_count);
	row[WAKE_total_ns] = value_int((s64)wakes->total_ns);
	row[WAKE_hold_count] = value_int((s64)wakes->hold_count);
	row[WAKE_hold_ns] = value_int((s64)wakes->hold_ns);
	row[WAKE_hold_max_ns] = value_int((s64)wakes->hold_max_ns);
}

static void wait_thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct text_map *map = thread->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct waits *waits = map->entries[i].value;
		struct value row[WAIT_COUNT] = {};

		put_owner(row, thread, &map->entries[i]);
		put_waits(row, waits);
		row[COLUMN_complete] = value_complete(fold, TRC_KIND_futex, thread);
		fold_row(fold, row);
		latency_release(&waits->latency);
		object_unref(waits->object);
	}
	text_map_free(&thread->slots[fold->slot]);
}

static void wake_thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct text_map *map = thread->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct wakes *wakes = map->entries[i].value;
		struct value row[WAKE_COUNT] = {};

		put_owner(row, thread, &map->entries[i]);
		put_wakes(row, wakes);
		row[WAKE_complete] = value_complete(fold, TRC_KIND_futex, thread);
		fold_row(fold, row);
		object_unref(wakes->object);
	}
	text_map_free(&thread->slots[fold->slot]);
}

#define CLASSES (1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_FUTEX)

const struct metric metric_futex_wait = {
	.table = { .name = "futex_wait",
		   .doc = "waits per thread and futex",
		   .columns = wait_columns,
		   .column_count = WAIT_COUNT,
		   .sort = "wait_total_ns",
		   .brief = "tid,comm,futex,count,woken_count,again_count,wait_total_ns,"
			    "wait_p50_ns,wait_p99_ns,wait_max_ns,max_ts_ns" },
	.classes = CLASSES,
	.event = wait_event,
	.thread_gone = wait_thread_gone,
};

const struct metric metric_futex_wake = {
	.table = { .name = "futex_wake",
		   .doc = "wakes per thread and futex, and how long the thread seems to have held "
			  "it",
		   .columns = wake_columns,
		   .column_count = WAKE_COUNT,
		   .sort = "hold_ns",
		   .brief = "tid,comm,futex,count,success_count,woken_count,hold_count,hold_ns,"
			    "hold_max_ns" },
	.classes = CLASSES,
	.event = wake_event,
	.thread_gone = wake_thread_gone,
};
