/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory of a flight recorder: the finished records of the trace, compressed, in stretches that each begin with
 * a snapshot. The oldest stretches go when they are not needed any more or there is no room.
 */
#pragma once

#include "common/trace_format.h"
#include "record/summary.h"

struct flight_record {
	struct flight_record *next;
	struct trace_head head;
	u8 payload[];
};

struct flight_stretch {
	struct flight_stretch *next;
	struct mark mark;	   /* at its beginning */
	u64 bytes, snapshot_bytes; /* the second is a part of the first */
	struct flight_record *first, **last;
};

struct flight;

/* At least the last `ns` (0: as much as fits), but never more than `bytes` and one chunk. */
struct flight *flight_new(u64 ns, u64 bytes);
void flight_free(struct flight *flight);
/* A trace_keep; any thread. */
int flight_keep(void *flight, const struct trace_head *head, const u8 *payload);

/* Is it time for a new stretch? */
bool flight_wants_cut(struct flight *flight, u64 now);
/* A new stretch begins; what is not needed any more goes. */
void flight_cut(struct flight *flight, const struct mark *mark);
/* The snapshot that the stretch begins with has been kept. */
void flight_told(struct flight *flight);
/* All that there is, oldest first; the memory is empty then, until the next flight_cut(). Free with flight_stretch_free(). */
struct flight_stretch *flight_take(struct flight *flight);
void flight_stretch_free(struct flight_stretch *stretch); /* and all behind it */
