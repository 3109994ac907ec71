/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/below.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>

#define SIZE_FIRST 64
#define COUNT_MAX  (1u << 20) /* more are not kept */

/* That of the file, or the free one in which it belongs. */
static struct below_slot *slot_of(const struct below *below, u32 device, u64 inode)
{
	size_t i = hash_number(hash_number(0, device), inode) & (below->size - 1);
	struct below_slot *slot = &below->slots[i];

	while (slot->inode && (slot->below_inode != inode || slot->below_device != device)) {
		i = (i + 1) & (below->size - 1);
		slot = &below->slots[i];
	}
	return slot;
}

static void grow(struct below *below)
{
	struct below old = *below;

	below->size = old.size ? 2 * old.size : SIZE_FIRST;
	below->slots = xcalloc(below->size, sizeof(*below->slots));
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].inode)
			*slot_of(below, old.slots[i].below_device, old.slots[i].below_inode) =
				old.slots[i];
	free(old.slots);
}

void below_add(struct below *below, const struct trc_file_below *record)
{
	struct below_slot *slot;

	if (!record->inode || below->count >= COUNT_MAX)
		return;
	if (2 * below->count >= below->size)
		grow(below);
	slot = slot_of(below, record->below_device, record->below_inode);
	below->count += !slot->inode;
	*slot = (struct below_slot){ .below_inode = record->below_inode,
				     .below_device = record->below_device,
				     .inode = record->inode,
				     .device = record->device };
}

const struct below_slot *below_find(const struct below *below, u32 device, u64 inode)
{
	const struct below_slot *slot = below->size ? slot_of(below, device, inode) : NULL;

	return slot && slot->inode ? slot : NULL;
}

void below_release(struct below *below)
{
	free(below->slots);
	*below = (struct below){};
}
