/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All events of a trace in the order of time.
 *
 * Chunks are merged by their time ranges: a chunk is decoded when the walk reaches its first event and
 * dropped after its last, so memory depends on how many chunks overlap, not on the length of the trace.
 * Records reach the caller in this program's own layout (struct trc_NAME): where the file's schema
 * differs they are rebuilt field by name.
 */
#pragma once

#include "common/trace_reader.h"

struct event {
	const struct trc_head *record;   /* struct trc_NAME if kind_id is one of ours; valid until the next call */
	const struct schema_kind *kind;  /* as the file describes it */
	u16 kind_id;                     /* enum trc_kind of this program; TRC_KIND_none for a kind unknown to it */
	u64 missing;                     /* bit i: field i of our kind is not in the record: its value is unknown, not 0 */
	u32 section;
};

struct stream;

struct stream_options {
	u64 from_ns, to_ns; /* chunks of other classes than TASK that lie outside are skipped; 0, UINT64_MAX for all */
	u64 classes;        /* bit per enum trc_class; 0 means all */
};

int stream_open(struct trace_reader *reader, const struct stream_options *options, struct stream **ret_stream);
/* True and the next event, false at the end. Damage is noted in the reader. */
bool stream_next(struct stream *stream, struct event *ret_event);
void stream_close(struct stream *stream);
