/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables file and file_access: what was done to each file, by all and by each process. */
#include "analyze/decode/decode.h"
#include "analyze/metrics/file_stats.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/dirs.h"

/* A program that touches ever new files: those that come later share a row. */
#define FILES_MAX 65536

#define PATH_COLUMNS(C)                                                                            \
	C(path, TEXT, NONE,                                                                        \
	  "absolute path: of what was opened as the kernel has it, else as the caller gave it, "   \
	  "links not followed; (elsewhere): too many")                                             \
	C(type, TEXT, NONE, "file, directory, device …; NULL: it was never opened")                \
	C(open_count, INTEGER, COUNT, "calls that opened it, or tried to")                         \
	C(open_ns, INTEGER, NS, "sum of their durations")                                          \
	C(path_count, INTEGER, COUNT,                                                              \
	  "calls that were given its path and open nothing: stat, "                                \
	  "access, unlink …")                                                                      \
	C(path_ns, INTEGER, NS, "sum of their durations")                                          \
	C(never_closed_count, INTEGER, COUNT,                                                      \
	  "times that a process opened it, and it was open to the end of its last process or of "  \
	  "the trace")                                                                             \
	C(first_ts_ns, INTEGER, TS, "end of the first call")                                       \
	C(last_ts_ns, INTEGER, TS, "end of the last call")                                         \
	FILE_STATS_COLUMNS(C)

#define FILE_COLUMNS(C)                                                                            \
	C(process_count, INTEGER, COUNT, "processes that did something to it")                     \
	PATH_COLUMNS(C)

#define ACCESS_COLUMNS(C)                                                                          \
	C(process_id, INTEGER, ID, "the process")                                                  \
	PATH_COLUMNS(C)

static const struct column file_columns[] = { FILE_COLUMNS(COLUMN_ROW) };
static const struct column access_columns[] = { ACCESS_COLUMNS(COLUMN_ROW) };

enum { ACCESS_COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
_Static_assert(ARRAY_SIZE(file_columns) == ARRAY_SIZE(access_columns), "the tables differ");

struct file_row {
	struct file_stats stats;
	u64 never_closed_count;
	u32 process_count; /* in the table of all */
	u32 number;	   /* in the table of all: its bit in processes' sets */
	u8 type;	   /* enum object_type */
};

struct state {
	struct text_map files; /* of the table of all */
	size_t long_bytes;
};

struct seen { /* of the table of all, a process's: which files it has touched */
	size_t capacity;
	u8 *bytes;
};

static struct file_row *row_get(struct fold *fold, struct text_map *map, const char *path,
				size_t len)
{
	struct state *state = fold->state;

	if (map->count >= FILES_MAX) {
		struct file_row *row = text_map_find(map, path, len);

		if (row)
			return row;
		path = TEXT_MAP_ELSEWHERE;
		len = strlen(path);
	}
	return text_map_get_path(map, &state->long_bytes, path, len);
}

/* Its path, if it is a thing that has one. */
static const struct string *file_path(const struct open_file *file)
{
	const struct string *name = file ? open_file_name(file) : NULL;

	return name && name->len && *name->data == '/' ? name : NULL;
}

/* ---- where the rows are ---- */

static struct text_map *access_map(struct fold *fold, struct process *process)
{
	struct text_map *map = process->slots[fold->slot];

	if (!map) {
		map = process->slots[fold->slot] = xcalloc(1, sizeof(*map));
		map->value_size = sizeof(struct file_row);
	}
	return map;
}

static void see(struct fold *fold, struct process *process, struct file_row *row)
{
	struct state *state = fold->state;
	struct seen *seen = process->slots[fold->slot];
	size_t byte;

	if (!row->number)
		row->number = (u32)state->files.count;
	byte = row->number / 8;
	if (!seen)
		seen = process->slots[fold->slot] = xcalloc(1, sizeof(*seen));
	ARRAY_RESERVE_ZERO(seen->bytes, seen->capacity, byte + 1);
	row->process_count += !(seen->bytes[byte] & 1u << row->number % 8);
	seen->bytes[byte] |= (u8)(1u << row->number % 8);
}

extern const struct metric metric_file_access;

static struct file_row *find_row(struct fold *fold, struct process *process, const char *path,
				 size_t len)
{
	struct state *state = fold->state;
	struct file_row *row;

	if (fold->metric == &metric_file_access)
		return row_get(fold, access_map(fold, process), path, len);
	row = row_get(fold, &state->files, path, len);
	see(fold, process, row);
	return row;
}

/* ---- calls ---- */

static void add_uses(struct fold *fold, const struct walk_step *step,
		     const struct trc_syscall *record, bool *ret_has_file)
{
	const struct file_use *uses;
	size_t count = step_uses(fold, step, &uses);

	*ret_has_file = false;
	for (size_t i = 0; i < count; i++) {
		const struct string *path = file_path(uses[i].file);
		struct file_row *row;

		if (!path)
			continue;
		row = find_row(fold, step->thread->process, path->data, path->len);
		row->type = uses[i].file->object->type;
		file_stats_add(&row->stats, uses[i].op, uses[i].bytes, step->event.record->ts,
			       record);
		*ret_has_file |= uses[i].op == FILE_OP_open;
	}
}

/* Each path that the call was given, with the directory that stands before it. */
static void add_paths(struct fold *fold, const struct walk_step *step,
		      const struct trc_syscall *record)
{
	const struct syscall_desc *desc =
		decoder_syscall(fold->walk->decoder, record->abi, record->nr);
	bool opens = desc && desc->properties & SYSCALL_RETURNS_FD;
	const struct trc_item *item = NULL;
	u8 last = 255;

	if (!desc || !(desc->classes & SYSCALL_FILE) || record->state == TRC_SYSCALL_NO_ENTER)
		return;
	while ((item = record_item_next(&record->head, &item))) {
		u8 i = item->field;
		s32 directory = DECODE_AT_FDCWD;
		struct file_row *row;

		if (i >= desc->arg_count || desc->args[i].type != ARG_PATH || i == last ||
		    item->state != TRC_ITEM_WHOLE || !item->len)
			continue;
		last = i;
		if (i && (desc->args[i - 1].type == ARG_DIRFD))
			directory = (s32)syscall_arg(record, i - 1u);
		text_clear(&fold->text);
		if (!thread_add_path(step->thread, directory, (const char *)trc_item_data(item),
				     item->len, &fold->text))
			continue;
		row = find_row(fold, step->thread->process, fold->text.data, fold->text.len);
		if (opens)
			file_stats_add(&row->stats, FILE_OP_open, 0, record->head.ts, record);
		else
			file_stats_add_path(&row->stats, record);
	}
}

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	bool opened;

