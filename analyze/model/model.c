/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/model.h"

#include "analyze/model/futexes.h"
#include "analyze/model/fds.h"
#include "analyze/model/instances.h"
#include "analyze/model/polls.h"
#include "analyze/model/spans.h"
#include "analyze/model/tasks.h"
#include "common/alloc.h"
#include "common/wide.h"

#include <stdlib.h>

/* Boot clock minus trace clock, as the first sample has it: a suspend later moves it, start times do not. */
static s64 boot_offset(const struct trace_reader *reader)
{
	size_t count;
	const struct trace_clock_sample *samples = trace_reader_clocks(reader, &count);

	return count ? (s64)(samples[0].boot_ns - samples[0].mono_ns) : 0;
}

struct model *model_new(const struct trace_reader *reader)
{
	struct model *model = xcalloc(1, sizeof(*model));

	model->reader = reader;
	model->boot_offset_ns = reader ? boot_offset(reader) : 0;
	model->next_gone_at = UINT64_MAX;
	model->stacks = stacks_new(reader ? trace_reader_meta(reader)->machine_id : NULL);
	model->futexes = futexes_new();
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	model->hooks = (struct model_hooks){};
	if (model->spans)
		spans_finish(model->spans);
	model_settle(model);
	model_collect_rest(model);
	futexes_free(model);
	polls_free(model->polls);
	spans_free(model->spans);
	fds_free(model->fds);
	idmap_release(&model->threads);
	idmap_release(&model->processes);
	idmap_release(&model->fatherless);
	free(model->commands);
	stacks_free(model->stacks);
	free(model);
}

void model_add_command(struct model *model, u32 pid, u64 start_ns)
{
	if (!pid)
		return;
	ARRAY_RESERVE(model->commands, model->command_capacity, model->command_count + 1);
	model->commands[model->command_count++] = (struct command){ pid, start_ns };
}

static void slots_renew(const struct model *model, void ***slots)
{
	free(*slots);
	*slots = xcalloc(model->hooks.slot_count, sizeof(void *));
}

void model_set_hooks(struct model *model, const struct model_hooks *hooks)
{
	model->hooks = *hooks;
	/* Of those that a snapshot told of. */
	for (struct process *process = model->first; process; process = process->next) {
		slots_renew(model, &process->slots);
		for (struct thread *thread = process->threads; thread; thread = thread->next)
			slots_renew(model, &thread->slots);
	}
}

void model_follow_spans(struct model *model, const struct spans_options *options)
{
	model->spans = spans_new(model, options);
}

void model_follow_fds(struct model *model, struct decoder *decoder, const struct trace_meta *meta)
{
	model->fds = fds_new(model, decoder, meta);
	model->polls = polls_new(decoder);
}

void model_settle(struct model *model)
{
	if (model->fds)
		fds_settle_all(model->fds);
}

void model_finish(struct model *model)
{
	if (model->spans)
		spans_finish(model->spans);
	if (model->fds)
		fds_finish(model->fds);
	model_collect_rest(model);
	futexes_finish(model);
	if (model->fds)
		fds_end(model->fds);
}

void totals_split(const struct totals *totals, u64 *ret_user_ns, u64 *ret_system_ns)
{
	u64 ticks, stime_ns = totals->stime_ns, system = 0;

	if (!totals->runtime_ns) { /* a kernel that does not tell */
		*ret_user_ns = totals->utime_ns;
		*ret_system_ns = totals->stime_ns;
		return;
	}
	if (__builtin_add_overflow(totals->utime_ns, stime_ns, &ticks)) { /* of a hostile file */
		stime_ns /= 2;
		ticks = totals->utime_ns / 2 + stime_ns;
	}
	if (ticks)
		system = wide_mul_div(totals->runtime_ns, stime_ns, 0, ticks);
	*ret_system_ns = system;
	*ret_user_ns = totals->runtime_ns - system;
}

/* What addresses mean. */
static void code_event(struct model *model, struct thread *thread, const struct event *event)
{
	const void *record = event->record;

	if (event->kind_id == TRC_KIND_stack)
		stacks_add(model->stacks, event->section, record);
	else if (event->kind_id == TRC_KIND_kernel_symbol)
		stacks_add_symbol(model->stacks, record);
	else if (thread)
		modules_add(&thread->process->identity.modules, record,
			    model->reader ? trace_reader_wall_ns(model->reader, event->record->ts)
					  : 0);
}

