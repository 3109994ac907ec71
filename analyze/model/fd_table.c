/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/fd_table.h"

#include "analyze/model/fds_private.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

struct fd_table *fd_table_new(struct fds *fds)
{
	struct fd_table *table = xcalloc(1, sizeof(*table));

	table->references = 1;
	table->fds = fds;
	table->left_fd = -1;
	return table;
}

struct fd_table *fd_table_ref(struct fd_table *table)
{
	table->references++;
	return table;
}

/* False: not with this file. */
static bool reserve(struct fd_table *table, u32 need)
{
	u32 capacity = table->capacity ? table->capacity : 16;

	if (need <= table->capacity)
		return true;
	while (capacity < need)
		capacity *= 2;
	if (need > FD_MAX || table->fds->slot_count + capacity - table->capacity > FD_SLOTS_MAX)
		return false;
	table->fds->slot_count += capacity - table->capacity;
	table->slots = xreallocarray(table->slots, capacity, sizeof(*table->slots));
	memset(table->slots + table->capacity, 0,
	       (capacity - table->capacity) * sizeof(*table->slots));
	table->capacity = capacity;
	return true;
}

struct fd_table *fd_table_copy(const struct fd_table *table)
{
	struct fd_table *copy = fd_table_new(table->fds);
	u32 used = table->capacity;

	while (used && !table->slots[used - 1].file)
		used--;
	if (!used || !reserve(copy, used))
		return copy;
	memcpy(copy->slots, table->slots, used * sizeof(*copy->slots));
	for (u32 i = 0; i < used; i++)
		if (copy->slots[i].file)
			open_file_hold(copy->slots[i].file);
	return copy;
}

void fd_table_unref(struct fd_table *table, u64 now, enum file_end end)
{
	if (!table || --table->references)
		return;
	for (u32 i = 0; i < table->capacity; i++)
		if (table->slots[i].file)
			open_file_drop(table->fds, table->slots[i].file, now, end);
	open_file_unref(table->left);
	table->fds->slot_count -= table->capacity;
	free(table->slots);
	free(table);
}

struct fd_slot *fd_table_slot(const struct fd_table *table, s32 fd)
{
	return fd >= 0 && (u32)fd < table->capacity ? &table->slots[fd] : NULL;
}

static void leave(struct fd_table *table, s32 fd, struct open_file *file, u64 now,
		  enum file_end end)
{
	open_file_ref(file);
	open_file_unref(table->left);
	table->left = file;
	table->left_fd = fd;
	table->left_ns = now;
	open_file_drop(table->fds, file, now, end);
}

struct fd_slot *fd_table_put(struct fd_table *table, s32 fd, struct open_file *file, u64 now,
			     bool close_on_exec)
{
	struct open_file *old;
	struct fd_slot *slot;

	if (fd < 0 || fd >= FD_MAX || !reserve(table, (u32)fd + 1))
		return NULL;
	slot = &table->slots[fd];
	old = slot->file;
	open_file_hold(file);
	*slot = (struct fd_slot){ file, now, close_on_exec };
	if (old)
		leave(table, fd, old, now, FILE_END_close);
	return slot;
}

void fd_table_close(struct fd_table *table, s32 fd, u64 now, enum file_end end)
{
	struct fd_slot *slot = fd_table_slot(table, fd);
	struct open_file *file = slot ? slot->file : NULL;

	if (!file)
		return;
	*slot = (struct fd_slot){};
	leave(table, fd, file, now, end);
}

void fd_table_exec(struct fd_table *table, u64 now)
{
	for (u32 i = 0; i < table->capacity; i++)
		if (table->slots[i].file && table->slots[i].close_on_exec)
			fd_table_close(table, (s32)i, now, FILE_END_exec);
}
