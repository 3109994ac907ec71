/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/decoder.h"
#include "analyze/model/fds.h"
#include "analyze/model/fds_private.h"
#include "analyze/model/waits_private.h"
#include "common/schema.h"
#include "common/text.h"

#include <string.h>

#define VFORK_FLAG    0x4000 /* CLONE_VFORK */
#define FDS_MAX	      1024   /* of a set that are looked at */
#define DATA_FD_LIMIT 65536  /* epoll's data that is more is no descriptor */
#define WAITID_INFO   2	     /* arguments */
#define SELECT_SETS   3

/* Item number `n` of bytes of argument `arg`: the second was read when the wait was over. */
static const struct trc_item *item_of(const struct trc_syscall *record, u8 arg, unsigned n)
{
	const struct trc_item *item, *cursor = NULL;

	while ((item = record_item_next(&record->head, &cursor)))
		if (item->field == arg && item->type == TRC_TYPE_bytes &&
		    item->state != TRC_ITEM_UNREADABLE && !n--)
			return item;
	return NULL;
}

/* Of several: that which became ready, if it is one. */
static void set_one(struct thread *thread, s32 fd, struct wait_cause *cause, bool alone)
{
	cause->object = object_of_fd(thread, fd);
	if (alone && cause->object)
		cause->reason = wait_reason_of(cause->object);
}

void wait_poll(struct decoder *decoder, struct thread *thread, const struct trc_syscall *record,
	       struct wait_cause *cause)
{
	const struct trc_item *item = item_of(record, 0, 0), *after = item_of(record, 0, 1);
	u64 count = syscall_arg(record, 1);
	const u8 *data;

	cause->reason = count ? WAIT_poll : WAIT_timer;
	if (count == 1 && item && item->len >= 8) {
		set_one(thread, (s32)payload_u32(decoder, trc_item_data(item)), cause, true);
		return;
	}
	if (record->ret != 1 || !after)
		return;
	data = trc_item_data(after);
	for (size_t at = 0; at + 8 <= after->len; at += 8)
		if (payload_u16(decoder, data + at + 6)) {
			set_one(thread, (s32)payload_u32(decoder, data + at), cause, false);
			return;
		}
}

/* The only descriptor in the sets; -1: none, or several. */
static s32 only_fd(const struct trc_syscall *record, unsigned n)
{
	s32 found = -1;

	/* Words are little-endian on every machine that records; bytes then are in order. */
	for (u8 arg = 1; arg <= SELECT_SETS; arg++) {
		const struct trc_item *item = item_of(record, arg, n);

		for (u32 fd = 0; item && fd < item->len * 8u && fd < FDS_MAX; fd++) {
			if (!(trc_item_data(item)[fd / 8] >> fd % 8 & 1) || (s32)fd == found)
				continue;
			if (found >= 0)
				return -1;
			found = (s32)fd;
		}
	}
	return found;
}

void wait_select(struct decoder *decoder, struct thread *thread, const struct trc_syscall *record,
		 struct wait_cause *cause)
{
	s32 fd = only_fd(record, 0);

	cause->reason = syscall_arg(record, 0) ? WAIT_poll : WAIT_timer;
	if (fd >= 0)
		set_one(thread, fd, cause, true);
	else if (record->ret == 1 && (fd = only_fd(record, 1)) >= 0)
		set_one(thread, fd, cause, false);
}

void wait_epoll(struct decoder *decoder, struct thread *thread, const struct trc_syscall *record,
		struct wait_cause *cause)
{
	const struct trc_item *item = item_of(record, 1, 0);
	bool packed = record->abi == SYSCALL_ABI_X86_64 || record->abi == SYSCALL_ABI_X32 ||
		      record->abi == SYSCALL_ABI_I386;
	size_t data_at = packed ? 4 : 8;
	struct object *ready = NULL;
	u64 data;

	cause->reason = WAIT_poll;
	/* Many programs note the descriptor with what they watch. */
	if (record->ret == 1 && item && item->len >= data_at + 8) {
		data = payload_u64(decoder, trc_item_data(item) + data_at);
		if (data < DATA_FD_LIMIT)
			ready = object_of_fd(thread, (s32)data);
	}
	cause->object = ready ? ready : object_of_fd(thread, (s32)syscall_arg(record, 0));
}

/* ---- children ---- */

/* The child that the caller knows by this number. */
static struct process *find_child(struct model *model, u32 parent_pid, u32 pid)
{
	struct process *process = idmap_find(&model->processes, pid);

	if (process && (!process->ns_pid || process->ns_pid == pid))
		return process;
	/* Another pid namespace. */
	for (process = model->last; process; process = process->previous)
		if (process->ns_pid == pid &&
		    (process->ppid == parent_pid || process->last_ppid == parent_pid))
			return process;
	return NULL;
}

static void set_child(struct model *model, const struct trc_syscall *record, u32 pid,
		      struct wait_cause *cause)
{
	struct process *child = find_child(model, record->head.tgid, pid);
	struct text name = {};

	if (!child || !model->fds)
		return;
	if (!child->as_child) {
		child->as_child = objects_make(&model->fds->objects, OBJECT_child, record->head.ts);
		text_adds(&name, "child ");
		if (child->comm)
			text_add(&name, child->comm->data, child->comm->len);
		text_addf(&name, "[%u]", child->pid);
		child->as_child->name = string_new(name.data, name.len);
		text_release(&name);
	}
	cause->object = child->as_child;
}

void wait_child(struct model *model, struct decoder *decoder, const struct trc_syscall *record,
		struct wait_cause *cause)
{
	const struct trc_item *info = item_of(record, WAITID_INFO, 0);
	size_t pid_at = abi_is_narrow(record->abi) || record->abi == SYSCALL_ABI_X32 ? 12 : 16;

	cause->reason = WAIT_child;
	if (record->state == TRC_SYSCALL_UNFINISHED)
		return;
	if (record->ret > 0)
		set_child(model, record, (u32)record->ret, cause);
	else if (!record->ret && info && info->len >= pid_at + 4)
		set_child(model, record, payload_u32(decoder, trc_item_data(info) + pid_at), cause);
}

void wait_clone(struct model *model, struct decoder *decoder, const struct trc_syscall *record,
		struct wait_cause *cause)
{
	const struct syscall_desc *desc = decoder_syscall(decoder, record->abi, record->nr);
	const struct trc_item *item = item_of(record, 0, 0);
	u64 flags = syscall_arg(record, 0);

	if (!strcmp(desc->name, "clone3"))
		flags = item && item->len >= 8 ? payload_u64(decoder, trc_item_data(item)) : 0;
	cause->reason = WAIT_kernel;
	if (strcmp(desc->name, "vfork") != 0 && !(flags & VFORK_FLAG))
		return;
	cause->reason = WAIT_vfork;
	if (record->ret > 0)
		set_child(model, record, (u32)record->ret, cause);
}
