/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/futexes.h"

#include "analyze/model/fds.h"
#include "analyze/model/instances.h"
#include "common/alloc.h"
#include "common/hash.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

#define SPACE_BUCKETS 4096

struct futex_space {
	u64 id; /* as the events name it; of a guessed one the process */
	bool guessed;
	u32 users; /* processes */
	u32 count; /* futexes */
	struct futex *first, *last;
	struct futex_space *next; /* in its bucket */
};

struct futex_thread {
	u64 ts; /* of its last futex event */
	struct object *object;
};

struct futexes {
	u64 made;
	size_t count, capacity; /* a power of two, or 0 */
	struct futex **buckets;
	struct futex_space *spaces[SPACE_BUCKETS];
	struct futex_space files;
	struct futex_step step;
	/* Of a waitv, between its waiters' events and its own. */
	u32 waitv_thread_id;
	u64 waitv_ts;
	struct futex *waitv;
};

struct place {
	struct futex_space *space;
	u64 offset, inode;
	u32 device;
	u8 place;
};

/* ---- futexes of a space ---- */

static u64 place_hash(const struct place *place)
{
	u64 hash = hash_number(hash_number(0, place->inode), place->offset);

	return hash_number(hash_number(hash, place->device), (uintptr_t)place->space);
}

static struct place place_of(const struct futex *futex)
{
	return (struct place){ futex->space, futex->offset, futex->inode, futex->device,
			       futex->place };
}

static void grow(struct futexes *futexes)
{
	size_t capacity = futexes->capacity ? futexes->capacity * 2 : 64;
	struct futex **buckets = xcalloc(capacity, sizeof(*buckets));

	for (size_t i = 0; i < futexes->capacity; i++)
		for (struct futex *futex = futexes->buckets[i], *next; futex; futex = next) {
			struct place place = place_of(futex);
			struct futex **bucket = &buckets[place_hash(&place) & (capacity - 1)];

			next = futex->next_in_bucket;
			futex->next_in_bucket = *bucket;
			*bucket = futex;
		}
	free(futexes->buckets);
	futexes->buckets = buckets;
	futexes->capacity = capacity;
}

static struct futex *find(const struct futexes *futexes, const struct place *place)
{
	struct futex *futex = NULL;

	if (futexes->capacity)
		futex = futexes->buckets[place_hash(place) & (futexes->capacity - 1)];
	while (futex && (futex->offset != place->offset || futex->space != place->space ||
			 futex->inode != place->inode || futex->device != place->device))
		futex = futex->next_in_bucket;
	return futex;
}

static void futex_free(struct model *model, struct futex *futex)
{
	struct futexes *futexes = model->futexes;
	struct futex_space *space = futex->space;
	struct place place = place_of(futex);
	struct futex **link = &futexes->buckets[place_hash(&place) & (futexes->capacity - 1)];

	if (model->hooks.futex_gone)
		model->hooks.futex_gone(model->hooks.context, futex);
	while (*link != futex)
		link = &(*link)->next_in_bucket;
	*link = futex->next_in_bucket;
	futexes->count--;
	*(futex->previous ? &futex->previous->next : &space->first) = futex->next;
	*(futex->next ? &futex->next->previous : &space->last) = futex->previous;
	space->count--;
	if (futexes->waitv == futex)
		futexes->waitv = NULL;
	if (futexes->step.futex == futex)
		futexes->step.futex = NULL;
	if (futexes->step.second == futex)
		futexes->step.second = NULL;
	object_unref(futex->object);
	free(futex);
}

static void add_name(const struct model *model, const struct futex *futex,
		     const struct process *process, struct text *name)
{
	const struct object *file;

	if (futex->place != FUTEX_IN_FILE) {
		text_addf(name, "futex 0x%llx of ", (unsigned long long)futex->offset);
		if (process->comm)
			text_add(name, process->comm->data, process->comm->len);
		text_addf(name, "[%u]", process->pid);
		return;
	}
	text_addf(name, "futex +0x%llx of ", (unsigned long long)futex->offset);
	file = fds_object_at(model->fds, futex->device, futex->inode);
	if (file && file->name)
		text_add(name, file->name->data, file->name->len);
	else
		text_addf(name, "inode %llu on %u:%u", (unsigned long long)futex->inode,
			  futex->device >> 20, futex->device & 0xfffff);
}

