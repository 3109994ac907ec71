/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table futex: a row per futex, with what was made of it. Held by the futex; it goes with its address space. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"
#include "analyze/model/futexes.h"

#define COLUMNS(C)                                                                                 \
	C(futex_id, INTEGER, ID, "the futex: 1, 2, … in the order in which the trace names them")  \
	C(futex, TEXT, NONE, "its name")                                                           \
	C(place, TEXT, NONE,                                                                       \
	  "what it lies in: memory of an address space, a file (shared memory is one), or "        \
	  "unknown: memory of its process, as far as one can see")                                 \
	C(process_id, INTEGER, ID, "process that used it first")                                   \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(offset, INTEGER, NUMBER, "its address, or the place in the file")                        \
	C(inode, INTEGER, NUMBER, "inode of the file; NULL: it lies in no file")                   \
	C(device, INTEGER, NUMBER, "device of the file: major << 20 | minor")                      \
	C(use, TEXT, NONE,                                                                         \
	  "what it seems to be for: lock (who waits on it also wakes others: contention), "        \
	  "scheduling (some wait, others wake: work or events are passed on); NULL: nobody was "   \
	  "woken")                                                                                 \
	C(thread_count, INTEGER, COUNT, "threads that used it; at most 1024 are told apart")       \
	C(wait_count, INTEGER, COUNT, "calls that are to wait or to take a lock")                  \
	C(woken_count, INTEGER, COUNT, "of them woken, or given the lock")                         \
	C(timeout_count, INTEGER, COUNT, "of them timed out")                                      \
	C(again_count, INTEGER, COUNT, "of them turned back: the value had changed (EAGAIN)")      \
	LATENCY_COLUMNS(C, wait_, "the waits")                                                     \
	C(waiters_max, INTEGER, COUNT,                                                             \
	  "most that waited at the same time; more than 64 are not always all seen")               \
	C(wake_count, INTEGER, COUNT, "calls that are to wake, to move waiters or to unlock")      \
	C(wake_success_count, INTEGER, COUNT, "of them, those that woke or moved somebody")        \
	C(wake_woken_count, INTEGER, COUNT, "waiters that they woke")                              \
	C(hold_count, INTEGER, COUNT, "holds of the lock that were seen; NULL: it is no lock")     \
	C(hold_ns, INTEGER, NS, "estimate of the time of these holds, as in futex_wake")           \
	C(hold_max_ns, INTEGER, NS, "the longest of them")                                         \
	C(hold_max_thread_id, INTEGER, ID, "thread that held it so long")                          \
	C(hold_max_tid, INTEGER, NUMBER, "its tid")                                                \
	C(first_ns, INTEGER, TS, "first event")                                                    \
	C(last_ns, INTEGER, TS, "last event")                                                      \
	C(complete, INTEGER, BOOL, "0: events may be missing in between")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };
_Static_assert(COLUMN_COUNT <= TABLE_COLUMNS_MAX, "too many columns");

#define RECENT_MAX  64
#define THREADS_MAX 1024

struct wait {
	u64 start_ns, end_ns;
	u32 others; /* that were waiting at its start, and itself */
};

struct user {
	u32 id;
	bool waits, wakes;
};

struct sums { /* in futex->slot */
	u64 wait_count, woken_count, timeout_count, again_count;
	struct latency latency;
	u64 wake_count, wake_success_count, wake_woken_count;
	u64 hold_count, hold_ns, hold_max_ns;
	u32 hold_max_id, hold_max_tid;
	u64 first_ns, last_ns;
	u32 waiters_max;
	size_t recent_count, recent_capacity, recent_next;
	struct wait *recent; /* the last waits, a ring once it is full */
	size_t thread_count, thread_capacity;
	struct user *threads; /* by id */
};

static void note_thread(struct sums *sums, u32 id, const struct futex_step *step)
{
	size_t low = 0, high = sums->thread_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sums->threads[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sums->thread_count || sums->threads[low].id != id) {
		if (sums->thread_count >= THREADS_MAX)
			return;
		ARRAY_RESERVE(sums->threads, sums->thread_capacity, sums->thread_count + 1);
		memmove(&sums->threads[low + 1], &sums->threads[low],
			(sums->thread_count - low) * sizeof(*sums->threads));
		sums->threads[low] = (struct user){ .id = id };
		sums->thread_count++;
	}
	sums->threads[low].waits |= step->waits;
	sums->threads[low].wakes |= !step->waits;
}

/*
 * Waits are told when they end, so the last one overlaps with those at the end of the list. How many waited
 * together is the most that did at the start of one of them.
 */
static void note_waiters(struct sums *sums, u64 start_ns, u64 end_ns)
{
	struct wait wait = { start_ns, end_ns, 1 };

	for (size_t i = 0; i < sums->recent_count; i++) {
		size_t newest = sums->recent_next + sums->recent_count - 1 - i;
		struct wait *other = &sums->recent[newest % sums->recent_count];

		if (other->end_ns <= start_ns)
			break;
		if (other->start_ns > start_ns) {
			if (++other->others > sums->waiters_max)
				sums->waiters_max = other->others;
		} else {
			wait.others++;
		}
	}
	if (wait.others > sums->waiters_max)
		sums->waiters_max = wait.others;
	if (sums->recent_count < RECENT_MAX) {
		ARRAY_RESERVE(sums->recent, sums->recent_capacity, sums->recent_count + 1);
		sums->recent[sums->recent_count++] = wait;
		return;
	}
	sums->recent[sums->recent_next] = wait;
	sums->recent_next = (sums->recent_next + 1) % RECENT_MAX;
}

