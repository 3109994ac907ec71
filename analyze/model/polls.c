/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/polls.h"

#include "analyze/decode/decoder.h"
#include "analyze/model/fds.h"
#include "analyze/model/instances.h"
#include "common/alloc.h"
#include "common/hash.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

#define NR_LIMIT     1024 /* of those beyond nobody waits for descriptors */
#define ROLE_UNKNOWN 255
#define BUCKETS_MIN  64

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3 };
enum { EVENT_IN = 1, EVENT_PRI = 2, EVENT_OUT = 4 };

struct watch {
	u64 data;
	s32 fd;
	u32 events;
	struct object *object;
	struct watch *next, **link; /* in its bucket; what points to it */
};

struct epoll {
	struct idmap by_fd;
	u32 count;
	u32 bucket_count; /* a power of two, or 0 */
	struct watch **by_data;
};

struct polls {
	struct decoder *decoder;
	u8 calls[SYSCALL_ABI_MAX][NR_LIMIT]; /* enum poll_call, ROLE_UNKNOWN: not looked up yet */
	u64 serial, step_serial;
	bool waits;
	struct poll_step step;
	struct poll_entry entries[POLL_ENTRIES_MAX];
};

struct polls *polls_new(struct decoder *decoder)
{
	struct polls *polls = xcalloc(1, sizeof(*polls));

	polls->decoder = decoder;
	memset(polls->calls, ROLE_UNKNOWN, sizeof(polls->calls));
	return polls;
}

void polls_free(struct polls *polls)
{
	free(polls);
}

static u8 find_call(const struct syscall_desc *desc)
{
	for (unsigned i = 0; desc && i < desc->arg_count; i++)
		switch (desc->args[i].type) {
		case ARG_POLLFDS:
			return POLL_CALL_poll;
		case ARG_FDSET:
			return POLL_CALL_select;
		case ARG_EPOLL_EVENTS_OUT:
			return POLL_CALL_epoll;
		case ARG_EPOLL_EVENT_IN:
			return POLL_CALL_control;
		default:
			break;
		}
	return POLL_CALL_none;
}

static u8 call_of(struct polls *polls, const struct trc_syscall *record)
{
	u8 *call;

	if (record->abi >= SYSCALL_ABI_MAX || record->nr >= NR_LIMIT)
		return POLL_CALL_none;
	call = &polls->calls[record->abi][record->nr];
	if (*call == ROLE_UNKNOWN)
		*call = find_call(decoder_syscall(polls->decoder, record->abi, record->nr));
	return *call;
}

/* ---- what an epoll instance watches ---- */

/* x86 packs the struct. */
static bool is_packed(const struct trc_syscall *record)
{
	return record->abi == SYSCALL_ABI_X86_64 || record->abi == SYSCALL_ABI_X32 ||
	       record->abi == SYSCALL_ABI_I386;
}

static struct watch **bucket_of(struct epoll *epoll, u64 data)
{
	return &epoll->by_data[hash_number(0, data) & (epoll->bucket_count - 1)];
}

static void watch_free(struct epoll *epoll, struct watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	idmap_remove(&epoll->by_fd, (u32)watch->fd);
	epoll->count--;
	object_unref(watch->object);
	free(watch);
}

void epoll_free(struct epoll *epoll)
{
	if (!epoll)
		return;
	for (u32 i = 0; i < epoll->bucket_count; i++)
		while (epoll->by_data[i])
			watch_free(epoll, epoll->by_data[i]);
	free(epoll->by_data);
	idmap_release(&epoll->by_fd);
	free(epoll);
}

/* Of several with the same data the last one comes first, and it stays so. */
static void grow(struct epoll *epoll)
{
	struct watch **old = epoll->by_data;
	u32 old_count = epoll->bucket_count;

	epoll->bucket_count = old_count ? old_count * 2 : BUCKETS_MIN;
	epoll->by_data = xcalloc(epoll->bucket_count, sizeof(struct watch *));
	for (u32 i = 0; i < old_count; i++) {
		struct watch **ends[] = { &epoll->by_data[i], &epoll->by_data[i + old_count] };

		for (struct watch *watch = old[i], *next; watch; watch = next) {
			bool upper = bucket_of(epoll, watch->data) != &epoll->by_data[i];

			next = watch->next;
			watch->next = NULL;
			watch->link = ends[upper];
			*ends[upper] = watch;
			ends[upper] = &watch->next;
		}
	}
	free(old);
}

