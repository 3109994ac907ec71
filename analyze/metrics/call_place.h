/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What file a call was about, by its path or by its descriptor. */
#pragma once

#include "analyze/metrics/metric.h"

enum call_place {
	PLACE_NONE, /* none, or it is not known */
	PLACE_PATH, /* of a file; absolute where the directory is known */
	PLACE_OTHER, /* the name of a socket, pipe …: for groups, without what differs with each of them */
};

/* "tcp 127.0.0.1:80": the end that clients have in common. */
void socket_place(const struct object *object, struct text *text);

/*
 * Puts it in place of what `text` has: the first path that the call was given, else what its first descriptor stands
 * for. With WALK_FDS; without it, the path as the call gave it.
 */
enum call_place call_place(struct walk *walk, const struct walk_step *step,
			   const struct trc_syscall *record, struct text *text);
