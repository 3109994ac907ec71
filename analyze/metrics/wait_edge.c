/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table wait_edge: who waited for whom, over what. */
#include "analyze/metrics/latency.h"
#include "analyze/metrics/wait_key.h"

/* A process with more edges than this has several rows for some. */
#define EDGES_MAX 2048

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process of which threads waited")                          \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(waker_process_id, INTEGER, ID,                                                           \
	  "the process whose threads ended the waits; NULL: an interrupt, or outside the trace")   \
	C(waker_pid, INTEGER, NUMBER, "its pid; of one outside the trace the thread's tid")        \
	C(waker_comm, TEXT, NONE, "its name then")                                                 \
	C(context, TEXT, NONE,                                                                     \
	  "in what they ended: task; softirq: perhaps by what that thread sent; irq, nmi; NULL: "  \
	  "not known")                                                                             \
	C(reason, TEXT, NONE, "what was waited for, as in the table wait")                         \
	C(object_id, INTEGER, ID, "over what, as in the table wait")                               \
	C(object_type, TEXT, NONE, "its type")                                                     \
	C(object, TEXT, NONE, "its name")                                                          \
	C(count, INTEGER, COUNT,                                                                   \
	  "waits, counted as in the table wait; of a process that has very many edges several "    \
	  "rows may have one key")                                                                 \
	LATENCY_COLUMNS(C, , "the waits")                                                          \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct key {
	u64 object_id;
	u32 waker_process_id, waker_tid; /* one of them is 0 */
	u8 context, reason;
	u16 zero[3];
};

struct edge {
	struct object *object;
	struct string *waker_comm;
	u32 waker_pid;
	struct latency latency;
	bool lossy;
};

static void put_all(struct fold *fold, const struct process *process, struct text_map *edges)
{
	for (size_t i = 0; i < edges->count; i++) {
		const struct key *key = (const struct key *)edges->entries[i].key;
		struct edge *edge = edges->entries[i].value;
		struct value row[COLUMN_COUNT] = {};

		row[COLUMN_process_id] = value_int(process->id);
		row[COLUMN_pid] = value_int(process->pid);
		row[COLUMN_comm] = value_string(process->comm);
		row[COLUMN_waker_process_id] = value_known(key->waker_process_id, 0);
		row[COLUMN_waker_pid] = value_known(edge->waker_pid, 0);
		row[COLUMN_waker_comm] = value_string(edge->waker_comm);
		row[COLUMN_context] = value_context(key->context);
		row[COLUMN_reason] = value_text(wait_reason_name(key->reason));
		row[COLUMN_object_id] = value_known(key->object_id, 0);
		row[COLUMN_object_type] = value_object_type(edge->object);
		row[COLUMN_object] = value_object_name(edge->object);
		row[COLUMN_count] = value_int((s64)edge->latency.histogram.count);
		latency_values(&edge->latency, &row[COLUMN_total_ns]);
		row[COLUMN_complete] = value_int(!edge->lossy);
		fold_row(fold, row);
		object_unref(edge->object);
		string_unref(edge->waker_comm);
		latency_release(&edge->latency);
	}
	text_map_release(edges);
	*edges = (struct text_map){ .value_size = sizeof(struct edge) };
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct process *process = thread->process;
	struct text_map *edges = process->slots[fold->slot];
	u32 waker_tid = span_by_thread(span) ? span->waker_tid : 0;
	const struct process *waker = waker_tid && span->waker ? span->waker->process : NULL;
	struct object *object = span->object;
	struct key key = { .object_id = object ? object->id : 0,
			   .waker_process_id = waker ? waker->id : 0,
			   .waker_tid = waker ? 0 : waker_tid,
			   .context = span->waker_context,
			   .reason = span->reason };
	struct edge *edge;

	if (!is_shown_wait(fold, span, shown))
		return;
	if (!edges) {
		edges = process->slots[fold->slot] = xcalloc(1, sizeof(*edges));
		edges->value_size = sizeof(struct edge);
	} else if (edges->count >= EDGES_MAX) {
		put_all(fold, process, edges);
	}
	edge = text_map_get_few(edges, is_path(object) ? WAIT_PATHS_FROM : EDGES_MAX,
				(const char *)&key, sizeof(key));
	if (!edge) {
		object = NULL;
		key.object_id = 0;
		edge = text_map_get(edges, (const char *)&key, sizeof(key));
	}
	if (!edge->object)
		edge->object = object_ref(object);
	if (waker && edge->waker_comm != waker->comm)
		string_set(&edge->waker_comm, string_ref(waker->comm));
	edge->waker_pid = waker ? waker->pid : waker_tid;
	latency_add(&edge->latency, span->end_ns - span->start_ns);
	edge->lossy |= !span->complete;
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct text_map *edges = process->slots[fold->slot];

	if (!edges)
		return;
	put_all(fold, process, edges);
	free(edges);
	process->slots[fold->slot] = NULL;
}

const struct metric metric_wait_edge = {
	.table = { .name = "wait_edge",
		   .doc = "who waited for whom, over what",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "pid,comm,waker_pid,waker_comm,context,reason,object,count,total_ns,"
			    "p50_ns,p99_ns,max_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.span = span,
	.process_gone = process_gone,
};
