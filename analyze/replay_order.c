/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/replay_order.h"

#include "analyze/model/idmap.h"
#include "common/alloc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PASS_FACTOR   64
#define PASSES_MAX    11 /* 64^11 > 2^64 */
#define WINDOW_MIN_NS 1000000
#define HELD_BYTES    (512u << 20) /* twice a window of the longest calls that are recorded */
#define MOVED_MAX     256	   /* items, to make room for one among those that are sorted */

struct pass {
	struct walk *walk;
	u64 shortest_ns, longest_ns; /* what it takes; the upper end excluded, UINT64_MAX is none */
	u64 read_ns;		     /* no event that is still to come ended before this */
	bool at_end;
	struct item_queue queue; /* by begin */
	struct replay_waits waits;
	/* The old tid of a thread that became the leader by execve, until that call's record comes. */
	struct idmap renamed;
	struct text scratch;
};

struct replay_order {
	struct pass passes[PASSES_MAX];
	size_t pass_count;
	struct pass *first; /* has the next item; NULL: to be found */
	size_t held, held_max;
	size_t bytes; /* of all items that are not put back */
};

/* ---- the queue ---- */

static bool earlier(const struct replay_item *a, const struct replay_item *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

/* Behind all that are not later. Looks near the end first. */
static size_t queue_place(const struct item_queue *queue, const struct replay_item *item)
{
	size_t low = queue->first, high = queue->end;

	for (size_t step = 1; high > low && earlier(item, queue->items[high - 1]); step *= 2) {
		size_t probe = high - low > step ? high - step : low;

		if (!earlier(item, queue->items[probe])) {
			low = probe + 1;
			break;
		}
		high = probe;
	}
	/* Unless the loop ended by itself, it lies in [low, high]. */
	while (low < high && earlier(item, queue->items[high - 1])) {
		size_t middle = (low + high) / 2;

		if (earlier(item, queue->items[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

static void heap_push(struct item_queue *queue, struct replay_item *item)
{
	size_t i = queue->heap_count++;

	ARRAY_RESERVE(queue->heap, queue->heap_capacity, queue->heap_count);
	for (; i && earlier(item, queue->heap[(i - 1) / 2]); i = (i - 1) / 2)
		queue->heap[i] = queue->heap[(i - 1) / 2];
	queue->heap[i] = item;
}

static struct replay_item *heap_pop(struct item_queue *queue)
{
	struct replay_item *first = queue->heap[0], *last = queue->heap[--queue->heap_count];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < queue->heap_count; i = child) {
		if (child + 1 < queue->heap_count &&
		    earlier(queue->heap[child + 1], queue->heap[child]))
			child++;
		if (!earlier(queue->heap[child], last))
			break;
		queue->heap[i] = queue->heap[child];
	}
	queue->heap[i] = last;
	return first;
}

void item_queue_push(struct item_queue *queue, struct replay_item *item)
{
	size_t place = queue_place(queue, item);

	if (queue->end - place > MOVED_MAX) {
		heap_push(queue, item);
		return;
	}
	if (queue->end == queue->capacity && queue->first > queue->capacity / 2) {
		memmove(queue->items, queue->items + queue->first,
			(queue->end - queue->first) * sizeof(struct replay_item *));
		place -= queue->first;
		queue->end -= queue->first;
		queue->first = 0;
	}
	ARRAY_RESERVE(queue->items, queue->capacity, queue->end + 1);
	memmove(queue->items + place + 1, queue->items + place,
		(queue->end - place) * sizeof(struct replay_item *));
	queue->items[place] = item;
	queue->end++;
}

struct replay_item *item_queue_first(const struct item_queue *queue)
{
	struct replay_item *sorted = queue->first < queue->end ? queue->items[queue->first] : NULL;

	if (queue->heap_count && (!sorted || earlier(queue->heap[0], sorted)))
		return queue->heap[0];
	return sorted;
}

struct replay_item *item_queue_pop(struct item_queue *queue)
{
	struct replay_item *first = item_queue_first(queue);

	if (!first)
		return NULL;
	if (queue->heap_count && queue->heap[0] == first)
		return heap_pop(queue);
	queue->first++;
	return first;
}

void item_queue_release(struct item_queue *queue)
{
	for (size_t i = queue->first; i < queue->end; i++)
		free(queue->items[i]);
	for (size_t i = 0; i < queue->heap_count; i++)
		free(queue->heap[i]);
	free(queue->items);
	free(queue->heap);
	*queue = (struct item_queue){ 0 };
}

/* ---- an item ---- */

struct replay_item *replay_item_new(struct walk *walk, const struct walk_step *step,
				    const struct replay_waits *waits, struct text *scratch)
{
	const struct trc_head *head = step->event.record;
	const struct trc_syscall *call = (const struct trc_syscall *)head;
	bool is_call = step->event.kind_id == TRC_KIND_syscall;
	size_t size = is_call ? head->words * 8u : head->len, entry_len = 0, args_len, result_len;
	struct replay_item *item;
	char *text;

	text_clear(scratch);
	text_add(scratch, "", 0);
	if (is_call)
		decode_args_split(walk->decoder, call, scratch, &entry_len);
	args_len = scratch->len;
	if (is_call)
		decode_result(walk->decoder, call, scratch);
	result_len = scratch->len - args_len;
	if (is_call)
		replay_waits_add(waits, step, scratch);
	item = xmalloc(sizeof(*item) + size + scratch->len);
	text = (char *)item->record + size;
	*item = (struct replay_item){ .begin_ns = replay_begin_ns(&step->event),
				      .end_ns = head->ts,
				      .begin_tid = head->tid,
				      .kind_id = step->event.kind_id,
				      .args = text,
				      .result = text + args_len,
				      .waits = text + args_len + result_len,
				      .args_len = (u32)args_len,
				      .entry_len = (u32)entry_len,
				      .result_len = (u32)result_len,
				      .waits_len = (u32)(scratch->len - args_len - result_len),
				      .bytes = (u32)(sizeof(*item) + size + scratch->len) };
	memcpy(item->record, head, size);
	memcpy(text, scratch->data, scratch->len);
	return item;
}

/* ---- a pass ---- */

u64 replay_begin_ns(const struct event *event)
{
	const struct trc_head *head = event->record;

	if (event->kind_id == TRC_KIND_syscall) {
		const struct trc_syscall *call = (const struct trc_syscall *)head;

		if (call->state != TRC_SYSCALL_NO_ENTER)
			return head->ts -
			       (call->duration_ns < head->ts ? call->duration_ns : head->ts);
	} else if (event->kind_id == TRC_KIND_lost) {
		const struct trc_lost *lost = (const struct trc_lost *)head;

		if (lost->first_ns < head->ts)
			return lost->first_ns;
	}
	return head->ts;
}

/* The thread bears the leader's number from now on; its execve is still to be seen. */
static void remember_exec(struct pass *pass, const struct trc_exec *exec)
{
	if (!exec->old_tid || exec->old_tid == exec->head.tid)
		return;
	idmap_put(&pass->renamed, exec->head.tid, (void *)(uintptr_t)exec->old_tid);
}

static u32 begin_tid(struct pass *pass, const struct trc_head *head)
{
	u32 old_tid = (u32)(uintptr_t)idmap_find(&pass->renamed, head->tid);

	if (!old_tid)
		return head->tid;
	idmap_remove(&pass->renamed, head->tid);
	return old_tid;
}

bool replay_has_line(const struct event *event)
{
	const struct trc_exec *exec = (const struct trc_exec *)event->record;

	switch (event->kind_id) {
	case TRC_KIND_syscall:
	case TRC_KIND_task_exit:
	case TRC_KIND_lost:
		return true;
	case TRC_KIND_exec: /* one that changes the number of the thread */
		return exec->old_tid && exec->old_tid != exec->head.tid;
	case TRC_KIND_signal_deliver:
		/* Any signal that ends a process reaches its threads as this one; their end says which it was. */
		return ((const struct trc_signal_deliver *)event->record)->signal != SIGKILL;
	default:
		return false;
	}
}

/* Takes the event in if it is this pass's. */
static bool pass_take(struct replay_order *order, struct pass *pass, const struct walk_step *step)
{
	const struct trc_head *head = step->event.record;
	u64 begin_ns = replay_begin_ns(&step->event);
	struct replay_item *item;
	u32 tid = head->tid;

	if (step->event.kind_id == TRC_KIND_syscall)
		tid = begin_tid(pass, head);
	if (!step->shown || !replay_has_line(&step->event) ||
	    head->ts - begin_ns < pass->shortest_ns || head->ts - begin_ns >= pass->longest_ns)
		return false;
	item = replay_item_new(pass->walk, step, &pass->waits, &pass->scratch);
	item->key = begin_ns;
	item->seq = pass->walk->walked_count;
	item->begin_tid = tid;
	order->bytes += item->bytes;
	item_queue_push(&pass->queue, item);
	return true;
}

/* An event is next when nothing that ends later can have begun before it. */
static bool pass_ready(const struct replay_order *order, const struct pass *pass)
{
	const struct replay_item *first = item_queue_first(&pass->queue);

	if (first && replay_order_is_full(order))
		return true;
	return pass->at_end || (first && pass->read_ns >= pass->longest_ns &&
				pass->read_ns - pass->longest_ns >= first->begin_ns);
}

static void pass_read(struct replay_order *order, struct pass *pass)
{
	struct walk_step step;

	while (!pass_ready(order, pass)) {
		if (!walk_next(pass->walk, &step)) {
			pass->at_end = true;
			return;
		}
		if (step.event.record->ts > pass->read_ns)
			pass->read_ns = step.event.record->ts;
		if (step.event.kind_id == TRC_KIND_exec)
			remember_exec(pass, (const struct trc_exec *)step.event.record);
		if (pass_take(order, pass, &step) && ++order->held > order->held_max)
			order->held_max = order->held;
	}
}

/* A walk of its own over the same reader; what the first one only lends to all is shared. */
static int pass_fork(const struct walk *first, struct walk **ret_walk)
{
	struct stream_options options = { .from_ns = first->fds ? 0 : first->selection.from_ns,
					  .to_ns = first->selection.to_ns,
					  .futex_first = first->has_sched };
	struct walk *walk = xmemdup(first, sizeof(*first));
	int r;

	walk->walked_count = 0;
	r = stream_open(walk->reader, &options, &walk->stream);
	if (r) {
		free(walk);
		return r;
	}
	/* The model says whose events are shown. */
	walk->model = model_new(walk->reader);
	if (walk->has_sched)
		walk_follow_spans(walk);
	if (walk->fds)
		model_follow_fds(walk->model, walk->decoder, walk->meta);
	if (walk->state)
		model_load_state(walk->model, walk->state);
	*ret_walk = walk;
	return 0;
}

static void pass_release(struct pass *pass, bool owned)
{
	item_queue_release(&pass->queue);
	idmap_release(&pass->renamed);
	text_release(&pass->scratch);
	replay_waits_release(&pass->waits);
	if (owned) {
		stream_close(pass->walk->stream);
		model_free(pass->walk->model);
		free(pass->walk);
	}
}

/* ---- the order ---- */

int replay_order_new(struct walk *walk, u64 window_events, struct replay_order **ret_order)
{
	struct replay_order *order = xcalloc(1, sizeof(*order));
	u64 duration_ns = walk->end_ns - walk->start_ns, window_ns = UINT64_MAX, shortest_ns = 0;

	if (walk->event_count > window_events && window_events) {
		window_ns = duration_ns / (walk->event_count / window_events);
		if (window_ns < WINDOW_MIN_NS)
			window_ns = WINDOW_MIN_NS;
	}
	for (bool last = false; !last; order->pass_count++) {
		struct pass *pass = &order->passes[order->pass_count];

		last = window_ns >= duration_ns || order->pass_count + 1 == PASSES_MAX;
		pass->shortest_ns = shortest_ns;
		pass->longest_ns = last ? UINT64_MAX : window_ns;
		pass->walk = walk;
		if (order->pass_count) {
			int r = pass_fork(walk, &pass->walk);

			if (r) {
				replay_order_free(order);
				return r;
			}
		}
		if (walk->has_sched)
			replay_waits_listen(&pass->waits, pass->walk);
		shortest_ns = window_ns;
		window_ns =
			window_ns > UINT64_MAX / PASS_FACTOR ? UINT64_MAX : window_ns * PASS_FACTOR;
	}
	*ret_order = order;
	return 0;
}

struct replay_item *replay_order_peek(struct replay_order *order)
{
	struct replay_item *first = NULL;

	if (order->first)
		return item_queue_first(&order->first->queue);
	for (size_t i = 0; i < order->pass_count; i++) {
		struct pass *pass = &order->passes[i];
		struct replay_item *item;

		pass_read(order, pass);
		item = item_queue_first(&pass->queue);
		if (item && (!first || earlier(item, first))) {
			first = item;
			order->first = pass;
		}
	}
	return first;
}

struct replay_item *replay_order_next(struct replay_order *order)
{
	struct replay_item *item = replay_order_peek(order);

	if (!item)
		return NULL;
	item_queue_pop(&order->first->queue);
	order->first = NULL;
	order->held--;
	return item;
}

void replay_order_put(struct replay_order *order, struct replay_item *item)
{
	order->bytes -= item->bytes;
	free(item);
}

bool replay_order_is_full(const struct replay_order *order)
{
	return order->bytes > HELD_BYTES;
}

size_t replay_order_pass_count(const struct replay_order *order)
{
	return order->pass_count;
}

size_t replay_order_held_max(const struct replay_order *order)
{
	return order->held_max;
}

void replay_order_free(struct replay_order *order)
{
	if (!order)
		return;
	for (size_t i = 0; i < order->pass_count; i++)
		pass_release(&order->passes[i], i > 0);
	free(order);
}
