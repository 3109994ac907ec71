/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/text.h"

static const char *log_program = "trc";
static int log_verbosity;

void log_init(const char *program, int verbosity)
{
	log_program = program;
	log_verbosity = verbosity;
}

/*
 * One write per message, so that it does not mix with what the traced command writes to the same
 * terminal. Messages carry file names and words of the user: they are made harmless here, line
 * by line, because a message of ours may have several.
 */
__attribute__((format(printf, 2, 0))) static void say(const char *prefix, const char *format,
						      va_list args)
{
	_cleanup_(text_release) struct text line = { 0 };
	_cleanup_free_ char *message = NULL;
	int saved_errno = errno;
	size_t done = 0;

	if (vasprintf(&message, format, args) < 0) {
		message = NULL;
		return;
	}
	text_adds(&line, log_program);
	text_adds(&line, prefix);
	for (const char *s = message; *s;) {
		size_t len = strcspn(s, "\n");

		text_add_printable(&line, s, len);
		s += len;
		if (*s) {
			text_addc(&line, '\n');
			s++;
		}
	}
	if (line.data[line.len - 1] != '\n')
		text_addc(&line, '\n');
	while (done < line.len) {
		ssize_t n = write(STDERR_FILENO, line.data + done, line.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nobody listens */
		done += (size_t)n;
	}
	errno = saved_errno;
}

#define SAY(prefix)                                                                                \
	do {                                                                                       \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		say(prefix, format, args);                                                         \
		va_end(args);                                                                      \
	} while (0)

void log_error(const char *format, ...)
{
	SAY(": ");
}

void log_warning(const char *format, ...)
{
	if (log_verbosity >= 0)
		SAY(": warning: ");
}

void log_info(const char *format, ...)
{
	if (log_verbosity >= 0)
		SAY(": ");
}

void log_verbose(const char *format, ...)
{
	if (log_verbosity >= 1)
		SAY(": ");
}
