/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A model that follows descriptors, told event by event; and what its hooks told. */
#pragma once

#include "analyze/model/dirs.h"
#include "analyze/model/fds.h"
#include "analyze/model/sockets.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct world {
	struct trace_meta meta;
	struct syscall_table table;
	struct decoder *decoder;
	struct model *model;
	u64 words[TRC_RECORD_MAX / 8];
	size_t len;
	/* What the hooks told. */
	unsigned gone_count, object_count;
	u32 gone_id;
	u8 gone_end;
	u64 gone_ns;
	char gone_name[256];
} w;

static void file_gone(void *context, struct open_file *file)
{
	const struct string *name = open_file_name(file);

	(void)context;
	w.gone_count++;
	w.gone_id = file->id;
	w.gone_end = file->end;
	w.gone_ns = file->closed_ns;
	snprintf(w.gone_name, sizeof(w.gone_name), "%s", name ? name->data : "");
}

static void object_gone(void *context, struct object *object)
{
	(void)context;
	(void)object;
	w.object_count++;
}

static void begin(void)
{
	const struct model_hooks hooks = { .file_gone = file_gone, .object_gone = object_gone };

	memset(&w, 0, sizeof(w));
	w.table = *syscall_table_builtin(SYSCALL_ABI_X86_64);
	w.meta.table_count = 1;
	w.meta.tables = &w.table;
	w.meta.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	w.decoder = decoder_new(&w.meta);
	w.model = model_new(NULL);
	model_follow_fds(w.model, w.decoder, &w.meta);
	model_set_hooks(w.model, &hooks);
}

static void finish(void)
{
	model_finish(w.model);
	model_free(w.model);
	decoder_free(w.decoder);
}

/* ---- events ---- */

static void *record(u16 kind, u64 ts, u32 tid, u32 tgid, size_t size)
{
	struct trc_head *head = (void *)w.words;

	memset(w.words, 0, sizeof(w.words));
	*head = (struct trc_head){
		.ts = ts, .tid = tid, .tgid = tgid, .kind = kind, .words = (u8)(size / 8)
	};
	w.len = size;
	return head;
}

static void item(u8 field, u8 type, const void *data, size_t len)
{
	struct trc_item head = { .field = field, .type = type, .len = (u16)len };

	memcpy((u8 *)w.words + w.len, &head, sizeof(head));
	memcpy((u8 *)w.words + w.len + sizeof(head), data, len);
	w.len += (sizeof(head) + len + 7) & ~(size_t)7;
}

static struct thread *tell(void)
{
	struct trc_head *head = (void *)w.words;
	struct event event = { .record = head, .raw = head, .kind_id = head->kind };

	head->len = (u16)w.len;
	CHECK_FATAL(!record_check(head, sizeof(w.words)));
	return model_event(w.model, &event);
}

static struct thread *file(u64 ts, u32 tid, u32 tgid, s32 fd, const char *path, u64 inode)
{
	struct trc_file *event = record(TRC_KIND_file, ts, tid, tgid, sizeof(*event));

	event->fd = fd;
	event->device = 8;
	event->inode = inode;
	event->mode = path ? S_IFREG | 0644 : S_IFIFO | 0600;
	if (path)
		item(0, TRC_TYPE_str, path, strlen(path));
	else
		event->traits = 32;
	return tell();
}

static struct thread *file_how(u64 ts, u32 tid, u32 tgid, s32 fd, u64 inode, u8 how)
{
	struct trc_file *event = record(TRC_KIND_file, ts, tid, tgid, sizeof(*event));

	event->fd = fd;
	event->inode = inode;
	event->mode = S_IFIFO | 0600;
	event->traits = 32;
	event->how = how;
	return tell();
}

struct call {
	u64 ts, ns;
	u32 tid, tgid;
	const char *name;
	u64 args[6];
	s64 ret;
	u8 state;
	const char *path;
};

static struct thread *call_with(struct call call, u8 field, u8 type, const void *data, size_t len)
{
	const struct syscall_desc *desc = syscall_by_name(&w.table, call.name);
	struct trc_syscall *event =
		record(TRC_KIND_syscall, call.ts, call.tid, call.tgid, sizeof(*event));

	CHECK_FATAL(desc);
	event->nr = desc->nr;
	event->abi = SYSCALL_ABI_X86_64;
	event->ret = call.ret;
	event->duration_ns = call.ns;
	event->state = call.state;
	memcpy(&event->arg0, call.args, sizeof(call.args));
	if (data) {
		event->items = 1;
		item(field, type, data, len);
	}
	return tell();
}

#define CALL(...) call_with((struct call){ __VA_ARGS__ }, 0, 0, NULL, 0)

static struct thread *task(u64 ts, u32 tid, u32 tgid, u32 child_tid, u32 child_tgid)
{
	struct trc_task_new *event = record(TRC_KIND_task_new, ts, tid, tgid, sizeof(*event));

	event->child_tid = child_tid;
	event->child_tgid = child_tgid;
	event->child_start_ns = ts;
	event->ppid = tgid;
	return tell();
}

static struct thread *died(u64 ts, u32 tid, u32 tgid)
{
	struct trc_task_exit *event = record(TRC_KIND_task_exit, ts, tid, tgid, sizeof(*event));

	event->signal_flags = 1;
	return tell();
}

static struct thread *executed(u64 ts, u32 tid)
{
	struct trc_exec *event = record(TRC_KIND_exec, ts, tid, tid, sizeof(*event));

	event->old_tid = tid;
	return tell();
}

static const char *name_of(struct thread *thread, s32 fd)
{
	struct open_file *found = thread_fd(thread, fd);

	return found && open_file_name(found) ? open_file_name(found)->data : NULL;
}
