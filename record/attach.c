/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/epoll_sets.h"
#include "record/process_maps.h"
#include "trc.skel.h"

#define ORPHANS_MAX   4096
#define READ_BYTES    (64u << 10) /* the kernel collects 32 KiB at a time */
#define ARGUMENTS_MAX 8192
#define PASSES_MAX    1000
#define PUT_TURNS_MAX 1000

static int resize(struct bpf_map *map, size_t count)
{
	return bpf_map__set_max_entries(map, count ? count : 1);
}

int attach_prepare(struct trc_bpf *skeleton, const struct targets *targets)
{
	const u32 moves = REASON_BIT(REASON_CGROUP) | REASON_BIT(REASON_CONTAINER);
	int err;

	skeleton->rodata->target_options = targets->options;
	bpf_program__set_autoload(skeleton->progs.target_moved, targets->options & moves);
	err = resize(skeleton->maps.target_tids, targets->tid_count);
	if (!err)
		err = resize(skeleton->maps.target_names, targets->name_count);
	if (!err)
		err = resize(skeleton->maps.target_users, targets->user_count);
	if (!err)
		err = resize(skeleton->maps.target_cgroups, targets->cgroup_count);
	if (!err)
		err = resize(skeleton->maps.target_orphans, targets->options ? ORPHANS_MAX : 0);
	return err;
}

int attach_put(int map_fd, const void *key, const void *value, u64 flags)
{
	int turns = PUT_TURNS_MAX;

	while (bpf_map_update_elem(map_fd, key, value, flags))
		if ((errno != EAGAIN && errno != EBUSY) || !--turns)
			return -errno;
	return 0;
}

static int put(const struct bpf_map *map, const void *key, u32 reason)
{
	return attach_put(bpf_map__fd(map), key, &reason, BPF_ANY);
}

static int fill_maps(struct trc_bpf *skeleton, const struct targets *targets)
{
	int err = 0;

	for (size_t i = 0; i < targets->seed_count; i++) {
		err = put(skeleton->maps.target_seeds, &targets->seeds[i].pidfd,
			  targets->seeds[i].reason);
		/* It has ended since: then it does not match, that is all. */
		if (err == -ENOENT || err == -ESRCH)
			err = 0;
		if (err)
			return err;
	}
	for (size_t i = 0; i < targets->tid_count && !err; i++)
		err = put(skeleton->maps.target_tids, &targets->tids[i], REASON_TID);
	for (size_t i = 0; i < targets->name_count && !err; i++) {
		char name[16] = "";

		snprintf(name, sizeof(name), "%s", targets->names[i]);
		err = put(skeleton->maps.target_names, name, REASON_NAME);
	}
	for (size_t i = 0; i < targets->user_count && !err; i++)
		err = put(skeleton->maps.target_users, &targets->users[i], REASON_USER);
	for (size_t i = 0; i < targets->cgroup_count && !err; i++)
		err = put(skeleton->maps.target_cgroups, &targets->cgroups[i].id,
			  targets->cgroups[i].reason);
	return err;
}

int attach_iterate(struct bpf_program *program, int (*take)(void *context, u8 *data, size_t len),
		   void *context)
{
	_cleanup_free_ u8 *buffer = xmalloc(READ_BYTES);
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	_cleanup_close_ int fd = -1;
	ssize_t n;
	int err = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = -errno;
	while (!err) {
		n = read(fd, buffer, READ_BYTES);
		if (!n)
			break;
		/* EAGAIN: a million objects that wrote nothing. */
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		else if (n > 0 && take)
			err = take(context, buffer, n);
	}
	bpf_link__destroy(link);
	return err;
}

/* Tells of itself, so that it is never a target. */
static int say_who_we_are(struct trc_bpf *skeleton)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.target_recorder), &options)
		       ? -errno
		       : 0;
}

int attach_targets(struct probes *probes, const struct targets *targets, u32 *ret_matched,
		   u32 *ret_command_pid)
{
	struct trc_bpf *skeleton = probes_skeleton(probes);
	volatile struct control *control = &skeleton->bss->control;
	int err = say_who_we_are(skeleton);

	if (!err)
		err = fill_maps(skeleton, targets);
	control->counting = 1;
	if (!err)
		err = attach_iterate(skeleton->progs.target_find, NULL, NULL);
	control->counting = 0;
	*ret_matched = control->matched;
	*ret_command_pid = control->command_tgid;
	return err;
}

