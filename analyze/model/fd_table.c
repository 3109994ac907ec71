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

/* ---- slots ---- */

enum { LEAF_BITS = 5, GROUP_BITS = 10 };

static u32 leaf_of(u32 fd)
{
	return fd >> LEAF_BITS & 31;
}

struct fd_slot *fd_table_slot(const struct fd_table *table, s32 fd)
{
	u32 group = (u32)fd >> GROUP_BITS;
	struct fd_leaf *leaf;

	if (group >= table->group_count || !table->groups[group])
		return NULL;
	leaf = table->groups[group]->leaves[leaf_of((u32)fd)];
	return leaf && leaf->used >> (fd & 31) & 1 ? &leaf->slots[fd & 31] : NULL;
}

struct fd_slot *fd_table_next(const struct fd_table *table, u32 *fd)
{
	u32 at = *fd;

	while (at >> GROUP_BITS < table->group_count) {
		const struct fd_group *group = table->groups[at >> GROUP_BITS];
		u32 leaves = group ? group->used >> leaf_of(at) : 0, used;

		if (!leaves) {
			at = ((at >> GROUP_BITS) + 1) << GROUP_BITS;
			continue;
		}
		if (!(leaves & 1)) {
			at = ((at >> LEAF_BITS) + (u32)__builtin_ctz(leaves)) << LEAF_BITS;
			continue;
		}
		used = group->leaves[leaf_of(at)]->used >> (at & 31);
		if (used) {
			*fd = at + (u32)__builtin_ctz(used);
			return &group->leaves[leaf_of(at)]->slots[*fd & 31];
		}
		at = ((at >> LEAF_BITS) + 1) << LEAF_BITS;
	}
	return NULL;
}

static bool take_bytes(struct fd_table *table, size_t bytes)
{
	if (table->fds->table_bytes + bytes > FD_TABLES_MAX)
		return false;
	table->fds->table_bytes += bytes;
	return true;
}

/* NULL: not with this file. */
static struct fd_leaf *make_leaf(struct fd_table *table, u32 fd)
{
	u32 at = fd >> GROUP_BITS, count = table->group_count;
	struct fd_group *group;
	struct fd_leaf *leaf;

	if (at >= count) {
		if (!take_bytes(table, (at + 1 - count) * sizeof(*table->groups)))
			return NULL;
		table->groups = xreallocarray(table->groups, at + 1, sizeof(*table->groups));
		memset(table->groups + count, 0, (at + 1 - count) * sizeof(*table->groups));
		table->group_count = at + 1;
	}
	group = table->groups[at];
	if (!group) {
		if (!take_bytes(table, sizeof(*group)))
			return NULL;
		group = table->groups[at] = xcalloc(1, sizeof(*group));
	}
	leaf = group->leaves[leaf_of(fd)];
	if (!leaf) {
		if (!take_bytes(table, sizeof(*leaf)))
			return NULL;
		leaf = group->leaves[leaf_of(fd)] = xmalloc(sizeof(*leaf));
		leaf->used = 0;
		group->used |= 1u << leaf_of(fd);
	}
	return leaf;
}

/* It is not open any more. */
static void clear_slot(struct fd_table *table, u32 fd)
{
	struct fd_group *group = table->groups[fd >> GROUP_BITS];
	struct fd_leaf *leaf = group->leaves[leaf_of(fd)];

	table->open_count--;
	leaf->used &= ~(1u << (fd & 31));
	if (leaf->used)
		return;
	group->leaves[leaf_of(fd)] = NULL;
	group->used &= ~(1u << leaf_of(fd));
	table->fds->table_bytes -= sizeof(*leaf);
	free(leaf);
}

/* ---- tables ---- */

struct fd_table *fd_table_copy(const struct fd_table *table)
{
	struct fd_table *copy = fd_table_new(table->fds);
	const struct fd_slot *slot;

	if (!fds_afford(table->fds, table->open_count))
		return copy;
	for (u32 fd = 0; (slot = fd_table_next(table, &fd)); fd++) {
		struct fd_leaf *leaf = make_leaf(copy, fd);

		if (!leaf)
			break;
		leaf->used |= 1u << (fd & 31);
		leaf->slots[fd & 31] = *slot;
		copy->open_count++;
		open_file_hold(slot->file);
	}
	return copy;
}

void fd_table_unref(struct fd_table *table, u64 now, enum file_end end)
{
	struct fd_slot *slot;

	if (!table || --table->references)
		return;
	for (u32 fd = 0; (slot = fd_table_next(table, &fd)); fd++) {
		open_file_drop(table->fds, slot->file, now, end);
		clear_slot(table, fd);
	}
	open_file_unref(table->left);
	for (u32 i = 0; i < table->group_count; i++) {
		if (table->groups[i])
			table->fds->table_bytes -= sizeof(*table->groups[i]);
		free(table->groups[i]);
	}
	table->fds->table_bytes -= table->group_count * sizeof(*table->groups);
	free(table->groups);
	free(table);
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

bool fd_table_put(struct fd_table *table, s32 fd, struct open_file *file, u64 now,
		  bool close_on_exec)
{
	struct open_file *old = NULL;
	struct fd_leaf *leaf;
	u32 bit;

	if (fd < 0 || fd >= FD_MAX)
		return false;
	leaf = make_leaf(table, (u32)fd);
	if (!leaf)
		return false;
	bit = 1u << (fd & 31);
	if (leaf->used & bit)
		old = leaf->slots[fd & 31].file;
	else
		table->open_count++;
	leaf->used |= bit;
	open_file_hold(file);
	leaf->slots[fd & 31] = (struct fd_slot){ file, now, close_on_exec };
	if (old)
		leave(table, fd, old, now, FILE_END_close);
	return true;
}

void fd_table_close(struct fd_table *table, s32 fd, u64 now, enum file_end end)
{
	const struct fd_slot *slot = fd_table_slot(table, fd);
	struct open_file *file = slot ? slot->file : NULL;

	if (!file)
		return;
	clear_slot(table, (u32)fd);
	leave(table, fd, file, now, end);
}

void fd_table_exec(struct fd_table *table, u64 now)
{
	const struct fd_slot *slot;

	if (!fds_afford(table->fds, table->open_count))
		return;
	for (u32 fd = 0; (slot = fd_table_next(table, &fd)); fd++)
		if (slot->close_on_exec)
			fd_table_close(table, (s32)fd, now, FILE_END_exec);
}