	add_uses(fold, step, record, &opened);
	if (!opened)
		add_paths(fold, step, record);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	bool opened;

	if (step->event.kind_id == TRC_KIND_uring_complete)
		add_uses(fold, step, NULL, &opened);
}

/* ---- the end ---- */

static bool never_closed(const struct open_file *file)
{
	return file->origin != FILE_ORIGIN_found &&
	       (file->end == FILE_END_exit || file->end == FILE_END_open);
}

static void file_gone(struct fold *fold, struct open_file *file)
{
	struct state *state = fold->state;
	const struct string *path = file_path(file);
	struct file_row *row;

	if (!path || !never_closed(file))
		return;
	row = text_map_find(&state->files, path->data, path->len);
	if (row)
		row->never_closed_count++;
}

/* The process that opened it is told; it may be gone if others have it still. */
static void access_file_gone(struct fold *fold, struct open_file *file)
{
	const struct string *path = file_path(file);
	struct process *process;
	struct text_map *map;
	struct file_row *row;

	if (!path || !never_closed(file))
		return;
	process = model_process(fold->walk->model, file->pid);
	if (!process || process->id != file->process_id)
		return;
	map = process->slots[fold->slot];
	row = map ? text_map_find(map, path->data, path->len) : NULL;
	if (row)
		row->never_closed_count++;
}

static void put_row(struct fold *fold, struct value key, const struct text_map_entry *entry)
{
	const struct file_row *data = entry->value;
	const struct file_stats *stats = &data->stats;
	struct value row[COLUMN_COUNT];

	row[COLUMN_process_id] = key;
	row[COLUMN_path] = value_bytes(entry->key, entry->key_len);
	row[COLUMN_type] = data->type ? value_text(object_type_name(data->type)) : value_null();
	row[COLUMN_open_count] = value_int((s64)stats->counts[FILE_OP_open]);
	row[COLUMN_open_ns] = value_int((s64)stats->ns[FILE_OP_open]);
	row[COLUMN_path_count] = value_int((s64)stats->path_count);
	row[COLUMN_path_ns] = value_int((s64)stats->path_ns);
	row[COLUMN_never_closed_count] = value_int((s64)data->never_closed_count);
	row[COLUMN_first_ts_ns] = value_int((s64)stats->first_ns);
	row[COLUMN_last_ts_ns] = value_int((s64)stats->last_ns);
	file_stats_values(stats, fold, &row[COLUMN_read_count]);
	fold_row(fold, row);
}

static void access_process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct text_map *map = process->slots[fold->slot];

	if (!map)
		return;
	for (size_t i = 0; shown && i < map->count; i++)
		put_row(fold, value_int(process->id), &map->entries[i]);
	text_map_release(map);
	free(map);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct seen *seen = process->slots[fold->slot];

	if (seen)
		free(seen->bytes);
	free(seen);
}

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->files.value_size = sizeof(struct file_row);
}

static void finish(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->files.count; i++) {
		const struct file_row *data = state->files.entries[i].value;

		put_row(fold, value_int(data->process_count), &state->files.entries[i]);
	}
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	text_map_release(&state->files);
}

const struct metric metric_file = {
	.table = { .name = "file",
		   .doc = "files by path: who opened, read, wrote them, how long it took, what "
			  "failed",
		   .columns = file_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "process_count,open_count,path_count,read_count,read_bytes,write_count,"
			    "write_bytes,map_count,error_count,total_ns,path" },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.init = init,
	.call = call,
	.event = event,
	.process_gone = process_gone,
	.file_gone = file_gone,
	.finish = finish,
	.release = release,
};

const struct metric metric_file_access = {
	.table = { .name = "file_access",
		   .doc = "what each process did to each file",
		   .columns = access_columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "process_id,open_count,path_count,read_count,read_bytes,write_count,"
			    "write_bytes,map_count,error_count,errors,total_ns,path" },
	.classes = FILE_CLASSES,
	.state_size = sizeof(struct state),
	.call = call,
	.event = event,
	.process_gone = access_process_gone,
	.file_gone = access_file_gone,
};
