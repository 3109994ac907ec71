/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the user asked for: filled by main from the options, read by everything else. */
#pragma once

#include "common/options.h"

struct settings {
	const char *output;   /* "-" is standard output */
	bool force;	      /* replace an existing file */
	u64 groups;	      /* --events: bits of enum group */
	const char *syscalls; /* the -e expression; NULL for all */
	u64 string_bytes;     /* -s; STRING_BYTES_UNSET if not given */
	u64 ring_bytes;	      /* per CPU; 0: chosen by the number of CPUs */
	u64 level;	      /* zstd */
	u64 duration_ns;      /* 0: until the tree is gone */
	bool quiet;
	unsigned verbose;
	char *const *command; /* argv, NULL-terminated */
	int command_argc;
	/* -g and --counters, as given */
	struct option_list stacks;
	const char *counters;
};

#define STRING_BYTES_UNSET   UINT64_MAX
#define STRING_BYTES_DEFAULT 256 /* of strings that are not paths */
#define STRING_BYTES_MAX     4096