static void add_wait(struct sums *sums, const struct trc_futex *record, bool waited)
{
	u64 start_ns = record->head.ts - record->duration_ns;

	sums->wait_count++;
	sums->woken_count += record->outcome == TRC_FUTEX_WOKEN;
	sums->timeout_count += record->outcome == TRC_FUTEX_TIMEOUT;
	sums->again_count += record->outcome == TRC_FUTEX_AGAIN;
	if (!waited)
		return;
	latency_add(&sums->latency, record->duration_ns);
	note_waiters(sums, start_ns, record->head.ts);
}

static void add_hold(struct sums *sums, const struct futex_step *step)
{
	if (!step->holder_id)
		return;
	sums->hold_count++;
	sums->hold_ns += step->held_ns;
	if (step->held_ns <= sums->hold_max_ns)
		return;
	sums->hold_max_ns = step->held_ns;
	sums->hold_max_id = step->holder_id;
	sums->hold_max_tid = step->holder_tid;
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_futex *record = (const struct trc_futex *)step->event.record;
	const struct futex_step *futex = futexes_step(fold->walk->model);
	struct sums *sums;

	if (step->event.kind_id != TRC_KIND_futex || !step->thread || !futex->futex)
		return;
	if (!futex->futex->slot)
		futex->futex->slot = xcalloc(1, sizeof(*sums));
	sums = futex->futex->slot;
	if (!sums->first_ns)
		sums->first_ns = record->head.ts - record->duration_ns;
	sums->last_ns = record->head.ts;
	note_thread(sums, step->thread->id, futex);
	add_hold(sums, futex);
	if (futex->waits) {
		add_wait(sums, record, futex->waited);
		return;
	}
	sums->wake_count++;
	sums->wake_success_count += futex->woken || futex->requeued;
	sums->wake_woken_count += futex->woken;
}

static const char *use_of(const struct futex *futex, const struct sums *sums)
{
	size_t waiters = 0, both = 0;

	if (futex->pi)
		return "lock";
	if (!sums->woken_count)
		return NULL;
	for (size_t i = 0; i < sums->thread_count; i++) {
		waiters += sums->threads[i].waits;
		both += sums->threads[i].waits && sums->threads[i].wakes;
	}
	return both * 2 >= waiters ? "lock" : "scheduling";
}

static void put_sums(struct fold *fold, const struct futex *futex, const struct sums *sums,
		     struct value *row)
{
	const char *use = use_of(futex, sums);

	row[COLUMN_use] = value_text(use);
	row[COLUMN_thread_count] = value_int((s64)sums->thread_count);
	row[COLUMN_wait_count] = value_int((s64)sums->wait_count);
	row[COLUMN_woken_count] = value_int((s64)sums->woken_count);
	row[COLUMN_timeout_count] = value_int((s64)sums->timeout_count);
	row[COLUMN_again_count] = value_int((s64)sums->again_count);
	latency_values(&sums->latency, &row[COLUMN_wait_total_ns]);
	row[COLUMN_waiters_max] = value_int(sums->waiters_max);
	row[COLUMN_wake_count] = value_int((s64)sums->wake_count);
	row[COLUMN_wake_success_count] = value_int((s64)sums->wake_success_count);
	row[COLUMN_wake_woken_count] = value_int((s64)sums->wake_woken_count);
	if (use && !strcmp(use, "lock")) {
		row[COLUMN_hold_count] = value_int((s64)sums->hold_count);
		row[COLUMN_hold_ns] = value_int((s64)sums->hold_ns);
		row[COLUMN_hold_max_ns] = value_int((s64)sums->hold_max_ns);
		row[COLUMN_hold_max_thread_id] = value_known(sums->hold_max_id, 0);
		row[COLUMN_hold_max_tid] = value_known(sums->hold_max_tid, 0);
	}
	row[COLUMN_first_ns] = value_int((s64)sums->first_ns);
	row[COLUMN_last_ns] = value_int((s64)sums->last_ns);
	row[COLUMN_complete] = value_int(
		!walk_is_lossy(fold->walk, TRC_KIND_futex, sums->first_ns, sums->last_ns));
}

static void futex_gone(struct fold *fold, struct futex *futex)
{
	static const char *const places[] = { "memory", "file", "unknown" };
	struct sums *sums = futex->slot;
	struct value row[COLUMN_COUNT] = {};

	if (!sums)
		return;
	row[COLUMN_futex_id] = value_int((s64)futex->id);
	row[COLUMN_futex] = value_string(futex->object->name);
	row[COLUMN_place] = value_text(places[futex->place]);
	row[COLUMN_process_id] = value_int(futex->process_id);
	row[COLUMN_pid] = value_int(futex->pid);
	row[COLUMN_offset] = value_int((s64)futex->offset);
	if (futex->place == FUTEX_IN_FILE) {
		row[COLUMN_inode] = value_int((s64)futex->inode);
		row[COLUMN_device] = value_int(futex->device);
	}
	put_sums(fold, futex, sums, row);
	fold_row(fold, row);
	latency_release(&sums->latency);
	free(sums->recent);
	free(sums->threads);
	free(sums);
	futex->slot = NULL;
}

const struct metric metric_futex = {
	.table = { .name = "futex",
		   .doc = "futexes: what waited for them, who seems to have held them, for how "
			  "long",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "wait_total_ns",
		   .brief = "futex,use,thread_count,wait_count,wait_total_ns,wait_p50_ns,"
			    "wait_max_ns,waiters_max,wake_count,wake_woken_count,hold_count,"
			    "hold_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_FUTEX,
	.event = event,
	.futex_gone = futex_gone,
};
