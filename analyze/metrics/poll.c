/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables poll_wait (calls that wait for descriptors, per thread and epoll instance) and poll_ready (what they waited
 * for, and what was ready, per process). Held by the thread and the process; they go with them.
 */
#include "analyze/call_names.h"
#include "analyze/decode/set.h"
#include "analyze/metrics/latency.h"
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/who.h"
#include "analyze/model/polls.h"

#define WAIT_COLUMNS(C)                                                                            \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(call, TEXT, NONE, "the call: poll, ppoll, select, pselect6, epoll_wait, epoll_pwait …")  \
	C(epoll_object_id, INTEGER, ID, "the epoll instance; NULL: the call has none")             \
	C(count, INTEGER, COUNT, "calls")                                                          \
	C(ready_count, INTEGER, COUNT, "of them returned because something was ready")             \
	C(timeout_count, INTEGER, COUNT, "of them returned with nothing: the time was up")         \
	C(error_count, INTEGER, COUNT, "of them failed, or were ended by a signal")                \
	C(events_count, INTEGER, COUNT, "sum of what they returned: descriptors that were ready")  \
	C(watched_max, INTEGER, COUNT, "most descriptors that a call waited for")                  \
	LATENCY_COLUMNS(C, wait_, "the complete calls")                                            \
	C(max_ts_ns, INTEGER, TS, "when the longest began")                                        \
	C(complete, INTEGER, BOOL, "0: calls of this thread may be missing")

#define READY_COLUMNS(C)                                                                           \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(call, TEXT, NONE, "poll (and ppoll), select (and pselect6), epoll")                      \
	C(epoll_object_id, INTEGER, ID, "the epoll instance; NULL: the call has none")             \
	C(fd, INTEGER, NUMBER,                                                                     \
	  "the descriptor; NULL: epoll_ctl was not seen, or its event's data has changed")         \
	C(object_id, INTEGER, ID, "what it stands for; NULL: not known")                           \
	C(object, TEXT, NONE, "its name")                                                          \
	C(type, TEXT, NONE, "pipe, socket, eventfd …")                                             \
	C(watched_count, INTEGER, COUNT, "calls that waited for it; NULL: of epoll not counted")   \
	C(ready_count, INTEGER, COUNT, "calls that found it ready")                                \
	C(events, TEXT, NONE, "what it was ready for: POLLIN, POLLHUP …")                          \
	C(wait_ns, INTEGER, NS, "time in the calls that found it ready")                           \
	C(alone_count, INTEGER, COUNT, "of them, calls that found nothing else ready")             \
	C(complete, INTEGER, BOOL, "0: calls of this process may be missing")

enum { WAIT_COLUMNS(COLUMN_ENUM) WAIT_COUNT };
static const struct column wait_columns[] = { WAIT_COLUMNS(COLUMN_ROW) };

#define READY_ENUM(name, type, unit, doc) READY_##name,
enum { READY_COLUMNS(READY_ENUM) READY_COUNT };
static const struct column ready_columns[] = { READY_COLUMNS(COLUMN_ROW) };

struct wait_key {
	u64 epoll_id;
	u32 name, zero;
};

struct waits {
	u64 count, ready_count, timeout_count, error_count, events_count, watched_max, max_ts;
	struct latency latency;
};

struct ready_key {
	u64 epoll_id, object_id;
	s32 fd;
	u32 call;
};

struct ready {
	struct object *object;
	u64 watched_count, ready_count, alone_count, wait_ns;
	u32 events;
};

static void *entry_in(void **slot, size_t size, const void *key, size_t key_size)
{
	struct text_map *map = *slot;

	if (!map) {
		map = *slot = xcalloc(1, sizeof(*map));
		map->value_size = size;
	}
	return text_map_get(map, key, key_size);
}

static void wait_call(struct fold *fold, const struct walk_step *step,
		      const struct trc_syscall *record)
{
	const struct poll_step *poll = polls_step(fold->walk->model, step->thread, record);
	struct wait_key key = {};
	struct waits *waits;

	if (!poll)
		return;
	key.epoll_id = poll->epoll ? poll->epoll->id : 0;
	key.name = call_names_id(fold->walk->calls, record->abi, record->nr);
	waits = entry_in(&step->thread->slots[fold->slot], sizeof(*waits), &key, sizeof(key));
	waits->count++;
	if (poll->watched > waits->watched_max)
		waits->watched_max = poll->watched;
	if (record->state != TRC_SYSCALL_UNFINISHED) {
		waits->ready_count += record->ret > 0;
		waits->timeout_count += record->ret == 0;
		waits->error_count += record->ret < 0;
		waits->events_count += record->ret > 0 ? (u64)record->ret : 0;
	}
	if (record->state != TRC_SYSCALL_COMPLETE)
		return;
	if (latency_is_worst(&waits->latency, record->duration_ns))
		waits->max_ts = record->head.ts - record->duration_ns;
	latency_add(&waits->latency, record->duration_ns);
}

