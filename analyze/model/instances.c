/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/instances.h"

#include "analyze/model/futexes.h"
#include "analyze/model/spans.h"
#include "analyze/model/fds.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

void identity_inherit(struct identity *child, const struct identity *parent)
{
	*child = *parent;
	string_ref(child->exe);
	string_ref(child->cmdline);
	string_ref(child->cwd);
	string_ref(child->cgroup);
	modules_ref(child->modules);
}

static void identity_release(struct identity *identity)
{
	string_unref(identity->exe);
	string_unref(identity->cmdline);
	string_unref(identity->cwd);
	string_unref(identity->cgroup);
	modules_unref(identity->modules);
}

void process_name_child(struct process *process)
{
	struct text name = {};

	text_adds(&name, "child ");
	if (process->comm)
		text_add(&name, process->comm->data, process->comm->len);
	text_addf(&name, "[%u]", process->pid);
	string_set(&process->as_child->name, string_new(name.data, name.len));
	text_release(&name);
}

void thread_set_comm(struct thread *thread, const char *comm, size_t size)
{
	struct process *process = thread->process;

	thread->verdict = 0;
	string_set(&thread->comm, string_new(comm, strnlen(comm, size)));
	if (thread->tid != process->pid && process->comm)
		return;
	string_set(&process->comm, string_ref(thread->comm));
	if (process->as_child)
		process_name_child(process);
}

/* ---- parents ---- */

#define DEPTH_MAX                                                                                  \
	256 /* of processes above one that is named as a parent later: nobody forks so deep */

bool parent_is_below(struct model *model, const struct process *parent,
		     const struct process *process)
{
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		const struct process *next;

		if (parent == process)
			return true;
		next = idmap_find(&model->processes, parent->ppid);
		if (!next || next->id != parent->parent_id)
			return false;
		parent = next;
	}
	return true;
}

void parent_missing(struct model *model, struct process *process)
{
	struct process *next = idmap_find(&model->fatherless, process->ppid);

	process->fatherless = true;
	process->previous_fatherless = NULL;
	process->next_fatherless = next;
	if (next)
		next->previous_fatherless = process;
	idmap_put(&model->fatherless, process->ppid, process);
}

void parent_found(struct model *model, struct process *parent)
{
	struct process *child = idmap_find(&model->fatherless, parent->pid);

	if (child)
		idmap_remove(&model->fatherless, parent->pid);
	for (; child; child = child->next_fatherless) {
		if (!parent_is_below(model, parent, child))
			child->parent_id = parent->id;
		child->fatherless = false;
	}
}

static void leave_fatherless(struct model *model, struct process *process)
{
	struct process *next = process->next_fatherless, *previous = process->previous_fatherless;

	if (!process->fatherless)
		return;
	if (next)
		next->previous_fatherless = previous;
	if (previous)
		previous->next_fatherless = next;
	else if (next)
		idmap_put(&model->fatherless, process->ppid, next);
	else
		idmap_remove(&model->fatherless, process->ppid);
}

/* ---- making ---- */

struct process *process_make(struct model *model, u32 pid)
{
	struct process *process = idmap_find(&model->processes, pid);

	if (process)
		process_end(model, process, MODEL_UNKNOWN);
	process = xcalloc(1, sizeof(*process));
	process->id = ++model->process_count;
	process->pid = pid;
	process->start_ns = process->end_ns = MODEL_UNKNOWN;
	process->slots = xcalloc(model->hooks.slot_count, sizeof(void *));
	process->previous = model->last;
	if (model->last)
		model->last->next = process;
	else
		model->first = process;
	model->last = process;
	idmap_put(&model->processes, pid, process);
	process->mapped = true;
	return process;
}

struct thread *thread_make(struct model *model, struct process *process, u32 tid)
{
	struct thread *thread = idmap_find(&model->threads, tid);

	if (thread) {
		thread_end(model, thread, MODEL_UNKNOWN);
		thread->mapped = false;
	}
	thread = xcalloc(1, sizeof(*thread));
	thread->id = ++model->thread_count;
	thread->tid = tid;
	thread->process = process;
	thread->start_ns = thread->end_ns = MODEL_UNKNOWN;
	thread->slots = xcalloc(model->hooks.slot_count, sizeof(void *));
	thread->next = process->threads;
	if (thread->next)
		thread->next->previous = thread;
	process->threads = thread;
	process->thread_count++;
	process->live_count++;
	process->unended_count++;
	idmap_put(&model->threads, tid, thread);
	thread->mapped = true;
	return thread;
}

void thread_renumber(struct model *model, struct thread *thread, u32 tid)
{
	struct thread *other = idmap_find(&model->threads, tid);

	if (other && other != thread) {
		thread_end(model, other, model->now);
		other->mapped = false;
	}
	if (thread->mapped)
		idmap_remove(&model->threads, thread->tid);
	if (thread->tid != tid)
		thread->old_tid = thread->tid;
	thread->tid = tid;
	thread->verdict = 0;
	idmap_put(&model->threads, tid, thread);
	thread->mapped = true;
}

