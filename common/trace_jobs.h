/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compression and writing behind the writer: jobs are compressed in any order by the workers and
 * written in the order of their submission. Without workers the submitting thread does both.
 */
#pragma once

#include "common/trace_output.h"

#define TRACE_JOB_PARTS 4

struct trace_job {
	struct trace_head head; /* type, flags, stream, times, counts; the rest is filled in */
	u8 *mid;		/* one CBOR item of mid_len bytes, to be compressed */
	size_t mid_len, mid_capacity;
	size_t parts
		[TRACE_JOB_PARTS]; /* offsets at which unlike data meet, ascending; 0 where there is none */
	/* private */
	u8 *payload;
	size_t payload_capacity;
	u64 order;
	u8 state;
};

struct trace_jobs;

struct trace_jobs *trace_jobs_new(struct trace_output *output, int level, u32 worker_count);
/* An empty job; waits for one. Fill it in, submit it. */
struct trace_job *trace_jobs_take(struct trace_jobs *jobs);
void trace_jobs_submit(struct trace_jobs *jobs, struct trace_job *job);
/* What goes wrong is noted in the output. */
/* Events of chunks that could not be written. */
u64 trace_jobs_lost(struct trace_jobs *jobs);
/* Waits until all is written. */
void trace_jobs_drain(struct trace_jobs *jobs);
void trace_jobs_free(struct trace_jobs *jobs);
