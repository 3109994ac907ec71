/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table memory: a row per address space, so that threads and vfork's children are not counted twice. */
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/who.h"

#define RESIDENT "; NULL: it was not told"

#define COLUMNS(C)                                                                                 \
	C(space, INTEGER, NUMBER, "the address space, named for as long as the machine runs")      \
	C(process_id, INTEGER, ID, "process whose it is; NULL: unknown")                           \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its name then")                                                       \
	C(resident_max_bytes, INTEGER, BYTES,                                                      \
	  "most that it had in memory: files, anonymous and shared" RESIDENT)                      \
	C(resident_max_ts_ns, INTEGER, TS, "when that was")                                        \
	C(resident_last_bytes, INTEGER, BYTES, "the same at the last event of it")                 \
	C(file_max_bytes, INTEGER, BYTES, "most pages of files" RESIDENT)                          \
	C(anonymous_max_bytes, INTEGER, BYTES, "most anonymous pages" RESIDENT)                    \
	C(swap_max_bytes, INTEGER, BYTES, "most in swap" RESIDENT)                                 \
	C(shared_max_bytes, INTEGER, BYTES, "most shared memory" RESIDENT)                         \
	C(mapped_max_bytes, INTEGER, BYTES, "most mapped" RESIDENT)                                \
	C(data_max_bytes, INTEGER, BYTES,                                                          \
	  "most mapped private and writable, without the stack" RESIDENT)                          \
	C(exec_max_bytes, INTEGER, BYTES, "most mapped executable" RESIDENT)                       \
	C(stack_max_bytes, INTEGER, BYTES, "largest stack" RESIDENT)                               \
	C(heap_max_bytes, INTEGER, BYTES, "largest heap: up to the break" RESIDENT)                \
	C(first_ns, INTEGER, TS, "first event of it")                                              \
	C(last_ns, INTEGER, TS, "last event of it")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

enum { RESIDENT_FILE, RESIDENT_ANONYMOUS, RESIDENT_SWAP, RESIDENT_SHARED, RESIDENT_COUNT };

#define MAPPED_COUNT 5

struct space {
	struct who who;
	bool resident, mapped; /* told */
	u64 now[RESIDENT_COUNT], max[RESIDENT_COUNT];
	u64 resident_max, resident_max_ts;
	u64 mapped_max[MAPPED_COUNT];
	u64 first_ns, last_ns;
};

static void init(struct fold *fold)
{
	((struct text_map *)fold->state)->value_size = sizeof(struct space);
}

static struct space *space_of(struct fold *fold, u64 id, u64 ts)
{
	struct space *space = text_map_get(fold->state, (const char *)&id, sizeof(id));

	if (!space->first_ns)
		space->first_ns = ts;
	space->last_ns = ts;
	return space;
}

static u64 resident_now(const struct space *space)
{
	return space->now[RESIDENT_FILE] + space->now[RESIDENT_ANONYMOUS] +
	       space->now[RESIDENT_SHARED];
}

static void add_resident(struct fold *fold, const struct trc_memory_resident *record)
{
	struct space *space = space_of(fold, record->space, record->head.ts);
	u64 resident;

	space->resident = true;
	/* Another may have touched it: to reclaim pages, to look at it. */
	if (record->owner_pid)
		who_set(&space->who, model_leader(fold->walk->model, record->owner_pid));
	if (record->what >= RESIDENT_COUNT)
		return;
	space->now[record->what] = record->size_bytes;
	if (record->size_bytes > space->max[record->what])
		space->max[record->what] = record->size_bytes;
	resident = resident_now(space);
	if (resident <= space->resident_max)
		return;
	space->resident_max = resident;
	space->resident_max_ts = record->head.ts;
}

static void add_mapped(struct fold *fold, const struct thread *thread,
		       const struct trc_memory_mapped *record)
{
	struct space *space = space_of(fold, record->space, record->head.ts);
	const u64 sizes[MAPPED_COUNT] = { record->total_bytes, record->data_bytes,
					  record->exec_bytes, record->stack_bytes,
					  record->heap_bytes };

	space->mapped = true;
	if (!space->who.thread_id)
		who_set(&space->who, thread);
	for (unsigned i = 0; i < MAPPED_COUNT; i++)
		if (sizes[i] > space->mapped_max[i])
			space->mapped_max[i] = sizes[i];
}

static void event(struct fold *fold, const struct walk_step *step)
{
	if (step->event.kind_id == TRC_KIND_memory_resident)
		add_resident(fold, (const struct trc_memory_resident *)step->event.record);
	else if (step->event.kind_id == TRC_KIND_memory_mapped)
		add_mapped(fold, step->thread,
			   (const struct trc_memory_mapped *)step->event.record);
}

static void put_row(struct fold *fold, u64 id, const struct space *space)
{
	struct value row[COLUMN_COUNT] = {};

	row[COLUMN_space] = value_int((s64)id);
	row[COLUMN_process_id] = value_known(space->who.process_id, 0);
	row[COLUMN_pid] = value_known(space->who.pid, 0);
	row[COLUMN_comm] = value_string(space->who.comm);
	if (space->resident) {
		row[COLUMN_resident_max_bytes] = value_int((s64)space->resident_max);
		row[COLUMN_resident_max_ts_ns] = value_int((s64)space->resident_max_ts);
		row[COLUMN_resident_last_bytes] = value_int((s64)resident_now(space));
	}
	for (unsigned i = 0; space->resident && i < RESIDENT_COUNT; i++)
		row[COLUMN_file_max_bytes + i] = value_int((s64)space->max[i]);
	for (unsigned i = 0; space->mapped && i < MAPPED_COUNT; i++)
		row[COLUMN_mapped_max_bytes + i] = value_int((s64)space->mapped_max[i]);
	row[COLUMN_first_ns] = value_int((s64)space->first_ns);
	row[COLUMN_last_ns] = value_int((s64)space->last_ns);
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	struct text_map *map = fold->state;
	u64 id;

	for (size_t i = 0; i < map->count; i++) {
		memcpy(&id, map->entries[i].key, sizeof(id));
		put_row(fold, id, map->entries[i].value);
	}
}

static void release(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++)
		who_release(&((struct space *)map->entries[i].value)->who);
	text_map_release(map);
}

const struct metric metric_memory = {
	.table = { .name = "memory",
		   .doc = "what address spaces had in memory and mapped (record --events +memory)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "resident_max_bytes",
		   .brief = "pid,comm,resident_max_bytes,resident_max_ts_ns,anonymous_max_bytes,"
			    "file_max_bytes,shared_max_bytes,mapped_max_bytes,heap_max_bytes" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_MEMORY,
	.state_size = sizeof(struct text_map),
	.init = init,
	.event = event,
	.finish = finish,
	.release = release,
};