static void ready_call(struct fold *fold, const struct walk_step *step,
		       const struct trc_syscall *record)
{
	const struct poll_step *poll = polls_step(fold->walk->model, step->thread, record);
	void **slot = &step->thread->process->slots[fold->slot];

	for (size_t i = 0; poll && i < poll->count; i++) {
		const struct poll_entry *entry = &poll->entries[i];
		struct ready_key key = { .epoll_id = poll->epoll ? poll->epoll->id : 0,
					 .object_id = entry->object ? entry->object->id : 0,
					 .fd = entry->fd,
					 .call = poll->call };
		struct ready *ready = entry_in(slot, sizeof(*ready), &key, sizeof(key));

		if (!ready->object)
			ready->object = object_ref(entry->object);
		ready->watched_count++;
		if (!entry->ready)
			continue;
		ready->ready_count++;
		ready->alone_count += record->ret == 1;
		ready->events |= entry->ready;
		if (record->state == TRC_SYSCALL_COMPLETE)
			ready->wait_ns += record->duration_ns;
	}
}

static void put_waits(struct fold *fold, const struct thread *thread, const struct wait_key *key,
		      const struct waits *waits)
{
	struct value row[WAIT_COUNT] = {};

	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_call] = value_text(call_names_get(fold->walk->calls, key->name)->name);
	row[COLUMN_epoll_object_id] = value_known(key->epoll_id, 0);
	row[COLUMN_count] = value_int((s64)waits->count);
	row[COLUMN_ready_count] = value_int((s64)waits->ready_count);
	row[COLUMN_timeout_count] = value_int((s64)waits->timeout_count);
	row[COLUMN_error_count] = value_int((s64)waits->error_count);
	row[COLUMN_events_count] = value_int((s64)waits->events_count);
	row[COLUMN_watched_max] = value_int((s64)waits->watched_max);
	latency_values(&waits->latency, &row[COLUMN_wait_total_ns]);
	if (waits->latency.histogram.count)
		row[COLUMN_max_ts_ns] = value_int((s64)waits->max_ts);
	row[COLUMN_complete] = value_complete(fold, TRC_KIND_syscall, thread);
	fold_row(fold, row);
}

static void wait_thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct text_map *map = thread->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct waits *waits = map->entries[i].value;
		struct wait_key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		put_waits(fold, thread, &key, waits);
		latency_release(&waits->latency);
	}
	text_map_free(&thread->slots[fold->slot]);
}

static void put_ready(struct fold *fold, const struct process *process, const struct ready_key *key,
		      const struct ready *ready)
{
	static const char *const calls[] = { [POLL_CALL_poll] = "poll",
					     [POLL_CALL_select] = "select",
					     [POLL_CALL_epoll] = "epoll" };
	struct value row[READY_COUNT] = {};

	row[READY_process_id] = value_int(process->id);
	row[READY_pid] = value_int(process->pid);
	row[READY_comm] = value_string(process->comm);
	row[READY_call] = value_text(calls[key->call]);
	row[READY_epoll_object_id] = value_known(key->epoll_id, 0);
	if (key->fd >= 0)
		row[READY_fd] = value_int(key->fd);
	if (ready->object) {
		row[READY_object_id] = value_int((s64)key->object_id);
		row[READY_object] = value_string(ready->object->name);
		row[READY_type] = value_text(object_type_name(ready->object->type));
	}
	if (key->call != POLL_CALL_epoll)
		row[READY_watched_count] = value_int((s64)ready->watched_count);
	row[READY_ready_count] = value_int((s64)ready->ready_count);
	if (ready->events) {
		text_clear(&fold->text);
		value_set_add(&set_poll_events, ready->events, &fold->text);
		row[READY_events] = value_bytes(fold->text.data, fold->text.len);
	}
	row[READY_wait_ns] = value_int((s64)ready->wait_ns);
	row[READY_alone_count] = value_int((s64)ready->alone_count);
	row[READY_complete] = value_int(
		!walk_is_lossy(fold->walk, TRC_KIND_syscall, process->start_ns, process->end_ns));
	fold_row(fold, row);
}

static void ready_process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct text_map *map = process->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct ready *ready = map->entries[i].value;
		struct ready_key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		put_ready(fold, process, &key, ready);
		object_unref(ready->object);
	}
	text_map_free(&process->slots[fold->slot]);
}

#define CLASSES (1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_SYSCALL | WALK_FDS)

const struct metric metric_poll_wait = {
	.table = { .name = "poll_wait",
		   .doc = "calls of poll, select and epoll per thread and instance",
		   .columns = wait_columns,
		   .column_count = WAIT_COUNT,
		   .sort = "wait_total_ns",
		   .brief = "tid,comm,call,epoll_object_id,count,ready_count,timeout_count,"
			    "watched_max,wait_total_ns,wait_p50_ns,wait_p99_ns,wait_max_ns" },
	.classes = CLASSES,
	.call = wait_call,
	.thread_gone = wait_thread_gone,
};

const struct metric metric_poll_ready = {
	.table = { .name = "poll_ready",
		   .doc = "what poll, select and epoll waited for and what was ready, per process",
		   .columns = ready_columns,
		   .column_count = READY_COUNT,
		   .sort = "ready_count",
		   .brief = "pid,comm,call,fd,object,type,watched_count,ready_count,events,"
			    "wait_ns,alone_count" },
	.classes = CLASSES,
	.call = ready_call,
	.process_gone = ready_process_gone,
};
