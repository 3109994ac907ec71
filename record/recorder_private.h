/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The recorder's parts: files (recorder_file.c) and a flight recorder's memory (recorder_flight.c). */
#pragma once

#include "record/recorder.h"

#define CHUNK_BYTES (1u << 20) /* raw, per stream: FORMAT.md, "Measured" */

/* --- files */

/* More workers than CPUs to spare would be in the way of what is recorded. */
u32 recorder_worker_count(void);
/* A writer to the open file, with the HEADER. */
int recorder_open_trace(struct recorder *r, u32 workers, struct trace_writer **ret_writer);
/* What must stand before the events of a file, or of a stretch of memory. */
int recorder_begin_part(struct recorder *r);
/*
 * Writes what the targets are and have open. What changes meanwhile is sent, too: each change is in one of the two, or
 * in both.
 */
int recorder_tell(struct recorder *r);
u64 recorder_event_count(const struct recorder *r);
int recorder_write_clock(struct trace_writer *writer);
/* Ends the open file after the events that it has. */
int recorder_close_trace(struct recorder *r, struct trace_writer *writer, const struct mark *from,
			 const struct mark *to, const struct ending *ending, int err);
/* To be called before a file, or a stretch of memory, is ended for another. */
int recorder_part(struct recorder *r);
/* The same where it ends for good: what is under way is in it, too. Sets *ret_end to the end. */
int recorder_end_part(struct recorder *r, struct mark *ret_end);
int recorder_note_losses(struct recorder *r);
int recorder_drain_once(void *recorder);
void recorder_set_mark(struct recorder *r, struct mark *mark, u64 now);

/* --- memory */

int recorder_open_memory(struct recorder *r);
/* A stretch of memory ends, the next begins; all that came so far is in the memory. */
int recorder_cut_memory(struct recorder *r);
/* Writes a file if an event has asked for it. */
int recorder_dump_if_triggered(struct recorder *r, u64 now);
/* The last file. */
int recorder_finish_flight(struct recorder *r, const struct mark *end, const struct ending *ending,
			   int err);
