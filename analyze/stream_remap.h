/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the records of one kind of a file become records of this program. */
#pragma once

#include "common/schema.h"

#define REMAP_ITEM_NONE 0xff

struct remap {
	const struct schema_kind *kind; /* as the file describes it */
	const struct schema_kind *ours;
	bool native;  /* both have the same layout */
	u8 words_min; /* native records of fewer words are rebuilt too */
	u64 absent;   /* bits of our fields that the file's kind lacks */
	const struct schema_field *from[SCHEMA_FIELDS_MAX]; /* per field of ours; NULL: absent */
	u8 item_to[256];  /* our index for an item's field; REMAP_ITEM_NONE */
	u64 missing[256]; /* per head.words of a native record: bits of our fields that it lacks */
};

/* Room for any rebuilt record. */
#define REMAP_SCRATCH (TRC_RECORD_MAX + SCHEMA_FIXED_MAX + 8)

/* `kind` is one whose name this program knows. */
void remap_init(struct remap *remap, const struct schema_kind *kind);
/* Rebuilds a checked record into `scratch` (REMAP_SCRATCH bytes, 8-byte aligned). */
const struct trc_head *remap_record(const struct remap *remap, const struct trc_head *record,
				    void *scratch, u64 *ret_missing);
