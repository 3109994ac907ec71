/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/stream_remap.h"

#include "analyze/stream.h"

#include <string.h>

static bool same_layout(const struct schema_kind *a, const struct schema_kind *b)
{
	if (a->fixed_len != b->fixed_len || a->field_count != b->field_count ||
	    a->item_count != b->item_count)
		return false;
	for (size_t i = 0; i < a->field_count; i++) {
		const struct schema_field *fa = &a->fields[i], *fb = &b->fields[i];

		if (fa->offset != fb->offset || fa->size != fb->size || fa->type != fb->type ||
		    strcmp(fa->name, fb->name))
			return false;
	}
	for (size_t i = 0; i < a->item_count; i++)
		if (strcmp(a->items[i].name, b->items[i].name))
			return false;
	return true;
}

static void map_items(struct remap *remap)
{
	memset(remap->item_to, REMAP_ITEM_NONE, sizeof(remap->item_to));
	for (size_t i = 0; i < remap->kind->item_count; i++)
		for (size_t j = 0; j < remap->ours->item_count; j++)
			if (!strcmp(remap->kind->items[i].name, remap->ours->items[j].name))
				remap->item_to[i] = (u8)j;
}

static void map_fields(struct remap *remap)
{
	for (size_t i = 0; i < remap->ours->field_count; i++) {
		const struct schema_field *to = &remap->ours->fields[i];
		const struct schema_field *from = schema_field_by_name(remap->kind, to->name);

		/* A number never becomes a name, nor a name a number. */
		if (from && (from->type == TRC_TYPE_chars) != (to->type == TRC_TYPE_chars))
			from = NULL;
		remap->from[i] = from;
		if (!from)
			remap->absent |= 1ull << i;
	}
}

void remap_init(struct remap *remap, const struct schema_kind *kind)
{
	memset(remap, 0, sizeof(*remap));
	remap->kind = kind;
	remap->ours = schema_kind_by_name(schema_builtin(), kind->name);
	remap->native = same_layout(kind, remap->ours);
	remap->words_min = (u8)(remap->ours->fixed_len / 8);
	if (remap->ours->id == TRC_KIND_syscall)
		remap->words_min = SYSCALL_WORDS_MIN;
	map_items(remap);
	map_fields(remap);
	for (size_t words = 0; words < ARRAY_SIZE(remap->missing); words++)
		for (size_t i = 0; i < remap->ours->field_count; i++)
			if (remap->ours->fields[i].offset + remap->ours->fields[i].size > words * 8)
				remap->missing[words] |= 1ull << i;
}

static void store(void *to, size_t size, u64 value)
{
	u8 v1 = (u8)value;
	u16 v2 = (u16)value;
	u32 v4 = (u32)value;

	switch (size) {
	case 1:
		memcpy(to, &v1, 1);
		break;
	case 2:
		memcpy(to, &v2, 2);
		break;
	case 4:
		memcpy(to, &v4, 4);
		break;
	case 8:
		memcpy(to, &value, 8);
		break;
	}
}

/* One field; false if the record is too short to have it. */
static bool copy_field(const struct trc_head *record, const struct schema_field *from, u8 *out,
		       const struct schema_field *to)
{
	u64 value;

	if (from->type == TRC_TYPE_chars) {
		if (from->offset + from->size > record->words * 8u)
			return false;
		memcpy(out + to->offset, (const u8 *)record + from->offset,
		       from->size < to->size ? from->size : to->size);
		return true;
	}
	if (!record_field(record, from, &value))
		return false;
	store(out + to->offset, to->size, value);
	return true;
}

/* Items of the tail whose names we know, with our index. Returns their bytes. */
static size_t copy_items(const struct remap *remap, const struct trc_head *record, u8 *out)
{
	const struct trc_item *cursor = NULL, *item;
	size_t len = 0;

	while ((item = record_item_next(record, &cursor))) {
		size_t size = sizeof(*item) + ((item->len + 7u) & ~7u);
		u8 to = remap->native ? item->field : remap->item_to[item->field];

		if (to == REMAP_ITEM_NONE)
			continue;
		memcpy(out + len, item, size);
		((struct trc_item *)(out + len))->field = to;
		len += size;
	}
	return len;
}

const struct trc_head *remap_record(const struct remap *remap, const struct trc_head *record,
				    void *scratch, u64 *ret_missing)
{
	const struct schema_kind *ours = remap->ours;
	struct trc_head *head = scratch;
	u64 missing = remap->absent;
	size_t fixed = ours->fixed_len;

	memset(scratch, 0, ours->fixed_len);
	*head = *record;
	head->kind = ours->id;
	for (size_t i = 0; i < ours->field_count; i++)
		if (remap->from[i] &&
		    !copy_field(record, remap->from[i], scratch, &ours->fields[i]))
			missing |= 1ull << i;

	/* A call's words end with its last argument, as in a native record. */
	if (ours->id == TRC_KIND_syscall)
		for (size_t i = ours->field_count; i-- > 0; fixed = ours->fields[i].offset)
			if (!(missing & (1ull << i)) ||
			    ours->fields[i].offset < SYSCALL_WORDS_MIN * 8)
				break;

	head->words = (u8)(fixed / 8);
	head->len = (u16)(fixed + copy_items(remap, record, (u8 *)scratch + fixed));
	*ret_missing = missing;
	return head;
}
