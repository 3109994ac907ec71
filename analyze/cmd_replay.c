/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"
#include "analyze/replay.h"
#include "analyze/replay_order.h"

#include <stdio.h>

#define COLUMN_DEFAULT 40

struct replay_command_options {
	struct cmd_options common;
	bool follow, durations; /* always: taken so that a habit of strace's works */
	u32 time;
	bool relative, since_start, no_time, no_durations, nanoseconds, no_split, no_names, waits;
	u64 column;
};

#define ROW(letter, name, kind, member, words)                                                     \
	{                                                                                          \
		.short_name = (letter), .long_name = (name), .type = (kind),                       \
		.offset = offsetof(struct replay_command_options, member), .help = (words)         \
	}

static const struct option_row rows[] = {
	ROW('f', NULL, OPTION_FLAG, follow, "all threads, each line with its number: always so"),
	ROW('t', NULL, OPTION_COUNT, time,
	    "time of day where it was recorded; -tt with microseconds; -ttt seconds since 1970, "
	    "the default"),
	ROW('r', "relative", OPTION_FLAG, relative, "seconds since the line before"),
	ROW(0, "since-start", OPTION_FLAG, since_start, "seconds since the start of the recording"),
	ROW(0, "no-time", OPTION_FLAG, no_time, "no time"),
	ROW('T', NULL, OPTION_FLAG, durations, "how long each call took: always so"),
	ROW(0, "no-durations", OPTION_FLAG, no_durations, "not how long each call took"),
	ROW(0, "ns", OPTION_FLAG, nanoseconds, "nine digits behind the point, not six"),
	ROW(0, "no-split", OPTION_FLAG, no_split,
	    "one line per call, at its end, instead of \"<unfinished ...>\" and \"resumed\""),
	ROW('w', "waits", OPTION_FLAG, waits,
	    "behind each call what it waited for, how long, and who ended that"),
	ROW(0, "no-names", OPTION_FLAG, no_names,
	    "descriptors as bare numbers, as strace without -y has them"),
	{ .short_name = 'a',
	  .long_name = "columns",
	  .type = OPTION_U64,
	  .offset = offsetof(struct replay_command_options, column),
	  .arg = "N",
	  .help = "results from column N on (40)" },
	OPTION_END,
};

static enum replay_time chosen_time(const struct replay_command_options *options)
{
	if (options->no_time)
		return REPLAY_TIME_NONE;
	if (options->since_start)
		return REPLAY_TIME_START;
	if (options->relative)
		return REPLAY_TIME_DELTA;
	switch (options->time) {
	case 1:
		return REPLAY_TIME_CLOCK_SECONDS;
	case 2:
		return REPLAY_TIME_CLOCK;
	}
	return REPLAY_TIME_UNIX;
}

static int exec(void *target, int operand_count, char **operands)
{
	const struct replay_command_options *options = target;
	struct replay_options replay = { .time = chosen_time(options),
					 .nanoseconds = options->nanoseconds,
					 .no_durations = options->no_durations,
					 .whole = options->no_split,
					 .column = options->column ? (u32)options->column
								   : COLUMN_DEFAULT,
					 .window_events = REPLAY_WINDOW_EVENTS };
	struct walk *walk;
	int code, r;

	if (operand_count != 1)
		return cmd_usage_error(&cmd_replay, "one trace is needed: analyze replay run.trc");
	if (options->column > 1000)
		return cmd_usage_error(&cmd_replay, "--columns takes at most 1000");
	walk = cmd_open(&options->common, operands[0],
			options->waits	    ? WALK_SPANS
			: options->no_names ? 0
					    : WALK_FDS,
			&code);
	if (!walk)
		return code;
	r = replay_write(walk, &replay, stdout);
	code = cmd_flush_stdout();
	if (r && code == EXIT_OK)
		code = EXIT_USAGE;
	return cmd_close(&options->common, walk, code);
}

const struct command cmd_replay = {
	.name = "replay",
	.usage = "[OPTION]... FILE",
	.summary = "every call as strace -f -y -ttt -T would have written it",
	.examples = "Examples:\n"
		    "  analyze replay run.trc | head\n"
		    "  analyze replay -e openat,%network --pid 4711 run.trc\n"
		    "  analyze replay --waits --pid 4711 run.trc\n"
		    "  analyze replay --no-split --since-start --time 1.5,2 run.trc | grep ENOENT\n"
		    "\n"
		    "Other programs that read strace's output read this. A line begins at the\n"
		    "call's entry; when another thread's line comes in between it is split, as\n"
		    "strace does it. A call that was under way when the recording began has only\n"
		    "its \"resumed\" part. Descriptors have their names behind them, as with "
		    "strace -y,\n"
		    "but files those that they were opened by, whatever they are renamed to.\n"
		    "Signals have lines of their own if they were recorded\n"
		    "(record --events +signal).\n"
		    "Contents of buffers are shown if they were recorded\n"
		    "(record -s). Unprintable bytes of strings are escaped.\n",
	.options = rows,
	.options_size = sizeof(struct replay_command_options),
	.uses = CMD_TIME | CMD_TASKS | CMD_CALLS,
	.exec = exec,
};
