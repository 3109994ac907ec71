/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/terminal.h"

#include "common/cleanup.h"
#include "common/options.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define PROGRESS_QUIET_NS 500000000ull
#define PROGRESS_EVERY_NS 200000000ull

bool terminal_wants_color(const char *choice)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (choice && !strcmp(choice, "always"))
		return true;
	if (choice && !strcmp(choice, "never"))
		return false;
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {};
	u64 width;

	if (isatty(STDOUT_FILENO) && columns && !parse_u64(columns, &width) && width - 1 < 9999)
		return (unsigned)width;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return 120;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

void progress_init(struct progress *progress)
{
	*progress = (struct progress){ .enabled = isatty(STDERR_FILENO), .start_ns = now_ns() };
}

void progress_update(struct progress *progress, const char *what, double share, u64 event_count)
{
	_cleanup_(text_release) struct text line = {};
	u64 now;

	if (!progress->enabled)
		return;
	now = now_ns();
	if (now - progress->start_ns < PROGRESS_QUIET_NS ||
	    now - progress->last_ns < PROGRESS_EVERY_NS)
		return;
	progress->last_ns = now;
	progress->shown = true;
	text_addf(&line, "\r%s: %3.0f %%, ", what, share * 100);
	text_add_count(&line, event_count);
	text_adds(&line, " events\033[K");
	fwrite(line.data, 1, line.len, stderr);
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
