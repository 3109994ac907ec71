/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/decoder.h"
#include "analyze/model/dirs.h"
#include "analyze/model/fds.h"
#include "analyze/model/fds_private.h"
#include "analyze/model/polls.h"
#include "analyze/model/waits_private.h"
#include "common/alloc.h"
#include "common/schema.h"
#include "common/text.h"

#include <string.h>

#define VFORK_FLAG   0x4000 /* CLONE_VFORK */
#define WAITID_P_PID 1
#define WAITID_INFO  2 /* arguments */

#define FIND_CHILD_STEPS 8 /* what it costs to look at a process, beside a descriptor */

static const struct trc_item *item_of(const struct trc_syscall *record, u8 arg)
{
	const struct trc_item *item, *cursor = NULL;

	while ((item = record_item_next(&record->head, &cursor)))
		if (item->field == arg && item->type == TRC_TYPE_bytes &&
		    item->state != TRC_ITEM_UNREADABLE)
			return item;
	return NULL;
}

void wait_poll(struct model *model, struct thread *thread, const struct trc_syscall *record,
	       struct wait_cause *cause)
{
	const struct poll_step *step = polls_step(model, thread, record);
	size_t ready_count = 0;

	if (!step)
		return;
	/* Without a descriptor it waits for a time; what it was given before it was watched is not known. */
	cause->reason = step->known && !step->count ? WAIT_timer : WAIT_poll;
	cause->object = step->epoll;
	if (step->known && step->count == 1) { /* as if it read */
		cause->object = step->entries[0].object;
		if (cause->object)
			cause->reason = wait_reason_of(cause->object);
		return;
	}
	/* Of several that which became ready, if it is one. */
	for (size_t i = 0; i < step->count; i++) {
		if (!step->entries[i].ready)
			continue;
		if (ready_count++ || !step->entries[i].object)
			cause->object = step->epoll;
		else
			cause->object = step->entries[i].object;
	}
}

struct object *wait_path(struct model *model, struct decoder *decoder, struct thread *thread,
			 const struct trc_syscall *record)
{
	s32 directory = call_directory(decoder, record);
	struct object *object;
	struct text text = {};
	const char *path;
	size_t len;

	if (!model->fds || !decode_path(decoder, record, &path, &len))
		return NULL;
	if (!len)
		return object_of_fd(thread, directory);
	if (!thread_add_path(thread, directory, path, len, &text))
		text_add(&text, path, len);
	object = fds_path_object(model->fds, text.data, text.len);
	text_release(&text);
	return object;
}

/* ---- children ---- */

static bool is_child(const struct process *process, const struct process *parent)
{
	return process->ppid == parent->pid || process->last_ppid == parent->pid;
}

/* The child that the caller knows by this number. */
static struct process *find_child(struct model *model, const struct process *parent, u32 pid)
{
	struct process *process = idmap_find(&model->processes, pid);

	if (process && (!process->ns_pid || process->ns_pid == pid))
		return process;
	/* The child alone may be in another pid namespace: in that of the caller it has its usual number. */
	if (process && parent->ns_pid == parent->pid && is_child(process, parent))
		return process;
	if (!pid)
		return NULL;
	/* Another pid namespace. It is a young one, mostly. */
	for (process = model->last; process && fds_afford(model->fds, FIND_CHILD_STEPS);
	     process = process->previous)
		if (process->ns_pid == pid && is_child(process, parent))
			return process;
	return NULL;
}

/* Who ended, if nothing else tells: it woke its parent then. */
static struct process *waking_child(struct model *model, const struct thread *thread,
				    const struct trc_syscall *record)
{
	const struct wakeup *woken = &thread->woken;
	const struct thread *waker;

	if (!woken->waker_id || record->head.ts - woken->ns > record->duration_ns)
		return NULL;
	waker = model_thread(model, woken->waker_tid, woken->waker_id);
	return waker && is_child(waker->process, thread->process) ? waker->process : NULL;
}

static void set_child(struct model *model, const struct trc_syscall *record, struct process *child,
		      struct wait_cause *cause)
{
	if (!child)
		return;
	if (!child->as_child) {
		child->as_child = xmalloc(sizeof(*child->as_child));
		*child->as_child = (struct object){ .references = 1,
						    .type = OBJECT_child,
						    .id = OBJECT_IDS_CHILD + child->id,
						    .seen_ns = record->head.ts };
		process_name_child(child);
	}
	cause->object = child->as_child;
}

void wait_child(struct model *model, struct decoder *decoder, struct thread *thread,
		const struct trc_syscall *record, struct wait_cause *cause)
{
	const struct trc_item *info = item_of(record, WAITID_INFO);
	size_t pid_at = abi_is_narrow(record->abi) || record->abi == SYSCALL_ABI_X32 ? 12 : 16;
	struct process *child = NULL;
	u32 pid = 0;

	cause->reason = WAIT_child;
	if (!model->fds || record->state == TRC_SYSCALL_UNFINISHED || record->ret < 0)
		return;
	if (record->ret > 0)
		pid = (u32)record->ret;
	else if (info && info->len >= pid_at + 4)
		pid = payload_u32(decoder, trc_item_data(info) + pid_at);
	else if (syscall_arg(record, 0) == WAITID_P_PID)
		pid = (u32)syscall_arg(record, 1);
	child = find_child(model, thread->process, pid);
	if (!child && !record->ret)
		child = waking_child(model, thread, record);
	set_child(model, record, child, cause);
}

void wait_clone(struct model *model, struct decoder *decoder, struct thread *thread,
		const struct trc_syscall *record, struct wait_cause *cause)
{
	const struct syscall_desc *desc = decoder_syscall(decoder, record->abi, record->nr);
	const struct trc_item *item = item_of(record, 0);
	u64 flags = syscall_arg(record, 0);

	if (!strcmp(desc->name, "clone3"))
		flags = item && item->len >= 8 ? payload_u64(decoder, trc_item_data(item)) : 0;
	cause->reason = WAIT_kernel;
	if (strcmp(desc->name, "vfork") != 0 && !(flags & VFORK_FLAG))
		return;
	cause->reason = WAIT_vfork;
	if (model->fds && record->ret > 0)
		set_child(model, record, find_child(model, thread->process, (u32)record->ret),
			  cause);
}
