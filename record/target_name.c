/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/target_name.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/regexp.h"
#include "common/suggest.h"

DEFINE_CLEANUP(DIR *, closedir)

#define COMM_MAX      15
#define CMDLINE_BYTES 65536

struct pattern {
	const char *name; /* NULL: the regex */
	regex_t regex;
};

static size_t read_proc(u32 pid, const char *what, char *buffer, size_t size)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/%s", pid, what);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	size_t len = file ? fread(buffer, 1, size - 1, file) : 0;

	buffer[len] = 0;
	return len;
}

/* Does record run below it? Then record's own command line, regex included, may be part of its. */
static bool is_ancestor(u32 pid)
{
	u32 parent = getppid();

	while (parent > 1 && parent != pid) {
		char status[1024];
		const char *line;

		if (!read_proc(parent, "status", status, sizeof(status)))
			return false;
		line = strstr(status, "\nPPid:");
		parent = line ? strtoul(line + 6, NULL, 10) : 0;
	}
	return parent == pid;
}

static bool matches(const struct pattern *pattern, u32 pid, const char *comm, char *cmdline,
		    size_t len)
{
	const char *slash;

	if (pattern->name) {
		slash = strrchr(cmdline, '/');
		return !strcmp(pattern->name, comm) ||
		       !strcmp(pattern->name, slash ? slash + 1 : cmdline);
	}
	if (!regexec(&pattern->regex, comm, 0, NULL, 0))
		return true;
	for (size_t i = 0; i + 1 < len; i++)
		if (!cmdline[i])
			cmdline[i] = ' ';
	return len && !regexec(&pattern->regex, cmdline, 0, NULL, 0) && !is_ancestor(pid);
}

/* Marks what runs and matches, and collects the names of what does not. How many match, or -errno. */
static int scan(struct targets *targets, const struct pattern *pattern, char ***ret_names,
		size_t *ret_count)
{
	_cleanup_(closedirp) DIR *dir = opendir("/proc");
	_cleanup_free_ char *cmdline = xmalloc(CMDLINE_BYTES);
	size_t capacity = 0;
	struct dirent *entry;
	int found = 0;

	while (dir && (entry = readdir(dir))) {
		char comm[64];
		size_t len;
		u64 pid;

		if (parse_u64(entry->d_name, &pid) || pid == (u64)getpid())
			continue;
		errno = 0;
		len = read_proc(pid, "comm", comm, sizeof(comm));
		if (errno == EMFILE || errno == ENFILE)
			return -errno;
		if (!len)
			continue;
		/* The last newline is the kernel's; a name may have others. */
		if (comm[len - 1] == '\n')
			comm[len - 1] = 0;
		len = read_proc(pid, "cmdline", cmdline, CMDLINE_BYTES);
		if (matches(pattern, pid, comm, cmdline, len)) {
			int err = target_add_seed(targets, pid, REASON_NAME);

			/* One that has ended since does not match, that is all. */
			if (err && err != -ESRCH)
				return err;
			found += !err;
			continue;
		}
		ARRAY_RESERVE(*ret_names, capacity, *ret_count + 1);
		(*ret_names)[(*ret_count)++] = xstrdup(comm);
	}
	return found;
}

static int add_pattern(struct targets *targets, const char *text, const struct pattern *pattern,
		       char **ret_error)
{
	char **names = NULL;
	const char *nearest;
	size_t count = 0;
	int found = scan(targets, pattern, &names, &count);

	if (found < 0) {
		*ret_error = xasprintf("-n %s: not all that match can be held: %s%s", text,
				       strerror(-found),
				       found == -EMFILE ? "; ulimit -n allows more files" : "");
	} else if (!found) {
		nearest = pattern->name ? suggest(text, (const char *const *)names, count) : NULL;
		*ret_error =
			nearest ? xasprintf("-n %s: nothing of that name runs; did you mean "
					    "%s?",
					    text, nearest)
				: xasprintf("-n %s: nothing that runs matches; start it first, "
					    "or record its command",
					    text);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return found < 0 ? found : found ? 0 : -ESRCH;
}

int target_add_name(struct targets *targets, const char *text, char **ret_error)
{
	size_t len = strlen(text);
	struct pattern pattern = { .name = text };
	int err;

	if (len >= 2 && text[0] == '/' && text[len - 1] == '/') {
		_cleanup_free_ char *source = xstrndup(text + 1, len - 2);
		_cleanup_free_ char *why = NULL;

		if (regexp_compile(source, &pattern.regex, &why)) {
			*ret_error = xasprintf("-n %s: not a regular expression: %s", text, why);
			return -EINVAL;
		}
		pattern.name = NULL;
		err = add_pattern(targets, text, &pattern, ret_error);
		regfree(&pattern.regex);
		return err;
	}
	if (!len) {
		*ret_error = xstrdup("-n: an empty name matches nothing");
		return -EINVAL;
	}
	if (len <= COMM_MAX) {
		targets->names = xreallocarray(targets->names, targets->name_count + 1,
					       sizeof(*targets->names));
		targets->names[targets->name_count++] = text;
	}
	return add_pattern(targets, text, &pattern, ret_error);
}
