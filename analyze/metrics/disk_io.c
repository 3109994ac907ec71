/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables disk_io (requests per device, operation and thread) and disk_file (per file that they were for). */
#include "analyze/metrics/latency.h"
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/who.h"

#define SUM_COLUMNS(C)                                                                             \
	C(count, INTEGER, COUNT, "requests that completed")                                        \
	C(bytes, INTEGER, BYTES, "bytes of these; parts of requests that are still under way too") \
	C(error_count, INTEGER, COUNT, "completions with an error")                                \
	LATENCY_COLUMNS(C, device_, "the times from the device's getting a request to its end")    \
	LATENCY_COLUMNS(                                                                           \
		C, queue_,                                                                         \
		"the times from a request's submission to the device's getting it, where seen")    \
	C(max_ts_ns, INTEGER, TS, "when the request that the device took longest for was done")

#define DISK_COLUMNS(C)                                                                            \
	C(device, TEXT, NONE, "the device, major:minor")                                           \
	C(op, TEXT, NONE, "read, write, flush, discard …")                                         \
	WHO_COLUMNS(C)                                                                             \
	C(dirtied_tid, INTEGER, NUMBER,                                                            \
	  "of writes: the thread that had last written to the file when the pages were written "   \
	  "back; NULL: none did, or it is that thread itself")                                     \
	C(dirtied_pid, INTEGER, NUMBER, "its pid")                                                 \
	SUM_COLUMNS(C)

#define FILE_COLUMNS(C)                                                                            \
	C(path, TEXT, NONE,                                                                        \
	  "the file; \"device 8:16\": the disk's own pages, as of the journal and what else a "    \
	  "file "                                                                                  \
	  "system keeps beside its files; NULL: its name was not seen, or it is none")             \
	C(inode, INTEGER, NUMBER, "its inode; NULL: the pages were of no file")                    \
	C(inode_device, TEXT, NONE, "device that holds the inode, major:minor")                    \
	C(op, TEXT, NONE, "as in disk_io")                                                         \
	SUM_COLUMNS(C)

#define DISK_ENUM(name, type, unit, doc) DISK_##name,
enum { DISK_COLUMNS(DISK_ENUM) DISK_COUNT };
static const struct column disk_columns[] = { DISK_COLUMNS(COLUMN_ROW) };

#define FILE_ENUM(name, type, unit, doc) FILE_##name,
enum { FILE_COLUMNS(FILE_ENUM) FILE_COUNT };
static const struct column file_columns[] = { FILE_COLUMNS(COLUMN_ROW) };

#define SUM_COUNT (DISK_COUNT - DISK_count)

struct sums {
	u64 count, bytes, error_count, max_ts;
	struct latency device, queue;
};

struct disk_key {
	u32 device, op, thread_id, tid, dirtied_tid, dirtied_tgid;
};

struct disk {
	struct who who;
	struct sums sums;
};

struct file_key {
	u64 inode;
	u32 device, op;
};

struct file {
	struct string *path;
	struct sums sums;
};

static const char *op_name(u32 op)
{
	static const char *const names[] = {
		[0] = "read",	      [1] = "write",	    [2] = "flush",
		[3] = "discard",      [5] = "secure erase", [7] = "zone append",
		[9] = "write zeroes", [34] = "driver in",   [35] = "driver out"
	};

	return op < ARRAY_SIZE(names) && names[op] ? names[op] : "other";
}

static void sums_add(struct sums *sums, const struct trc_block_io *record)
{
	sums->bytes += record->bytes;
	sums->error_count += record->error != 0;
	if (record->remaining_bytes)
		return;
	sums->count++;
	if (latency_is_worst(&sums->device, record->latency_ns))
		sums->max_ts = record->head.ts;
	latency_add(&sums->device, record->latency_ns);
	if (record->queue_ns)
		latency_add(&sums->queue, record->queue_ns);
}

static void sums_values(const struct sums *sums, struct value *values)
{
	values[0] = value_int((s64)sums->count);
	values[1] = value_int((s64)sums->bytes);
	values[2] = value_int((s64)sums->error_count);
	latency_values(&sums->device, &values[3]);
	latency_values(&sums->queue, &values[3 + LATENCY_COLUMN_COUNT]);
	values[SUM_COUNT - 1] = sums->count ? value_int((s64)sums->max_ts) : value_null();
}

