/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table futex_edge: who woke whom on which futex. Held by the thread that waited; it goes with it. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/futexes.h"

#define COLUMNS(C)                                                                                 \
	C(waker_thread_id, INTEGER, ID,                                                            \
	  "thread that ended the waits; NULL: not known, or outside the trace")                    \
	C(waker_tid, INTEGER, NUMBER,                                                              \
	  "its tid; NULL: not known: the scheduler was not recorded, or the thread was turned "    \
	  "round before it slept")                                                                 \
	C(waiter_thread_id, INTEGER, ID, "thread that waited")                                     \
	C(waiter_tid, INTEGER, NUMBER, "its tid")                                                  \
	C(waiter_comm, TEXT, NONE, "its last name")                                                \
	C(futex_id, INTEGER, ID, "the futex that it waited for")                                   \
	C(futex, TEXT, NONE, "its name")                                                           \
	C(count, INTEGER, COUNT, "waits that it ended")                                            \
	LATENCY_COLUMNS(C, wait_, "these waits")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct key {
	u64 futex_id;
	u32 waker_id, waker_tid;
};

struct edge {
	struct object *object;
	struct latency latency;
};

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_futex *record = (const struct trc_futex *)step->event.record;
	const struct futex_step *futex = futexes_step(fold->walk->model);
	struct text_map *map;
	struct edge *edge;
	struct key key;

	if (step->event.kind_id != TRC_KIND_futex || !step->thread || !futex->futex ||
	    !futex->waits || record->outcome != TRC_FUTEX_WOKEN)
		return;
	map = step->thread->slots[fold->slot];
	if (!map) {
		map = step->thread->slots[fold->slot] = xcalloc(1, sizeof(*map));
		map->value_size = sizeof(struct edge);
	}
	key = (struct key){ futex->futex->id, futex->waker_id, futex->waker_tid };
	edge = text_map_get(map, (const char *)&key, sizeof(key));
	if (!edge->object)
		edge->object = object_ref(futex->futex->object);
	latency_add(&edge->latency, record->duration_ns);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct text_map *map = thread->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct edge *edge = map->entries[i].value;
		struct value row[COLUMN_COUNT] = {};
		struct key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		row[COLUMN_waker_thread_id] = value_known(key.waker_id, 0);
		row[COLUMN_waker_tid] = value_known(key.waker_tid, 0);
		row[COLUMN_waiter_thread_id] = value_int(thread->id);
		row[COLUMN_waiter_tid] = value_int(thread->tid);
		row[COLUMN_waiter_comm] = value_string(thread->comm);
		row[COLUMN_futex_id] = value_int((s64)key.futex_id);
		row[COLUMN_futex] = value_string(edge->object->name);
		row[COLUMN_count] = value_int((s64)edge->latency.histogram.count);
		latency_values(&edge->latency, &row[COLUMN_wait_total_ns]);
		fold_row(fold, row);
		latency_release(&edge->latency);
		object_unref(edge->object);
	}
	text_map_free(&thread->slots[fold->slot]);
}

const struct metric metric_futex_edge = {
	.table = { .name = "futex_edge",
		   .doc = "who ended whose waits on which futex",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "wait_total_ns",
		   .brief = "waker_tid,waiter_tid,waiter_comm,futex,count,wait_total_ns,"
			    "wait_p50_ns,wait_max_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_FUTEX | 1ull << TRC_CLASS_SCHED,
	.event = event,
	.thread_gone = thread_gone,
};
