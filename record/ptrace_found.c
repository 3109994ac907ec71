/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What targets are and have open when a file begins; and the items of records that tell of tasks. */
#include "record/ptrace_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/metadata.h"

#define ARGUMENTS_MAX	 8192
#define BEHIND_ARGUMENTS 264 /* room for a cgroup's path */

/* --- records with items */

static void put_item(struct trc_head *record, u8 field, u8 type, const void *data, size_t len,
		     bool cut)
{
	struct trc_item *item = (void *)((u8 *)record + record->len);
	size_t padded = (len + 7) & ~7ull;

	if (record->len + sizeof(*item) + padded > TRC_RECORD_MAX) {
		record->flags |= TRC_FLAG_TRUNCATED;
		return;
	}
	*item = (struct trc_item){ .field = field,
				   .type = type,
				   .state = cut ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE,
				   .len = len,
				   .more = cut ? UINT16_MAX : 0 };
	memset((u8 *)(item + 1) + len, 0, padded - len);
	/* Arguments are read in place. */
	if (data != item + 1)
		memcpy(item + 1, data, len);
	record->len += sizeof(*item) + padded;
}

void record_put_text(struct trc_head *record, u8 field, const char *text)
{
	struct trc_item *item = (void *)((u8 *)record + record->len);
	size_t before = record->len;

	put_item(record, field, TRC_TYPE_str, text, strlen(text), false);
	if (!*text && record->len > before)
		item->state = TRC_ITEM_UNREADABLE;
}

void record_put_link(struct trc_head *record, u8 field, u32 tid, const char *name)
{
	_cleanup_free_ char *target = proc_link(tid, name);

	record_put_text(record, field, target);
}

void record_put_arguments(struct trc_head *record, u8 field, u32 tid)
{
	char *to = (char *)record + record->len + sizeof(struct trc_item);
	size_t room =
		record->len + BEHIND_ARGUMENTS + sizeof(struct trc_item) < TRC_RECORD_MAX
			? TRC_RECORD_MAX - BEHIND_ARGUMENTS - sizeof(struct trc_item) - record->len
			: 0;
	bool cut;
	size_t len =
		proc_read_arguments(tid, to, room < ARGUMENTS_MAX ? room : ARGUMENTS_MAX, &cut);

	put_item(record, field, TRC_TYPE_strv, to, len, cut);
}

/* --- what was there */

void tracee_fill_found(const struct tracee *tracee, void *ret_record)
{
	struct trc_task_found *event = ret_record;
	struct proc_status status = { 0 };
	_cleanup_free_ char *cgroup = NULL;

	memset(event, 0, sizeof(*event));
	proc_read_status(tracee->tgid, tracee->tid, &status);
	tracer_head(&event->head, tracee, TRC_KIND_task_found, sizeof(*event) / 8,
		    tracee->state.added_ns);
	event->start_ns = tracee->start_ns;
	event->ppid = status.ppid;
	event->reason = tracee->state.reason;
	event->ns_tid = status.ns_tid;
	FILL_IDENTITY(event, tracee->tid, &status);
	event->live_threads = status.live_threads;
	cgroup = proc_cgroup(tracee->tid, &event->cgroup_id);
	event->utime_ns = status.utime_ns;
	event->stime_ns = status.stime_ns;
	proc_read_schedstat(tracee->tgid, tracee->tid, &event->runtime_ns, &(u64){ 0 });
	memcpy(event->comm, tracee->comm, sizeof(event->comm));
	if (tracee->tid != tracee->tgid)
		return;
	/* Of the held command program and arguments are still the recorder's. */
	if (tracee->state.phase != PHASE_HELD)
		record_put_link(&event->head, 0, tracee->tid, "exe");
	record_put_link(&event->head, 1, tracee->tid, "cwd");
	record_put_text(&event->head, 2, cgroup);
	if (tracee->state.phase != PHASE_HELD)
		record_put_arguments(&event->head, 3, tracee->tid);
}

DEFINE_CLEANUP(DIR *, closedir)

static u32 device_of(dev_t device)
{
	return major(device) << 20 | minor(device);
}

/* One that is closed meanwhile is left out. */
static int tell_descriptor(const struct tracee *tracee, u32 fd, struct consumer *consumer)
{
	u64 record[(sizeof(struct trc_fd_found) + sizeof(struct trc_item) + PATH_MAX) / 8] = { 0 };
	struct trc_fd_found *event = (struct trc_fd_found *)record;
	_cleanup_free_ char *name = xasprintf("fd/%u", fd);
	_cleanup_free_ char *path = xasprintf("/proc/%u/%s", tracee->tid, name);
	_cleanup_free_ char *target = NULL;
	struct stat st;
	u32 access;

	tracer_head(&event->head, tracee, TRC_KIND_fd_found, sizeof(*event) / 8, monotonic_ns());
	if (stat(path, &st) || proc_read_descriptor(tracee->tid, fd, &event->offset, &event->flags))
		return 0;
	event->traits = event->flags & O_CLOEXEC ? 1 : 0;
	/* Of the held command these are still the recorder's. */
	if (event->traits && tracee->state.phase == PHASE_HELD)
		return 0;
	event->flags &= ~O_CLOEXEC;
	access = event->flags & O_ACCMODE;
	event->traits |= (access != O_WRONLY ? 4 : 0) | (access != O_RDONLY ? 8 : 0);
	event->fd = fd;
	event->device = device_of(st.st_dev);
	event->inode = st.st_ino;
	event->mode = st.st_mode;
	event->rdev = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode) ? device_of(st.st_rdev) : 0;
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		target = proc_link(tracee->tid, name);
		record_put_text(&event->head, 0, target);
	}
	return consumer_take(consumer, &event->head);
}

static int tell_descriptors(const struct tracee *tracee, struct consumer *consumer)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/fd", tracee->tid);
	_cleanup_(closedirp) DIR *directory = opendir(path);
	struct dirent *entry;
	int err = 0;

	while (directory && !err && (entry = readdir(directory))) {
		char *end;
		unsigned long fd = strtoul(entry->d_name, &end, 10);

		if (end != entry->d_name && !*end)
			err = tell_descriptor(tracee, fd, consumer);
	}
	return err;
}

int tracee_tell(const struct tracee *tracee, struct consumer *consumer)
{
	u64 record[TRC_RECORD_MAX / 8];
	struct trc_target_added added = { .start_ns = tracee->start_ns, .reason = REASON_COMMAND };
	int err;

	tracee_fill_found(tracee, record);
	err = consumer_take(consumer, (const struct trc_head *)record);
	if (!err && tracee->state.reason == REASON_COMMAND) {
		tracer_head(&added.head, tracee, TRC_KIND_target_added, sizeof(added) / 8,
			    tracee->state.added_ns);
		err = consumer_take(consumer, &added.head);
	}
	return err || tracee->tid != tracee->tgid ? err : tell_descriptors(tracee, consumer);
}
