/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files that a recording makes: one, by the name that the user gave, or a series: run-0001.trc, run-0002.trc …
 * for run.trc, of which the last `keep` stay.
 */
#pragma once

#include "record/output.h"

struct files {
	const char *path; /* as the user gave it */
	bool force, series;
	u64 keep;
	/* private */
	int directory;	      /* where the first is: what its name becomes later is not followed */
	struct output output; /* the one that is open */
	char *name;	      /* its name, when it is one of a series */
	char *done_name;      /* that of the last that is complete */
	u64 number;	      /* of the last of the series */
	u64 done_count, done_bytes;
	struct file_id {
		u64 number, dev, ino;
	} * kept;
	size_t kept_count;
};

/*
 * Opens the first file, as output_open() does. A series that stands there already is -EEXIST without force:
 * *ret_existing (free it) is one of its files.
 */
int files_open(struct files *files, char **ret_existing);
/* Opens the next of the series. 0 or -errno. */
int files_next(struct files *files);
/* What stood there before makes way: there is a trace to keep. 0 or -errno. */
int files_commit(struct files *files);
/* The open one has its beginning: those that are too many are removed. */
void files_begun(struct files *files);
/* The open one is complete; a pipe does not tell how much went in: `written`. Returns its size. */
u64 files_done(struct files *files, u64 written);
/* The open one holds no trace: it is removed. */
void files_discard(struct files *files);
void files_release(struct files *files);
int files_fd(const struct files *files); /* -1: none is open */
/* For talk: the open or the last one, which may have failed. */
const char *files_name(const struct files *files);
/* The last that is complete; if there is none, as files_name(). */
const char *files_done_name(const struct files *files);
