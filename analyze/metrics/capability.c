/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Table capability: which capabilities the kernel asked for, by process, result and the call that was under way. A
 * check comes before the record of its call, so it waits for that.
 */
#include "analyze/call_names.h"
#include "analyze/decode/set.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	C(capability, TEXT, NONE, "CAP_…")                                                         \
	C(granted, INTEGER, BOOL, "1: it has it")                                                  \
	C(errno_name, TEXT, NONE, "what a refusal returned")                                       \
	C(call, TEXT, NONE, "system call in which it was asked; NULL: in none, or not seen")       \
	C(user_ns, INTEGER, NUMBER, "inode number of the user namespace that it was asked for")    \
	C(count, INTEGER, COUNT, "how often")                                                      \
	C(first_ns, INTEGER, TS, "first time")                                                     \
	C(complete, INTEGER, BOOL, "0: checks of this process may be missing")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

#define NO_CALL	    UINT32_MAX
#define PENDING_MAX 16

struct key {
	u32 capability, call, user_ns;
	s32 result;
};

struct checks {
	u64 count, first_ns;
};

struct check {
	u64 ts;
	struct key key;
};

struct pending { /* in the thread's slot; the sums are in that of its process */
	unsigned count;
	struct check checks[PENDING_MAX];
};

static void count_check(struct fold *fold, struct process *process, const struct check *check)
{
	struct text_map *map = process->slots[fold->slot];
	struct checks *checks;

	if (!map) {
		map = process->slots[fold->slot] = xcalloc(1, sizeof(*map));
		map->value_size = sizeof(struct checks);
	}
	checks = text_map_get(map, (const char *)&check->key, sizeof(check->key));
	if (!checks->count++)
		checks->first_ns = check->ts;
}

/* Up to a moment; those since `from_ns` were in the call. */
static void flush(struct fold *fold, struct thread *thread, u64 from_ns, u32 call)
{
	struct pending *pending = thread->slots[fold->slot];

	for (unsigned i = 0; pending && i < pending->count; i++) {
		if (pending->checks[i].ts >= from_ns)
			pending->checks[i].key.call = call;
		count_check(fold, thread->process, &pending->checks[i]);
	}
	if (pending)
		pending->count = 0;
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	struct pending *pending = step->thread->slots[fold->slot];

	if (pending && pending->count)
		flush(fold, step->thread, record->head.ts - record->duration_ns,
		      call_names_id(fold->walk->calls, record->abi, record->nr));
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_capability_check *record =
		(const struct trc_capability_check *)step->event.record;
	struct pending *pending;

	if (step->event.kind_id != TRC_KIND_capability_check || !step->thread)
		return;
	pending = step->thread->slots[fold->slot];
	if (!pending)
		pending = step->thread->slots[fold->slot] = xcalloc(1, sizeof(*pending));
	if (pending->count == PENDING_MAX)
		flush(fold, step->thread, UINT64_MAX, NO_CALL);
	pending->checks[pending->count++] =
		(struct check){ record->head.ts,
				{ record->capability, NO_CALL, record->user_ns, record->result } };
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	flush(fold, thread, UINT64_MAX, NO_CALL);
	free(thread->slots[fold->slot]);
	thread->slots[fold->slot] = NULL;
}

static void put_row(struct fold *fold, const struct process *process, const struct key *key,
		    const struct checks *checks, bool complete)
{
	struct value row[COLUMN_COUNT] = {};

	text_clear(&fold->text);
	value_set_add(&set_capability, key->capability, &fold->text);
	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_pid] = value_int(process->pid);
	row[COLUMN_comm] = value_string(process->comm);
	row[COLUMN_capability] = value_bytes(fold->text.data, fold->text.len);
	row[COLUMN_granted] = value_int(!key->result);
	if (key->result)
		row[COLUMN_errno_name] = value_text(
			decoder_errno_name(fold->walk->decoder, (u32) - (s64)key->result));
	if (key->call != NO_CALL)
		row[COLUMN_call] = value_text(call_names_get(fold->walk->calls, key->call)->name);
	row[COLUMN_user_ns] = value_int(key->user_ns);
	row[COLUMN_count] = value_int((s64)checks->count);
	row[COLUMN_first_ns] = value_int((s64)checks->first_ns);
	row[COLUMN_complete] = value_int(complete);
	fold_row(fold, row);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct text_map *map = process->slots[fold->slot];
	bool complete;

	if (!map)
		return;
	complete = !walk_is_lossy(fold->walk, TRC_KIND_capability_check, process->start_ns,
				  process->end_ns);
	for (size_t i = 0; i < map->count; i++) {
		struct key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		put_row(fold, process, &key, map->entries[i].value, complete);
	}
	text_map_free(&process->slots[fold->slot]);
}

const struct metric metric_capability = {
	.table = { .name = "capability",
		   .doc = "capabilities that the kernel asked for, per process, result and call "
			  "(record --events +capability)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "count",
		   .brief = "pid,comm,capability,granted,errno_name,call,count,first_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_SIGNAL | 1ull << TRC_CLASS_SYSCALL,
	.call = call,
	.event = event,
	.thread_gone = thread_gone,
	.process_gone = process_gone,
};