static struct object *make_object(struct model *model, const struct futex *futex,
				  const struct process *process)
{
	struct object *object = xcalloc(1, sizeof(*object));
	struct text name = {};

	add_name(model, futex, process, &name);
	*object = (struct object){ .references = 1,
				   .type = OBJECT_futex,
				   .id = OBJECT_IDS_FUTEX + futex->id,
				   .seen_ns = model->now,
				   .device = futex->device,
				   .inode = futex->inode,
				   .name = string_new(name.data, name.len) };
	text_release(&name);
	return object;
}

static struct futex *make(struct model *model, const struct place *place,
			  const struct process *process)
{
	struct futexes *futexes = model->futexes;
	struct futex_space *space = place->space;
	struct futex *futex;
	struct futex **bucket;

	if (space->count >= FUTEXES_MAX)
		futex_free(model,
			   space->first == futexes->step.futex ? space->first->next : space->first);
	if (futexes->count >= futexes->capacity)
		grow(futexes);
	futex = xcalloc(1, sizeof(*futex));
	futex->id = ++futexes->made;
	futex->space = space;
	futex->offset = place->offset;
	futex->inode = place->inode;
	futex->device = place->device;
	futex->place = place->place;
	futex->process_id = process->id;
	futex->pid = process->pid;
	futex->object = make_object(model, futex, process);
	bucket = &futexes->buckets[place_hash(place) & (futexes->capacity - 1)];
	futex->next_in_bucket = *bucket;
	*bucket = futex;
	futexes->count++;
	futex->previous = space->last;
	*(space->last ? &space->last->next : &space->first) = futex;
	space->last = futex;
	space->count++;
	return futex;
}

static struct futex *find_or_make(struct model *model, const struct place *place,
				  const struct process *process)
{
	struct futex *futex = find(model->futexes, place);

	return futex ? futex : make(model, place, process);
}

/* ---- spaces ---- */

static struct futex_space **space_link(struct futexes *futexes, u64 id, bool guessed)
{
	struct futex_space **link = &futexes->spaces[hash_number(0, id + guessed) % SPACE_BUCKETS];

	while (*link && ((*link)->id != id || (*link)->guessed != guessed))
		link = &(*link)->next;
	return link;
}

void futexes_leave(struct model *model, struct process *process)
{
	struct futex_space *space = process->futex_space, **link;

	process->futex_space = NULL;
	if (!space || --space->users)
		return;
	while (space->first)
		futex_free(model, space->first);
	link = space_link(model->futexes, space->id, space->guessed);
	*link = space->next;
	free(space);
}

static void enter(struct model *model, struct process *process, u64 id, bool guessed)
{
	struct futex_space **link;

	futexes_leave(model, process);
	link = space_link(model->futexes, id, guessed);
	if (!*link) {
		*link = xcalloc(1, sizeof(**link));
		(*link)->id = id;
		(*link)->guessed = guessed;
	}
	(*link)->users++;
	process->futex_space = *link;
}

static struct futex_space *space_of(struct model *model, struct process *process)
{
	if (!process->futex_space)
		enter(model, process, process->id, true);
	return process->futex_space;
}

/* What a futex lies in, as the events tell it. */
struct told {
	u64 address, object, offset;
	u32 device;
	u8 flags; /* TRC_FUTEX_IN_FILE, TRC_FUTEX_UNKNOWN */
};

static struct futex *futex_told(struct model *model, struct process *process,
				const struct told *told)
{
	struct place place = { .offset = told->address };

	if (told->flags & TRC_FUTEX_IN_FILE) {
		place = (struct place){ &model->futexes->files, told->offset, told->object,
					told->device, FUTEX_IN_FILE };
		return find_or_make(model, &place, process);
	}
	if ((told->flags & TRC_FUTEX_UNKNOWN) || !told->object) {
		place.space = space_of(model, process);
		place.place = FUTEX_GUESSED;
		return find_or_make(model, &place, process);
	}
	if (!process->futex_space || process->futex_space->guessed ||
	    process->futex_space->id != told->object)
		enter(model, process, told->object, false);
	place.space = process->futex_space;
	return find_or_make(model, &place, process);
}

