/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the terminal can take: colours on stdout, a line of progress on stderr. */
#pragma once

#include "common/types.h"

/* `choice` is "always", "never", "auto" or NULL: auto. NO_COLOR (no-color.org) and TERM=dumb speak against. */
bool terminal_wants_color(const char *choice);
/* Columns of the terminal on stdout, COLUMNS if it is set; 120 if it is none. */
unsigned terminal_width(void);

struct progress { /* zero it first */
	bool enabled, shown;
	u64 last_ns, start_ns;
};

void progress_init(struct progress *progress);
/* At most a few times per second, and not in the first half second. `share` is 0…1. */
void progress_update(struct progress *progress, const char *what, double share, u64 event_count);
void progress_clear(struct progress *progress);
