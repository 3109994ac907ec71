/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table critical_path_by_process: whose doing the time of the command was. */
#include "analyze/metrics/path_end.h"
#include "analyze/metrics/wait_key.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process that the path goes through; NULL: not known")      \
	C(comm, TEXT, NONE, "last name of the thread that it goes through first")                  \
	C(start_ns, INTEGER, TS, "when the path came to it for the first time")                    \
	C(duration_ns, INTEGER, NS,                                                                \
	  "its part of the path; the sum over all is as in critical_path")                         \
	C(share, REAL, NONE, "the same as part of the path, 0 to 1")                               \
	C(run_ns, INTEGER, NS, "of it on a CPU")                                                   \
	C(ready_ns, INTEGER, NS, "of it ready, but not on a CPU")                                  \
	C(wait_ns, INTEGER, NS, "of it waiting for what no thread of the trace did")               \
	C(count, INTEGER, COUNT, "segments, and of those that are sums what is in them")           \
	C(most_reason, TEXT, NONE, "what it waited for the longest, as in the table wait")         \
	C(most_object, TEXT, NONE, "name of what the most of that was for; NULL: not known")       \
	C(most_ns, INTEGER, NS, "how long it waited for that reason")                              \
	C(most_object_ns, INTEGER, NS, "of it for the object")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct process_path {
	const struct path_who *who;
	u64 start_ns, ns, run_ns, ready_ns, wait_ns, count;
	u64 reason_ns[WAIT_REASON_COUNT]; /* they add up to wait_ns */
	const struct wait *most;	  /* of the longest reason; NULL: of no object */
};

struct wait_key {
	u64 object_id;
	u32 process_id, reason;
};

struct wait {
	struct object *object; /* of the nodes, which stay */
	u64 ns;
};

/* Of all processes, that are told apart; what others were for is known by the reason alone. */
#define WAITS_MAX 16384

struct sums {
	struct text_map by_process; /* struct process_path */
	struct text_map waits;	    /* struct wait */
	u64 ns;
};

static void add_wait(struct sums *sums, struct process_path *path, const struct path_node *node)
{
	struct wait_key key = { .process_id = node->who ? node->who->process_id : 0,
				.reason = node->reason };
	struct wait *wait;

	path->wait_ns += node->ns;
	path->reason_ns[node->reason] += node->ns;
	if (!node->object)
		return;
	key.object_id = node->object->id;
	wait = sums->waits.count < WAITS_MAX
		       ? text_map_get(&sums->waits, (const char *)&key, sizeof(key))
		       : text_map_find(&sums->waits, (const char *)&key, sizeof(key));
	if (!wait)
		return;
	wait->object = node->object;
	wait->ns += node->ns;
}

static void add(void *context, const struct path_node *node, const struct path_node *jump)
{
	struct sums *sums = context;
	u32 id = node->who ? node->who->process_id : 0;
	struct process_path *path = text_map_get(&sums->by_process, (const char *)&id, sizeof(id));

	/* What was summed up comes in the order in which it ended. */
	if (!path->count || node->start_ns < path->start_ns) {
		path->who = node->who;
		path->start_ns = node->start_ns;
	}
	path->count += node->count;
	path->ns += node->ns;
	sums->ns += node->ns;
	switch (node->state) {
	case SPAN_user:
		path->run_ns += node->ns;
		break;
	case SPAN_preempted:
	case SPAN_runnable:
		path->ready_ns += node->ns;
		break;
	case SPAN_sleep:
	case SPAN_block:
	case SPAN_iowait:
		add_wait(sums, path, node);
		break;
	}
}

static u8 longest_reason(const struct process_path *path)
{
	u8 most = 0;

	for (u8 i = 1; i < WAIT_REASON_COUNT; i++)
		if (path->reason_ns[i] > path->reason_ns[most])
			most = i;
	return most;
}

static void find_objects(struct sums *sums)
{
	for (size_t i = 0; i < sums->waits.count; i++) {
		const struct wait *wait = sums->waits.entries[i].value;
		const struct wait_key *key = (const void *)sums->waits.entries[i].key;
		struct process_path *path = text_map_get(
			&sums->by_process, (const char *)&key->process_id, sizeof(key->process_id));

		if (key->reason == longest_reason(path) &&
		    (!path->most || wait->ns > path->most->ns))
			path->most = wait;
	}
}

static void put(struct fold *fold, const struct sums *sums, const struct process_path *path)
{
	u8 reason = longest_reason(path);
	struct value row[COLUMN_COUNT] = {};

	if (path->who) {
		row[COLUMN_process_id] = value_int(path->who->process_id);
		row[COLUMN_comm] = value_string(path->who->comm);
	}
	row[COLUMN_start_ns] = value_int((s64)path->start_ns);
	row[COLUMN_duration_ns] = value_int((s64)path->ns);
	row[COLUMN_share] = value_real(sums->ns ? (double)path->ns / (double)sums->ns : 0);
	row[COLUMN_run_ns] = value_int((s64)path->run_ns);
	row[COLUMN_ready_ns] = value_int((s64)path->ready_ns);
	row[COLUMN_wait_ns] = value_int((s64)path->wait_ns);
	row[COLUMN_count] = value_int((s64)path->count);
	if (path->reason_ns[reason]) {
		row[COLUMN_most_reason] = value_text(wait_reason_name(reason));
		row[COLUMN_most_ns] = value_int((s64)path->reason_ns[reason]);
	}
	if (path->most) {
		row[COLUMN_most_object] = value_object_name(path->most->object);
		row[COLUMN_most_object_ns] = value_int((s64)path->most->ns);
	}
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct sums sums = { .by_process.value_size = sizeof(struct process_path),
			     .waits.value_size = sizeof(struct wait) };

	path_end_tell(fold, add, &sums);
	find_objects(&sums);
	for (size_t i = 0; i < sums.by_process.count; i++)
		put(fold, &sums, sums.by_process.entries[i].value);
	text_map_release(&sums.by_process);
	text_map_release(&sums.waits);
}

const struct metric metric_critical_path_by_process = {
	.table = { .name = "critical_path_by_process",
		   .doc = "the critical path by process: whose doing the command's time was",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "start_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(struct path_end),
	.init = path_end_init,
	.span = path_end_span,
	.whole_spans = true,
	.woken = path_end_woken,
	.thread_gone = path_end_thread_gone,
	.finish = finish,
	.release = path_end_release,
};
