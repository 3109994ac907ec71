/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside the model: making, finding, ending instances. model.c says when, instances.c how. */
#pragma once

#include "analyze/model/idmap.h"
#include "analyze/model/model.h"

/* An ended thread stays for this long: the records of its last moment may follow its task_exit. */
#define MODEL_GRACE_NS 100000000ull

struct command { /* that a recording started */
	u32 pid;
	u64 start_ns; /* of the recording */
};

struct model {
	const struct trace_reader *reader;
	s64 boot_offset_ns; /* boot clock minus trace clock */
	size_t command_count, command_capacity;
	struct command *commands;
	struct model_hooks hooks;
	struct futexes *futexes;
	struct polls *polls; /* NULL: descriptors are not followed */
	struct idmap threads, processes;
	struct process *first, *last;		 /* not yet gone */
	struct thread *first_ended, *last_ended; /* by gone_at */
	u64 next_gone_at;			 /* UINT64_MAX if no thread has ended */
	u64 now;
	u32 process_count, thread_count; /* ever */
	struct idmap fatherless;	 /* by ppid: the first of them */
	struct stacks *stacks;
	struct spans *spans; /* NULL: not followed */
	struct fds *fds;     /* NULL: not followed */
};

/* New instances; the thread takes the place of whoever bore its number. Nothing of them is known yet. */
struct process *process_make(struct model *model, u32 pid);
struct thread *thread_make(struct model *model, struct process *process, u32 tid);

/* The thread ends now; *_unseen: it must have ended, nobody knows when. */
void thread_end(struct model *model, struct thread *thread, u64 end_ns);
void process_end(struct model *model, struct process *process, u64 end_ns);
/* The thread gets its first such thing, or loses its last: it is among process->sharers, or not. */
void thread_set_sharing(struct thread *thread, enum thread_share share, bool has);
/* The thread goes on under another number. */
void thread_renumber(struct model *model, struct thread *thread, u32 tid);

/* The parent is not found yet, but it may be; parent_found(): here it is. */
void parent_missing(struct model *model, struct process *process);
void parent_found(struct model *model, struct process *parent);
/* Or the same: a file may name processes each other's parents. */
bool parent_is_below(struct model *model, const struct process *parent,
		     const struct process *process);

void thread_set_comm(struct thread *thread, const char *comm, size_t size);
/* Gives process->as_child the name that the process bears now. */
void process_name_child(struct process *process);
void identity_inherit(struct identity *child, const struct identity *parent);

/* Threads whose grace is over go through the hooks. */
void model_collect(struct model *model, u64 now);
/* All that is left, ended or not. */
void model_collect_rest(struct model *model);
