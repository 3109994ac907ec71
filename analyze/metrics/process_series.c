/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table process_series: rates of everything that a process does, by period. Held by the process; it goes with it. */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/series.h"
#include "analyze/model/futexes.h"
#include "analyze/model/span.h"

#define COLUMNS(C)                                                                                 \
	SERIES_PROCESS_COLUMNS(C)                                                                  \
	C(cpu_ns, INTEGER, NS, "time that its threads were on CPUs in the period")                 \
	C(runqueue_ns, INTEGER, NS, "time that they were ready but had none")                      \
	C(wait_ns, INTEGER, NS, "time that they waited")                                           \
	C(call_count, INTEGER, COUNT, "system calls that ended in the period")                     \
	C(error_count, INTEGER, COUNT, "of them failed")                                           \
	C(read_bytes, INTEGER, BYTES, "bytes that calls got from files, pipes, sockets")           \
	C(write_bytes, INTEGER, BYTES, "bytes that calls gave to them")                            \
	C(futex_wait_count, INTEGER, COUNT, "waits on futexes that ended in the period")           \
	C(fault_count, INTEGER, COUNT, "page faults, where recorded (record --events +fault)")     \
	C(major_fault_count, INTEGER, COUNT, "of them those that waited for I/O")                  \
	C(disk_read_bytes, INTEGER, BYTES,                                                         \
	  "bytes that disks read for it, where recorded (record --events +block)")                 \
	C(disk_write_bytes, INTEGER, BYTES, "bytes that disks wrote in its name")                  \
	C(signal_count, INTEGER, COUNT, "signals delivered, where recorded (--events +signal)")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define WIDTH	    (COLUMN_COUNT - COLUMN_cpu_ns)
#define SUM(column) ((column)-COLUMN_cpu_ns)

static struct series *series_of(struct fold *fold, struct process *process)
{
	struct series *series = process->slots[fold->slot];

	if (!series) {
		series = process->slots[fold->slot] = xcalloc(1, sizeof(*series));
		series->width = WIDTH;
		series->times = SUM(COLUMN_wait_ns) + 1;
	}
	return series;
}

static u64 *sums_at(struct fold *fold, const struct walk_step *step)
{
	return series_sums(series_of(fold, step->thread->process),
			   series_period(fold->walk, step->event.record->ts));
}

static void add_uses(struct fold *fold, const struct walk_step *step, u64 *sums)
{
	const struct file_use *list;
	size_t count = model_uses(fold->walk->model, step->thread, &step->event, &list);

	for (size_t i = 0; i < count; i++) {
		if (list[i].op == FILE_OP_read)
			sums[SUM(COLUMN_read_bytes)] += list[i].bytes;
		else if (list[i].op == FILE_OP_write)
			sums[SUM(COLUMN_write_bytes)] += list[i].bytes;
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	u64 *sums = sums_at(fold, step);

	sums[SUM(COLUMN_call_count)]++;
	sums[SUM(COLUMN_error_count)] += call_error(record) != 0;
	add_uses(fold, step, sums);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_head *record = step->event.record;

	if (!step->thread)
		return;
	switch (step->event.kind_id) {
	case TRC_KIND_futex:
		sums_at(fold, step)[SUM(COLUMN_futex_wait_count)] +=
			futexes_step(fold->walk->model)->waited;
		break;
	case TRC_KIND_page_fault:
		sums_at(fold, step)[SUM(COLUMN_fault_count)]++;
		sums_at(fold, step)[SUM(COLUMN_major_fault_count)] +=
			((const struct trc_page_fault *)record)->major != 0;
		break;
	case TRC_KIND_block_io:
		if (((const struct trc_block_io *)record)->op <= 1)
			sums_at(fold, step)[SUM(COLUMN_disk_read_bytes) +
					    ((const struct trc_block_io *)record)->op] +=
				((const struct trc_block_io *)record)->bytes;
		break;
	case TRC_KIND_signal_deliver:
		sums_at(fold, step)[SUM(COLUMN_signal_count)]++;
		break;
	case TRC_KIND_uring_complete:
		add_uses(fold, step, sums_at(fold, step));
		break;
	default:
		break;
	}
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	size_t column;

	if (!shown)
		return;
	if (span->state == SPAN_user || span->state == SPAN_system)
		column = COLUMN_cpu_ns;
	else if (span->state == SPAN_preempted || span->state == SPAN_runnable)
		column = COLUMN_runqueue_ns;
	else if (span_waits(span->state))
		column = COLUMN_wait_ns;
	else
		return;
	series_add_time(series_of(fold, thread->process), fold->walk, SUM(column), span->start_ns,
			span->end_ns);
}

const struct metric metric_process_series = {
	.table = { .name = "process_series",
		   .doc = "what each process used and did, by period",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "from_ns",
		   .brief = "from_ns,pid,comm,cpu_ns,runqueue_ns,wait_ns,call_count,error_count,"
			    "read_bytes,write_bytes,fault_count,disk_read_bytes,disk_write_bytes" },
	.classes = FILE_CLASSES | 1ull << TRC_CLASS_FUTEX | 1ull << TRC_CLASS_MEMORY |
		   1ull << TRC_CLASS_SIGNAL,
	.state_size = sizeof(u64),
	.call = call,
	.event = event,
	.span = span,
	.process_gone = series_process_gone,
};
