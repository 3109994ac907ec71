/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What exists already and is to be recorded: the options -p -t -n --cgroup --container -u -a. */
#pragma once

#include "bpf/control.h"
#include "common/options.h"

/* As given on the command line. */
struct target_options {
	struct option_list pids, tids, names, cgroups, containers, users;
	bool all;
};

/* A process that is chosen by its number, whatever it does later. */
struct target_seed {
	int pidfd;
	u32 pid;
	u8 reason; /* enum target_reason */
};

struct target_cgroup {
	u64 id;
	u8 reason;
};

/* The same, looked up on this machine. */
struct targets {
	u32 options; /* REASON_BITs of those that were given */
	struct target_seed *seeds;
	size_t seed_count;
	u32 *tids;
	size_t tid_count;
	const char **names; /* compared by the kernel, also later; at most 15 bytes each */
	size_t name_count;
	u32 *users;
	size_t user_count;
	struct target_cgroup *cgroups;
	size_t cgroup_count;
};

/* REASON_BITs. */
u32 target_options_given(const struct target_options *options);
void target_options_release(struct target_options *options);

/*
 * 0; or -errno with *ret_error (free it), one line: -EINVAL for what can never be right, -ESRCH for what is not there
 * or not ours.
 */
int targets_resolve(const struct target_options *options, struct targets *ret_targets,
		    char **ret_error);
void targets_release(struct targets *targets);

/* The options as they were given, for the header; empty if there were none. */
char *target_options_text(const struct target_options *options);
