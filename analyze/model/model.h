/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is alive: processes and threads as instances, never bare pids.
 *
 * An instance is (pid, start time): a reused pid is a new instance. It is made by the STATE snapshot,
 * by task_new, or, when that was lost, by the first event that names it. It ends with task_exit and
 * is handed to the hooks a little later (events of its last moment may still follow), then freed:
 * memory depends on what is alive.
 *
 * Times are on the trace clock, MODEL_UNKNOWN where the trace does not tell.
 */
#pragma once

#include "analyze/model/shared_string.h"
#include "analyze/model/stacks.h"
#include "analyze/stream.h"
#include "common/trace_meta.h"

struct span;
struct span_thread;
struct spans_options;

#define MODEL_UNKNOWN UINT64_MAX
#define MODEL_SLOTS   96

struct dirs;
struct dirs;
struct fd_table;
struct object;
struct open_file;

struct totals {				    /* sums of threads' task_exit records */
	u64 runtime_ns, utime_ns, stime_ns; /* the latter two as ticks counted them */
	u64 minor_faults, major_faults;
	u64 voluntary_switches, involuntary_switches;
	u64 rchar_bytes, wchar_bytes, read_bytes, write_bytes;
	u64 max_rss_bytes; /* the maximum, not a sum */
	u64 cpu_delay_ns, blkio_delay_ns;
};

struct identity { /* what exec and STATE tell of a process; inherited by its children */
	struct string *exe, *cmdline, *cwd, *cgroup; /* NULL: unknown */
	bool known;				     /* the numbers below are */
	u32 uid, gid, euid, egid;
	u32 pid_ns, mnt_ns, net_ns, uts_ns, ipc_ns, cgroup_ns, user_ns; /* 0: unknown */
	u64 cgroup_id;
	struct modules *modules; /* code that it has mapped; NULL: none is known */
};

struct futex;

struct wakeup {			 /* the last that a thread had */
	u64 ns;			 /* 0: none was seen */
	u32 waker_tid, waker_id; /* the thread instance; 0: not in the trace */
	u8 context;		 /* enum trc_sched_context */
};

/* What threads of a process have in common, or each for itself. */
enum thread_share {
	SHARE_dirs,
	SHARE_fds,
	SHARES,
};

struct process {
	u32 id; /* 1, 2, … in the order in which the trace speaks of them */
	u32 pid;
	u32 ns_pid;	   /* in its own pid namespace; 0 unknown */
	u32 ppid;	   /* at birth; 0 unknown */
	u32 parent_id;	   /* instance of the parent at birth; 0: outside the trace */
	u32 last_ppid;	   /* at the end: differs after reparenting; 0 unknown */
	u64 start_boot_ns; /* boot clock: the identity, with pid; 0 unknown */
	u64 start_ns, end_ns;
	bool started; /* its birth was seen */
	bool ended;
	bool mapped;	 /* found by its pid */
	bool fatherless; /* its parent, if it is in the trace, was not found yet */
	bool has_status, group_exit;
	u32 status;	     /* wait status */
	struct string *comm; /* of the leader; NULL unknown */
	struct identity identity;
	u32 exec_count;
	u32 thread_count;  /* instances so far */
	u32 live_count;	   /* of them not yet gone */
	u32 unended_count; /* of them not yet ended */
	u32 exit_count;	   /* task_exit records in totals */
	struct totals totals;
	struct thread *threads;		 /* not yet gone */
	struct thread *sharers[SHARES];	 /* those that have it: who got it last comes first */
	struct futex_space *futex_space; /* NULL: not known */
	u8 selected;			 /* 1: some thread was selected */
	struct object *as_child;	 /* what its parent waits for; NULL: not yet */
	void **slots;			 /* for metrics, by fold index: the hooks' slot_count */
	struct process *next, *previous; /* not yet gone, by id */
	struct process *next_fatherless, *previous_fatherless; /* with the same ppid */
};

