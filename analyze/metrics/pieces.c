/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/pieces.h"

#include "analyze/loss.h"
#include "common/alloc.h"

#include <stdlib.h>

void pieces_init(struct pieces *pieces, const struct walk *walk)
{
	const struct selection *selection = &walk->selection;

	pieces->walk = walk;
	pieces->seen_count = SIZE_MAX;
	pieces->from_ns = selection->from_ns > walk->start_ns ? selection->from_ns : walk->start_ns;
	pieces->to_ns = selection->to_ns < walk->end_ns ? selection->to_ns : walk->end_ns;
}

void pieces_release(struct pieces *pieces)
{
	free(pieces->lossy);
	free(pieces->pauses);
}

static int compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->first_ns < y->first_ns ? -1 : x->first_ns > y->first_ns;
}

/* In order, those that touch as one. */
static size_t merge(struct interval *intervals, size_t count)
{
	size_t kept = 0;

	if (!count)
		return 0;
	qsort(intervals, count, sizeof(*intervals), compare);
	for (size_t i = 1; i < count; i++) {
		if (intervals[i].first_ns > intervals[kept].last_ns)
			intervals[++kept] = intervals[i];
		else if (intervals[i].last_ns > intervals[kept].last_ns)
			intervals[kept].last_ns = intervals[i].last_ns;
	}
	return kept + 1;
}

/* Damage becomes known while the file is read. */
static void refresh(struct pieces *pieces)
{
	const struct loss_list *list = pieces->walk->losses;

	loss_list_refresh(pieces->walk->losses, pieces->walk->reader);
	if (list->count == pieces->seen_count)
		return;
	pieces->seen_count = list->count;
	pieces->lossy_count = pieces->pause_count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct loss *loss = &list->losses[i];
		struct interval interval = { loss->first_ns, loss->last_ns };

		ARRAY_RESERVE(pieces->lossy, pieces->lossy_capacity, pieces->lossy_count + 1);
		pieces->lossy[pieces->lossy_count++] = interval;
		if (loss->cause != TRC_LOST_PAUSED)
			continue;
		ARRAY_RESERVE(pieces->pauses, pieces->pause_capacity, pieces->pause_count + 1);
		pieces->pauses[pieces->pause_count++] = interval;
	}
	pieces->lossy_count = merge(pieces->lossy, pieces->lossy_count);
	pieces->pause_count = merge(pieces->pauses, pieces->pause_count);
}

/* The first that ends after `ns`; `count` if there is none. */
static size_t first_after(const struct interval *intervals, size_t count, u64 ns)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (intervals[middle].last_ns <= ns)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* In a pause nothing is known, unless one wait went on all through it. */
static void cut_at_pause(const struct pieces *pieces, struct span *piece)
{
	size_t i = first_after(pieces->pauses, pieces->pause_count, piece->start_ns);
	const struct interval *pause = &pieces->pauses[i];

	if (i == pieces->pause_count || pause->first_ns >= piece->end_ns)
		return;
	if (pause->first_ns > piece->start_ns) {
		piece->end_ns = pause->first_ns;
		return;
	}
	if (pause->last_ns < piece->end_ns)
		piece->end_ns = pause->last_ns;
	if (!span_waits(piece->state))
		*piece = (struct span){ .start_ns = piece->start_ns,
					.end_ns = piece->end_ns,
					.state = SPAN_unknown,
					.nr = SPAN_NO_CALL,
					.waker_context = WAKER_unknown };
}

bool pieces_next(struct pieces *pieces, const struct span *span, u64 *at, struct span *ret_piece)
{
	u64 end_ns = span->end_ns < pieces->to_ns ? span->end_ns : pieces->to_ns;
	size_t i;

	if (*at < pieces->from_ns)
		*at = pieces->from_ns;
	if (*at >= end_ns)
		return false;
	*ret_piece = *span;
	ret_piece->start_ns = *at;
	ret_piece->end_ns = end_ns;
	ret_piece->begins = span->begins && *at == span->start_ns;
	refresh(pieces);
	if (pieces->lossy_count) {
		if (pieces->pause_count)
			cut_at_pause(pieces, ret_piece);
		i = first_after(pieces->lossy, pieces->lossy_count, ret_piece->start_ns);
		ret_piece->complete =
			i == pieces->lossy_count || pieces->lossy[i].first_ns >= ret_piece->end_ns;
	}
	*at = ret_piece->end_ns;
	if (*at < span->end_ns) { /* nobody ended it there */
		ret_piece->waker = NULL;
		ret_piece->waker_tid = 0;
		ret_piece->waker_context = WAKER_unknown;
	}
	return true;
}
