/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table latency_histogram: every sort of duration, by powers of two and by powers of ten. */
#include "analyze/call_names.h"
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/wait_key.h"
#include "analyze/model/futexes.h"
#include "analyze/model/span.h"

#define COLUMNS(C)                                                                                 \
	C(what, TEXT, NONE,                                                                        \
	  "sort: syscall; wait (off the CPU); runqueue; futex (calls that waited); disk (time in " \
	  "the device); disk queue; page fault; io_uring")                                         \
	C(name, TEXT, NONE,                                                                        \
	  "of a syscall its name, of a wait its reason, of the run queue woken or preempted, of "  \
	  "a "                                                                                     \
	  "disk read, write …, of a fault minor or major, of io_uring the operation's number")     \
	C(scale, TEXT, NONE, "log2 or log10: each duration counts once in each")                   \
	C(from_ns, INTEGER, NS, "durations from here; log10: longer than this")                    \
	C(to_ns, INTEGER, NS, "to below this; log10: up to this; NULL: no limit")                  \
	C(count, INTEGER, COUNT, "durations")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

enum what {
	WHAT_syscall,
	WHAT_wait,
	WHAT_runqueue,
	WHAT_futex,
	WHAT_disk,
	WHAT_disk_queue,
	WHAT_fault,
	WHAT_uring,
	WHAT_COUNT,
};

#define POWERS	  64
#define DECADES	  8    /* to 1 µs, 10 µs, … 1 s, and beyond */
#define DECADE_NS 1000 /* the first */

struct buckets {
	u64 log2[POWERS], log10[DECADES];
};

struct state {
	size_t capacity[WHAT_COUNT];
	struct buckets **by_name[WHAT_COUNT]; /* by a small number */
};

#define NAMES_MAX 8192

static void add(struct fold *fold, enum what what, u32 name, u64 ns)
{
	struct state *state = fold->state;
	struct buckets *buckets;
	unsigned decade = 0;

	if (name >= NAMES_MAX)
		return;
	ARRAY_RESERVE_ZERO(state->by_name[what], state->capacity[what], name + 1u);
	if (!state->by_name[what][name])
		state->by_name[what][name] = xcalloc(1, sizeof(*buckets));
	buckets = state->by_name[what][name];
	buckets->log2[ns ? 63 - __builtin_clzll(ns) : 0]++;
	for (u64 limit = DECADE_NS; decade < DECADES - 1 && ns > limit; limit *= 10)
		decade++;
	buckets->log10[decade]++;
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	if (record->state == TRC_SYSCALL_COMPLETE)
		add(fold, WHAT_syscall, call_names_id(fold->walk->calls, record->abi, record->nr),
		    record->duration_ns);
}

static void add_block(struct fold *fold, const struct trc_block_io *record)
{
	if (record->remaining_bytes)
		return;
	add(fold, WHAT_disk, record->op, record->latency_ns);
	if (record->queue_ns)
		add(fold, WHAT_disk_queue, record->op, record->queue_ns);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_head *record = step->event.record;

	switch (step->event.kind_id) {
	case TRC_KIND_futex:
		if (futexes_step(fold->walk->model)->waited)
			add(fold, WHAT_futex, 0, ((const struct trc_futex *)record)->duration_ns);
		break;
	case TRC_KIND_block_io:
		add_block(fold, (const struct trc_block_io *)record);
		break;
	case TRC_KIND_page_fault:
		if (((const struct trc_page_fault *)record)->duration_ns)
			add(fold, WHAT_fault, ((const struct trc_page_fault *)record)->major != 0,
			    ((const struct trc_page_fault *)record)->duration_ns);
		break;
	case TRC_KIND_uring_complete:
		if (((const struct trc_uring_complete *)record)->latency_ns)
			add(fold, WHAT_uring, ((const struct trc_uring_complete *)record)->op,
			    ((const struct trc_uring_complete *)record)->latency_ns);
		break;
	default:
		break;
	}
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	u64 ns = span->end_ns - span->start_ns;

	if (is_shown_wait(fold, span, shown))
		add(fold, WHAT_wait, span->reason, ns);
	else if (shown && (span->state == SPAN_runnable || span->state == SPAN_preempted))
		add(fold, WHAT_runqueue, span->state == SPAN_preempted, ns);
}

static const char *disk_op(u32 op)
{
	switch (op) {
	case 0:
		return "read";
	case 1:
		return "write";
	case 2:
		return "flush";
	case 3:
		return "discard";
	default:
		return "other";
	}
}

static struct value name_of(struct fold *fold, enum what what, u32 name)
{
	switch (what) {
	case WHAT_syscall:
		return value_text(call_names_get(fold->walk->calls, name)->name);
	case WHAT_wait:
		return value_text(wait_reason_name((u8)name));
	case WHAT_runqueue:
		return value_text(name ? "preempted" : "woken");
	case WHAT_disk:
	case WHAT_disk_queue:
		return value_text(disk_op(name));
	case WHAT_fault:
		return value_text(name ? "major" : "minor");
	case WHAT_uring:
		text_clear(&fold->text);
		text_addu(&fold->text, name);
		return value_bytes(fold->text.data, fold->text.len);
	default:
		return value_null();
	}
}

static void put_row(struct fold *fold, struct value *row, const char *scale, u64 from_ns, u64 to_ns,
		    u64 count)
{
	if (!count)
		return;
	row[COLUMN_scale] = value_text(scale);
	row[COLUMN_from_ns] = value_int((s64)from_ns);
	row[COLUMN_to_ns] = value_known(to_ns, 0);
	row[COLUMN_count] = value_int((s64)count);
	fold_row(fold, row);
}

static void put_buckets(struct fold *fold, struct value *row, const struct buckets *buckets)
{
	u64 limit = 0;

	for (unsigned i = 0; i < POWERS; i++)
		put_row(fold, row, "log2", i ? 1ull << i : 0, i < POWERS - 2 ? 2ull << i : 0,
			buckets->log2[i]);
	for (unsigned i = 0; i < DECADES; i++) {
		u64 next = limit ? limit * 10 : DECADE_NS;

		put_row(fold, row, "log10", limit, i < DECADES - 1 ? next : 0, buckets->log10[i]);
		limit = next;
	}
}

static void finish(struct fold *fold)
{
	static const char *const words[] = { "syscall", "wait",	      "runqueue",   "futex",
					     "disk",	"disk queue", "page fault", "io_uring" };
	struct state *state = fold->state;

	for (unsigned what = 0; what < WHAT_COUNT; what++)
		for (u32 name = 0; name < state->capacity[what]; name++) {
			struct value row[COLUMN_COUNT];

			if (!state->by_name[what][name])
				continue;
			row[COLUMN_what] = value_text(words[what]);
			row[COLUMN_name] = name_of(fold, what, name);
			put_buckets(fold, row, state->by_name[what][name]);
		}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (unsigned what = 0; what < WHAT_COUNT; what++) {
		for (size_t i = 0; i < state->capacity[what]; i++)
			free(state->by_name[what][i]);
		free(state->by_name[what]);
	}
}

const struct metric metric_latency_histogram = {
	.table = { .name = "latency_histogram",
		   .doc = "every sort of duration by powers of two and of ten",
		   .columns = columns,
		   .column_count = COLUMN_COUNT },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_SYSCALL | 1ull << TRC_CLASS_FUTEX |
		   1ull << TRC_CLASS_MEMORY | 1ull << TRC_CLASS_IO,
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.span = span,
	.finish = finish,
	.release = release,
};