struct thread {
	u32 id; /* 1, 2, … like processes */
	u32 tid;
	u32 old_tid; /* before an exec from this thread made it the leader; 0 if none */
	u32 ns_tid;
	struct process *process;
	u64 start_boot_ns, start_ns, end_ns;
	bool ended;
	bool mapped; /* found by its tid */
	u8 verdict;  /* selection_thread(): 0 not judged, 1 no, 2 yes */
	bool has_totals;
	u32 status;
	u64 runtime_ns;
	u64 cpu_delay_ns, blkio_delay_ns;
	struct string *comm;
	struct wakeup woken;
	struct futex_thread *futex; /* NULL: it used none */
	struct dirs *dirs;	    /* the same */
	struct span_thread
		*span;	      /* what it is doing; NULL: not followed, or nothing was told yet */
	u32 held;	      /* spans that are not told yet name it: it stays */
	struct fd_table *fds; /* NULL: not followed, or not needed yet */
	struct {
		struct thread *next, *previous;
	} sharing[SHARES];  /* in process->sharers */
	u32 last_child_tid; /* whom it made last */
	void **slots;
	struct thread *next, *previous; /* in process->threads */
	struct thread *next_ended;	/* waits to be gone */
	u64 gone_at;
};

/* What the model tells others; any may be NULL. The entities are valid during the call only. */
struct model_hooks {
	void *context;
	size_t slot_count; /* that processes and threads are to have */
	void (*thread_gone)(void *context, struct thread *thread);
	void (*process_gone)(void *context, struct process *process); /* after its threads */
	void (*futex_gone)(void *context, struct futex *futex);
	/* Of each thread in the order of time, and all of them before it is gone. */
	void (*span)(void *context, struct thread *thread, const struct span *span);
	/* As it happens: one was woken, or made, by another; follows with span. */
	void (*woken)(void *context, struct thread *thread, struct thread *waker, u64 at_ns);
	void (*file_gone)(void *context, struct open_file *file);  /* no descriptor is left */
	void (*object_gone)(void *context, struct object *object); /* no open file is left */
};

struct model;
struct decoder;

/* Of a trace, whose reader stays with the caller, and there for as long; NULL: its clocks and machine are not known. */
struct model *model_new(const struct trace_reader *reader);
/*
 * The command that a recording started was forked early and held until the probes were live: its life
 * counts from the recording's start, unless it is found running. Several recordings may be in one file. No pid: nothing.
 */
void model_add_command(struct model *model, u32 pid, u64 start_ns);
void model_free(struct model *model);
void model_set_hooks(struct model *model, const struct model_hooks *hooks);
/* From now on it tells spans; before the first event. */
void model_follow_spans(struct model *model, const struct spans_options *options);
/* From now on it follows descriptors, sockets and directories; before the first event and the state. */
void model_follow_fds(struct model *model, struct decoder *decoder, const struct trace_meta *meta);
void model_load_state(struct model *model, const struct trace_state *state);

/* Takes an event in and gives the thread whose it is, or NULL (lost). */
struct thread *model_event(struct model *model, const struct event *event);

/* A thread of the kernel's own: it has neither a program nor arguments, and kthreadd made it. */
bool process_is_of_kernel(const struct process *process);

/* stacks_add_text() with what the trace has told so far. */
bool model_add_stack(const struct model *model, u32 section, u32 id, const struct modules *modules,
		     struct text *text);

/* The process that bears the number now; NULL: none. */
struct process *model_process(struct model *model, u32 pid);

/* What the last event did takes effect, though none follows. */
void model_settle(struct model *model);

/* The instance, as long as it bears the number; `id` 0: whoever does. */
struct thread *model_thread(struct model *model, u32 tid, u32 id);

/* Who leads the process of this number now; NULL: nobody that the trace knows. */
struct thread *model_leader(struct model *model, u32 pid);
/* The file with this inode, if a descriptor stood for it lately (WALK_FDS). Borrowed. */
struct object *model_file(const struct model *model, u32 device, u64 inode);

/* Ends the walk: all that is left goes through the hooks, in the order of ids. */
void model_finish(struct model *model);

/* User and system time in the proportion of the ticks, scaled to the run time, as the kernel does. */
void totals_split(const struct totals *totals, u64 *ret_user_ns, u64 *ret_system_ns);
