/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the epoll instances watch that were there before, as /proc/PID/fdinfo tells. */
#pragma once

#include "record/consumer.h"

#define EPOLL_SETS_MAX 65536 /* instances per snapshot */

struct epoll_sets {
	struct epoll_set {
		struct trc_head head; /* of its process */
		u32 number;	      /* of the process in record's /proc */
		s32 fd;
	} * sets;
	size_t count, capacity;
};

/* A fd_found whose process has that number: noted, if it is an epoll instance. */
void epoll_sets_note(struct epoll_sets *sets, const struct trc_head *fd_found, u32 number);
/* An epoll_found for all that they watch, later than every fd_found that was noted. 0 or the -errno of a write. */
int epoll_sets_tell(const struct epoll_sets *sets, struct consumer *consumer);
void epoll_sets_release(struct epoll_sets *sets);
