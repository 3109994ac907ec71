/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table cgroup_usage: what the processes of each cgroup used. A process that is moved counts where it is at each
 * moment; memory counts once per address space, for the process whose it is.
 */
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/sockets.h"
#include "analyze/model/span.h"

#include <sys/socket.h>

#define COLUMNS(C)                                                                                 \
	C(cgroup, TEXT, NONE, "path of the cgroup in the unified hierarchy; NULL: not known")      \
	C(process_count, INTEGER, COUNT, "processes that were in it at some time")                 \
	C(cpu_ns, INTEGER, NS, "time on CPUs")                                                     \
	C(runqueue_ns, INTEGER, NS, "time ready but without a CPU")                                \
	C(call_count, INTEGER, COUNT, "system calls")                                              \
	C(memory_max_bytes, INTEGER, BYTES,                                                        \
	  "most that its processes had in memory together: files, anonymous and shared; NULL: "    \
	  "not recorded (record --events +memory)")                                                \
	C(memory_max_ts_ns, INTEGER, TS, "when that was")                                          \
	C(disk_read_bytes, INTEGER, BYTES,                                                         \
	  "bytes that disks read for it; NULL: not recorded (record --events +block)")             \
	C(disk_write_bytes, INTEGER, BYTES,                                                        \
	  "bytes that disks wrote for it, also written back later")                                \
	C(net_receive_bytes, INTEGER, BYTES, "bytes that calls got from sockets of IP")            \
	C(net_send_bytes, INTEGER, BYTES, "bytes that calls gave to such sockets")                 \
	C(local_receive_bytes, INTEGER, BYTES, "bytes that calls got from unix and other sockets") \
	C(local_send_bytes, INTEGER, BYTES, "bytes that calls gave to such sockets")               \
	C(complete, INTEGER, BOOL, "0: events may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define CGROUPS_MAX    65536
#define RESIDENT_KINDS 4
#define RESIDENT_SWAP  2

struct cgroup {
	u64 process_count, cpu_ns, runqueue_ns, call_count;
	u64 memory, memory_max, memory_max_ts;
	u64 disk_bytes[2], net_bytes[2], local_bytes[2]; /* in, out */
};

struct member {			   /* in the process's slot */
	const struct string *path; /* as it was when `cgroup` was found: one reference */
	struct cgroup *cgroup;
	u64 space; /* address space */
	u64 resident[RESIDENT_KINDS];
};

struct state {
	struct text_map by_path; /* struct cgroup */
	struct text_map by_id;	 /* struct cgroup *, by the kernel's number */
	struct cgroup unknown;
	bool has_memory, has_disk;
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_path.value_size = sizeof(struct cgroup);
	state->by_id.value_size = sizeof(struct cgroup *);
}

static u64 resident(const struct member *member)
{
	u64 sum = 0;

	for (unsigned i = 0; i < RESIDENT_KINDS; i++)
		sum += i == RESIDENT_SWAP ? 0 : member->resident[i];
	return sum;
}

static void add_memory(struct cgroup *cgroup, u64 bytes, u64 now)
{
	cgroup->memory += bytes;
	if (cgroup->memory <= cgroup->memory_max)
		return;
	cgroup->memory_max = cgroup->memory;
	cgroup->memory_max_ts = now;
}

static struct cgroup *find_cgroup(struct state *state, const struct identity *identity)
{
	const struct string *path = identity->cgroup;
	struct cgroup *cgroup = NULL, **by_id;

	if (path)
		cgroup = text_map_get_few(&state->by_path, CGROUPS_MAX, path->data, path->len);
	if (!cgroup)
		return &state->unknown;
	if (identity->cgroup_id) {
		by_id = text_map_get(&state->by_id, (const char *)&identity->cgroup_id,
				     sizeof(identity->cgroup_id));
		*by_id = cgroup;
	}
	return cgroup;
}

/* Where the process is now. */
static struct member *member_of(struct fold *fold, struct process *process, u64 now)
{
	struct member *member = process->slots[fold->slot];
	struct string *path = process->identity.cgroup;
	struct cgroup *cgroup;

	if (member && member->path == path)
		return member;
	if (!member)
		member = process->slots[fold->slot] = xcalloc(1, sizeof(*member));
	cgroup = find_cgroup(fold->state, &process->identity);
	string_unref((struct string *)member->path);
	member->path = string_ref(path);
	if (cgroup == member->cgroup)
		return member;
	cgroup->process_count++;
	if (member->cgroup)
		member->cgroup->memory -= resident(member);
	member->cgroup = cgroup;
	add_memory(cgroup, resident(member), now);
	return member;
}

static void use_sockets(struct fold *fold, const struct walk_step *step, struct cgroup *cgroup)
{
	const struct file_use *list;
	size_t count = model_uses(fold->walk->model, step->thread, &step->event, &list);

	for (size_t i = 0; i < count; i++) {
		const struct socket *socket = list[i].file ? list[i].file->object->socket : NULL;
		u64 *bytes;

		if (!socket || (list[i].op != FILE_OP_read && list[i].op != FILE_OP_write))
			continue;
		bytes = socket->family == AF_INET || socket->family == AF_INET6
				? cgroup->net_bytes
				: cgroup->local_bytes;
		bytes[list[i].op == FILE_OP_write] += list[i].bytes;
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct cgroup *cgroup = member_of(fold, step->thread->process, record->head.ts)->cgroup;

	cgroup->call_count++;
	use_sockets(fold, step, cgroup);
}

static void use_disk(struct fold *fold, const struct walk_step *step,
		     const struct trc_block_io *record)
{
	struct state *state = fold->state;
	struct cgroup *cgroup = NULL;

	state->has_disk = true;
	/* Whom the I/O is charged to, if that is a cgroup of the trace: a thread of the kernel writes for others. */
	if (record->cgroup_id)
		cgroup = *(struct cgroup **)text_map_get(
			&state->by_id, (const char *)&record->cgroup_id, sizeof(record->cgroup_id));
	if (!cgroup && step->thread)
		cgroup = member_of(fold, step->thread->process, record->head.ts)->cgroup;
	if (cgroup && record->op <= 1)
		cgroup->disk_bytes[record->op] += record->bytes;
}

static void forget_memory(struct member *member)
{
	member->cgroup->memory -= resident(member);
	memset(member->resident, 0, sizeof(member->resident));
}

static void use_memory(struct fold *fold, const struct trc_memory_resident *record)
{
	struct process *process = model_process(fold->walk->model, record->owner_pid);
	struct member *member;
	u64 before;

	((struct state *)fold->state)->has_memory = true;
	if (!process || process->ended || record->what >= RESIDENT_KINDS)
		return;
	member = member_of(fold, process, record->head.ts);
	if (member->space != record->space)
		forget_memory(member);
	member->space = record->space;
	before = resident(member);
	member->resident[record->what] = record->size_bytes;
	add_memory(member->cgroup, resident(member) - before, record->head.ts);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_head *record = step->event.record;

	struct member *member;

	if (step->event.kind_id == TRC_KIND_task_exit && step->thread &&
	    step->thread->process->ended) {
		member = step->thread->process->slots[fold->slot];
		if (member)
			forget_memory(member);
	}
	if (step->event.kind_id == TRC_KIND_block_io)
		use_disk(fold, step, (const struct trc_block_io *)record);
	else if (step->event.kind_id == TRC_KIND_memory_resident)
		use_memory(fold, (const struct trc_memory_resident *)record);
	else if (step->event.kind_id == TRC_KIND_uring_complete && step->thread)
		use_sockets(fold, step, member_of(fold, step->thread->process, record->ts)->cgroup);
}

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	struct cgroup *cgroup;
	u64 ns = span->end_ns - span->start_ns;

	if (!shown)
		return;
	cgroup = member_of(fold, thread->process, span->end_ns)->cgroup;
	if (span->state == SPAN_user || span->state == SPAN_system)
		cgroup->cpu_ns += ns;
	else if (span->state == SPAN_preempted || span->state == SPAN_runnable)
		cgroup->runqueue_ns += ns;
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct member *member = process->slots[fold->slot];

	if (!member)
		return;
	forget_memory(member);
	string_unref((struct string *)member->path);
	free(member);
	process->slots[fold->slot] = NULL;
}

static void put_row(struct fold *fold, struct value path, const struct cgroup *cgroup)
{
	const struct state *state = fold->state;
	struct value row[COLUMN_COUNT] = {};

	if (!cgroup->process_count)
		return;
	row[COLUMN_cgroup] = path;
	row[COLUMN_process_count] = value_int((s64)cgroup->process_count);
	row[COLUMN_cpu_ns] = value_int((s64)cgroup->cpu_ns);
	row[COLUMN_runqueue_ns] = value_int((s64)cgroup->runqueue_ns);
	row[COLUMN_call_count] = value_int((s64)cgroup->call_count);
	if (state->has_memory)
		row[COLUMN_memory_max_bytes] = value_int((s64)cgroup->memory_max);
	if (cgroup->memory_max)
		row[COLUMN_memory_max_ts_ns] = value_int((s64)cgroup->memory_max_ts);
	for (unsigned i = 0; i < 2; i++) {
		if (state->has_disk)
			row[COLUMN_disk_read_bytes + i] = value_int((s64)cgroup->disk_bytes[i]);
		row[COLUMN_net_receive_bytes + i] = value_int((s64)cgroup->net_bytes[i]);
		row[COLUMN_local_receive_bytes + i] = value_int((s64)cgroup->local_bytes[i]);
	}
	row[COLUMN_complete] = value_int(!walk_is_lossy(
		fold->walk, 0, fold->walk->selection.from_ns, fold->walk->selection.to_ns));
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	const struct state *state = fold->state;

	for (size_t i = 0; i < state->by_path.count; i++) {
		const struct text_map_entry *entry = &state->by_path.entries[i];

		put_row(fold, value_bytes(entry->key, entry->key_len), entry->value);
	}
	put_row(fold, value_null(), &state->unknown);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	text_map_release(&state->by_path);
	text_map_release(&state->by_id);
}

const struct metric metric_cgroup_usage = {
	.table = { .name = "cgroup_usage",
		   .doc = "CPU, memory, disk and network per cgroup",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "cpu_ns",
		   .brief = "cgroup,process_count,cpu_ns,runqueue_ns,memory_max_bytes,"
			    "disk_read_bytes,disk_write_bytes,net_receive_bytes,net_send_bytes" },
	.classes = FILE_CLASSES | 1ull << TRC_CLASS_MEMORY | 1ull << TRC_CLASS_SIGNAL,
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.span = span,
	.process_gone = process_gone,
	.finish = finish,
	.release = release,
};
