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

void thread_set_comm(struct thread *thread, const char *comm, size_t size)
{
	struct process *process = thread->process;

	thread->verdict = 0;
	string_set(&thread->comm, string_new(comm, strnlen(comm, size)));
	if (thread->tid == process->pid || !process->comm)
		string_set(&process->comm, string_ref(thread->comm));
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
	thread->next = process->threads;
	if (thread->next)
		thread->next->previous = thread;
	process->threads = thread;
	process->thread_count++;
	process->live_count++;
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

/* ---- ending ---- */

static void wait_to_be_gone(struct model *model, struct thread *thread, u64 now)
{
	thread->gone_at = now + MODEL_GRACE_NS;
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
	thread->end_ns = end_ns;
	wait_to_be_gone(model, thread, model->now);
}

static void process_free(struct model *model, struct process *process)
{
	model->fatherless_count -= process->fatherless;
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
	for (struct thread *thread = process->threads; thread; thread = thread->next)
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
	futexes_forget(thread);
	string_unref(thread->comm);
	free(thread);
}

void model_collect(struct model *model, u64 now)
{
	while (model->first_ended && model->first_ended->gone_at <= now) {
		struct thread *thread = model->first_ended;
		struct process *process = thread->process;

		model->first_ended = thread->next_ended;
		if (!model->first_ended)
			model->last_ended = NULL;
		if (thread->held && now != UINT64_MAX) {
			wait_to_be_gone(model, thread, now);
			continue;
		}
		thread_free(model, thread);
		if (!process->live_count && process->ended)
			process_gone(model, process);
	}
	model->next_gone_at = model->first_ended ? model->first_ended->gone_at : UINT64_MAX;
}

void model_collect_rest(struct model *model)
{
	model_collect(model, UINT64_MAX);
	while (model->first) {
		struct process *process = model->first;

		while (process->threads)
			thread_free(model, process->threads);
		process_gone(model, process);
	}
}