/* --- what the iterators write: a number for /proc, or 0, and a record; again and again */

/* For whom the iterators are run. */
struct finding {
	struct consumer *consumer;
	u64 groups;
	struct epoll_sets *epolls;
};

/* Is the rest of a file NULs? Of one that is not, little is read. */
static bool rest_is_nuls(FILE *file)
{
	char bytes[4096];
	size_t len;

	while ((len = fread(bytes, 1, sizeof(bytes), file)))
		if (bytes[0] || memcmp(bytes, bytes + 1, len - 1))
			return false;
	return true;
}

/*
 * A title that was written over the arguments is padded up to where they ended: with blanks, and with NULs, which look
 * like empty arguments. A single empty one may be meant. Returns the length without that.
 */
static size_t without_padding(char *arguments, size_t len)
{
	size_t end = len;

	while (end && !arguments[end - 1])
		end--;
	if (len - end <= 2)
		return len;
	while (end && arguments[end - 1] == ' ')
		end--;
	if (!end)
		return 0;
	arguments[end] = '\0';
	return end + 1;
}

/* The arguments are in the memory of the process; where they cannot be read the record has none. */
static void add_arguments(struct trc_head *record, u32 number)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/cmdline", number);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	struct trc_item *item = (void *)((u8 *)record + record->len);
	size_t room = TRC_RECORD_MAX - record->len - sizeof(*item), len;
	char *arguments = (char *)(item + 1);
	bool cut;

	if (room > ARGUMENTS_MAX)
		room = ARGUMENTS_MAX;
	if (!file)
		return;
	len = fread(arguments, 1, room, file);
	cut = len == room && !rest_is_nuls(file);
	if (!cut)
		len = without_padding(arguments, len);
	if (!len)
		return;
	*item = (struct trc_item){ .field = 3, .type = TRC_TYPE_strv, .len = len };
	if (cut) {
		item->state = TRC_ITEM_TRUNCATED;
		item->more = UINT16_MAX;
	}
	memset(arguments + len, 0, -len & 7);
	record->len += sizeof(*item) + ((len + 7) & ~7ull);
}

struct mapped_files {
	struct consumer *consumer;
	const struct trc_head *found;
};

static int take_map(void *context, const struct process_map *map)
{
	const struct mapped_files *files = context;
	struct {
		struct trc_file_map event;
		struct trc_item item;
		char path[PATH_MAX];
	} record = {
		.event = { .head = *files->found,
			   .fd = -1,
			   .device = map->major << 20 | map->minor,
			   .inode = map->inode,
			   .address = map->start,
			   .length = map->end - map->start,
			   .offset = map->offset,
			   .prot = map->prot,
			   .flags = map->shared ? MAP_SHARED : MAP_PRIVATE },
		.item = { .type = TRC_TYPE_str },
	};
	size_t len = strlen(map->path);

	if (len > sizeof(record.path)) {
		len = sizeof(record.path);
		record.item.state = TRC_ITEM_TRUNCATED;
		record.item.more = UINT16_MAX;
	}
	memcpy(record.path, map->path, len);
	record.item.len = len;
	record.event.head.kind = TRC_KIND_file_map;
	record.event.head.words = sizeof(record.event) / 8;
	record.event.head.len = sizeof(record.event) + sizeof(record.item) + ((len + 7) & ~7ull);
	return consumer_take(files->consumer, &record.event.head);
}

/* One that was there, with what only /proc tells of it; `number` names it there. */
static int take_process(const struct finding *finding, struct trc_head *record, u32 number)
{
	struct mapped_files files = { finding->consumer, record };
	int err;

	add_arguments(record, number);
	err = consumer_take_process(finding->consumer, record, number);
	if (err || !(finding->groups & GROUP_BIT(GROUP_file)))
		return err;
	return process_maps_each(number, take_map, &files);
}

/* What stands behind a number in what the iterators write. */
static int take_numbered(const struct finding *finding, struct trc_head *record, u32 number)
{
	if (record->kind == TRC_KIND_task_found)
		return take_process(finding, record, number);
	epoll_sets_note(finding->epolls, record, number);
	return consumer_take(finding->consumer, record);
}

