/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A thread as the key of a row that outlives it. */
#pragma once

#include "analyze/metrics/instance.h"
#include "analyze/model/object.h"

struct who { /* zero it first */
	u32 thread_id, process_id, tid, pid;
	struct string *comm;
};

#define WHO_COLUMNS(C)                                                                             \
	C(thread_id, INTEGER, ID, "the thread; NULL: one that is not in the trace, or none")       \
	C(process_id, INTEGER, ID, "its process")                                                  \
	C(tid, INTEGER, NUMBER, "its tid")                                                         \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its name then")

#define WHO_COLUMN_COUNT 5

/* `thread` may be NULL: nothing is changed. */
static inline void who_set(struct who *who, const struct thread *thread)
{
	if (!thread)
		return;
	who->thread_id = thread->id;
	who->process_id = thread->process->id;
	who->tid = thread->tid;
	who->pid = thread->process->pid;
	if (who->comm != thread->comm)
		string_set(&who->comm, string_ref(thread->comm));
}

static inline void who_values(const struct who *who, struct value *values)
{
	values[0] = value_known(who->thread_id, 0);
	values[1] = value_known(who->process_id, 0);
	values[2] = value_known(who->tid, 0);
	values[3] = value_known(who->pid, 0);
	values[4] = value_string(who->comm);
}

static inline void who_release(struct who *who)
{
	string_unref(who->comm);
}

static inline u32 thread_id_of(const struct thread *thread)
{
	return thread ? thread->id : 0;
}

/* "8:16", as /proc/partitions has it. */
static inline void add_device(struct text *text, u32 device)
{
	text_addf(text, "%u:%u", device >> 20, device & 0xfffff);
}

static inline struct value device_value(struct fold *fold, u32 device)
{
	if (!device)
		return value_null();
	text_clear(&fold->text);
	add_device(&fold->text, device);
	return value_bytes(fold->text.data, fold->text.len);
}

/*
 * The name of the file with this inode, NULL if it was not seen. Of a disk's own inode, where a file system keeps what
 * is no file, and of which the number is that of the device: "device 8:16". One reference, the caller's.
 */
static inline struct string *inode_name(struct fold *fold, u32 device, u64 inode)
{
	const struct object *object = model_file(fold->walk->model, device, inode);

	if (object)
		return string_ref(object->name);
	if (inode != device)
		return NULL;
	text_clear(&fold->text);
	text_adds(&fold->text, "device ");
	add_device(&fold->text, device);
	return string_new(fold->text.data, fold->text.len);
}
