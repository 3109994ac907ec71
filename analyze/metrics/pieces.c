/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/pieces.h"

#include "analyze/loss.h"

#include <stdlib.h>

void pieces_init(struct pieces *pieces, const struct walk *walk, bool whole)
{
	const struct selection *selection = &walk->selection;

	pieces->walk = walk;
	pieces->seen_count = SIZE_MAX;
	pieces->from_ns = walk->start_ns;
	pieces->to_ns = walk->end_ns;
	if (!whole && selection->from_ns > pieces->from_ns)
		pieces->from_ns = selection->from_ns;
	if (!whole && selection->to_ns < pieces->to_ns)
		pieces->to_ns = selection->to_ns;
}

void pieces_release(struct pieces *pieces)
{
	free(pieces->lossy.list);
}

/* Damage becomes known while the file is read. */
static void refresh(struct pieces *pieces)
{
	const struct loss_list *list = pieces->walk->losses;

	loss_list_refresh(pieces->walk->losses, pieces->walk->reader);
	if (list->count == pieces->seen_count)
		return;
	pieces->seen_count = list->count;
	pieces->lossy.count = 0;
	for (size_t i = 0; i < list->count; i++)
		intervals_add(&pieces->lossy, list->losses[i].first_ns, list->losses[i].last_ns);
	intervals_settle(&pieces->lossy);
}

/* The last that begins before `ns`; there is one. */
static const struct interval *last_before(const struct intervals *intervals, u64 ns)
{
	size_t i = intervals_after(intervals, ns);

	return i < intervals->count && intervals->list[i].first_ns < ns ? &intervals->list[i]
									: &intervals->list[i - 1];
}

/* Where that cannot be told nothing is known, unless one wait went on from before to behind. */
static void cut_at_blind(struct pieces *pieces, const struct span *whole, struct span *piece)
{
	const struct intervals *blind = &pieces->walk->losses->blind;
	size_t i = intervals_after(blind, piece->start_ns);
	const struct interval *unseen, *last;

	/* All through them nothing was seen of it: it is one wait, and only what its end lies in cuts it. */
	if (i < blind->count && span_waits(whole->state) &&
	    whole->start_ns <= blind->list[i].first_ns && blind->list[i].last_ns <= whole->end_ns)
		i = intervals_after(blind, whole->end_ns);
	unseen = last = &blind->list[i];
	if (i == blind->count || unseen->first_ns >= piece->end_ns)
		return;
	if (unseen->first_ns > piece->start_ns) {
		piece->end_ns = unseen->first_ns;
		return;
	}
	if (i + 1 < blind->count && unseen[1].first_ns < piece->end_ns) {
		if (pieces->cut_count < PIECES_CUTS_MAX)
			pieces->cut_count++;
		else
			last = last_before(blind, piece->end_ns);
	}
	if (last->last_ns < piece->end_ns)
		piece->end_ns = last->last_ns;
	if (!span_waits(piece->state) || whole->start_ns > unseen->first_ns ||
	    whole->end_ns < last->last_ns)
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
	if (pieces->walk->losses->blind.count)
		cut_at_blind(pieces, span, ret_piece);
	if (pieces->lossy.count) {
		i = intervals_after(&pieces->lossy, ret_piece->start_ns);
		ret_piece->complete = i == pieces->lossy.count ||
				      pieces->lossy.list[i].first_ns >= ret_piece->end_ns;
	}
	*at = ret_piece->end_ns;
	if (*at < span->end_ns) { /* nobody ended it there */
		ret_piece->waker = NULL;
		ret_piece->waker_tid = 0;
		ret_piece->waker_context = WAKER_unknown;
	}
	return true;
}
