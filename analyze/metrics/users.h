/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes that used a thing. */
#pragma once

#include "analyze/metrics/instance.h"

#define USERS_MAX 16 /* told apart; more are only "more" */

struct user {
	u32 process_id, pid;
	struct string *comm;
};

struct users { /* zero it first */
	struct user list[USERS_MAX];
	u8 count, last; /* last: index of who used it last */
	bool more;
};

void users_add(struct users *users, const struct process *process);
void users_release(struct users *users);
/* "cc1[230], as[231], …"; NULL for none. Borrowed from `text`, behind what it has. */
void users_add_text(const struct users *users, struct text *text);
