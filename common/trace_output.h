/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The writer's end towards the file: whole records in, in order; index, repeated HEADER, END.
 * Used by one thread at a time.
 */
#pragma once

#include <stdatomic.h>

#include "common/trace_format.h"

struct trace_output {
	int fd;
	bool regular; /* a failed record can be cut off again */
	u64 base;     /* where in the file our label stands */
	u64 trace_id;
	u64 written; /* bytes of whole records, label included */
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

int trace_output_open(struct trace_output *output, int fd, const u8 uuid[16]);
/* Completes the head (trace id, seq, version, length, checksum of an uncompressed payload). 0 or the first -errno. */
int trace_output_record(struct trace_output *output, struct trace_head *head, const u8 *payload);
/* Repeats the HEADER, if there is one. */
int trace_output_header(struct trace_output *output);
int trace_output_end(struct trace_output *output, u64 index_at);
/* Notes an error that somebody else met. */
void trace_output_fail(struct trace_output *output, int error);
void trace_output_release(struct trace_output *output);
