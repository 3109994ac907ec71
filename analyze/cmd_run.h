/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands that run metrics share. */
#pragma once

#include "analyze/cmd.h"
#include "analyze/metrics/metric.h"

/*
 * Runs the metrics into the sink and closes it, with progress on a terminal and an end on SIGINT,
 * SIGTERM and SIGHUP (the caller frees the sink, which takes back what it can). An exit code; failures are said.
 */
int cmd_run(struct walk *walk, const struct metric *const *list, size_t count, struct sink *sink);
/* Standard output as text (also for a NULL format), csv, json or jsonl, for the rows of `count` tables. */
struct sink *cmd_rows_sink(const struct cmd_options *options, const char *format,
			   const struct walk *walk, size_t count);
/* Before cmd_run(): what is made for it will be taken back if one of these signals comes already. */
void cmd_catch_signals(void);
/* The signal that ended a run; 0 if none did. */
int cmd_stop_signal(void);
/* "there is no table 'x'; did you mean 'y'?" `path` is what was taken for the trace. EXIT_USAGE */
int cmd_unknown_table(const struct command *command, const char *word, const char *path);
size_t cmd_table_count(void);

static inline void cmd_sink_freep(struct sink **sink)
{
	sink_free(*sink);
}
