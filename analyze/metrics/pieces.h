/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans as metrics see them: cut at the window's ends and where nobody can tell what threads did, and
 * marked where events are missing.
 */
#pragma once

#include "analyze/metrics/metric.h"
#include "analyze/model/intervals.h"

/*
 * A thread that is there all the time is cut wherever nothing was recorded, so that a few bytes of pauses and of
 * threads come to any number of pieces. A thousand threads through a thousand pauses are as many; from then on a span
 * that meets several is cut as if they were one.
 */
#define PIECES_CUTS_MAX (1u << 20)

struct pieces { /* zero it first */
	const struct walk *walk;
	u64 from_ns, to_ns;
	size_t seen_count;	/* of the walk's losses: those that are in the list */
	struct intervals lossy; /* of any kind */
	u32 cut_count;		/* at those behind which the same span meets another */
};

/* `whole`: of all the recording, whatever the window. */
void pieces_init(struct pieces *pieces, const struct walk *walk, bool whole);
void pieces_release(struct pieces *pieces);
/* Moves *at to the end of the next piece; false: there is none. Start with *at = span->start_ns. */
bool pieces_next(struct pieces *pieces, const struct span *span, u64 *at, struct span *ret_piece);
