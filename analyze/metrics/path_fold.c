/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/path.h"
#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>

/* What is long ago in a chain becomes so many sums of one kind each, and one of all the rest. */
#define KINDS_MAX 255
#define FOLDS_MAX 16

static bool is_same(const struct path_node *a, const struct path_node *b)
{
	return a->who == b->who && a->object == b->object && a->state == b->state &&
	       a->reason == b->reason && a->nr == b->nr && a->abi == b->abi;
}

struct sums {
	struct paths *paths;
	struct path_node *nodes[KINDS_MAX + PATH_SIDES];
	size_t count, kind_count;
	struct path_node *rest[PATH_SIDES]; /* outside the window it is all */
	u16 slots[2 * KINDS_MAX + 2];	    /* open addressing; index + 1, 0: free */
};

static u64 hash_node(const struct path_node *node)
{
	u64 hash = hash_number(hash_number(0, (uintptr_t)node->who), (uintptr_t)node->object);

	return hash_number(hash, (u64)node->nr << 32 | (u32)node->abi << 16 | node->state << 8 |
					 node->reason);
}

static struct path_node *add_sum(struct sums *sums, struct path_who *who)
{
	struct path_node *sum = path_node_new(sums->paths, who);

	sum->count = 0;
	sum->start_ns = UINT64_MAX;
	sum->state = SPAN_unknown;
	return sums->nodes[sums->count++] = sum;
}

static struct path_node *add_kind(struct sums *sums, const struct path_node *node)
{
	struct path_node *sum = add_sum(sums, node->who);

	sums->kind_count++;
	sum->object = object_ref(node->object);
	sum->state = node->state;
	sum->reason = node->reason;
	sum->nr = node->nr;
	sum->abi = node->abi;
	return sum;
}

static struct path_node *rest_of(struct sums *sums, enum path_side side)
{
	if (!sums->rest[side])
		sums->rest[side] = add_sum(sums, NULL);
	return sums->rest[side];
}

static struct path_node *sum_of(struct sums *sums, const struct path_node *node)
{
	enum path_side side = path_side(sums->paths, node->start_ns);
	size_t i = hash_node(node) % ARRAY_SIZE(sums->slots);

	if (side != PATH_WITHIN)
		return rest_of(sums, side);
	for (; sums->slots[i]; i = (i + 1) % ARRAY_SIZE(sums->slots))
		if (is_same(sums->nodes[sums->slots[i] - 1], node))
			return sums->nodes[sums->slots[i] - 1];
	if (sums->kind_count == KINDS_MAX)
		return rest_of(sums, side);
	sums->slots[i] = (u16)(sums->count + 1);
	return add_kind(sums, node);
}

static int by_end(const void *a, const void *b)
{
	const struct path_node *x = *(struct path_node *const *)a,
			       *y = *(struct path_node *const *)b;

	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

/* It keeps its place, so that every part has a node; of an old one nothing is told. */
static struct path_node *old_jump(struct paths *paths, const struct path_node *jump)
{
	struct path_node *node = path_node_new(paths, NULL);

	node->jump = true;
	node->start_ns = node->end_ns = jump->end_ns;
	return node;
}

/*
 * The sums of what is in a chain from *node on up to where another tip's joins it, which becomes *node, as a chain;
 * returns where it goes on. One reference, the caller's.
 */
static struct path_node **fold_part(struct paths *paths, struct path_node **node,
				    struct path_node **ret_chain)
{
	struct sums sums = { .paths = paths };
	const struct path_node *first = *node;
	struct path_node *chain = NULL;

	do {
		struct path_node *sum;

		if ((*node)->jump)
			continue;
		sum = sum_of(&sums, *node);
		sum->ns += (*node)->ns;
		sum->system_ns += (*node)->system_ns;
		sum->count += (*node)->count;
		if ((*node)->start_ns < sum->start_ns)
			sum->start_ns = (*node)->start_ns;
		if ((*node)->end_ns > sum->end_ns)
			sum->end_ns = (*node)->end_ns;
	} while ((*node = (*node)->parent) && (*node)->joined != paths->folding &&
		 !(*node)->pending);
	if (!sums.count)
		sums.nodes[sums.count++] = old_jump(paths, first);
	qsort(sums.nodes, sums.count, sizeof(struct path_node *), by_end);
	for (size_t i = 0; i < sums.count; i++) {
		sums.nodes[i]->is_sum = true;
		sums.nodes[i]->parent = chain;
		chain = sums.nodes[i];
	}
	chain->joined = paths->folding; /* an old node may have it before it is summed up itself */
	*ret_chain = chain;
	return &sums.nodes[0]->parent;
}

/*
 * The same of a whole chain. Each part is summed up once and shared, or n tips of one chain would take n times as
 * long and as much; what is a sum already and shared stays, and what is to find its place yet.
 */
static struct path_node *fold_chain(struct paths *paths, struct path_node *node)
{
	struct path_node *chain = NULL, **end = &chain;

	while (node && !node->folded && !node->is_sum && !node->pending) {
		struct path_node *part = node, **part_end = fold_part(paths, &node, end);

		part->folded = path_node_ref(*end);
		ARRAY_RESERVE(paths->old, paths->old_capacity, paths->old_count + 1);
		paths->old[paths->old_count++] = path_node_ref(part);
		end = part_end;
	}
	if (node)
		*end = path_node_ref(node->folded ? node->folded : node);
	return chain;
}

/* From here on what lies behind the node is summed up. */
static struct path_node *add_young(struct paths *paths, struct path_node *node)
{
	ARRAY_RESERVE(paths->young, paths->young_capacity, paths->young_count + 1);
	paths->young[paths->young_count++] = node;
	node->parent->joined = paths->folding;
	return node->parent;
}

/*
 * From a tip back to where the chain is old; what another tip led to is done already. Behind sums there may be more to
 * sum up: a jump that has found its place since.
 */
static void find_old(struct paths *paths, struct path_node *tip, u64 before_ns)
{
	struct path_node *old = NULL;

	for (struct path_node *node = tip; node && node->walked != paths->folding && !old;
	     node = node->parent) {
		node->walked = paths->folding;
		if (!node->parent || (node->parent->end_ns > before_ns && !node->parent->is_sum))
			continue;
		old = add_young(paths, node);
	}
	for (; old && old->passed != paths->folding; old = old->parent) {
		old->passed = paths->folding;
		if (old->is_sum && old->parent && !old->parent->is_sum && !old->parent->pending)
			add_young(paths, old);
	}
	if (old)
		old->joined = paths->folding;
}

static void fold_before(struct paths *paths, u64 before_ns)
{
	paths->folding++;
	for (struct path *path = paths->first; path; path = path->next) {
		find_old(paths, path->tip, before_ns);
		for (size_t i = 0; i < path->wake_count; i++)
			find_old(paths, path->wakes[i], before_ns);
	}
	for (size_t i = 0; i < paths->young_count; i++) {
		struct path_node *young = paths->young[i], *old = young->parent;

		young->parent = fold_chain(paths, old);
		path_node_unref(paths, old);
	}
	paths->young_count = 0;
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
