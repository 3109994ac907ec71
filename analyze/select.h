/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is shown: --time, --pid, --comm, --syscall. The state behind it is always kept from all events. */
#pragma once

#include "analyze/model/model.h"
#include "common/options.h"
#include "common/text.h"
#include "common/trace_reader.h"

struct selection_options {	 /* as typed; zero selects everything */
	const char *time;	 /* "A,B": seconds since the start, or dates */
	struct option_list pids; /* "P[,P]…" each */
	const char *comm;	 /* glob */
	const char *calls;	 /* syscall set */
};

struct selection {
	bool active;	    /* anything at all was selected */
	char *words;	    /* as options, "--pid 322"; NULL: everything is selected */
	bool by_thread;	    /* by pid or comm */
	u64 from_ns, to_ns; /* trace clock, both inclusive */
	size_t pid_count, pid_capacity;
	u32 *pids;
	const char *comm;
	struct syscall_set *calls; /* NULL: all */
};

/* What was selected, as options that follow a command: all of it, or without one kind of option. */
enum { SELECTED_PIDS = 1, SELECTED_CALLS = 2, SELECTED_ALL = 3 };
void selection_add_words(const struct selection_options *options, unsigned which,
			 struct text *text);

/* 0, or -EINVAL and *ret_error (free it). `start_ns` is what relative times count from. */
int selection_parse(const struct selection_options *options, const struct trace_reader *reader,
		    u64 start_ns, struct selection *ret_selection, char **ret_error);
/* "1.5", "200ms", "2026-11-20T10:02:12": on the trace clock. 0 or -EINVAL. */
int selection_parse_moment(const char *text, const struct trace_reader *reader, u64 start_ns,
			   u64 *ret_ns);
void selection_release(struct selection *selection);

/* Judged anew whenever the thread's name or number changes; remembered in the thread. */
bool selection_thread(const struct selection *selection, struct thread *thread);
/* A process is shown if a thread of it was, and its life touches the time. */
bool selection_process(const struct selection *selection, struct process *process);
bool selection_call(const struct selection *selection, u8 abi, u32 nr);

static inline bool selection_time(const struct selection *selection, u64 ts)
{
	return ts >= selection->from_ns && ts <= selection->to_ns;
}
