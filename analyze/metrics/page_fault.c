/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table page_fault: faults per thread and sort. Held by the thread; it goes with it. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the thread")                                                    \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(major, INTEGER, BOOL, "1: the faults waited for I/O")                                    \
	C(access, TEXT, NONE, "read, write, instruction; unknown")                                 \
	C(in_kernel, INTEGER, BOOL, "1: the kernel touched the addresses, for the thread")         \
	C(count, INTEGER, COUNT, "faults")                                                         \
	LATENCY_COLUMNS(C, fault_, "the faults, where the kernel tells when they began")           \
	C(max_ts_ns, INTEGER, TS, "when the longest began")                                        \
	C(max_address, INTEGER, ADDRESS, "the address that it was for")                            \
	C(complete, INTEGER, BOOL, "0: faults of this thread may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define ACCESSES 4
#define SORTS	 (ACCESSES * 2 * 2)

struct faults {
	u64 count, max_ts, max_address;
	struct latency latency;
};

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_page_fault *record = (const struct trc_page_fault *)step->event.record;
	struct faults **by_sort, *faults;
	unsigned sort;

	if (step->event.kind_id != TRC_KIND_page_fault || !step->thread)
		return;
	if (!step->thread->slots[fold->slot])
		step->thread->slots[fold->slot] = xcalloc(SORTS, sizeof(struct faults *));
	by_sort = step->thread->slots[fold->slot];
	sort = (record->access < ACCESSES ? record->access : 0) * 4 + (record->major ? 2 : 0) +
	       (record->in_kernel ? 1 : 0);
	if (!by_sort[sort])
		by_sort[sort] = xcalloc(1, sizeof(*faults));
	faults = by_sort[sort];
	faults->count++;
	if (!record->duration_ns)
		return;
	if (latency_is_worst(&faults->latency, record->duration_ns)) {
		faults->max_ts = record->head.ts - record->duration_ns;
		faults->max_address = record->address;
	}
	latency_add(&faults->latency, record->duration_ns);
}

static void put_row(struct fold *fold, const struct thread *thread, unsigned sort,
		    const struct faults *faults)
{
	static const char *const accesses[ACCESSES] = { "unknown", "read", "write", "instruction" };
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_thread_id] = value_int(thread->id);
	row[COLUMN_process_id] = value_int(thread->process->id);
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_comm] = value_string(thread->comm);
	row[COLUMN_major] = value_int(sort >> 1 & 1);
	row[COLUMN_access] = value_text(accesses[sort >> 2]);
	row[COLUMN_in_kernel] = value_int(sort & 1);
	row[COLUMN_count] = value_int((s64)faults->count);
	latency_values(&faults->latency, &row[COLUMN_fault_total_ns]);
	if (faults->latency.histogram.count) {
		row[COLUMN_max_ts_ns] = value_int((s64)faults->max_ts);
		row[COLUMN_max_address] = value_int((s64)faults->max_address);
	}
	row[COLUMN_complete] = value_complete(fold, TRC_KIND_page_fault, thread);
	fold_row(fold, row);
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	struct faults **by_sort = thread->slots[fold->slot];

	for (unsigned i = 0; by_sort && i < SORTS; i++) {
		if (!by_sort[i])
			continue;
		put_row(fold, thread, i, by_sort[i]);
		latency_release(&by_sort[i]->latency);
		free(by_sort[i]);
	}
	free(by_sort);
	thread->slots[fold->slot] = NULL;
}

const struct metric metric_page_fault = {
	.table = { .name = "page_fault",
		   .doc = "page faults per thread and sort (record --events +fault)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "fault_total_ns",
		   .brief = "tid,comm,major,access,in_kernel,count,fault_total_ns,fault_p50_ns,"
			    "fault_p99_ns,fault_max_ns,max_ts_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_MEMORY,
	.event = event,
	.thread_gone = thread_gone,
};
