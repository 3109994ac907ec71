/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table pagecache: pages of files that came into the page cache and left it, per file and thread. */
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/who.h"

#define COLUMNS(C)                                                                                 \
	C(path, TEXT, NONE, "the file, or \"device 8:16\": a disk's own pages; NULL: not seen")    \
	C(inode, INTEGER, NUMBER, "its inode")                                                     \
	C(device, TEXT, NONE, "device that holds the inode, or is it, major:minor")                \
	WHO_COLUMNS(C)                                                                             \
	C(added_count, INTEGER, COUNT, "times that pages were added")                              \
	C(added_bytes, INTEGER, BYTES, "pages added: read from the file, or written anew")         \
	C(deleted_count, INTEGER, COUNT, "times that pages were removed")                          \
	C(deleted_bytes, INTEGER, BYTES, "pages removed: cut off, dropped, reclaimed")             \
	C(first_ns, INTEGER, TS, "first event")                                                    \
	C(last_ns, INTEGER, TS, "last event")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

struct key {
	u64 inode;
	u32 device, thread_id;
};

struct pages {
	struct who who;
	struct string *path;
	u64 added_count, added_pages, deleted_count, deleted_pages, first_ns, last_ns;
};

static void init(struct fold *fold)
{
	((struct text_map *)fold->state)->value_size = sizeof(struct pages);
}

static void event(struct fold *fold, const struct walk_step *step)
{
	/* Both kinds have the same fields. */
	const struct trc_pagecache_add *record =
		(const struct trc_pagecache_add *)step->event.record;
	bool added = step->event.kind_id == TRC_KIND_pagecache_add;
	struct pages *pages;
	struct key key;

	if (!added && step->event.kind_id != TRC_KIND_pagecache_delete)
		return;
	key = (struct key){ record->inode, record->device, thread_id_of(step->thread) };
	pages = text_map_get(fold->state, (const char *)&key, sizeof(key));
	who_set(&pages->who, step->thread);
	if (!pages->path)
		pages->path = inode_name(fold, record->device, record->inode);
	if (!pages->first_ns)
		pages->first_ns = record->head.ts;
	pages->last_ns = record->head.ts;
	*(added ? &pages->added_count : &pages->deleted_count) += 1;
	*(added ? &pages->added_pages : &pages->deleted_pages) += record->pages;
}

static void finish(struct fold *fold)
{
	struct text_map *map = fold->state;
	u64 page_size = fold->walk->meta->page_size;

	for (size_t i = 0; i < map->count; i++) {
		struct pages *pages = map->entries[i].value;
		struct value row[COLUMN_COUNT];
		struct key key;

		memcpy(&key, map->entries[i].key, sizeof(key));
		/* A program's first pages are read before its exec tells what it is. */
		if (!pages->path)
			pages->path = inode_name(fold, key.device, key.inode);
		row[COLUMN_path] = value_string(pages->path);
		row[COLUMN_inode] = value_int((s64)key.inode);
		row[COLUMN_device] = device_value(fold, key.device);
		who_values(&pages->who, &row[COLUMN_thread_id]);
		row[COLUMN_added_count] = value_int((s64)pages->added_count);
		row[COLUMN_added_bytes] = value_int((s64)(pages->added_pages * page_size));
		row[COLUMN_deleted_count] = value_int((s64)pages->deleted_count);
		row[COLUMN_deleted_bytes] = value_int((s64)(pages->deleted_pages * page_size));
		row[COLUMN_first_ns] = value_int((s64)pages->first_ns);
		row[COLUMN_last_ns] = value_int((s64)pages->last_ns);
		fold_row(fold, row);
	}
}

static void release(struct fold *fold)
{
	struct text_map *map = fold->state;

	for (size_t i = 0; i < map->count; i++) {
		struct pages *pages = map->entries[i].value;

		who_release(&pages->who);
		string_unref(pages->path);
	}
	text_map_release(map);
}

const struct metric metric_pagecache = {
	.table = { .name = "pagecache",
		   .doc = "pages that entered and left the page cache per file and thread "
			  "(record --events +pagecache)",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "added_bytes",
		   .brief = "path,inode,tid,comm,added_count,added_bytes,deleted_count,"
			    "deleted_bytes" },
	.classes = 1ull << TRC_CLASS_TASK | 1ull << TRC_CLASS_MEMORY | WALK_FDS,
	.state_size = sizeof(struct text_map),
	.init = init,
	.event = event,
	.finish = finish,
	.release = release,
};
