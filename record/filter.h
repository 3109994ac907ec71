/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which calls are sent beyond the choice by number, and which are sampled: from the options' text. */
#pragma once

#include "bpf/control.h"
#include "common/syscalls.h"
#include "record/settings.h"

/* 0, or -EINVAL with *ret_error (free it): the option, what is wrong, and the remedy. */
int filter_parse(const struct settings *settings, struct call_filter *ret_filter, char **ret_error);

/*
 * --sample: N, or SET=N where SET is what -e takes, separated by commas; the last that names a call counts. NULL if the
 * option was not given.
 */
struct samples;
int samples_parse(const struct syscall_table *tables, size_t table_count, const char *text,
		  struct samples **ret_samples, char **ret_error);
/* One of how many calls is sent: 1 for all. */
u16 samples_of(const struct samples *samples, u8 abi, u32 nr);
void samples_free(struct samples *samples);