void thread_set_sharing(struct thread *thread, enum thread_share share, bool has)
{
	struct thread **slot = &thread->process->sharers[share];
	struct thread *next = thread->sharing[share].next;
	struct thread *previous = thread->sharing[share].previous;

	if (has) {
		thread->sharing[share].next = *slot;
		if (*slot)
			(*slot)->sharing[share].previous = thread;
		*slot = thread;
		return;
	}
	*(previous ? &previous->sharing[share].next : slot) = next;
	if (next)
		next->sharing[share].previous = previous;
	thread->sharing[share].next = thread->sharing[share].previous = NULL;
}

/* ---- ending ---- */

#define NEVER	 UINT64_MAX /* but with the rest */
#define HELD_MAX 16	    /* that an event looks at in vain; the next one goes on */

static void wait_to_be_gone(struct model *model, struct thread *thread, u64 now)
{
	if (__builtin_add_overflow(now, MODEL_GRACE_NS, &thread->gone_at))
		thread->gone_at = NEVER;
	thread->next_ended = NULL;
	if (model->last_ended)
		model->last_ended->next_ended = thread;
	else
		model->first_ended = thread;
	model->last_ended = thread;
	model->next_gone_at = model->first_ended->gone_at;
}

void thread_end(struct model *model, struct thread *thread, u64 end_ns)
{
	if (thread->ended)
		return;
	thread->ended = true;
	thread->process->unended_count--;
	thread->end_ns = end_ns;
	wait_to_be_gone(model, thread, model->now);
}

static void process_free(struct model *model, struct process *process)
{
	leave_fatherless(model, process);
	if (process->mapped)
		idmap_remove(&model->processes, process->pid);
	if (process->previous)
		process->previous->next = process->next;
	else
		model->first = process->next;
	if (process->next)
		process->next->previous = process->previous;
	else
		model->last = process->previous;
	identity_release(&process->identity);
	object_unref(process->as_child);
	string_unref(process->comm);
	free(process->slots);
	free(process);
}

static void process_gone(struct model *model, struct process *process)
{
	if (model->hooks.process_gone)
		model->hooks.process_gone(model->hooks.context, process);
	futexes_leave(model, process);
	process_free(model, process);
}

void process_end(struct model *model, struct process *process, u64 end_ns)
{
	if (!process->ended)
		process->end_ns = end_ns;
	process->ended = true;
	/* The newest come first: no further than to the last that has not ended, or n exits look at n threads. */
	for (struct thread *thread = process->threads; process->unended_count;
	     thread = thread->next)
		thread_end(model, thread, MODEL_UNKNOWN);
	if (end_ns == MODEL_UNKNOWN && process->mapped) {
		idmap_remove(&model->processes, process->pid);
		process->mapped = false;
	}
	if (!process->live_count)
		process_gone(model, process);
}

/* ---- going ---- */

/* Leaves the process in place, even without threads. */
static void thread_free(struct model *model, struct thread *thread)
{
	struct process *process = thread->process;

	if (model->spans)
		spans_thread_gone(model->spans, thread);
	if (model->hooks.thread_gone)
		model->hooks.thread_gone(model->hooks.context, thread);
	if (model->fds)
		fds_thread_gone(model->fds, thread);
	if (thread->mapped)
		idmap_remove(&model->threads, thread->tid);
	if (thread->previous)
		thread->previous->next = thread->next;
	else
		process->threads = thread->next;
	if (thread->next)
		thread->next->previous = thread->previous;
	process->live_count--;
	process->unended_count -= !thread->ended;
	futexes_forget(thread);
	string_unref(thread->comm);
	free(thread->slots);
	free(thread);
}

static struct thread *take_first_ended(struct model *model)
{
	struct thread *thread = model->first_ended;

	model->first_ended = thread->next_ended;
	if (!model->first_ended)
		model->last_ended = NULL;
	model->next_gone_at = model->first_ended ? model->first_ended->gone_at : NEVER;
	return thread;
}

static void thread_gone(struct model *model, struct thread *thread)
{
	struct process *process = thread->process;

	thread_free(model, thread);
	if (!process->live_count && process->ended)
		process_gone(model, process);
}

void model_collect(struct model *model, u64 now)
{
	unsigned held = 0;

	while (held < HELD_MAX && model->next_gone_at <= now && model->next_gone_at != NEVER) {
		struct thread *thread = take_first_ended(model);

		if (thread->held) {
			wait_to_be_gone(model, thread, now);
			held++;
		} else {
			thread_gone(model, thread);
		}
	}
}

void model_collect_rest(struct model *model)
{
	while (model->first_ended)
		thread_gone(model, take_first_ended(model));
	while (model->first) {
		struct process *process = model->first;

		while (process->threads)
			thread_free(model, process->threads);
		process_gone(model, process);
	}
}

bool process_is_of_kernel(const struct process *process)
{
	enum { KTHREADD = 2 };
	const struct identity *identity = &process->identity;

	return (process->pid == KTHREADD || process->ppid == KTHREADD) && !identity->exe &&
	       !identity->cmdline;
}
