/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans as metrics see them: cut at the window's ends and where the recording was paused, and marked
 * where events are missing.
 */
#pragma once

#include "analyze/metrics/metric.h"

struct interval {
	u64 first_ns, last_ns;
};

struct pieces { /* zero it first */
	const struct walk *walk;
	u64 from_ns, to_ns;
	size_t seen_count; /* of the walk's losses: those that are in the lists */
	size_t lossy_count, lossy_capacity;
	struct interval *lossy; /* in order, apart from each other */
	size_t pause_count, pause_capacity;
	struct interval *pauses;
};

void pieces_init(struct pieces *pieces, const struct walk *walk);
void pieces_release(struct pieces *pieces);
/* Moves *at to the end of the next piece; false: there is none. Start with *at = span->start_ns. */
bool pieces_next(struct pieces *pieces, const struct span *span, u64 *at, struct span *ret_piece);
