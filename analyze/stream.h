/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All events of a trace in the order of time.
 *
 * Chunks are merged by their time ranges: a chunk is decoded when the walk reaches its first event and
 * dropped after its last, so memory depends on how many chunks overlap, not on the length of the trace.
 * Events of the same nanosecond come by class (TASK first), then CPU, then place in the file.
 *
 * Records reach the caller in this program's own layout (struct trc_NAME): where the file's schema
 * differs they are rebuilt field by name, with zeros where the file has nothing.
 *
 * The one exception, for speed: a struct trc_syscall may leave out trailing arguments, and its tail
 * begins right after head.words words. Its fields up to duration_ns are always there; argN only if bit
 * N of the arguments is not in `missing`. Use syscall_arg(), never record->argN.
 */
#pragma once

#include "common/trace_reader.h"

struct event {
	const struct trc_head
		*record; /* struct trc_NAME if kind_id is one of ours; valid until the next call */
	const struct trc_head
		*raw; /* as the file has it: what `kind` describes; often the same as record */
	const struct schema_kind *kind; /* as the file describes it; NULL if it does not */
	u16 kind_id; /* enum trc_kind of this program; TRC_KIND_none for a kind unknown to it */
	u64 missing; /* bit i: field i of our kind is not in the record: its value is unknown, not 0 */
	u32 section;
};

struct stream;

struct stream_options {
	u64 from_ns,
		to_ns; /* chunks that lie outside are skipped, but of TASK, and of OBJECT those before; 0, UINT64_MAX for all */
	u64 classes;   /* bit per enum trc_class; 0 means all */
	/* Of the same nanosecond FUTEX before SYSCALL: what a futex event says of a call is known before that. */
	bool futex_first;
};

int stream_open(struct trace_reader *reader, const struct stream_options *options,
		struct stream **ret_stream);
/* True and the next event, false at the end. Damage is noted in the reader. */
bool stream_next(struct stream *stream, struct event *ret_event);
void stream_close(struct stream *stream);
/* Share of the chunks taken up so far, 0…1. */
double stream_progress(const struct stream *stream);

/* Does the record of one of our kinds have the field at this offset of its struct? */
bool event_has(const struct event *event, size_t offset);

/* Words of a syscall record that are always there. */
#define SYSCALL_WORDS_MIN 6

static inline unsigned syscall_arg_count(const struct trc_syscall *record)
{
	return record->head.words - SYSCALL_WORDS_MIN;
}

/* Argument 0…5; 0 if the record does not have it. */
static inline u64 syscall_arg(const struct trc_syscall *record, unsigned index)
{
	return index < syscall_arg_count(record) ? (&record->arg0)[index] : 0;
}