bool model_add_stack(const struct model *model, u32 section, u32 id, const struct modules *modules,
		     struct text *text)
{
	return stacks_add_text(model->stacks, section, id, modules, text);
}

struct process *model_process(struct model *model, u32 pid)
{
	return idmap_find(&model->processes, pid);
}

struct thread *model_thread(struct model *model, u32 tid, u32 id)
{
	struct thread *thread = idmap_find(&model->threads, tid);

	return thread && (!id || thread->id == id) ? thread : NULL;
}

struct thread *model_leader(struct model *model, u32 pid)
{
	struct thread *thread = idmap_find(&model->threads, pid);

	return thread && thread->process->pid == pid ? thread : NULL;
}

struct object *model_file(const struct model *model, u32 device, u64 inode)
{
	return fds_object_at(model->fds, device, inode);
}

static void wakeup(struct model *model, const struct trc_sched_wakeup *record)
{
	struct thread *woken = idmap_find(&model->threads, record->woken_tid), *waker;

	if (!woken)
		return;
	waker = idmap_find(&model->threads, record->head.tid);
	woken->woken = (struct wakeup){ record->head.ts, record->head.tid, waker ? waker->id : 0,
					record->context };
}

static struct thread *take_in(struct model *model, const struct event *event)
{
	const struct trc_head *record = event->record;
	struct thread *thread;

	switch (event->kind_id) {
	case TRC_KIND_task_new:
		return task_new(model, (const struct trc_task_new *)record);
	case TRC_KIND_exec:
		return task_exec(model, (const struct trc_exec *)record);
	case TRC_KIND_task_exit:
		return task_exit(model, event);
	case TRC_KIND_task_rename:
		return task_rename(model, (const struct trc_task_rename *)record);
	case TRC_KIND_cgroup_move:
		task_moved(model, (const struct trc_cgroup_move *)record);
		return thread_known(model, record->tid, record->tgid);
	case TRC_KIND_task_found:
		return task_found(model, (const struct trc_task_found *)record);
	case TRC_KIND_lost:
		return NULL;
	case TRC_KIND_sched_wakeup:
		wakeup(model, (const struct trc_sched_wakeup *)record);
		return thread_known(model, record->tid, record->tgid);
	case TRC_KIND_sched_switch:
	case TRC_KIND_sched_migrate:
	case TRC_KIND_signal_generate:
	case TRC_KIND_cgroup_freeze:
	case TRC_KIND_block_io:
		/* Others than targets are in their heads; nobody begins to be by what it does to one. */
		return thread_known(model, record->tid, record->tgid);
	case TRC_KIND_module:
	case TRC_KIND_stack:
	case TRC_KIND_kernel_symbol:
		thread = thread_of(model, record->tid, record->tgid);
		code_event(model, thread, event);
		return thread;
	case TRC_KIND_futex:
		thread = thread_of(model, record->tid, record->tgid);
		if (thread)
			futexes_event(model, thread, (const struct trc_futex *)record);
		return thread;
	case TRC_KIND_futex_waiter:
		thread = thread_of(model, record->tid, record->tgid);
		if (thread)
			futexes_waiter_event(model, thread,
					     (const struct trc_futex_waiter *)record);
		return thread;
	default:
		return thread_of(model, record->tid, record->tgid);
	}
}

struct thread *model_event(struct model *model, const struct event *event)
{
	struct thread *thread;

	if (event->record->ts > model->now)
		model->now = event->record->ts;
	if (model->fds)
		fds_begin(model->fds, event);
	if (model->now >= model->next_gone_at)
		model_collect(model, model->now);
	thread = take_in(model, event);
	if (model->fds)
		fds_event(model->fds, event, thread);
	if (model->polls && thread && event->kind_id == TRC_KIND_syscall)
		polls_event(model->polls, thread, (const struct trc_syscall *)event->record);
	if (model->polls && thread && event->kind_id == TRC_KIND_epoll_found)
		polls_found(thread, (const struct trc_epoll_found *)event->record);
	if (model->spans)
		spans_event(model->spans, event, thread);
	return thread;
}