/* ---- waits, wakes, holds ---- */

enum operation { /* as FUTEX_* */
		 OP_WAIT = 0,
		 OP_REQUEUE = 3,
		 OP_CMP_REQUEUE = 4,
		 OP_WAKE_OP = 5,
		 OP_LOCK_PI = 6,
		 OP_UNLOCK_PI = 7,
		 OP_TRYLOCK_PI = 8,
		 OP_WAIT_BITSET = 9,
		 OP_WAIT_REQUEUE_PI = 11,
		 OP_CMP_REQUEUE_PI = 12,
		 OP_LOCK_PI2 = 13,
		 OP_WAITV = 128,
		 OP_OTHER = 255,
};

static bool op_waits(u8 op)
{
	return op == OP_WAIT || op == OP_LOCK_PI || op == OP_WAIT_BITSET ||
	       op == OP_WAIT_REQUEUE_PI || op == OP_LOCK_PI2 || op == OP_WAITV;
}

static void see_hold(struct futex_step *step, const struct futex_owner *holder, u64 from_ns,
		     u64 to_ns)
{
	if (!holder->thread_id || to_ns <= from_ns)
		return;
	step->holder_id = holder->thread_id;
	step->holder_tid = holder->tid;
	step->held_ns = to_ns - from_ns;
}

/*
 * As the scheduler has it; where that was not recorded, or the thread was woken before it slept, as the calls that
 * wake have it.
 */
static void see_waker(struct futex_step *step, const struct thread *thread, u64 start_ns)
{
	struct futex *futex = step->futex;

	if (thread->woken.ns >= start_ns) {
		if (thread->woken.context == TRC_CONTEXT_TASK) {
			step->waker_tid = thread->woken.waker_tid;
			step->waker_id = thread->woken.waker_id;
		}
	} else if (futex->waker_left && futex->waker.ns >= start_ns) {
		step->waker_tid = futex->waker.tid;
		step->waker_id = futex->waker.thread_id;
	}
	if (futex->waker_left && step->waker_id == futex->waker.thread_id)
		futex->waker_left--;
}

/*
 * Who is woken on a lock holds it from then on. Who held it before, and had not waited for it, held it at least since
 * this wait began, or since the release before its own.
 */
static void see_wait(struct futex_step *step, const struct thread *thread,
		     const struct trc_futex *record)
{
	struct futex *futex = step->futex;
	u64 start_ns = record->head.ts - record->duration_ns;

	step->waited = record->outcome != TRC_FUTEX_AGAIN && record->outcome != TRC_FUTEX_ERROR;
	if (futex->owner.thread_id == thread->id)
		futex->owner = (struct futex_owner){}; /* it came too late, and waits again */
	if (record->outcome != TRC_FUTEX_WOKEN)
		return;
	see_hold(step, &futex->releaser,
		 start_ns > futex->releaser_since_ns ? start_ns : futex->releaser_since_ns,
		 futex->releaser.ns);
	futex->releaser = (struct futex_owner){};
	futex->owner = (struct futex_owner){ thread->id, thread->tid, record->head.ts };
	see_waker(step, thread, start_ns);
}

static void see_wake(struct futex_step *step, const struct thread *thread,
		     const struct trc_futex *record)
{
	struct futex *futex = step->futex;
	struct futex_owner self = { thread->id, thread->tid,
				    record->head.ts - record->duration_ns };
	u64 count = record->ret > 0 ? (u64)record->ret : 0;
	bool moves = record->op == OP_CMP_REQUEUE || record->op == OP_CMP_REQUEUE_PI;

	if (count > UINT32_MAX)
		count = UINT32_MAX;
	/* They wake first, and move the rest. */
	step->woken = moves && count > record->value ? record->value : (u32)count;
	step->requeued = (u32)count - step->woken;
	if (step->woken) {
		futex->waker = (struct futex_owner){ thread->id, thread->tid, record->head.ts };
		futex->waker_left = step->woken;
	}
	if (futex->owner.thread_id == thread->id) {
		see_hold(step, &self, futex->owner.ns, self.ns);
		futex->releaser = (struct futex_owner){};
	} else if (count || record->op == OP_UNLOCK_PI) {
		futex->releaser = self;
		futex->releaser_since_ns = futex->released_ns;
	}
	futex->owner = (struct futex_owner){};
	futex->released_ns = self.ns;
}

