/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/backend.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "record/groups.h"
#include "record/ptrace.h"

bool backend_is_ptrace(const struct settings *settings)
{
	return !strcmp(settings->backend, "ptrace");
}

/* What would have to be left out or recorded beyond what was asked for: that is never done unasked. */
static const char *needs_bpf(const struct settings *settings)
{
	if (target_options_given(&settings->targets))
		return "targets that run already";
	if (settings->path)
		return "--path";
	if (settings->comm)
		return "--comm";
	if (settings->sample)
		return "--sample";
	return NULL;
}

/* What only goes without. */
static void add_left_out(const struct settings *settings, struct text *out)
{
	u64 groups = settings->groups & ~PTRACE_GROUPS;

	if (groups)
		groups_add_names(groups, out);
	if (settings->stacks.count)
		text_addf(out, "%s-g", out->len ? "," : "");
	if (settings->counters)
		text_addf(out, "%s--counters", out->len ? "," : "");
}

int backend_check(const struct settings *settings, char **ret_error)
{
	_cleanup_(text_release) struct text asked_for = { 0 };
	struct settings beyond = *settings;
	const char *what = needs_bpf(settings);

	if (!backend_is_ptrace(settings))
		return 0;
	/* The groups that are on by default were not asked for. */
	if (settings->groups == groups_default())
		beyond.groups = 0;
	else if (settings->groups & ~PTRACE_GROUPS & ~groups_default())
		beyond.groups = settings->groups & ~groups_default();
	add_left_out(&beyond, &asked_for);
	if (!what && asked_for.len)
		what = asked_for.data;
	if (!what)
		return 0;
	*ret_error = xasprintf("--backend ptrace: %s needs BPF; leave it out, or use --backend bpf",
			       what);
	return -EINVAL;
}

bool backend_falls_back(const struct settings *settings)
{
	return !strcmp(settings->backend, "auto") && settings->command[0] && !needs_bpf(settings);
}

void backend_narrow(const struct settings *settings, const char *why, struct settings *ret_settings)
{
	_cleanup_(text_release) struct text left_out = { 0 };

	add_left_out(settings, &left_out);
	log_info("%s%srecording with ptrace, which is slower%s%s", why ? why : "",
		 why ? "; till then " : "", left_out.len ? " and leaves out " : "",
		 left_out.len ? left_out.data : "");
	*ret_settings = *settings;
	ret_settings->backend = "ptrace";
	ret_settings->groups &= PTRACE_GROUPS;
	ret_settings->stacks = (struct option_list){ 0 };
	ret_settings->counters = NULL;
}
