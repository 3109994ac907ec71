/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Current directories and roots, shared as CLONE_FS says. */
#pragma once

#include "analyze/model/model.h"
#include "common/text.h"

struct dirs {
	u32 references;	     /* threads */
	struct string *cwd;  /* absolute, inside the root; NULL: unknown */
	struct string *root; /* NULL: unknown, or the usual one */
	u64 told_ns;	     /* when a call changed them last; 0: none did */
};

/* NULL: not followed or not known. */
const struct string *thread_cwd(const struct thread *thread);
/*
 * Adds the absolute path, as the thread sees it, of one that was given together with a directory's descriptor
 * (DECODE_AT_FDCWD: the current one). "." and ".." go, symbolic links are not followed. False: it is not known.
 */
bool thread_add_path(struct thread *thread, s32 directory, const char *path, size_t len,
		     struct text *out);
/* The descriptor that the call was given together with its first path; DECODE_AT_FDCWD: none. */
s32 call_directory(struct decoder *decoder, const struct trc_syscall *record);

/* For the model */
void dirs_leave(struct thread *thread); /* it is about to be freed */
void dirs_event(struct thread *thread, const struct trc_file_dir *record);
/* exec and task_found tell the current directory of a process. */
void dirs_told(struct thread *thread);
void dirs_made(struct thread *creator, struct thread *child);
void dirs_unshare(struct thread *thread);
/* The flags of the clone that made the child have come. */
void dirs_cloned(struct thread *thread, struct thread *child, bool shares);
