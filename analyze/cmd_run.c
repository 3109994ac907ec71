/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd_run.h"

#include "analyze/sinks/sinks.h"
#include "analyze/terminal.h"
#include "common/log.h"
#include "common/suggest.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[ARRAY_SIZE(stop_signals)];
static bool are_caught;
static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

int cmd_stop_signal(void)
{
	return stop_signal;
}

void cmd_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	if (are_caught)
		return;
	are_caught = true;
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++) {
		sigaction(stop_signals[i], NULL, &before[i]);
		if (stop_signals[i] != SIGHUP || before[i].sa_handler != SIG_IGN) /* by nohup */
			sigaction(stop_signals[i], &action, NULL);
	}
}

static void release_signals(void)
{
	are_caught = false;
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++)
		sigaction(stop_signals[i], &before[i], NULL);
}

static bool on_progress(void *context, const struct walk *walk)
{
	progress_update(context, walk->path, stream_progress(walk->stream), walk->walked_count);
	return !stop_signal;
}

static int say_error(const struct sink *sink, int error)
{
	const char *words = sink->error ? sink->error(sink) : NULL;

	if (error == -EINTR)
		log_error("interrupted by SIG%s", sigabbrev_np(stop_signal));
	else
		log_error("cannot write the output: %s", words ? words : strerror(-error));
	return EXIT_USAGE;
}

int cmd_run(struct walk *walk, const struct metric *const *list, size_t count, struct sink *sink)
{
	struct progress progress;
	int r;

	progress_init(&progress);
	cmd_catch_signals();
	r = metrics_run(walk, list, count, sink, on_progress, &progress);
	if (!r && stop_signal)
		r = -EINTR;
	if (!r)
		r = sink->close(sink);
	release_signals();
	progress_clear(&progress);
	return r ? say_error(sink, r) : EXIT_OK;
}

size_t cmd_table_count(void)
{
	size_t count = 0;

	while (metrics[count])
		count++;
	return count;
}

int cmd_unknown_table(const struct command *command, const char *word, const char *path)
{
	const char *names[MODEL_SLOTS], *nearest;
	size_t count = cmd_table_count();

	for (size_t i = 0; i < count && i < ARRAY_SIZE(names); i++)
		names[i] = metrics[i]->table.name;
	nearest = suggest(word, names, count);
	if (nearest)
		return cmd_usage_error(command, "there is no table '%s'; did you mean '%s'?", word,
				       nearest);
	if (!access(word, F_OK) && metric_by_name(path))
		return cmd_usage_error(command, "the trace comes last: analyze %s %s %s",
				       command->name, path, word);
	return cmd_usage_error(command, "there is no table '%s'; analyze report --list lists them",
			       word);
}

static const char *errno_name(const void *context, u32 number)
{
	return decoder_errno_name(context, number);
}

struct sink *cmd_rows_sink(const struct cmd_options *options, const char *format,
			   const struct walk *walk, size_t count)
{
	const struct text_sink_options text = { .color = terminal_wants_color(options->color),
						.start_ns = walk->start_ns,
						.utc_offset_s = walk->meta->utc_offset_s,
						.headings = count > 1,
						.errno_name = errno_name,
						.context = walk->decoder };

	if (!format || !strcmp(format, "text"))
		return sink_text_new(stdout, &text);
	if (!strcmp(format, "csv"))
		return sink_csv_new(stdout);
	if (!strcmp(format, "json"))
		return sink_json_new(stdout, count > 1 ? JSON_OBJECT : JSON_ARRAY);
	return sink_json_new(stdout, count > 1 ? JSON_TAGGED_LINES : JSON_LINES);
}
