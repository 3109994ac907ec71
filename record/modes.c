/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/modes.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/cleanup.h"

#define NS_PER_S 1000000000ll

static int fail(char **ret_error, char *what)
{
	*ret_error = what;
	return -EINVAL;
}

static int parse_one_limit(const char *text, u64 *ret_bytes, u64 *ret_ns)
{
	const char *unit = text + strspn(text, "0123456789.");

	if (isupper((unsigned char)*unit))
		return *ret_bytes || parse_size(text, ret_bytes) || !*ret_bytes ? -EINVAL : 0;
	if (!*unit || *ret_ns || parse_duration(text, ret_ns) || !*ret_ns)
		return -EINVAL;
	return 0;
}

int modes_parse_limit(const char *text, u64 *ret_bytes, u64 *ret_ns)
{
	_cleanup_free_ char *copy = xstrdup(text);
	u64 bytes = 0, ns = 0;
	char *next = copy, *one;

	while ((one = strsep(&next, ",")))
		if (parse_one_limit(one, &bytes, &ns))
			return -EINVAL;
	*ret_bytes = bytes;
	*ret_ns = ns;
	return 0;
}

int modes_parse_moment(const char *text, s64 now_wall_s, s64 *ret_wall_ns)
{
	static const char *const forms[] = { "%H:%M:%S",	  "%H:%M",
					     "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M",	  "%Y-%m-%dT%H:%M",
					     "%Y-%m-%d" };
	const time_t now = now_wall_s;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		bool of_a_day = forms[i][1] == 'H';
		const char *end;
		struct tm tm;
		time_t moment;

		localtime_r(&now, &tm);
		tm.tm_sec = 0;
		if (!of_a_day)
			tm.tm_hour = tm.tm_min = 0;
		end = strptime(text, forms[i], &tm);
		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		moment = mktime(&tm);
		if (of_a_day && moment <= now) {
			tm.tm_mday++;
			tm.tm_isdst = -1;
			moment = mktime(&tm);
		}
		if (moment <= now)
			return -EINVAL;
		*ret_wall_ns = moment * NS_PER_S;
		return 0;
	}
	return -EINVAL;
}

/* Pairs of which one makes the other meaningless. */
static int check_pairs(const struct settings *settings, char **ret_error)
{
	const struct modes *modes = &settings->modes;
	bool pipe = !strcmp(settings->output, "-");
	const struct {
		bool wrong;
		const char *what;
	} rules[] = {
		{ modes->flight && pipe, "-F and -o -: a flight recorder writes files of its own; "
					 "name them with -o FILE" },
		{ modes->rotate && pipe,
		  "--rotate and -o -: a pipe cannot be rotated; name the files with -o FILE" },
		{ modes->flight && modes->rotate, "-F and --rotate: one keeps the last events in "
						  "memory, the other writes them all; "
						  "choose one" },
		{ modes->keep != KEEP_ALL && !modes->rotate && !modes->flight,
		  "--keep: says how many files of --rotate or -F are kept; add one of them" },
		{ modes->triggers.count && !modes->flight,
		  "--trigger: says when a flight recorder writes its memory; add -F, such as -F "
		  "30s" },
		{ modes->max_bytes && modes->rotate, "--max-size and --rotate: the first is for "
						     "one file; --rotate SIZE --keep N bounds "
						     "several" },
		{ modes->max_bytes && modes->flight,
		  "--max-size and -F: what a flight recorder keeps is bounded by -F SIZE" },
		{ modes->delay_ns && modes->start_at,
		  "--delay and --start-at: both say when recording begins; choose one" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].wrong)
			return fail(ret_error, xstrdup(rules[i].what));
	return 0;
}

static int check_values(struct settings *settings, char **ret_error)
{
	struct modes *modes = &settings->modes;

	if (modes->max_bytes && modes->max_bytes < FILE_BYTES_MIN)
		return fail(ret_error, xasprintf("--max-size %llu: too small; at least 256K",
						 (unsigned long long)modes->max_bytes));
	if (modes->keep != KEEP_ALL && (!modes->keep || modes->keep > KEEP_MAX))
		return fail(ret_error, xasprintf("--keep %llu: 1 to %d files can be kept",
						 (unsigned long long)modes->keep, KEEP_MAX));
	if (modes->triggers.count > TRIGGERS_MAX)
		return fail(ret_error, xasprintf("--trigger: at most %d", TRIGGERS_MAX));
	if (modes->rotate &&
	    (modes_parse_limit(modes->rotate, &modes->rotate_bytes, &modes->rotate_ns) ||
	     (modes->rotate_bytes && modes->rotate_bytes < FILE_BYTES_MIN) ||
	     (modes->rotate_ns && modes->rotate_ns < CUT_NS_MIN)))
		return fail(
			ret_error,
			xasprintf("--rotate %s: say a size from 256K on, a time from 100ms on, or "
				  "both: 100M, 10min, 1G,10min (units of sizes are capitals)",
				  modes->rotate));
	if (modes->flight &&
	    (modes_parse_limit(modes->flight, &modes->flight_bytes, &modes->flight_ns) ||
	     (modes->flight_bytes && modes->flight_bytes < FLIGHT_BYTES_MIN) ||
	     (modes->flight_ns && modes->flight_ns < CUT_NS_MIN)))
		return fail(
			ret_error,
			xasprintf("-F %s: say a time from 100ms on, a size from 1M on, or both: "
				  "30s, 100M, 30s,100M (units of sizes are capitals)",
				  modes->flight));
	if (modes->flight && !modes->flight_bytes)
		modes->flight_bytes = FLIGHT_BYTES_DEFAULT;
	return 0;
}

int modes_check(struct settings *settings, char **ret_error)
{
	struct modes *modes = &settings->modes;
	int err = check_pairs(settings, ret_error);

	if (!err)
		err = check_values(settings, ret_error);
	if (!err && modes->start_at &&
	    modes_parse_moment(modes->start_at, time(NULL), &modes->start_wall_ns))
		return fail(ret_error,
			    xasprintf("--start-at %s: no moment to come; 14:05, 14:05:30 "
				      "and \"2030-01-31 14:05\" are such",
				      modes->start_at));
	return err;
}
