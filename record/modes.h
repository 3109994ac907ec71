/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options that say when and into what is recorded: their values, and what does not go together. */
#pragma once

#include "record/settings.h"

#define FLIGHT_BYTES_DEFAULT (256ull << 20) /* where -F gives a time only */
#define FLIGHT_BYTES_MIN     (1ull << 20)
#define FILE_BYTES_MIN	     (256ull << 10) /* HEADER, twice, and a snapshot must have room */
#define CUT_NS_MIN	     (100 * 1000000ull)
#define KEEP_MAX	     10000
#define TRIGGERS_MAX	     16

/* Fills in what the options' texts mean. 0, or -EINVAL with *ret_error: option, cause, remedy. */
int modes_check(struct settings *settings, char **ret_error);

/*
 * "100M", "10min", "1G,10min": a size has a unit in capitals, a time one in small letters. What is not given is
 * left 0. 0 or -EINVAL.
 */
int modes_parse_limit(const char *text, u64 *ret_bytes, u64 *ret_ns);
/* "14:05", "14:05:30": the next such moment after now; "2030-01-31", "2030-01-31 14:05[:30]". 0 or -EINVAL. */
int modes_parse_moment(const char *text, s64 now_wall_s, s64 *ret_wall_ns);
