/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/filter.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/options.h"
#include "common/suggest.h"

#define SAMPLE_MAX UINT16_MAX

/* Inside the kernel, and so in a trace, of a call that a signal interrupts. */
static const struct {
	const char *name;
	int number;
} restart_errnos[] = {
	{ "ERESTARTSYS", 512 },
	{ "ERESTARTNOINTR", 513 },
	{ "ERESTARTNOHAND", 514 },
	{ "ERESTART_RESTARTBLOCK", 516 },
};

static int errno_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(restart_errnos); i++)
		if (!strcmp(name, restart_errnos[i].name))
			return restart_errnos[i].number;
	for (int number = 1; number < FILTER_ERRNOS; number++) {
		const char *known = strerrorname_np(number);

		if (known && !strcmp(name, known))
			return number;
	}
	return 0;
}

static char *unknown_errno(const char *name)
{
	const char *names[FILTER_ERRNOS], *nearest;
	size_t count = 0;

	for (int number = 1; number < FILTER_ERRNOS; number++) {
		const char *known = strerrorname_np(number);

		if (known)
			names[count++] = known;
	}
	nearest = suggest(name, names, count);
	return xasprintf("--errno %s: there is no such error%s%s%s", name,
			 nearest ? "; did you mean " : "; names are as in errno(3): ENOENT",
			 nearest ? nearest : "", nearest ? "?" : "");
}

static int parse_errnos(const char *text, struct call_filter *filter, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		u64 number = errno_by_name(word);

		if (!number && (parse_u64(word, &number) || !number || number >= FILTER_ERRNOS)) {
			*ret_error = unknown_errno(word);
			return -EINVAL;
		}
		filter->errnos[number / 64] |= 1ull << number % 64;
	}
	filter->flags |= FILTER_ERRNO;
	return 0;
}

static int parse_path(const char *text, struct call_filter *filter, char **ret_error)
{
	size_t len = strlen(text);

	/* "/etc/" means the directory and what is in it, as "/etc" does; "/" is everything absolute. */
	while (len > 1 && text[len - 1] == '/')
		len--;
	if (!len || len > sizeof(filter->path)) {
		*ret_error = xasprintf("--path %s: a path of 1 to %zu bytes is wanted", text,
				       sizeof(filter->path));
		return -EINVAL;
	}
	memcpy(filter->path, text, len);
	memset(filter->path_mask, 0xff, len);
	filter->path_len = len;
	filter->flags |= FILTER_PATH;
	return 0;
}

/* Adds a glob from the automaton's place `at` on; where the next may begin, or 0 if there is no room. */
static unsigned add_glob(const char *glob, struct call_filter *filter, unsigned at)
{
	filter->first |= 1ull << at;
	for (; *glob; glob++) {
		if (*glob == '*') {
			filter->loops |= 1ull << at;
			continue;
		}
		if (at == 63)
			return 0;
		for (int c = 1; c < 256; c++)
			if (*glob == '?' || (unsigned char)*glob == c)
				filter->accepts[c] |= 1ull << at;
		at++;
	}
	filter->last |= 1ull << at;
	return at + 1;
}

static int parse_comm(const char *text, struct call_filter *filter, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word;
	unsigned at = 0;

	while ((word = strsep(&rest, ","))) {
		if (!*word) {
			*ret_error = xasprintf("--comm %s: a name is empty", text);
			return -EINVAL;
		}
		if (!strpbrk(word, "*?") && strlen(word) > 15) {
			*ret_error = xasprintf(
				"--comm %s: the kernel keeps 15 bytes of a name; write %.15s", word,
				word);
			return -EINVAL;
		}
		at = at > 63 ? 0 : add_glob(word, filter, at);
		if (!at) {
			*ret_error = xasprintf("--comm %s: too long; 64 bytes of names can be "
					       "compared, a * does more with less",
					       text);
			return -EINVAL;
		}
	}
	filter->flags |= FILTER_COMM;
	return 0;
}

int filter_parse(const struct settings *settings, struct call_filter *ret_filter, char **ret_error)
{
	struct call_filter filter = { .min_duration_ns = settings->min_duration_ns };
	int err = 0;

	if (settings->failed && settings->successful) {
		*ret_error = xstrdup("--failed and --successful together leave nothing; without "
				     "either both are recorded");
		return -EINVAL;
	}
	if (settings->successful && settings->errnos) {
		*ret_error = xstrdup("--errno names failed calls, --successful leaves them out; "
				     "choose one");
		return -EINVAL;
	}
	if (settings->failed)
		filter.flags |= FILTER_FAILED;
	if (settings->successful)
		filter.flags |= FILTER_SUCCESSFUL;
	if (filter.min_duration_ns)
		filter.flags |= FILTER_DURATION;
	if (settings->errnos)
		err = parse_errnos(settings->errnos, &filter, ret_error);
	if (!err && settings->path)
		err = parse_path(settings->path, &filter, ret_error);
	if (!err && settings->comm)
		err = parse_comm(settings->comm, &filter, ret_error);
	if (!err)
		*ret_filter = filter;
	return err;
}

/* --- sampling */

struct sample {
	struct syscall_set *set; /* NULL: all */
	u16 one_of;
};

struct samples {
	size_t count;
	struct sample *samples;
};

static int parse_sample(const struct syscall_table *tables, size_t table_count, char *word,
			struct sample *sample, char **ret_error)
{
	char *equal = strrchr(word, '='), *number = equal ? equal + 1 : word;
	_cleanup_free_ char *error = NULL;
	u64 one_of;

	if (parse_u64(number, &one_of) || !one_of || one_of > SAMPLE_MAX) {
		*ret_error = xasprintf("--sample %s: \"%s\" is no number from 1 to %d; 100 or "
				       "read=100 sends one call of a hundred",
				       word, number, SAMPLE_MAX);
		return -EINVAL;
	}
	sample->one_of = one_of;
	if (!equal)
		return 0;
	*equal = 0;
	if (syscall_set_parse(tables, table_count, word, &sample->set, &error)) {
		*ret_error = xasprintf("--sample %s: %s", word, error);
		return -EINVAL;
	}
	return 0;
}

int samples_parse(const struct syscall_table *tables, size_t table_count, const char *text,
		  struct samples **ret_samples, char **ret_error)
{
	_cleanup_free_ char *copy = text ? xstrdup(text) : NULL;
	char *rest = copy, *word;
	struct samples *samples;
	int err = 0;

	if (!text) {
		*ret_samples = NULL;
		return 0;
	}
	samples = xcalloc(1, sizeof(*samples));
	while (!err && (word = strsep(&rest, ","))) {
		struct sample sample = { 0 };

		err = parse_sample(tables, table_count, word, &sample, ret_error);
		if (err)
			break;
		samples->samples = xreallocarray(samples->samples, samples->count + 1,
						 sizeof(*samples->samples));
		samples->samples[samples->count++] = sample;
	}
	if (err)
		samples_free(samples);
	else
		*ret_samples = samples;
	return err;
}

u16 samples_of(const struct samples *samples, u8 abi, u32 nr)
{
	for (size_t i = samples ? samples->count : 0; i > 0; i--)
		if (!samples->samples[i - 1].set ||
		    syscall_set_has(samples->samples[i - 1].set, abi, nr))
			return samples->samples[i - 1].one_of;
	return 1;
}

void samples_free(struct samples *samples)
{
	if (!samples)
		return;
	for (size_t i = 0; i < samples->count; i++)
		syscall_set_free(samples->samples[i].set);
	free(samples->samples);
	free(samples);
}
