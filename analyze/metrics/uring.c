/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table uring: requests of io_urings per process, ring and operation. Held by the process; it goes with it. */
#include "analyze/metrics/instance.h"
#include "analyze/metrics/latency.h"
#include "analyze/metrics/text_map.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "process that submitted; with a polling thread the kernel's")   \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(ring, INTEGER, NUMBER, "the io_uring, for as long as it lived")                          \
	C(op, TEXT, NONE,                                                                          \
	  "operation: read, writev, accept …; NULL: submitted before it was "                    \
	  "watched")                                                                               \
	C(submit_count, INTEGER, COUNT, "requests submitted")                                      \
	C(count, INTEGER, COUNT, "completions; a request may have several")                        \
	C(error_count, INTEGER, COUNT, "of them failed")                                           \
	C(bytes, INTEGER, BYTES, "sum of the results of reads, writes, sends and the like")        \
	C(under_way_max, INTEGER, COUNT, "most that were submitted and not completed")             \
	LATENCY_COLUMNS(C, request_, "the times from submission to completion")                    \
	C(complete, INTEGER, BOOL, "0: events of this process may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define OP_UNKNOWN UINT32_MAX
#define CQE_MORE   2u

/* IORING_OP_*, in their order */
static const char *const op_names[] = {
	"nop",
	"readv",
	"writev",
	"fsync",
	"read_fixed",
	"write_fixed",
	"poll_add",
	"poll_remove",
	"sync_file_range",
	"sendmsg",
	"recvmsg",
	"timeout",
	"timeout_remove",
	"accept",
	"async_cancel",
	"link_timeout",
	"connect",
	"fallocate",
	"openat",
	"close",
	"files_update",
	"statx",
	"read",
	"write",
	"fadvise",
	"madvise",
	"send",
	"recv",
	"openat2",
	"epoll_ctl",
	"splice",
	"provide_buffers",
	"remove_buffers",
	"tee",
	"shutdown",
	"renameat",
	"unlinkat",
	"mkdirat",
	"symlinkat",
	"linkat",
	"msg_ring",
	"fsetxattr",
	"setxattr",
	"fgetxattr",
	"getxattr",
	"socket",
	"uring_cmd",
	"send_zc",
	"sendmsg_zc",
	"read_multishot",
	"waitid",
	"futex_wait",
	"futex_wake",
	"futex_waitv",
	"fixed_fd_install",
	"ftruncate",
	"bind",
	"listen",
	"recv_zc",
	"epoll_wait",
	"readv_fixed",
	"writev_fixed",
	"pipe",
};

#define OP(number) (1ull << (number))

/* Those whose result is a number of bytes. */
static const u64 byte_ops = OP(1) | OP(2) | OP(4) | OP(5) | OP(9) | OP(10) | OP(22) | OP(23) |
			    OP(26) | OP(27) | OP(30) | OP(33) | OP(47) | OP(48) | OP(49) | OP(58) |
			    OP(60) | OP(61);

struct key {
	u64 ring;
	u32 op, zero;
};

struct requests {
	u64 submit_count, count, error_count, bytes, under_way, under_way_max;
	struct latency latency;
};

static struct requests *requests_of(struct fold *fold, struct process *process, u64 ring, u32 op)
{
	struct text_map *map = process->slots[fold->slot];
	struct key key = { .ring = ring, .op = op };

	if (!map) {
		map = process->slots[fold->slot] = xcalloc(1, sizeof(*map));
		map->value_size = sizeof(struct requests);
	}
	return text_map_get(map, (const char *)&key, sizeof(key));
}

static void submit(struct fold *fold, struct process *process,
		   const struct trc_uring_submit *record)
{
	struct requests *requests = requests_of(fold, process, record->ring, record->op);

	requests->submit_count++;
	if (++requests->under_way > requests->under_way_max)
		requests->under_way_max = requests->under_way;
}

static void done(struct fold *fold, struct process *process,
		 const struct trc_uring_complete *record)
{
	struct requests *requests = requests_of(fold, process, record->ring, record->op);

	requests->count++;
	if (!(record->cflags & CQE_MORE) && requests->under_way)
		requests->under_way--;
	if (record->res < 0)
		requests->error_count++;
	else if (record->op < 64 && byte_ops & OP(record->op))
		requests->bytes += (u64)record->res;
	if (record->latency_ns)
		latency_add(&requests->latency, record->latency_ns);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	if (!step->thread)
		return;
	if (step->event.kind_id == TRC_KIND_uring_submit)
		submit(fold, step->thread->process,
		       (const struct trc_uring_submit *)step->event.record);
	else if (step->event.kind_id == TRC_KIND_uring_complete)
		done(fold, step->thread->process,
		     (const struct trc_uring_complete *)step->event.record);
}

static struct value op_value(struct fold *fold, u32 op)
{
	if (op == OP_UNKNOWN)
		return value_null();
	if (op < ARRAY_SIZE(op_names))
		return value_text(op_names[op]);
	text_clear(&fold->text);
	text_addf(&fold->text, "operation %u", op);
	return value_bytes(fold->text.data, fold->text.len);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct text_map *map = process->slots[fold->slot];

	for (size_t i = 0; map && i < map->count; i++) {
		struct requests *requests = map->entries[i].value;
		struct value row[COLUMN_COUNT];
		struct key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		row[COLUMN_process_id] = value_int(process->id);
		row[COLUMN_pid] = value_int(process->pid);
		row[COLUMN_comm] = value_string(process->comm);
		row[COLUMN_ring] = value_int((s64)key.ring);
		row[COLUMN_op] = op_value(fold, key.op);
		row[COLUMN_submit_count] = value_int((s64)requests->submit_count);
		row[COLUMN_count] = value_int((s64)requests->count);
		row[COLUMN_error_count] = value_int((s64)requests->error_count);
		row[COLUMN_bytes] = value_int((s64)requests->bytes);
		row[COLUMN_under_way_max] = value_int((s64)requests->under_way_max);
		latency_values(&requests->latency, &row[COLUMN_request_total_ns]);
		row[COLUMN_complete] = value_int(!walk_is_lossy(
			fold->walk, TRC_KIND_uring_complete, process->start_ns, process->end_ns));
		fold_row(fold, row);
		latency_release(&requests->latency);
	}
	text_map_free(&process->slots[fold->slot]);
}

const struct metric metric_uring = {
	.table = { .name = "uring",
		   .doc = "requests of io_urings per process, ring and operation (record --events "
			  "+uring)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "request_total_ns",
		   .brief = "pid,comm,op,submit_count,count,error_count,bytes,under_way_max,"
			    "request_p50_ns,request_p99_ns,request_max_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_IO,
	.event = event,
	.process_gone = process_gone,
};
