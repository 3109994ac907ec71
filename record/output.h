/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The file that the trace goes to. */
#pragma once

#include "common/types.h"

struct output {
	int fd;
	int directory;	  /* that of the path; whoever opened it closes it */
	const char *path; /* NULL for standard output */
	char *temporary; /* its name until output_commit(), when an existing file is to be replaced */
};

/*
 * Opens it in its directory for a new trace: mode 0600, never through a symbolic link, never over an existing file unless
 * `force`, owned by the user who called sudo. "-" is standard output. 0, -EEXIST, -ELOOP (a symbolic link
 * or something that is no regular file is in the way), -ENOTTY (the trace would go to a terminal) or -errno.
 */
int output_open(int directory, const char *path, bool force, struct output *ret_output);
/* Of what the path names, its directory (-errno) and its name in there. */
int output_directory(const char *path);
const char *output_name(const char *path);
/* From here on there is a trace to keep: the old file, if any, makes way. 0 or -errno. */
int output_commit(struct output *output);
/* Removes a file that holds no trace; an old one stays as it was. */
void output_discard(struct output *output);
void output_close(struct output *output);
