/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/path.h"
#include "common/alloc.h"

#include <stdlib.h>

/* What is long ago in a chain becomes so many sums, the last of them of all the rest. */
#define SUMS_MAX  256
#define FOLDS_MAX 16

static bool is_same(const struct path_node *a, const struct path_node *b)
{
	return a->who == b->who && a->object == b->object && a->state == b->state &&
	       a->reason == b->reason && a->nr == b->nr && a->abi == b->abi;
}

static struct path_node *sum_of(struct paths *paths, struct path_node **sums, size_t *count,
				const struct path_node *node)
{
	for (size_t i = 0; i < *count; i++)
		if (is_same(sums[i], node))
			return sums[i];
	if (*count == SUMS_MAX)
		return sums[SUMS_MAX - 1];
	sums[*count] = path_node_new(paths, *count == SUMS_MAX - 1 ? NULL : node->who);
	sums[*count]->count = 0;
	sums[*count]->start_ns = UINT64_MAX;
	if (*count < SUMS_MAX - 1) {
		sums[*count]->object = object_ref(node->object);
		sums[*count]->state = node->state;
		sums[*count]->reason = node->reason;
		sums[*count]->nr = node->nr;
		sums[*count]->abi = node->abi;
	} else {
		sums[*count]->state = SPAN_unknown;
	}
	return sums[(*count)++];
}

static int by_end(const void *a, const void *b)
{
	const struct path_node *x = *(struct path_node *const *)a,
			       *y = *(struct path_node *const *)b;

	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

/* The sums of a chain, as a chain. One reference, the caller's. */
static struct path_node *fold_chain(struct paths *paths, const struct path_node *node)
{
	struct path_node *sums[SUMS_MAX], *chain = NULL;
	size_t count = 0;

	for (; node; node = node->parent) {
		struct path_node *sum;

		if (node->jump)
			continue;
		sum = sum_of(paths, sums, &count, node);
		sum->ns += node->ns;
		sum->system_ns += node->system_ns;
		sum->count += node->count;
		if (node->start_ns < sum->start_ns)
			sum->start_ns = node->start_ns;
		if (node->end_ns > sum->end_ns)
			sum->end_ns = node->end_ns;
	}
	qsort(sums, count, sizeof(struct path_node *), by_end);
	for (size_t i = 0; i < count; i++) {
		if (sums[i]->count < 2) /* it is no node to go on from */
			sums[i]->count = 2;
		sums[i]->parent = chain;
		chain = sums[i];
	}
	return chain;
}

/* From a tip back to where the chain is old; what another tip led to is done already. */
static void fold_below(struct paths *paths, struct path_node *node, u64 before_ns)
{
	for (; node && node->walked != paths->folding; node = node->parent) {
		struct path_node *old = node->parent;

		node->walked = paths->folding;
		if (!old || old->end_ns > before_ns || old->count > 1)
			continue;
		if (!old->folded) {
			old->folded = fold_chain(paths, old);
			ARRAY_RESERVE(paths->old, paths->old_capacity, paths->old_count + 1);
			paths->old[paths->old_count++] = path_node_ref(old);
		}
		node->parent = path_node_ref(old->folded);
		path_node_unref(paths, old);
		return;
	}
}

static void fold_before(struct paths *paths, u64 before_ns)
{
	paths->folding++;
	for (struct path *path = paths->first; path; path = path->next)
		fold_below(paths, path->tip, before_ns);
	for (size_t i = 0; i < paths->old_count; i++) {
		struct path_node *old = paths->old[i], *folded = old->folded;

		old->folded = NULL;
		path_node_unref(paths, folded);
		path_node_unref(paths, old);
	}
	paths->old_count = 0;
}

void paths_fold(struct paths *paths, u64 now_ns)
{
	for (unsigned i = 0; i < FOLDS_MAX && paths->node_count > paths->node_max / 2; i++) {
		if (now_ns > paths->folded_ns)
			paths->folded_ns += (now_ns - paths->folded_ns + 1) / 2;
		fold_before(paths, paths->folded_ns);
	}
	/* What many threads hold of their own cannot be folded. */
	if (paths->node_max < paths->node_count * 2)
		paths->node_max = paths->node_count * 2;
}
