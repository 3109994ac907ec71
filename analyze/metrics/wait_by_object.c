/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table wait_by_object: what was waited for the longest, by name, over all threads. */
#include "analyze/metrics/latency.h"
#include "analyze/metrics/wait_key.h"

/* Names beyond these are one row without a name per reason. */
#define OBJECTS_MAX 16384

/* Who came from vfork has its own name only after its parent's wait: some are kept apart until they have it. */
#define CHILDREN_MAX 1024

#define COLUMNS(C)                                                                                 \
	C(reason, TEXT, NONE, "what the wait was for, as in the table wait")                       \
	C(object_type, TEXT, NONE, "type of the object")                                           \
	C(object, TEXT, NONE,                                                                      \
	  "name of the file, pipe, socket …, of children without their pid; NULL: none, not "    \
	  "known, or one of too many")                                                             \
	C(count, INTEGER, COUNT, "waits, counted as in the table wait")                            \
	LATENCY_COLUMNS(C, , "the waits")                                                          \
	C(max_ts_ns, INTEGER, TS, "when the longest began")                                        \
	C(max_tid, INTEGER, NUMBER, "who waited then")                                             \
	C(max_comm, TEXT, NONE, "its name")                                                        \
	C(max_waker_tid, INTEGER, NUMBER, "who ended it; NULL: not known, or an interrupt")        \
	C(max_waker_comm, TEXT, NONE, "its name; NULL: outside the trace")                         \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct wait {
	struct latency latency;
	u8 type; /* enum object_type */
	u64 max_ts_ns;
	u32 max_tid, max_waker_tid;
	struct string *max_comm, *max_waker_comm;
	struct object *child; /* of children: held */
	bool lossy;
};

struct child_key {
	u64 object_id;
	u64 reason;
};

struct state {
	struct text_map waits;	  /* key: reason, whether it has an object, name */
	struct text_map children; /* key: struct child_key; on the way there */
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->waits.value_size = state->children.value_size = sizeof(struct wait);
}

static struct wait *wait_of(struct fold *fold, u8 reason, const struct object *object)
{
	struct state *state = fold->state;
	struct text *key = &fold->text;
	struct wait *wait = NULL;

	text_clear(key);
	text_addc(key, (char)(reason + 1));
	if (object) {
		text_addc(key, (char)(object->type + 1));
		object_add_name(object, key);
		wait = text_map_get_few(&state->waits, OBJECTS_MAX, key->data, key->len);
	}
	return wait ? wait : text_map_get(&state->waits, key->data, 1);
}

static void wait_release(struct wait *wait)
{
	latency_release(&wait->latency);
	string_unref(wait->max_comm);
	string_unref(wait->max_waker_comm);
	object_unref(wait->child);
}

static void add_child(struct fold *fold, u8 reason, const struct wait *child)
{
	struct wait *wait = wait_of(fold, reason, child->child);

	wait->type = OBJECT_child;
	wait->lossy |= child->lossy;
	if (latency_is_worst(&wait->latency, child->latency.histogram.max)) {
		wait->max_ts_ns = child->max_ts_ns;
		wait->max_tid = child->max_tid;
		wait->max_waker_tid = child->max_waker_tid;
		string_set(&wait->max_comm, string_ref(child->max_comm));
		string_set(&wait->max_waker_comm, string_ref(child->max_waker_comm));
	}
	latency_merge(&wait->latency, &child->latency);
}

static void add_children(struct fold *fold)
{
	struct state *state = fold->state;
	struct child_key key;

	for (size_t i = 0; i < state->children.count; i++) {
		struct wait *child = state->children.entries[i].value;

		memcpy(&key, state->children.entries[i].key, sizeof(key));
		add_child(fold, (u8)key.reason, child);
		wait_release(child);
	}
	text_map_release(&state->children);
}

static struct wait *wait_of_child(struct fold *fold, const struct span *span)
{
	const struct child_key key = { span->object->id, span->reason };
	struct state *state = fold->state;
	struct wait *wait;

	if (state->children.count >= CHILDREN_MAX)
		add_children(fold);
	wait = text_map_get(&state->children, (const char *)&key, sizeof(key));
	if (!wait->child)
		wait->child = object_ref(span->object);
	return wait;
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	u64 ns = span->end_ns - span->start_ns;
	bool by_thread = span_by_thread(span);
	struct wait *wait;

	if (!is_shown_wait(fold, span, shown))
		return;
	if (span->object && span->object->type == OBJECT_child)
		wait = wait_of_child(fold, span);
	else
		wait = wait_of(fold, span->reason, span->object);
	wait->type = span->object ? span->object->type : OBJECT_unknown;
	wait->lossy |= !span->complete;
	if (latency_is_worst(&wait->latency, ns)) {
		wait->max_ts_ns = span->start_ns;
		wait->max_tid = thread->tid;
		wait->max_waker_tid = by_thread ? span->waker_tid : 0;
		string_set(&wait->max_comm, string_ref(thread->comm));
		string_set(&wait->max_waker_comm,
			   by_thread && span->waker ? string_ref(span->waker->comm) : NULL);
	}
	latency_add(&wait->latency, ns);
}

static void finish(struct fold *fold)
{
	const struct state *state = fold->state;

	add_children(fold);
	for (size_t i = 0; i < state->waits.count; i++) {
		const struct text_map_entry *entry = &state->waits.entries[i];
		const struct wait *wait = entry->value;
		struct value row[COLUMN_COUNT] = {};

		row[COLUMN_reason] = value_text(wait_reason_name((u8)(entry->key[0] - 1)));
		if (entry->key_len > 1)
			row[COLUMN_object_type] = value_text(object_type_name(wait->type));
		if (entry->key_len > 2)
			row[COLUMN_object] = value_bytes(entry->key + 2, entry->key_len - 2);
		row[COLUMN_count] = value_int((s64)wait->latency.histogram.count);
		latency_values(&wait->latency, &row[COLUMN_total_ns]);
		row[COLUMN_max_ts_ns] = value_int((s64)wait->max_ts_ns);
		row[COLUMN_max_tid] = value_int(wait->max_tid);
		row[COLUMN_max_comm] = value_string(wait->max_comm);
		row[COLUMN_max_waker_tid] = value_known(wait->max_waker_tid, 0);
		row[COLUMN_max_waker_comm] = value_string(wait->max_waker_comm);
		row[COLUMN_complete] = value_int(!wait->lossy);
		fold_row(fold, row);
	}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->waits.count; i++)
		wait_release(state->waits.entries[i].value);
	for (size_t i = 0; i < state->children.count; i++)
		wait_release(state->children.entries[i].value);
	text_map_release(&state->waits);
	text_map_release(&state->children);
}

const struct metric metric_wait_by_object = {
	.table = { .name = "wait_by_object",
		   .doc = "what was waited for the longest: files, pipes, sockets, locks, children",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "reason,object,count,total_ns,p50_ns,p99_ns,max_ns,"
			    "max_ts_ns,max_tid,max_comm,max_waker_tid,max_waker_comm" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(struct state),
	.init = init,
	.span = span,
	.finish = finish,
	.release = release,
};