static int take_found(void *context, u8 *data, size_t len)
{
	const struct finding *finding = context;
	_cleanup_free_ struct trc_head *record = xmalloc(TRC_RECORD_MAX);
	int err = 0;

	while (len && !err) {
		struct trc_head head;
		u64 number;

		if (len < sizeof(number) + sizeof(head))
			return -EIO;
		memcpy(&number, data, sizeof(number));
		memcpy(&head, data + sizeof(number), sizeof(head));
		if (head.len > TRC_RECORD_MAX || len < sizeof(number) + head.len)
			return -EIO;
		memcpy(record, data + sizeof(number), head.len);
		err = number ? take_numbered(finding, record, number)
			     : consumer_take(finding->consumer, record);
		data += sizeof(number) + head.len;
		len -= sizeof(number) + head.len;
	}
	return err;
}

static void forget_orphans(struct trc_bpf *skeleton)
{
	int map_fd = bpf_map__fd(skeleton->maps.target_orphans);
	u32 pid;

	while (!bpf_map_get_next_key(map_fd, NULL, &pid) && !bpf_map_delete_elem(map_fd, &pid))
		;
}

static int find(struct trc_bpf *skeleton, struct consumer *consumer)
{
	volatile struct control *control = &skeleton->bss->control;
	_cleanup_(epoll_sets_release) struct epoll_sets epolls = { 0 };
	struct finding finding = { consumer, skeleton->rodata->groups, &epolls };
	u32 adopted, fill;
	int err, passes = 0;

	control->wanted = 0;
	control->attaching = 1;
	control->pass++;
	/* What was adopted by a hook behind the iterator's back is told of by the next pass. */
	do {
		adopted = control->adopted;
		err = attach_iterate(skeleton->progs.target_find, take_found, &finding);
		if (!err)
			err = consumer_drain(consumer, &fill);
	} while (err >= 0 && adopted != control->adopted && ++passes < PASSES_MAX);
	if (err >= 0)
		err = attach_iterate(skeleton->progs.target_files, take_found, &finding);
	/* Waits for them are told by system calls. */
	if (err >= 0 && finding.groups & GROUP_BIT(GROUP_syscall))
		err = epoll_sets_tell(&epolls, consumer);
	control->attaching = 0;
	/* Set by a hook before that. */
	if (control->wanted)
		control->attaching = 1;
	else
		forget_orphans(skeleton);
	return err;
}

void attach_begin(struct probes *probes)
{
	volatile struct control *control = &probes_skeleton(probes)->bss->control;

	control->arriving = 1;
	control->attaching = 1;
}

int attach_find(struct probes *probes, struct consumer *consumer)
{
	struct trc_bpf *skeleton = probes_skeleton(probes);
	int err = find(skeleton, consumer);

	skeleton->bss->control.started = 1;
	skeleton->bss->control.parting = 0;
	return err;
}

int attach_find_later(struct probes *probes, struct consumer *consumer)
{
	struct trc_bpf *skeleton = probes_skeleton(probes);
	volatile struct control *control = &skeleton->bss->control;

	return control->wanted ? find(skeleton, consumer) : 0;
}

void attach_next_part(struct probes *probes)
{
	struct control *control = (void *)&probes_skeleton(probes)->bss->control;

	__atomic_store_n(&control->parting, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&control->part, 1, __ATOMIC_SEQ_CST);
}

int attach_tell_all(struct probes *probes, struct consumer *consumer)
{
	struct trc_bpf *skeleton = probes_skeleton(probes);
	volatile struct control *control = &skeleton->bss->control;
	int err;

	control->telling_all = 1;
	err = find(skeleton, consumer);
	control->telling_all = 0;
	control->parting = 0;
	return err;
}

int attach_tell_calls(struct probes *probes, struct consumer *consumer, u64 end_ns)
{
	struct bpf_program *program = probes_skeleton(probes)->progs.syscall_under_way;
	struct finding finding = { .consumer = consumer };

	probes_skeleton(probes)->bss->control.end_ns = end_ns;
	/* Without an fd its group is off. */
	return bpf_program__fd(program) < 0 ? 0 : attach_iterate(program, take_found, &finding);
}

int attach_release(struct probes *probes)
{
	return attach_iterate(probes_skeleton(probes)->progs.target_release, NULL, NULL);
}
