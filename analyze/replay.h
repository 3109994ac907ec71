/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A trace as the lines that strace -f -ttt -T -o would have written.
 *
 * A call whose line would be interrupted by another thread's is written in two parts, "<unfinished
 * ...>" at its entry and "<... NAME resumed>" at its end, each in its place in time; see
 * replay_order.h for how. With `whole` every call is one line, at its end, in one pass: for grep,
 * awk and diff.
 */
#pragma once

#include "analyze/walk.h"

#include <stdio.h>

enum replay_time {
	REPLAY_TIME_UNIX,	   /* seconds since 1970: -ttt */
	REPLAY_TIME_CLOCK,	   /* time of day where it was recorded, with the fraction: -tt */
	REPLAY_TIME_CLOCK_SECONDS, /* -t */
	REPLAY_TIME_START,	   /* seconds since the start of the recording */
	REPLAY_TIME_DELTA,	   /* since the line before: -r */
	REPLAY_TIME_NONE,
};

struct replay_options {
	enum replay_time time;
	bool nanoseconds; /* nine digits instead of strace's six */
	bool no_durations;
	bool whole;
	u32 column;	   /* the result stands here, unless the call is longer */
	u64 window_events; /* REPLAY_WINDOW_EVENTS, or another number for a test */
};

/* Writes all shown events. 0, or -EIO when `out` does not take them: the caller asks errno. */
int replay_write(struct walk *walk, const struct replay_options *options, FILE *out);