static void remember(struct thread *thread, u64 ts, struct futex *futex)
{
	if (!thread->futex)
		thread->futex = xcalloc(1, sizeof(*thread->futex));
	thread->futex->ts = ts;
	object_unref(thread->futex->object);
	thread->futex->object = object_ref(futex->object);
}

void futexes_event(struct model *model, struct thread *thread, const struct trc_futex *record)
{
	const struct told first = { record->address, record->object, record->offset, record->device,
				    record->flags };
	const struct told second = { record->address2, record->object2, record->offset2,
				     record->device2, record->flags >> TRC_FUTEX_SECOND_SHIFT };
	struct futex_step *step = &model->futexes->step;

	*step = (struct futex_step){ .waits = op_waits(record->op) };
	if (record->op != OP_WAITV)
		step->futex = futex_told(model, thread->process, &first);
	else if (model->futexes->waitv_thread_id == thread->id &&
		 model->futexes->waitv_ts == record->head.ts)
		step->futex = model->futexes->waitv;
	if (!step->futex)
		return;
	if (record->address2)
		step->second = futex_told(model, thread->process, &second);
	if (!step->futex)
		return; /* a damaged record: both in different address spaces */
	step->futex->pi |= record->op == OP_LOCK_PI || record->op == OP_LOCK_PI2 ||
			   record->op == OP_UNLOCK_PI || record->op == OP_TRYLOCK_PI;
	remember(thread, record->head.ts, step->futex);
	if (step->waits)
		see_wait(step, thread, record);
	else if (record->op == OP_TRYLOCK_PI && !record->ret)
		step->futex->owner =
			(struct futex_owner){ thread->id, thread->tid, record->head.ts };
	else if (record->op != OP_OTHER && record->op != OP_TRYLOCK_PI && record->ret >= 0)
		see_wake(step, thread, record);
}

void futexes_waiter_event(struct model *model, struct thread *thread,
			  const struct trc_futex_waiter *record)
{
	const struct told told = { record->address, record->object, record->offset,
				   (u32)record->device, record->flags };
	struct futexes *futexes = model->futexes;
	bool same = futexes->waitv_thread_id == thread->id && futexes->waitv_ts == record->head.ts;
	struct futex *futex = futex_told(model, thread->process, &told);

	/* The one that woke it stands for all; if none did, the first. */
	if (same && futexes->waitv && record->outcome != TRC_FUTEX_WOKEN)
		return;
	futexes->waitv_thread_id = thread->id;
	futexes->waitv_ts = record->head.ts;
	futexes->waitv = futex;
}

const struct futex_step *futexes_step(const struct model *model)
{
	return &model->futexes->step;
}

struct object *futex_object(struct model *model, struct thread *thread, u64 address, u64 ts)
{
	struct place place = { .offset = address, .place = FUTEX_GUESSED };

	if (thread->futex && thread->futex->ts == ts)
		return thread->futex->object;
	if (!address)
		return NULL;
	place.space = space_of(model, thread->process);
	return find_or_make(model, &place, thread->process)->object;
}

/* ---- beginning and end ---- */

struct futexes *futexes_new(void)
{
	return xcalloc(1, sizeof(struct futexes));
}

void futexes_forget(struct thread *thread)
{
	if (!thread->futex)
		return;
	object_unref(thread->futex->object);
	free(thread->futex);
	thread->futex = NULL;
}

void futexes_finish(struct model *model)
{
	while (model->futexes->files.first)
		futex_free(model, model->futexes->files.first);
}

void futexes_free(struct model *model)
{
	futexes_finish(model);
	free(model->futexes->buckets);
	free(model->futexes);
}
