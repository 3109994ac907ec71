/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/select.h"

#include "analyze/model/shared_string.h"
#include "common/alloc.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VERDICT_NONE, VERDICT_NO, VERDICT_YES };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ".250" as ns; `at` moves behind it. */
static s64 parse_fraction(const char **at)
{
	s64 ns = 0, digit = 100000000;

	if (**at != '.')
		return 0;
	for (++*at; is_digit(**at); ++*at, digit /= 10)
		ns += (**at - '0') * digit;
	return ns;
}

/* "Z", "+01", "+0100", "+01:00"; without any the recording machine's own. */
static int parse_zone(const char *text, s64 *offset_s)
{
	int hours, minutes = 0, n = 0;

	if (!*text)
		return 0;
	if (!strcmp(text, "Z")) {
		*offset_s = 0;
		return 0;
	}
	if (*text != '+' && *text != '-')
		return -EINVAL;
	if ((sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || text[1 + n]) &&
	    (sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &n) != 2 || text[1 + n]) &&
	    (sscanf(text + 1, "%2d%n", &hours, &n) != 1 || text[1 + n]))
		return -EINVAL;
	*offset_s = (*text == '-' ? -1 : 1) * (hours * 3600ll + minutes * 60ll);
	return 0;
}

/* 2026-11-20T10:02:12.5+01:00, also with a space for the T, and without zone or fraction. */
static int parse_date(const char *text, s64 zone_s, s64 *ret_wall_ns)
{
	struct tm tm = {};
	const char *at = strptime(text, "%Y-%m-%d", &tm);
	s64 fraction = 0, seconds;

	if (!at)
		return -EINVAL;
	if (*at == 'T' || *at == ' ') {
		const char *clock = at + 1;

		at = strptime(clock, "%H:%M:%S", &tm);
		if (at)
			fraction = parse_fraction(&at);
		else
			at = strptime(clock, "%H:%M", &tm);
	}
	if (!at || parse_zone(at, &zone_s))
		return -EINVAL;
	/* A year may be any number, and the zone is the file's. */
	if (__builtin_sub_overflow((s64)timegm(&tm), zone_s, &seconds) ||
	    __builtin_mul_overflow(seconds, 1000000000ll, ret_wall_ns) ||
	    __builtin_add_overflow(*ret_wall_ns, fraction, ret_wall_ns))
		return -EINVAL;
	return 0;
}

