/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what a trace tells of a descriptor to the object it stands for. */
#include "analyze/model/dirs.h"
#include "analyze/model/fds_private.h"
#include "analyze/model/sockets.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_IFMT_NUMBER	0170000
#define S_IFIFO_NUMBER	0010000
#define S_IFCHR_NUMBER	0020000
#define S_IFDIR_NUMBER	0040000
#define S_IFBLK_NUMBER	0060000
#define S_IFSOCK_NUMBER 0140000

#define ANON_PREFIX    "anon_inode:"
#define MEMFD_PREFIX   "/memfd:"
#define DELETED_SUFFIX " (deleted)"

struct told { /* of a descriptor, by whatever record */
	u32 mode, device;
	u64 inode;
	const char *path;
	size_t path_len;
	bool deleted, anonymous;
	bool made; /* it is new: an object of the same number was another */
	bool received;
};

static bool begins(const char *text, size_t len, const char *prefix)
{
	size_t prefix_len = strlen(prefix);

	return len >= prefix_len && !memcmp(text, prefix, prefix_len);
}

/* By the name behind "anon_inode:". */
static u8 anonymous_type(const char *name, size_t len)
{
	static const struct {
		const char *name;
		u8 type;
	} types[] = {
		{ "[eventpoll]", OBJECT_epoll }, { "[eventfd]", OBJECT_eventfd },
		{ "[timerfd]", OBJECT_timerfd }, { "[signalfd]", OBJECT_signalfd },
		{ "inotify", OBJECT_inotify },	 { "[fanotify]", OBJECT_fanotify },
		{ "[pidfd]", OBJECT_pidfd },	 { "[io_uring]", OBJECT_uring },
		{ "[perf_event]", OBJECT_perf }, { "bpf-", OBJECT_bpf },
		{ "[bpf", OBJECT_bpf },		 { "bpf_", OBJECT_bpf },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (begins(name, len, types[i].name))
			return types[i].type;
	return OBJECT_other;
}

static struct string *numbered(const char *what, u64 inode)
{
	char text[40];

	return string_new(text, (size_t)snprintf(text, sizeof(text), "%s:[%llu]", what,
						 (unsigned long long)inode));
}

/* A pipe or a socket: one reference, the caller's. */
static struct object *nameless(struct fds *fds, const struct told *told, u8 type, u32 place)
{
	struct object *object = objects_find(&fds->objects, place, told->inode);

	/* Both ends of a pipe come at the same time. */
	if (object && told->inode && !(told->made && object->seen_ns != fds->now))
		return object_ref(object);
	if (told->inode)
		object = objects_make_at(&fds->objects, type, place, told->inode, fds->now);
	else
		object = objects_make(&fds->objects, type, fds->now);
	object->device = told->device;
	object->name = numbered(type == OBJECT_pipe ? "pipe" : "socket", told->inode);
	return object;
}

static struct object *anonymous(struct fds *fds, const struct told *told)
{
	const char *name = told->path;
	size_t len = told->path_len;
	struct object *object;

	if (begins(name, len, ANON_PREFIX)) {
		name += strlen(ANON_PREFIX);
		len -= strlen(ANON_PREFIX);
	}
	object = objects_make(&fds->objects, anonymous_type(name, len), fds->now);
	object->device = told->device;
	object->inode = told->inode;
	object->name = string_new(told->path, told->path_len);
	return object;
}

static u8 type_of_mode(const struct told *told)
{
	switch (told->mode & S_IFMT_NUMBER) {
	case S_IFDIR_NUMBER:
		return OBJECT_directory;
	case S_IFCHR_NUMBER:
	case S_IFBLK_NUMBER:
		return OBJECT_device;
	case S_IFIFO_NUMBER:
		return OBJECT_pipe;
	case S_IFSOCK_NUMBER:
		return OBJECT_socket;
	}
	return begins(told->path, told->path_len, MEMFD_PREFIX) ? OBJECT_memfd : OBJECT_file;
}

static bool is_called(const struct object *object, const char *path, size_t len)
{
	return object->name && object->name->len == len && !memcmp(object->name->data, path, len);
}

/* Borrowed; NULL: none. */
static struct object *find_named(const struct objects *objects, const struct told *told)
{
	struct object *object =
		told->inode ? objects_find(objects, told->device, told->inode) : NULL;

	/* Nobody has it open: another name means that it is another file, which took the number. */
	if (object && !object->open_count && !is_called(object, told->path, told->path_len))
		return NULL;
	return object;
}

static struct object *named(struct objects *objects, const struct told *told, u64 now)
{
	struct object *object = find_named(objects, told);

	if (object)
		return object_ref(object);
	if (told->inode)
		object = objects_make_at(objects, type_of_mode(told), told->device, told->inode,
					 now);
	else
		object = objects_make(objects, type_of_mode(told), now);
	object->device = told->device;
	object->name = string_new(told->path, told->path_len);
	return object;
}

/* NULL where the object's name says it all. */
static struct string *own_name(const struct told *told, const struct object *object)
{
	size_t suffix = told->deleted ? strlen(DELETED_SUFFIX) : 0;
	struct string *name;
	char *text;

	if (!told->path || object->type == OBJECT_socket ||
	    (!suffix && is_called(object, told->path, told->path_len)))
		return NULL;
	if (!suffix)
		return string_new(told->path, told->path_len);
	text = xmalloc(told->path_len + suffix);
	memcpy(text, told->path, told->path_len);
	memcpy(text + told->path_len, DELETED_SUFFIX, suffix);
	name = string_new(text, told->path_len + suffix);
	free(text);
	return name;
}

static struct open_file *make_file(struct fds *fds, const struct told *told)
{
	u32 type = told->mode & S_IFMT_NUMBER;
	struct open_file *file = NULL;
	struct object *object;

	if (type == S_IFSOCK_NUMBER && !told->path)
		object = nameless(fds, told, OBJECT_socket, OBJECT_PLACE_SOCKET);
	else if (type == S_IFIFO_NUMBER && !told->path)
		object = nameless(fds, told, OBJECT_pipe, OBJECT_PLACE_PIPE);
	else if (!told->path)
		object = objects_make(&fds->objects, OBJECT_unknown, fds->now);
	else if (told->anonymous && !begins(told->path, told->path_len, MEMFD_PREFIX))
		object = anonymous(fds, told);
	else
		object = named(&fds->objects, told, fds->now);
	if (told->received)
		file = fds_received(fds, object);
	if (!file)
		file = open_file_make(fds, object, own_name(told, object));
	object_unref(object);
	return file;
}

static void tell_item(struct told *told, const struct trc_item *item)
{
	if (!item || item->state == TRC_ITEM_UNREADABLE || !item->len)
		return;
	told->path = (const char *)trc_item_data(item);
	told->path_len = item->len;
}

static void tell_path(struct told *told, const struct trc_head *record)
{
	tell_item(told, record_item(record, 0));
}

struct open_file *file_from_record(struct fds *fds, const struct trc_file *record)
{
	struct told told = { .mode = record->mode,
			     .device = record->device,
			     .inode = record->inode,
			     .deleted = record->traits & FILE_TRAIT_DELETED,
			     .anonymous = record->traits & FILE_TRAIT_ANONYMOUS,
			     .made = record->how == FILE_HOW_WRITTEN,
			     .received = record->how == FILE_HOW_RECEIVED };
	struct open_file *file;

	tell_path(&told, &record->head);
	/* A memfd never had a place in a directory: /proc shows it as if it were deleted. */
	if (told.anonymous && told.path && *told.path == '/')
		told.deleted = true;
	file = make_file(fds, &told);
	if (file->opened_ns == MODEL_UNKNOWN && file->fd < 0) {
		file->opened_ns = record->head.ts;
		file->flags = record->flags;
		file->origin = told.received ? FILE_ORIGIN_received : FILE_ORIGIN_call;
	}
	return file;
}

struct open_file *file_from_found(struct fds *fds, const struct trc_fd_found *record)
{
	struct told told = { .mode = record->mode,
			     .device = record->device,
			     .inode = record->inode };
	struct open_file *file;
	struct text name = {};

	tell_path(&told, &record->head);
	if (told.path && *told.path != '/') { /* "[eventfd]" */
		told.anonymous = true;
		text_adds(&name, ANON_PREFIX);
		text_add(&name, told.path, told.path_len);
		told.path = name.data;
		told.path_len = name.len;
	}
	file = make_file(fds, &told);
	file->flags = record->flags;
	socket_found(fds, file->object, record);
	text_release(&name);
	return file;
}

/* "pipe:[4711]" */
static bool target_number(const char *target, const char *what, u64 *ret_inode)
{
	size_t len = strlen(what);

	if (strncmp(target, what, len) || strncmp(target + len, ":[", 2))
		return false;
	*ret_inode = strtoull(target + len + 2, NULL, 10);
	return true;
}

struct open_file *file_from_target(struct fds *fds, const char *target)
{
	struct told told = {};

	if (target_number(target, "pipe", &told.inode)) {
		told.mode = S_IFIFO_NUMBER;
	} else if (target_number(target, "socket", &told.inode)) {
		told.mode = S_IFSOCK_NUMBER;
	} else {
		told.path = target;
		told.path_len = strlen(target);
		told.anonymous = *target != '/';
	}
	return make_file(fds, &told);
}

struct open_file *file_from_call(struct fds *fds, struct thread *thread,
				 const struct trc_syscall *record)
{
	struct told told = {};
	struct text text = {};
	struct open_file *file;
	const char *path;
	size_t len;

	if (record->state == TRC_SYSCALL_COMPLETE &&
	    decode_path(fds->decoder, record, &path, &len) &&
	    thread_add_path(thread, call_directory(fds->decoder, record), path, len, &text)) {
		told.path = text.data;
		told.path_len = text.len;
	}
	file = make_file(fds, &told);
	file->opened_ns = record->head.ts;
	file->origin = FILE_ORIGIN_inferred;
	text_release(&text);
	return file;
}

/* One reference, the caller's. */
static struct object *mapped(struct fds *fds, const struct told *told)
{
	struct object *object = find_named(&fds->objects, told);

	if (object)
		return object_ref(object);
	object = named(&fds->mapped, told, fds->now);
	objects_remember(&fds->mapped, object);
	return object;
}

struct object *fds_mapped_object(struct fds *fds, const struct trc_page_fault *record)
{
	struct told told = { .device = record->device, .inode = record->inode };

	tell_path(&told, &record->head);
	if (!told.inode || !told.path)
		return object_ref(fds_object_at(fds, told.device, told.inode));
	return mapped(fds, &told);
}

void fds_program(struct fds *fds, const struct trc_item *path, u32 device, u64 inode, u32 mode)
{
	struct told told = { .device = device, .inode = inode, .mode = mode };

	tell_item(&told, path);
	if (told.inode && told.path)
		object_unref(mapped(fds, &told));
}

struct object *fds_path_object(struct fds *fds, const char *path, size_t len)
{
	u64 place = hash_bytes(path, len);
	struct object *object = objects_find(&fds->paths, 0, place);

	if (object && is_called(object, path, len)) {
		object_ref(object);
	} else {
		object = objects_make_at(&fds->paths, OBJECT_file, 0, place, fds->now);
		object->name = string_new(path, len);
	}
	objects_remember(&fds->paths, object);
	object_unref(object);
	return object;
}
