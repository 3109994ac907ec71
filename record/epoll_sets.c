/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/epoll_sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/metadata.h"

#define NAME	    "[eventpoll]"
#define WATCHES_MAX 65536 /* of an instance: analyze keeps no more */

static bool is_epoll(const struct trc_head *record)
{
	const struct trc_item *item = (const void *)((const u8 *)record + record->words * 8);

	return record->kind == TRC_KIND_fd_found &&
	       record->len >= record->words * 8 + sizeof(*item) + strlen(NAME) &&
	       item->type == TRC_TYPE_str && item->len == strlen(NAME) &&
	       !memcmp(item + 1, NAME, strlen(NAME));
}

void epoll_sets_note(struct epoll_sets *sets, const struct trc_head *fd_found, u32 number)
{
	const struct trc_fd_found *event = (const void *)fd_found;

	if (!is_epoll(fd_found) || sets->count == EPOLL_SETS_MAX)
		return;
	ARRAY_RESERVE(sets->sets, sets->capacity, sets->count + 1);
	sets->sets[sets->count++] = (struct epoll_set){ event->head, number, event->fd };
}

/* "tfd: 3 events: 19 data: 3 pos:0 ino:682ce sdev:9"; before Linux 4.13 no more than the data. */
static bool parse(const char *line, struct trc_epoll_found *event)
{
	unsigned long long data, inode = 0;
	unsigned device = 0;

	if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx sdev:%x", &event->fd,
		   &event->events, &data, &inode, &device) < 3)
		return false;
	event->data = data;
	event->inode = inode;
	event->device = device;
	return true;
}

static int tell(const struct epoll_set *set, struct consumer *consumer)
{
	_cleanup_free_ char *name = xasprintf("/proc/%u/fdinfo/%d", set->number, set->fd);
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *file = fopen(name, "re");
	struct trc_epoll_found event = { .head = set->head, .epfd = set->fd };
	size_t room = 0, count = 0;
	int err = 0;

	event.head.kind = TRC_KIND_epoll_found;
	event.head.len = sizeof(event);
	event.head.words = sizeof(event) / 8;
	/* What is changed from now on is told by the call that changes it. */
	event.head.ts = monotonic_ns();
	while (file && !err && count < WATCHES_MAX && getline(&line, &room, file) > 0)
		if (parse(line, &event)) {
			err = consumer_take(consumer, &event.head);
			count++;
		}
	return err;
}

int epoll_sets_tell(const struct epoll_sets *sets, struct consumer *consumer)
{
	int err = 0;

	for (size_t i = 0; i < sets->count && !err; i++)
		err = tell(&sets->sets[i], consumer);
	return err;
}

void epoll_sets_release(struct epoll_sets *sets)
{
	free(sets->sets);
	*sets = (struct epoll_sets){ 0 };
}