/* The trace-clock time of a wall-clock time: the inverse of trace_reader_wall_ns(). */
static u64 trace_time(const struct trace_reader *reader, s64 wall_ns)
{
	u64 low = 0, high = UINT64_MAX / 2;

	while (low < high) {
		u64 middle = low + (high - low) / 2;

		if (trace_reader_wall_ns(reader, middle) < wall_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int selection_parse_moment(const char *text, const struct trace_reader *reader, u64 start_ns,
			   u64 *ret_ns)
{
	s64 wall_ns;
	u64 ns;

	if (!parse_date(text, trace_reader_meta(reader)->utc_offset_s, &wall_ns)) {
		*ret_ns = trace_time(reader, wall_ns);
		return 0;
	}
	if (parse_duration(*text == '+' ? text + 1 : text, &ns))
		return -EINVAL;
	*ret_ns = start_ns + ns < start_ns ? UINT64_MAX : start_ns + ns;
	return 0;
}

static int parse_time(const char *text, const struct trace_reader *reader, u64 start_ns,
		      struct selection *selection, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *comma = strchr(copy, ',');

	if (!comma)
		goto wrong;
	*comma = 0;
	if (*copy && selection_parse_moment(copy, reader, start_ns, &selection->from_ns))
		goto wrong;
	if (comma[1] && selection_parse_moment(comma + 1, reader, start_ns, &selection->to_ns))
		goto wrong;
	if (selection->from_ns > selection->to_ns) {
		*ret_error = xasprintf("--time '%s' ends before it begins", text);
		return -EINVAL;
	}
	return 0;
wrong:
	*ret_error = xasprintf(
		"--time '%s' is not A,B: seconds since the start (1.5,2 or 200ms,3s) or dates "
		"(2026-11-20T10:02:12,2026-11-20T10:02:13); either may be left out",
		text);
	return -EINVAL;
}

static int parse_pids(const char *text, struct selection *selection, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		u64 pid;

		if (parse_u64(word, &pid) || !pid || pid > UINT32_MAX) {
			*ret_error = xasprintf("--pid '%s' is not a number of a process or thread",
					       word);
			return -EINVAL;
		}
		ARRAY_RESERVE(selection->pids, selection->pid_capacity, selection->pid_count + 1);
		selection->pids[selection->pid_count++] = (u32)pid;
	}
	return 0;
}

static int parse(const struct selection_options *options, const struct trace_reader *reader,
		 u64 start_ns, struct selection *selection, char **ret_error)
{
	const struct trace_meta *meta = trace_reader_meta(reader);
	int r = 0;

	if (options->time)
		r = parse_time(options->time, reader, start_ns, selection, ret_error);
	for (size_t i = 0; !r && i < options->pids.count; i++)
		r = parse_pids(options->pids.values[i], selection, ret_error);
	if (!r && options->calls)
		r = syscall_set_parse(meta->tables, meta->table_count, options->calls,
				      &selection->calls, ret_error);
	return r;
}

static void add_option(struct text *text, const char *name, const char *value)
{
	text_addf(text, " --%s ", name);
	text_add_shell_word(text, value, strlen(value));
}

void selection_add_words(const struct selection_options *options, unsigned which, struct text *text)
{
	if (options->time)
		add_option(text, "time", options->time);
	for (size_t i = 0; which & SELECTED_PIDS && i < options->pids.count; i++)
		add_option(text, "pid", options->pids.values[i]);
	if (options->comm)
		add_option(text, "comm", options->comm);
	if (which & SELECTED_CALLS && options->calls)
		add_option(text, "syscall", options->calls);
}

int selection_parse(const struct selection_options *options, const struct trace_reader *reader,
		    u64 start_ns, struct selection *ret_selection, char **ret_error)
{
	struct selection selection = { .to_ns = UINT64_MAX, .comm = options->comm };
	_cleanup_(text_release) struct text words = {};
	int r;

	r = parse(options, reader, start_ns, &selection, ret_error);
	if (r) {
		selection_release(&selection);
		return r;
	}
	selection.by_thread = selection.pid_count || selection.comm;
	selection.active = selection.by_thread || options->time || selection.calls;
	selection_add_words(options, SELECTED_ALL, &words);
	if (words.len)
		selection.words = xstrdup(words.data + 1);
	*ret_selection = selection;
	return 0;
}

void selection_release(struct selection *selection)
{
	free(selection->pids);
	free(selection->words);
	syscall_set_free(selection->calls);
}

static bool has_pid(const struct selection *selection, u32 pid)
{
	for (size_t i = 0; i < selection->pid_count; i++)
		if (selection->pids[i] == pid)
			return true;
	return false;
}

static bool judge(const struct selection *selection, const struct thread *thread)
{
	const struct string *comm = thread->comm ? thread->comm : thread->process->comm;

	if (selection->pid_count && !has_pid(selection, thread->tid) &&
	    !has_pid(selection, thread->process->pid))
		return false;
	return !selection->comm || (comm && !fnmatch(selection->comm, comm->data, 0));
}

bool selection_thread(const struct selection *selection, struct thread *thread)
{
	if (!selection->by_thread)
		return true;
	if (thread->verdict == VERDICT_NONE) {
		thread->verdict = judge(selection, thread) ? VERDICT_YES : VERDICT_NO;
		if (thread->verdict == VERDICT_YES)
			thread->process->selected = true;
	}
	return thread->verdict == VERDICT_YES;
}

bool selection_process(const struct selection *selection, struct process *process)
{
	if (process->start_ns != MODEL_UNKNOWN && process->start_ns > selection->to_ns)
		return false;
	if (process->end_ns != MODEL_UNKNOWN && process->end_ns < selection->from_ns)
		return false;
	if (!selection->by_thread || process->selected)
		return true;
	for (struct thread *thread = process->threads; thread; thread = thread->next)
		if (selection_thread(selection, thread))
			return true;
	return false;
}

bool selection_call(const struct selection *selection, u8 abi, u32 nr)
{
	return !selection->calls || syscall_set_has(selection->calls, abi, nr);
}
