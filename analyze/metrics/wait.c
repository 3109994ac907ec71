/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table wait: what each thread waited for. */
#include "analyze/metrics/latency.h"
#include "analyze/metrics/wait_key.h"

/* A thread that waits for more things than this has several rows for some. */
#define WAITS_MAX 1024

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the thread that waited")                                        \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its name then")                                                       \
	C(reason, TEXT, NONE,                                                                      \
	  "what for: file, lock (of a file: flock, fcntl), directory, device, pipe, socket, "      \
	  "event, futex, poll, child, timer, signal, disk, fault, memory, ipc, vfork, exit, "      \
	  "uring, kernel, kernel_thread (in one, whatever for), unknown")                          \
	C(object_id, INTEGER, ID,                                                                  \
	  "the file, pipe, socket …; of a futex, a child, a path or mapped file that was not "   \
	  "opened one of its own; NULL: none, not known, or one of very many paths")               \
	C(object_type, TEXT, NONE, "its type")                                                     \
	C(object, TEXT, NONE, "its name")                                                          \
	C(call, TEXT, NONE, "the system call that it waited in; NULL: in none, or not known")      \
	C(count, INTEGER, COUNT,                                                                   \
	  "waits; one that began before a time of which events are missing and ended after it is " \
	  "one, if nothing was seen of the thread in between; of a thread that waits for very "    \
	  "many things several rows may have one key")                                             \
	LATENCY_COLUMNS(C, , "the waits")                                                          \
	C(block_ns, INTEGER, NS, "of total_ns uninterruptible, not for block I/O")                 \
	C(iowait_ns, INTEGER, NS, "of total_ns for block I/O")                                     \
	C(by_task_count, INTEGER, COUNT, "of the waits those that another thread ended")           \
	C(by_interrupt_count, INTEGER, COUNT,                                                      \
	  "and those that an interrupt ended: timer, device, "                                     \
	  "packet")                                                                                \
	C(max_ts_ns, INTEGER, TS, "when the longest began")                                        \
	C(max_waker_id, INTEGER, ID,                                                               \
	  "the thread that ended it; NULL: an interrupt, or outside the trace")                    \
	C(max_waker_tid, INTEGER, NUMBER, "its tid; NULL: not known, or an interrupt")             \
	C(max_waker_comm, TEXT, NONE, "its name then")                                             \
	C(max_context, TEXT, NONE, "what ended it: task, softirq, irq, nmi; NULL: not known")      \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct key {
	u64 object_id;
	u32 nr;
	u8 reason, abi;
	u16 zero;
};

struct wait {
	struct object *object;
	struct latency latency;
	u64 block_ns, iowait_ns, by_task_count, by_interrupt_count;
	u64 max_ts_ns;
	u32 max_waker_id, max_waker_tid;
	struct string *max_waker_comm;
	u8 max_context;
	bool lossy;
};

static void put(struct fold *fold, const struct thread *thread, const struct key *key,
		const struct wait *wait)
{
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_reason] = value_text(wait_reason_name(key->reason));
	row[COLUMN_object_id] = value_known(key->object_id, 0);
	row[COLUMN_object_type] = value_object_type(wait->object);
	row[COLUMN_object] = value_object_name(wait->object);
	row[COLUMN_call] = value_call(fold, key->abi, key->nr);
	row[COLUMN_count] = value_int((s64)wait->latency.histogram.count);
	latency_values(&wait->latency, &row[COLUMN_total_ns]);
	row[COLUMN_block_ns] = value_int((s64)wait->block_ns);
	row[COLUMN_iowait_ns] = value_int((s64)wait->iowait_ns);
	row[COLUMN_by_task_count] = value_int((s64)wait->by_task_count);
	row[COLUMN_by_interrupt_count] = value_int((s64)wait->by_interrupt_count);
	row[COLUMN_max_ts_ns] = value_int((s64)wait->max_ts_ns);
	row[COLUMN_max_waker_id] = value_known(wait->max_waker_id, 0);
	row[COLUMN_max_waker_tid] = value_known(wait->max_waker_tid, 0);
	row[COLUMN_max_waker_comm] = value_string(wait->max_waker_comm);
	row[COLUMN_max_context] = value_context(wait->max_context);
	row[COLUMN_complete] = value_int(!wait->lossy);
	fold_row(fold, row);
}

static void put_all(struct fold *fold, const struct thread *thread, struct text_map *waits)
{
	for (size_t i = 0; i < waits->count; i++) {
		struct wait *wait = waits->entries[i].value;

		put(fold, thread, (const struct key *)waits->entries[i].key, wait);
		object_unref(wait->object);
		string_unref(wait->max_waker_comm);
		latency_release(&wait->latency);
	}
	text_map_release(waits);
	*waits = (struct text_map){ .value_size = sizeof(struct wait) };
}

static void set_longest(struct wait *wait, const struct span *span)
{
	bool by_thread = span_by_thread(span);
	const struct thread *waker = by_thread ? span->waker : NULL;

	wait->max_ts_ns = span->start_ns;
	wait->max_waker_id = waker ? waker->id : 0;
	wait->max_waker_tid = by_thread ? span->waker_tid : 0;
	wait->max_context = span->waker_context;
	string_set(&wait->max_waker_comm, waker ? string_ref(waker->comm) : NULL);
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct text_map *waits = thread->slots[fold->slot];
	u64 ns = span->end_ns - span->start_ns;
	struct object *object = span->object;
	struct key key = { .object_id = object ? object->id : 0,
			   .nr = span->nr,
			   .reason = span->reason,
			   .abi = span->abi };
	struct wait *wait;

	if (!is_shown_wait(fold, span, shown))
		return;
	if (!waits) {
		waits = thread->slots[fold->slot] = xcalloc(1, sizeof(*waits));
		waits->value_size = sizeof(struct wait);
	} else if (waits->count >= WAITS_MAX) {
		put_all(fold, thread, waits);
	}
	wait = text_map_get_few(waits, is_path(object) ? WAIT_PATHS_FROM : WAITS_MAX,
				(const char *)&key, sizeof(key));
	if (!wait) {
		object = NULL;
		key.object_id = 0;
		wait = text_map_get(waits, (const char *)&key, sizeof(key));
	}
	if (!wait->object)
		wait->object = object_ref(object);
	if (latency_is_worst(&wait->latency, ns))
		set_longest(wait, span);
	latency_add(&wait->latency, ns);
	wait->block_ns += span->state == SPAN_block ? ns : 0;
	wait->iowait_ns += span->state == SPAN_iowait ? ns : 0;
	wait->by_task_count += span->waker_context == WAKER_task;
	wait->by_interrupt_count +=
		span->waker_context >= WAKER_softirq && span->waker_context <= WAKER_nmi;
	wait->lossy |= !span->complete;
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct text_map *waits = thread->slots[fold->slot];

	if (!waits)
		return;
	put_all(fold, thread, waits);
	free(waits);
	thread->slots[fold->slot] = NULL;
}

const struct metric metric_wait = {
	.table = { .name = "wait",
		   .doc = "what each thread waited for: which file, pipe, socket, lock, child, "
			  "timer",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "tid,comm,reason,object,call,count,total_ns,p50_ns,p99_ns,max_ns,"
			    "max_ts_ns,max_waker_tid,max_waker_comm" },
	.classes = 1ull << TRC_CLASS_TASK,
	.span = span,
	.thread_gone = thread_gone,
};
