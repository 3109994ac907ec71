/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the user asked for: filled by main from the options, read by everything else. */
#pragma once

#include "common/options.h"
#include "record/targets.h"

/* When recording begins and ends, and into what; 0 or NULL where nothing was asked for. */
struct modes {
	u64 delay_ns;
	const char *start_at; /* as the user wrote it */
	s64 start_wall_ns;    /* since 1970 */
	u64 duration_ns;      /* of recording, not of the command */
	u64 max_bytes, max_events;
	const char *rotate;
	u64 rotate_ns, rotate_bytes; /* a file is ended by whichever comes first */
	u64 keep;		     /* files; KEEP_ALL if not given */
	const char *flight;	     /* -F */
	u64 flight_ns, flight_bytes; /* what is kept in memory: at least so long, at most so much */
	struct option_list triggers;
	const char *control; /* FIFO[,FIFO] */
};

#define KEEP_ALL UINT64_MAX

struct settings {
	const char *output;   /* "-" is standard output */
	bool force;	      /* replace an existing file */
	u64 groups;	      /* --events: bits of enum group */
	const char *syscalls; /* the -e expression; NULL for all */
	/* Only calls that do; record/filter.h. */
	bool failed, successful;
	const char *errnos, *path, *comm; /* NULL: any */
	u64 min_duration_ns;
	const char *sample;  /* --sample; NULL: every call is sent */
	u64 string_bytes;    /* -s; STRING_BYTES_UNSET if not given */
	bool environment;    /* --env: of an exec, the environment too */
	const char *backend; /* "bpf", "ptrace" or "auto" */
	u64 ring_bytes;	     /* per CPU; 0: chosen by the number of CPUs */
	u64 level;	     /* zstd */
	struct modes modes;
	struct option_list stacks; /* -g, as given */
	const char *counters;	   /* --counters, as given; NULL: none */
	struct target_options targets;
	const char *user; /* --user; NULL: who called sudo, or nobody else */
	bool quiet;
	unsigned verbose;
	char *const *command; /* argv, NULL-terminated */
	int command_argc;
};

#define STRING_BYTES_UNSET   UINT64_MAX
#define STRING_BYTES_DEFAULT 256 /* of strings that are not paths */
#define STRING_BYTES_MAX     4096