static void add_watch(struct epoll *epoll, s32 fd, u32 events, u64 data, struct object *object)
{
	struct watch *watch = idmap_find(&epoll->by_fd, (u32)fd), **bucket;

	if (watch)
		watch_free(epoll, watch);
	if (epoll->count >= EPOLL_WATCH_MAX)
		return;
	if (epoll->count == epoll->bucket_count)
		grow(epoll);
	watch = xcalloc(1, sizeof(*watch));
	/* Two that watch each other would keep each other alive. */
	if (object && object->type == OBJECT_epoll)
		object = NULL;
	bucket = bucket_of(epoll, data);
	*watch = (struct watch){ data, fd, events, object_ref(object), *bucket, bucket };
	if (*bucket)
		(*bucket)->link = &watch->next;
	*bucket = watch;
	idmap_put(&epoll->by_fd, (u32)fd, watch);
	epoll->count++;
}

static void control(struct polls *polls, struct thread *thread, const struct trc_syscall *record)
{
	struct object *object = object_of_fd(thread, (s32)syscall_arg(record, 0));
	s32 fd = (s32)syscall_arg(record, 2);
	const struct trc_item *item = record_item(&record->head, 3);
	struct watch *watch;
	const u8 *data;

	if (!object || object->type != OBJECT_epoll || record->ret)
		return;
	if (!object->epoll)
		object->epoll = xcalloc(1, sizeof(*object->epoll));
	if (syscall_arg(record, 1) == EPOLL_CTL_DEL) {
		watch = idmap_find(&object->epoll->by_fd, (u32)fd);
		if (watch)
			watch_free(object->epoll, watch);
		return;
	}
	if (!item || item->len < (is_packed(record) ? 12 : 16))
		return;
	data = trc_item_data(item);
	add_watch(object->epoll, fd, payload_u32(polls->decoder, data),
		  payload_u64(polls->decoder, data + (is_packed(record) ? 4 : 8)),
		  object_of_fd(thread, fd));
}

/* The number may be another's by now: what watches is the file, not the descriptor. */
static struct object *object_found(struct thread *thread, const struct trc_epoll_found *record)
{
	struct object *object = object_of_fd(thread, record->fd);
	bool differs = object && object->inode && record->inode && object->inode != record->inode;

	return differs ? NULL : object;
}

void polls_found(struct thread *thread, const struct trc_epoll_found *record)
{
	struct object *object = object_of_fd(thread, record->epfd);

	if (!object || object->type != OBJECT_epoll)
		return;
	if (!object->epoll)
		object->epoll = xcalloc(1, sizeof(*object->epoll));
	add_watch(object->epoll, record->fd, record->events, record->data,
		  object_found(thread, record));
}

static const struct watch *find_watch(struct epoll *epoll, u64 data)
{
	struct watch *watch = epoll && epoll->count ? *bucket_of(epoll, data) : NULL;

	while (watch && watch->data != data)
		watch = watch->next;
	return watch;
}

void polls_event(struct polls *polls, struct thread *thread, const struct trc_syscall *record)
{
	polls->serial++;
	if (call_of(polls, record) == POLL_CALL_control)
		control(polls, thread, record);
}

/* ---- calls that wait ---- */

/* The nth reading of what an argument points to: before the wait, after it. */
static const struct trc_item *reading(const struct trc_syscall *record, u8 arg, unsigned n)
{
	const struct trc_item *item, *cursor = NULL;

	while ((item = record_item_next(&record->head, &cursor)))
		if (item->field == arg && item->type == TRC_TYPE_bytes &&
		    item->state != TRC_ITEM_UNREADABLE && !n--)
			return item;
	return NULL;
}

static struct poll_entry *add_entry(struct polls *polls, struct thread *thread, s32 fd)
{
	struct poll_entry *entry = &polls->entries[polls->step.count];

	if (polls->step.count == POLL_ENTRIES_MAX)
		return NULL;
	polls->step.count++;
	*entry = (struct poll_entry){ .fd = fd, .object = object_of_fd(thread, fd) };
	return entry;
}

static void read_poll(struct polls *polls, struct thread *thread, const struct trc_syscall *record)
{
	const struct trc_item *before = reading(record, 0, 0), *after = reading(record, 0, 1);
	const struct decoder *decoder = polls->decoder;

	polls->step.watched = (u32)syscall_arg(record, 1);
	polls->step.known = (before ? before->len / 8 : 0) >= polls->step.watched;
	for (size_t at = 0; before && at + 8 <= before->len; at += 8) {
		const u8 *data = trc_item_data(before) + at;
		s32 fd = (s32)payload_u32(decoder, data);
		struct poll_entry *entry = fd >= 0 ? add_entry(polls, thread, fd) : NULL;

		if (!entry)
			continue;
		entry->asked = payload_u16(decoder, data + 4);
		if (after && at + 8 <= after->len && record->ret > 0)
			entry->ready = payload_u16(decoder, trc_item_data(after) + at + 6);
	}
}

