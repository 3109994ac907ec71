/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/targets.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "record/target_cgroup.h"
#include "record/target_name.h"
#include "record/user.h"

void target_options_release(struct target_options *options)
{
	option_list_release(&options->pids);
	option_list_release(&options->tids);
	option_list_release(&options->names);
	option_list_release(&options->cgroups);
	option_list_release(&options->containers);
	option_list_release(&options->users);
}

void targets_release(struct targets *targets)
{
	for (size_t i = 0; i < targets->seed_count; i++)
		close(targets->seeds[i].pidfd);
	free(targets->seeds);
	free(targets->tids);
	free(targets->names);
	free(targets->users);
	free(targets->cgroups);
	*targets = (struct targets){ 0 };
}

int target_add_seed(struct targets *targets, u32 pid, u8 reason)
{
	int pidfd;

	for (size_t i = 0; i < targets->seed_count; i++) {
		struct target_seed *seed = &targets->seeds[i];

		if (seed->pid != pid)
			continue;
		/* The whole process is more than some of its threads. */
		if (seed->reason == REASON_TID)
			seed->reason = reason;
		return 0;
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	targets->seeds =
		xreallocarray(targets->seeds, targets->seed_count + 1, sizeof(*targets->seeds));
	targets->seeds[targets->seed_count++] = (struct target_seed){ pidfd, pid, reason };
	return 0;
}

/* The process of a thread; 0 if there is no such thread. */
static u32 process_of(u32 tid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/status", tid);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];
	unsigned tgid = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %u", &tgid) == 1)
			break;
	return tgid;
}

static int add_number(struct targets *targets, const char *word, bool thread, char **ret_error)
{
	const char *what = thread ? "thread" : "process";
	u32 tgid;
	u64 id;

	if (parse_u64(word, &id) || !id || id > INT32_MAX) {
		*ret_error =
			xasprintf("-%c %s: not the number of a %s", thread ? 't' : 'p', word, what);
		return -EINVAL;
	}
	tgid = process_of(id);
	if (!tgid) {
		*ret_error = xasprintf("-%c %s: there is no such %s; it may have ended",
				       thread ? 't' : 'p', word, what);
		return -ESRCH;
	}
	if (!thread && tgid != id) {
		*ret_error = xasprintf("-p %s: that is a thread of process %u; -p %u records all "
				       "of it, -t %s the thread alone",
				       word, tgid, tgid, word);
		return -EINVAL;
	}
	if (tgid == (u32)getpid()) {
		*ret_error =
			xasprintf("-%c %s: that is this recorder itself", thread ? 't' : 'p', word);
		return -EINVAL;
	}
	if (kill(tgid, 0) && errno == EPERM) {
		*ret_error = xasprintf("-%c %s: it belongs to another user; run it with sudo",
				       thread ? 't' : 'p', word);
		return -ESRCH;
	}
	if (target_add_seed(targets, tgid, thread ? REASON_TID : REASON_PID)) {
		*ret_error = xasprintf("-%c %s: it has just ended", thread ? 't' : 'p', word);
		return -ESRCH;
	}
	if (thread) {
		targets->tids = xreallocarray(targets->tids, targets->tid_count + 1,
					      sizeof(*targets->tids));
		targets->tids[targets->tid_count++] = id;
	}
	return 0;
}

/* Each word of lists "1,2". */
static int add_numbers(struct targets *targets, const struct option_list *list, bool thread,
		       char **ret_error)
{
	int err = 0;

	for (size_t i = 0; i < list->count && !err; i++) {
		_cleanup_free_ char *copy = xstrdup(list->values[i]);
		char *rest = copy, *word;

		while (!err && (word = strsep(&rest, ",")))
			err = add_number(targets, word, thread, ret_error);
	}
	return err;
}

static int add_users(struct targets *targets, const struct option_list *list, char **ret_error)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct passwd *entry = getpwnam(list->values[i]);
		u64 uid;

		if (entry) {
			uid = entry->pw_uid;
		} else if (parse_u64(list->values[i], &uid) || uid >= UINT32_MAX) {
			_cleanup_free_ char *unknown = user_unknown(list->values[i]);

			*ret_error = xasprintf("-u %s: %s", list->values[i], unknown);
			return -EINVAL;
		}
		targets->users = xreallocarray(targets->users, targets->user_count + 1,
					       sizeof(*targets->users));
		targets->users[targets->user_count++] = uid;
	}
	return 0;
}

u32 target_options_given(const struct target_options *options)
{
	return (options->pids.count ? REASON_BIT(REASON_PID) : 0) |
	       (options->tids.count ? REASON_BIT(REASON_TID) : 0) |
	       (options->names.count ? REASON_BIT(REASON_NAME) : 0) |
	       (options->cgroups.count ? REASON_BIT(REASON_CGROUP) : 0) |
	       (options->containers.count ? REASON_BIT(REASON_CONTAINER) : 0) |
	       (options->users.count ? REASON_BIT(REASON_USER) : 0) |
	       (options->all ? REASON_BIT(REASON_ALL) : 0);
}

int targets_resolve(const struct target_options *options, struct targets *ret_targets,
		    char **ret_error)
{
	struct targets targets = { .options = target_options_given(options) };
	int err;

	err = add_numbers(&targets, &options->pids, false, ret_error);
	if (!err)
		err = add_numbers(&targets, &options->tids, true, ret_error);
	for (size_t i = 0; i < options->names.count && !err; i++)
		err = target_add_name(&targets, options->names.values[i], ret_error);
	for (size_t i = 0; i < options->cgroups.count && !err; i++)
		err = target_add_cgroup(&targets, options->cgroups.values[i], ret_error);
	for (size_t i = 0; i < options->containers.count && !err; i++)
		err = target_add_container(&targets, options->containers.values[i], ret_error);
	if (!err)
		err = add_users(&targets, &options->users, ret_error);
	if (err)
		targets_release(&targets);
	else
		*ret_targets = targets;
	return err;
}

static void add_list(struct text *text, const char *option, const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		text_addf(text, "%s%s %s", text->len ? " " : "", option, list->values[i]);
}

char *target_options_text(const struct target_options *options)
{
	struct text text = { 0 };

	add_list(&text, "-p", &options->pids);
	add_list(&text, "-t", &options->tids);
	add_list(&text, "-n", &options->names);
	add_list(&text, "--cgroup", &options->cgroups);
	add_list(&text, "--container", &options->containers);
	add_list(&text, "-u", &options->users);
	if (options->all)
		text_adds(&text, text.len ? " -a" : "-a");
	return text.data ? text.data : xstrdup("");
}
