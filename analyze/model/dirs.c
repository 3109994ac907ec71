/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/dirs.h"

#include "analyze/model/fds_private.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

static struct dirs *dirs_new(struct string *cwd, struct string *root, u64 told_ns)
{
	struct dirs *dirs = xcalloc(1, sizeof(*dirs));

	dirs->references = 1;
	dirs->told_ns = told_ns;
	dirs->cwd = string_ref(cwd);
	dirs->root = string_ref(root);
	return dirs;
}

static struct dirs *dirs_ref(struct dirs *dirs)
{
	dirs->references++;
	return dirs;
}

static void dirs_unref(struct dirs *dirs)
{
	if (!dirs || --dirs->references)
		return;
	string_unref(dirs->cwd);
	string_unref(dirs->root);
	free(dirs);
}

/* Gives the thread its first directories, or takes the last from it. */
static void set_dirs(struct thread *thread, struct dirs *dirs)
{
	if (!thread->dirs != !dirs)
		thread_set_sharing(thread, SHARE_dirs, dirs != NULL);
	thread->dirs = dirs;
}

/* Those of a thread: of its process's other threads if nothing was told. */
static struct dirs *of_thread(struct thread *thread)
{
	struct thread *other = thread->process->sharers[SHARE_dirs];

	if (thread->dirs)
		return thread->dirs;
	set_dirs(thread,
		 other ? dirs_ref(other->dirs) : dirs_new(thread->process->identity.cwd, NULL, 0));
	return thread->dirs;
}

const struct string *thread_cwd(const struct thread *thread)
{
	return thread->dirs ? thread->dirs->cwd : thread->process->identity.cwd;
}

static void set_item(struct string **slot, const struct trc_head *record, u8 field)
{
	const struct trc_item *item = record_item(record, field);

	if (item && item->state != TRC_ITEM_UNREADABLE)
		string_set(slot, string_new((const char *)trc_item_data(item), item->len));
}

void dirs_leave(struct thread *thread)
{
	struct dirs *dirs = thread->dirs;

	set_dirs(thread, NULL);
	dirs_unref(dirs);
}

void dirs_event(struct thread *thread, const struct trc_file_dir *record)
{
	struct dirs *dirs = of_thread(thread);

	set_item(&dirs->cwd, &record->head, 0);
	set_item(&dirs->root, &record->head, 1);
	dirs->told_ns = record->head.ts;
}

void dirs_told(struct thread *thread)
{
	struct string *cwd = thread->process->identity.cwd;

	if (cwd)
		string_set(&of_thread(thread)->cwd, string_ref(cwd));
}

void dirs_made(struct thread *creator, struct thread *child)
{
	struct dirs *dirs = of_thread(creator);

	if (child->dirs)
		return;
	set_dirs(child, child->process == creator->process
				? dirs_ref(dirs)
				: dirs_new(dirs->cwd, dirs->root, dirs->told_ns));
}

void dirs_unshare(struct thread *thread)
{
	struct dirs *dirs = of_thread(thread);

	if (dirs->references == 1)
		return;
	thread->dirs = dirs_new(dirs->cwd, dirs->root, dirs->told_ns);
	dirs_unref(dirs);
}

void dirs_cloned(struct thread *thread, struct thread *child, bool shares)
{
	struct dirs *dirs = of_thread(thread);

	if ((of_thread(child) == dirs) == shares)
		return;
	if (!shares) {
		dirs_unshare(child);
		return;
	}
	/* It was quicker than its maker: what it went to is where both are. */
	if (child->dirs->told_ns > dirs->told_ns) {
		string_set(&dirs->cwd, string_ref(child->dirs->cwd));
		string_set(&dirs->root, string_ref(child->dirs->root));
		dirs->told_ns = child->dirs->told_ns;
	}
	dirs_unref(child->dirs);
	child->dirs = dirs_ref(dirs);
}

/* ---- paths ---- */

/* Adds the parts of a path, without "." and "..", behind `start`, where the root is. */
static void add_parts(struct text *out, size_t start, const char *path, size_t len)
{
	const char *end = path + len;

	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t part = (size_t)((slash ? slash : end) - path);

		if (part == 2 && path[0] == '.' && path[1] == '.') {
			while (out->len > start && out->data[--out->len] != '/')
				;
			out->data[out->len] = 0;
		} else if (part && !(part == 1 && *path == '.')) {
			text_addc(out, '/');
			text_add(out, path, part);
		}
		path += part + 1;
	}
}

bool thread_add_path(struct thread *thread, s32 directory, const char *path, size_t len,
		     struct text *out)
{
	size_t start = out->len;

	if (!len || *path != '/') {
		const struct open_file *file =
			directory == DECODE_AT_FDCWD ? NULL : thread_fd_before(thread, directory);
		const struct string *base = directory == DECODE_AT_FDCWD ? thread_cwd(thread)
					    : file			 ? open_file_name(file)
									 : NULL;

		if (!base || *base->data != '/')
			return false;
		add_parts(out, start, base->data, base->len);
	}
	text_add(out, "", 0);
	add_parts(out, start, path, len);
	if (out->len == start)
		text_addc(out, '/');
	if (out->len - start > STRING_MAX) {
		out->len = start + STRING_MAX;
		text_adds(out, "…");
	}
	return true;
}

s32 call_directory(struct decoder *decoder, const struct trc_syscall *record)
{
	const struct syscall_desc *desc = decoder_syscall(decoder, record->abi, record->nr);

	for (unsigned i = 1; desc && i < desc->arg_count; i++)
		if (desc->args[i].type == ARG_PATH)
			return desc->args[i - 1].type == ARG_DIRFD ? (s32)syscall_arg(record, i - 1)
								   : DECODE_AT_FDCWD;
	return DECODE_AT_FDCWD;
}