static void sums_release(struct sums *sums)
{
	latency_release(&sums->device);
	latency_release(&sums->queue);
}

static void disk_init(struct fold *fold)
{
	((struct text_map *)fold->state)->value_size = sizeof(struct disk);
}

static void file_init(struct fold *fold)
{
	((struct text_map *)fold->state)->value_size = sizeof(struct file);
}

static void disk_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_block_io *record = (const struct trc_block_io *)step->event.record;
	struct disk_key key;
	struct disk *disk;

	if (step->event.kind_id != TRC_KIND_block_io)
		return;
	key = (struct disk_key){ .device = record->device,
				 .op = record->op,
				 .thread_id = thread_id_of(step->thread),
				 .tid = record->head.tid };
	if (record->dirtied_tid != record->head.tid) {
		key.dirtied_tid = record->dirtied_tid;
		key.dirtied_tgid = record->dirtied_tgid;
	}
	disk = text_map_get(fold->state, (const char *)&key, sizeof(key));
	disk->who.tid = record->head.tid;
	disk->who.pid = record->head.tgid;
	who_set(&disk->who, step->thread);
	sums_add(&disk->sums, record);
}

static void file_event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_block_io *record = (const struct trc_block_io *)step->event.record;
	struct file_key key;
	struct file *file;

	if (step->event.kind_id != TRC_KIND_block_io)
		return;
	key = (struct file_key){ record->inode, record->inode_device, record->op };
	file = text_map_get(fold->state, (const char *)&key, sizeof(key));
	if (record->inode && !file->path)
		file->path = inode_name(fold, record->inode_device, record->inode);
	sums_add(&file->sums, record);
}

static void disk_finish(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++) {
		const struct disk *disk = map->entries[i].value;
		struct value row[DISK_COUNT];
		struct disk_key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		row[DISK_device] = device_value(fold, key.device);
		row[DISK_op] = value_text(op_name(key.op));
		who_values(&disk->who, &row[DISK_thread_id]);
		row[DISK_dirtied_tid] = value_known(key.dirtied_tid, 0);
		row[DISK_dirtied_pid] = value_known(key.dirtied_tgid, 0);
		sums_values(&disk->sums, &row[DISK_count]);
		fold_row(fold, row);
	}
}

static void file_finish(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++) {
		struct file *file = map->entries[i].value;
		struct value row[FILE_COUNT];
		struct file_key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		/* A program's first pages are read before its exec tells what it is. */
		if (key.inode && !file->path)
			file->path = inode_name(fold, key.device, key.inode);
		row[FILE_path] = value_string(file->path);
		row[FILE_inode] = value_known(key.inode, 0);
		row[FILE_inode_device] = device_value(fold, key.device);
		row[FILE_op] = value_text(op_name(key.op));
		sums_values(&file->sums, &row[FILE_count]);
		fold_row(fold, row);
	}
}

static void disk_release(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++) {
		struct disk *disk = map->entries[i].value;

		who_release(&disk->who);
		sums_release(&disk->sums);
	}
	text_map_release(map);
}

static void file_release(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++) {
		struct file *file = map->entries[i].value;

		string_unref(file->path);
		sums_release(&file->sums);
	}
	text_map_release(map);
}

const struct metric metric_disk_io = {
	.table = { .name = "disk_io",
		   .doc = "requests to disks per device, operation and submitting thread "
			  "(record --events +block)",
		   .columns = disk_columns,
		   .column_count = DISK_COUNT,
		   .sort = "device_total_ns",
		   .brief = "device,op,tid,comm,dirtied_tid,count,bytes,error_count,device_p50_ns,"
			    "device_p99_ns,device_max_ns,queue_p50_ns,queue_max_ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_IO,
	.state_size = sizeof(struct text_map),
	.init = disk_init,
	.event = disk_event,
	.finish = disk_finish,
	.release = disk_release,
};

const struct metric metric_disk_file = {
	.table = { .name = "disk_file",
		   .doc = "requests to disks per file (record --events +block)",
		   .columns = file_columns,
		   .column_count = FILE_COUNT,
		   .sort = "device_total_ns",
		   .brief = "path,inode,op,count,bytes,device_total_ns,device_p50_ns,device_max_"
			    "ns" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_IO | WALK_FDS,
	.state_size = sizeof(struct text_map),
	.init = file_init,
	.event = file_event,
	.finish = file_finish,
	.release = file_release,
};
