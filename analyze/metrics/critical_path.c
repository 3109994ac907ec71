/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table critical_path: what made the command take as long as it took. From its end backwards: where a thread
 * waited for another, the path goes on in that one.
 */
#include "analyze/metrics/path_end.h"
#include "analyze/metrics/wait_key.h"

#define COLUMNS(C)                                                                                 \
	C(segment, INTEGER, NUMBER, "1, 2, … from the beginning to the end")                       \
	C(start_ns, INTEGER, TS, "when it begins; where the one before it ended")                  \
	C(end_ns, INTEGER, TS, "when it ends")                                                     \
	C(duration_ns, INTEGER, NS,                                                                \
	  "how long it took; the sum over all is the time from the command's start to its end, "   \
	  "or the part of that in a window; of selected threads from the start of what led to "    \
	  "them to the end of the last")                                                           \
	C(thread_id, INTEGER, ID, "the thread that the path goes through; NULL: not known")        \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(state, TEXT, NONE,                                                                       \
	  "run: on a CPU; preempted, runnable: ready, but not on one; sleep, block, iowait: "      \
	  "waiting for something that no thread of the trace did; stopped; outside: the trace "    \
	  "does not tell; unknown")                                                                \
	C(system_ns, INTEGER, NS, "of the duration in system calls, of run and outside")           \
	C(reason, TEXT, NONE, "what it waited for, as in the table wait")                          \
	C(object_id, INTEGER, ID, "what it waited for; NULL: none, or not known")                  \
	C(object_type, TEXT, NONE, "its type")                                                     \
	C(object, TEXT, NONE, "its name")                                                          \
	C(call, TEXT, NONE, "the system call that it waited in")                                   \
	C(via, TEXT, NONE,                                                                         \
	  "how the path came to the thread: wake: the thread before ended its wait; birth: it "    \
	  "made it; NULL: it was there")                                                           \
	C(via_reason, TEXT, NONE, "of wake: what it had waited for")                               \
	C(via_object, TEXT, NONE, "and the name of that")                                          \
	C(count, INTEGER, COUNT,                                                                   \
	  "1; more: of a very long path segments that were alike are one, from the first "         \
	  "to the last of them")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct rows_so_far {
	struct fold *fold;
	s64 count;
};

static void put(void *context, const struct path_node *node, const struct path_node *jump)
{
	struct rows_so_far *rows = context;
	struct fold *fold = rows->fold;
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_segment] = value_int(++rows->count);
	row[COLUMN_start_ns] = value_int((s64)node->start_ns);
	row[COLUMN_end_ns] = value_int((s64)node->end_ns);
	row[COLUMN_duration_ns] = value_int((s64)node->ns);
	row[COLUMN_count] = value_int(node->count);
	row[COLUMN_state] =
		value_text(node->state == SPAN_user ? "run" : span_state_name(node->state));
	if (node->who) {
		row[COLUMN_thread_id] = value_int(node->who->thread_id);
		row[COLUMN_process_id] = value_int(node->who->process_id);
		row[COLUMN_tid] = value_int(node->who->tid);
		row[COLUMN_comm] = value_string(node->who->comm);
	}
	if (node->state == SPAN_user || node->state == SPAN_outside)
		row[COLUMN_system_ns] = value_int((s64)node->system_ns);
	if (span_waits(node->state)) {
		row[COLUMN_reason] = value_text(wait_reason_name(node->reason));
		row[COLUMN_object_id] =
			node->object ? value_int((s64)node->object->id) : value_null();
		row[COLUMN_object_type] = value_object_type(node->object);
		row[COLUMN_object] = value_object_name(node->object);
		row[COLUMN_call] = value_call(fold, node->abi, node->nr);
	}
	if (jump) {
		row[COLUMN_via] = value_text(jump->is_new ? "birth" : "wake");
		if (!jump->is_new)
			row[COLUMN_via_reason] = value_text(wait_reason_name(jump->reason));
		row[COLUMN_via_object] = value_object_name(jump->object);
	}
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	path_end_tell(fold, put, &(struct rows_so_far){ .fold = fold });
}

const struct metric metric_critical_path = {
	.table = { .name = "critical_path",
		   .doc = "why the command took as long as it took: the chain of threads and waits "
			  "that led to its end; with --pid or --comm to that of the last of the "
			  "selected threads",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "segment",
		   .brief = "segment,start_ns,duration_ns,tid,comm,state,system_ns,reason,object,"
			    "call,via,via_reason,via_object" },
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
