/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The writer's end towards the file: whole records in, in order; index, repeated HEADER, END.
 * Used by one thread at a time.
 */
#pragma once

#include <stdatomic.h>

#include "common/trace_format.h"

/*
 * Asked ten times a second while a pipe takes nothing, with the bytes written so far: true gives the trace up with
 * -ECANCELED.
 */
typedef bool (*trace_gives_up)(void *context, u64 written);
/* Takes a finished record instead of a file. 0 or -errno. */
typedef int (*trace_keep)(void *context, const struct trace_head *head, const u8 *payload);

#define TRACE_WAIT_MS 100

struct trace_output {
	int fd;
	trace_keep keep; /* NULL: to the file */
	trace_gives_up gives_up;
	void *keep_context, *gives_up_context;
	bool threaded; /* another thread writes: the one that waits for it asks gives_up */
	bool regular;  /* a failed record can be cut off again */
	u64 base;      /* where in the file our label stands */
	u64 trace_id;
	_Atomic u64 written; /* bytes of whole records, label included; any thread may look */
	u64 seq;
	u64 event_count;
	_Atomic int error; /* the first, -errno; nothing is written after it; any thread may look */
	u64 header_at;	   /* of the last HEADER */
	struct trace_head header_head;
	u8 *header; /* its payload */
	u8 *index;  /* the heads so far, without their constant bytes */
	size_t index_len, index_capacity;
	bool index_dropped; /* it grew too large */
};

/* Zero it, but for fd or keep and for gives_up. */
int trace_output_open(struct trace_output *output, const u8 uuid[16]);
/* Completes the head (trace id, seq, version, length, checksum of an uncompressed payload). 0 or the first -errno. */
int trace_output_record(struct trace_output *output, struct trace_head *head, const u8 *payload);
/* Repeats the HEADER, if there is one. */
int trace_output_header(struct trace_output *output);
int trace_output_end(struct trace_output *output, u64 index_at);
/* Notes an error that somebody else met. */
void trace_output_fail(struct trace_output *output, int error);
void trace_output_release(struct trace_output *output);
