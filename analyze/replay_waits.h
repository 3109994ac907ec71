/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the calls of a replay waited for, where the walk tells spans (WALK_SPANS). */
#pragma once

#include "analyze/walk.h"
#include "common/text.h"

struct replay_waits { /* zero it first; of the call whose record came last */
	u32 thread_id;
	u64 call_start_ns;
	u64 total_ns, longest_ns;
	u32 count;
	struct text longest; /* "pipe:[4711], ended by cc1[812]" */
};

/* Listens to the model of the walk, which nobody else does. */
void replay_waits_listen(struct replay_waits *waits, struct walk *walk);
/* " <3.2 ms waiting for …>" if the call of this step waited. */
void replay_waits_add(const struct replay_waits *waits, const struct walk_step *step,
		      struct text *out);
void replay_waits_release(struct replay_waits *waits);