/* Words of the recording machine. */
static bool in_set(const struct polls *polls, const struct trc_syscall *record,
		   const struct trc_item *item, u32 fd)
{
	bool narrow = record->abi == SYSCALL_ABI_I386 || record->abi == SYSCALL_ABI_X32 ||
		      record->abi == SYSCALL_ABI_ARM;
	u32 bits = narrow ? 32 : 64;
	const u8 *word;

	if (!item || fd / bits * (bits / 8) + bits / 8 > item->len)
		return false;
	word = trc_item_data(item) + fd / bits * (bits / 8);
	return (narrow ? payload_u32(polls->decoder, word) : payload_u64(polls->decoder, word)) >>
		       fd % bits &
	       1;
}

/* Nothing is in the 64 that begin with it. */
static bool is_empty_word(const struct trc_item *const *sets, u32 fd)
{
	static const u8 none[8];

	for (unsigned i = 0; i < 3; i++)
		if (sets[i] && sets[i]->len > fd / 8 &&
		    memcmp(trc_item_data(sets[i]) + fd / 8, none,
			   sets[i]->len - fd / 8 < 8 ? sets[i]->len - fd / 8 : 8))
			return false;
	return true;
}

static void read_select(struct polls *polls, struct thread *thread,
			const struct trc_syscall *record)
{
	static const u32 events[] = { EVENT_IN, EVENT_OUT, EVENT_PRI };
	const struct trc_item *before[3], *after[3];
	u64 limit = syscall_arg(record, 0), longest = 0;

	polls->step.known = true;
	for (u8 i = 0; i < 3; i++) {
		before[i] = reading(record, (u8)(i + 1), 0);
		after[i] = reading(record, (u8)(i + 1), 1);
		if (before[i] && before[i]->len > longest)
			longest = before[i]->len;
		if (syscall_arg(record, i + 1) && (before[i] ? before[i]->len * 8 : 0) < limit)
			polls->step.known = false;
	}
	if (limit > longest * 8)
		limit = longest * 8;
	for (u32 fd = 0; fd < limit && fd < POLL_ENTRIES_MAX; fd++) {
		u32 asked = 0, ready = 0;
		struct poll_entry *entry;

		if (fd % 64 == 0 && is_empty_word(before, fd)) {
			fd += 63;
			continue;
		}
		for (unsigned i = 0; i < 3; i++) {
			asked |= in_set(polls, record, before[i], fd) ? events[i] : 0;
			ready |= record->ret > 0 && in_set(polls, record, after[i], fd) ? events[i]
											: 0;
		}
		polls->step.watched += asked != 0;
		entry = asked ? add_entry(polls, thread, (s32)fd) : NULL;
		if (!entry)
			continue;
		entry->asked = asked;
		entry->ready = ready;
	}
}

static void read_epoll(struct polls *polls, struct thread *thread, const struct trc_syscall *record)
{
	struct object *instance = object_of_fd(thread, (s32)syscall_arg(record, 0));
	size_t size = is_packed(record) ? 12 : 16, data_at = is_packed(record) ? 4 : 8;
	const struct trc_item *item = reading(record, 1, 0);
	struct epoll *epoll = instance && instance->type == OBJECT_epoll ? instance->epoll : NULL;

	polls->step.epoll = instance;
	polls->step.watched = epoll ? epoll->count : 0;
	for (size_t at = 0;
	     item && record->ret > 0 && at + size <= item->len && at / size < (u64)record->ret;
	     at += size) {
		const u8 *data = trc_item_data(item) + at;
		const struct watch *watch =
			find_watch(epoll, payload_u64(polls->decoder, data + data_at));

		if (polls->step.count == POLL_ENTRIES_MAX)
			break;
		polls->entries[polls->step.count++] =
			(struct poll_entry){ .fd = watch ? watch->fd : -1,
					     .asked = watch ? watch->events : 0,
					     .ready = payload_u32(polls->decoder, data),
					     .object = watch ? watch->object : NULL };
	}
}

const struct poll_step *polls_step(struct model *model, struct thread *thread,
				   const struct trc_syscall *record)
{
	struct polls *polls = model->polls;

	if (!polls)
		return NULL;
	if (polls->step_serial == polls->serial)
		return polls->waits ? &polls->step : NULL;
	polls->step_serial = polls->serial;
	polls->step =
		(struct poll_step){ .call = call_of(polls, record), .entries = polls->entries };
	polls->waits = true;
	switch (polls->step.call) {
	case POLL_CALL_poll:
		read_poll(polls, thread, record);
		break;
	case POLL_CALL_select:
		read_select(polls, thread, record);
		break;
	case POLL_CALL_epoll:
		read_epoll(polls, thread, record);
		break;
	default:
		polls->waits = false;
	}
	return polls->waits ? &polls->step : NULL;
}
