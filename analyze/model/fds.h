/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors and what they stand for, by the rules of fork, CLONE_FILES, exec, dup, close_range, SCM_RIGHTS.
 *
 * The model follows them only where the walk was asked to (WALK_FDS); else thread_fd() knows nothing.
 */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/model/model.h"
#include "analyze/model/object.h"

/* How an open file came into the trace. */
enum file_origin {
	FILE_ORIGIN_found,    /* it was open before its process was watched */
	FILE_ORIGIN_call,     /* a call made it */
	FILE_ORIGIN_received, /* it came in a message from outside the trace */
	FILE_ORIGIN_inferred, /* its making is missing in the trace */
};

/* What ended its last descriptor. */
enum file_end {
	FILE_END_open,	/* nothing: it was open to the end of the trace */
	FILE_END_close, /* close, close_range, dup2 over it */
	FILE_END_exec,	/* close on exec */
	FILE_END_exit,	/* the end of its last process: it was never closed */
};

/* What open() makes and dup() and fork() share: Linux' struct file. */
struct open_file {
	u32 references;
	u32 id;		       /* 1, 2, … in the order of first sight */
	struct object *object; /* never NULL */
	struct string
		*name; /* as /proc/PID/fd had it when it was opened; NULL: the object's name */
	u32 flags;     /* O_*, as of the first sight */
	u8 origin;     /* enum file_origin */
	u8 end;	       /* enum file_end, while it is told that it is gone */
	s32 fd;	       /* its first descriptor in the trace, and whose */
	u32 process_id, thread_id, pid;
	u32 descriptor_count; /* that stand for it now, in all tables and messages */
	u64 opened_ns;	      /* trace clock; MODEL_UNKNOWN: before it was watched */
	u64 closed_ns;	      /* of the last descriptor that was closed */
};

struct open_file *open_file_ref(struct open_file *file); /* NULL stays NULL */
void open_file_unref(struct open_file *file);		 /* accepts NULL */
/* Its name now, NULL if it has none. Bytes from a trace. */
const struct string *open_file_name(const struct open_file *file);

/* The same, but of a socket what says the most of its whole life. */
const struct string *open_file_best_name(const struct open_file *file);

/*
 * What the thread's descriptor stands for; NULL: not open, or not known. Valid during the event. During a call's
 * record it is what the call was made with: a descriptor that the call closes is still there. What it makes is
 * there too, in place of what was there before.
 */
struct open_file *thread_fd(struct thread *thread, s32 fd);
/* The same, but of a descriptor that the call itself made anew (dup2) what was there before. */
struct open_file *thread_fd_before(struct thread *thread, s32 fd);
struct object *object_of_fd(struct thread *thread, s32 fd);

struct fds;

/*
 * The file with this inode, or the one of a union mount that it is below of, if a descriptor stood for it or a page of it was
 * waited for lately. Borrowed; `fds` may be NULL.
 */
struct object *fds_object_at(const struct fds *fds, u32 device, u64 inode);

/* For the model */

/* What a path alone tells of. Borrowed; it may be gone after the event. */
struct object *fds_path_object(struct fds *fds, const char *path, size_t len);
/* A program, by a path that exec or task_found tells. */
void fds_program(struct fds *fds, const struct trc_item *path, u32 device, u64 inode, u32 mode);
/* The file that a page fault was for; NULL: none, or not known. One reference, the caller's. */
struct object *fds_mapped_object(struct fds *fds, const struct trc_page_fault *record);

struct fds *fds_new(struct model *model, struct decoder *decoder, const struct trace_meta *meta);
void fds_settle_all(struct fds *fds);
/* After the last event, before the threads that are left go. */
void fds_finish(struct fds *fds);
/* After they went: what lingers goes too. */
void fds_end(struct fds *fds);
void fds_free(struct fds *fds);
/* Before the event is taken in: what the last one did takes effect. */
void fds_begin(struct fds *fds, const struct event *event);
/* `thread` may be NULL. */
void fds_event(struct fds *fds, const struct event *event, struct thread *thread);
void fds_load_state(struct fds *fds, const struct trace_state *state);
/* The thread is about to be freed. */
void fds_thread_gone(struct fds *fds, struct thread *thread);
