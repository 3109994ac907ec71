/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counters that --counters names: the kernel's own per task, and perf events of the CPUs. */
#pragma once

#include "bpf/control.h"

struct counter {
	char *name; /* as the user wrote it */
	u8 kind;    /* enum task_counter */
	u32 perf_type;
	u64 perf_config;
	size_t fd_count;
	int *fds; /* of TASK_COUNTER_PERF: by CPU, -1 where it is not there */
};

struct counters {
	size_t count;
	struct counter rows[COUNTERS_MAX];
};

/* A list of names, rHEX for a raw event, TYPE:CONFIG for any. 0, or -EINVAL with *ret_error (free it). */
int counters_parse(const char *text, struct counters **ret_counters, char **ret_error);
/* Opens what the CPUs count; what this machine lacks is named and taken out. */
void counters_open(struct counters *counters);
/* "cycles,page-faults"; free it. There is at least one. */
char *counters_names(const struct counters *counters);
void counters_free(struct counters *counters);
