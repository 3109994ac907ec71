/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/cmd.h"

#include "analyze/loss.h"
#include "analyze/metrics/series.h"
#include "analyze/sinks/cell.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "common/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So many damaged places are told one by one. */
#define DAMAGES_TOLD 5
#define SECOND_NS    1000000000ull

int cmd_usage_error(const struct command *command, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	log_error("%s: %s (see analyze %s --help)", command->name, message ? message : "",
		  command->name);
	return EXIT_USAGE;
}

int cmd_flush_stdout(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	log_error("cannot write the output: %s; make room or write elsewhere",
		  strerror(errno ? errno : EIO));
	return EXIT_USAGE;
}

static int say_open_error(const char *path, int error, const char *words)
{
	switch (-error) {
	case EBADMSG:
		log_error("%s is not a trace: it does not begin with a trace's label; give a file "
			  "that record -o wrote",
			  path);
		return EXIT_DAMAGED;
	case ENODATA:
		log_error("%s has no readable header: it was cut or damaged near its start, and "
			  "without the header its "
			  "events mean nothing; copy it again from where it was recorded",
			  path);
		return EXIT_DAMAGED;
	case EPROTONOSUPPORT:
		log_error(
			"%s cannot be read: %s; this is analyze %s for format %d; use a newer one",
			path, words ? words : "it was written by a newer version", TRC_VERSION,
			TRACE_VERSION_MAJOR);
		return EXIT_DAMAGED;
	case EINVAL:
		log_error("%s", words ? words : strerror(EINVAL));
		return EXIT_USAGE;
	case ENOENT:
		log_error("%s: no such file; record -o FILE -- COMMAND makes one", path);
		return EXIT_USAGE;
	case EACCES:
		log_error("%s: permission denied; traces belong to whoever recorded them: use that "
			  "user or chown it",
			  path);
		return EXIT_USAGE;
	default:
		log_error("%s: %s", path, strerror(-error));
		return EXIT_USAGE;
	}
}

struct walk *cmd_open(const struct cmd_options *options, const char *path, u64 classes,
		      int *ret_code)
{
	_cleanup_free_ char *error = NULL;
	struct walk *walk;
	int r;

	r = walk_open(path, &options->selection, classes, &walk, &error);
	if (r) {
		*ret_code = say_open_error(path, r, error);
		return NULL;
	}
	walk->period_ns =
		series_period_ns(walk, options->period_ns ? options->period_ns : SECOND_NS);
	if (options->period_ns && walk->period_ns != options->period_ns)
		log_warning("a --period so short makes too many of them: it is %llu ns",
			    (unsigned long long)walk->period_ns);
	return walk;
}

static void add_interval(struct text *line, const struct walk *walk, u64 from_ns, u64 to_ns)
{
	bool has_from = from_ns && from_ns != UINT64_MAX, has_to = to_ns && to_ns != UINT64_MAX;

	if (!has_from && !has_to)
		return;
	text_adds(line, has_from && has_to ? ", between " : has_from ? ", after " : ", before ");
	if (has_from)
		cell_add_moment(line, walk_relative_ns(walk, from_ns));
	if (has_from && has_to)
		text_adds(line, " and ");
	if (has_to)
		cell_add_moment(line, walk_relative_ns(walk, to_ns));
}

static void say_damage(const struct walk *walk, const struct trace_damage *damage)
{
	_cleanup_(text_release) struct text line = {};

	text_addf(&line, "%s: damaged at byte %llu", walk->path,
		  (unsigned long long)damage->offset);
	if (damage->length)
		text_addf(&line, " (%llu bytes)", (unsigned long long)damage->length);
	text_addf(&line, ": %s", damage->what);
	if (damage->event_count) {
		text_adds(&line, "; ");
		text_add_count(&line, damage->event_count);
		text_adds(&line, " events are missing");
	} else if (damage->is_loss) {
		text_adds(&line, "; events may be missing");
	}
	if (damage->is_loss)
		add_interval(&line, walk, damage->ts_min, damage->ts_max);
	text_adds(&line, "; the rest was read: take an undamaged copy if there is one");
	log_warning("%s", line.data);
}

/* True if anything of the file could not be read. */
static bool say_damages(const struct walk *walk)
{
	size_t count;
	const struct trace_damage *damages = trace_reader_damages(walk->reader, &count);

	for (size_t i = 0; i < count && i < DAMAGES_TOLD; i++)
		say_damage(walk, &damages[i]);
	if (count > DAMAGES_TOLD)
		log_warning("%s: %zu more damaged places; analyze report loss lists them",
			    walk->path, count - DAMAGES_TOLD);
	if (!trace_reader_ended_cleanly(walk->reader))
		log_warning(
			"%s: the recording has no end: record was killed or still runs, or the end "
			"of the file is "
			"missing; what is there was read, counts are lower bounds, and what "
			"threads did at the end is not known; analyze report loss tells since when",
			walk->path);
	return count || !trace_reader_ended_cleanly(walk->reader);
}

static bool say_losses(const struct walk *walk)
{
	_cleanup_(text_release) struct text line = {};

	if (!walk->lost_count)
		return false;
	text_addf(&line, "%s: ", walk->path);
	text_add_count(&line, walk->lost_count);
	text_adds(&line, " events were lost while recording, numbers are too low by as much; "
			 "larger rings (record -b) "
			 "lose fewer; analyze report loss tells when");
	log_warning("%s", line.data);
	return true;
}

/* A repaired file is sound, but it is not what was recorded. */
static bool say_repaired(const struct walk *walk)
{
	if (!walk->losses->repaired_count)
		return false;
	log_warning("%s: it is what was left of a damaged file, numbers are too low by what is "
		    "missing; analyze report loss tells what and when",
		    walk->path);
	return true;
}

/* Recordings of other boots or machines that `cat` put into the same file. */
static bool say_left_out(const struct walk *walk)
{
	u32 count = trace_reader_section_count(walk->reader), left_out = 0;

	for (u32 i = 0; i < count; i++)
		left_out += trace_reader_section_meta(walk->reader, i) &&
			    !trace_reader_has_clock(walk->reader, i);
	if (left_out)
		log_warning("%s: %u of its %u recordings left out: they are of another boot or "
			    "machine than the first, whose clock and pids mean other things; give "
			    "each as a file of its own",
			    walk->path, left_out, count);
	return left_out;
}

int cmd_close(const struct cmd_options *options, struct walk *walk, int code)
{
	bool damaged, lossy;

	if (!walk)
		return code;
	if (walk->unread && code == EXIT_OK)
		walk_check(walk, walk->unread);
	damaged = say_damages(walk);
	lossy = say_losses(walk);
	lossy |= say_repaired(walk);
	lossy |= say_left_out(walk);
	if (trace_reader_unknown_count(walk->reader))
		log_warning("%s: %llu parts are of kinds that this analyze (%s) does not know and "
			    "were left out: the file "
			    "is from a newer version",
			    walk->path,
			    (unsigned long long)trace_reader_unknown_count(walk->reader),
			    TRC_VERSION);
	if (code == EXIT_OK && (damaged || (lossy && options->strict)))
		code = EXIT_DAMAGED;
	walk_close(walk);
	return code;
}
