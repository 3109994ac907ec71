/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the tracer: the thread (ptrace.c), tasks (ptrace_tasks.c), calls (ptrace_calls.c, ptrace_capture.c). */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#include "record/ptrace.h"
#include "record/ptrace_proc.h"

/* A thread that is traced. */
struct tracee {
	struct tracee *next; /* of the same bucket */
	u32 tid, tgid;
	u64 start_ns;
	u64 leader_start_ns; /* of the thread that stands for its process */
	char comm[16];
	bool born; /* its beginning is told */
	bool end_told;
	bool group_exit; /* its process is about to end as a whole */
	u32 ppid;	 /* and held_ns: of one whose creator has not told of it yet, since when */
	u64 held_ns;
	int held_status; /* it stopped before it was born: it is kept until then; 0: it did not */
	u32 told_part;	 /* that its beginning was last told in: tracer.part */
	struct task_state state; /* as of the BPF programs */
	struct task_tail *tail;	 /* NULL: not needed yet */
};

#define TRACEE_BUCKETS 1024

struct tracer {
	struct tracer_options options;
	struct sock_fprog *program; /* NULL: every call stops */
	struct ring_view *ring;
	u32 arch_of_slot[SPEC_ABIS]; /* AUDIT_ARCH_* */
	u8 abi_of_slot[SPEC_ABIS];
	u32 exit_group_nr[SPEC_ABIS];
	bool *renames;		    /* per spec: stops only for the sake of names */
	struct syscall_spec *specs; /* those of the options, and the above */
	struct command *command;
	u32 command_pid;

	/* Held by the thread but while it waits; by others to look at the tracees. */
	pthread_mutex_t lock;
	struct tracee *tracees[TRACEE_BUCKETS];
	u64 live;     /* atomic */
	u64 held;     /* atomic: tracees that wait for their creator to tell of them */
	u32 part;     /* the number of the file, or of the stretch of memory, that begins */
	bool parting; /* it begins: who is born now may be told of in the one before */
	bool paused, stopping;
	bool leaving;	  /* whoever stops is let go */
	bool interrupted; /* all have been asked to stop for that */
	bool overflowing; /* the ring was full for too long: nothing waits for it any more */
	u64 lost[TRC_KIND_MAX];

	pthread_t thread;
	bool thread_runs;
	sem_t attached;
	int attach_err;
};

/* Hands a finished record on, or counts it as lost. */
void tracer_send(struct tracer *tracer, const struct trc_head *record);
void tracer_head(struct trc_head *head, const struct tracee *tracee, u16 kind, u16 words, u64 now);

/* What the ring holds is to be taken now. */
void tracer_wake_consumer(struct tracer *tracer);
/* The thread's function; its argument is the tracer. */
void *tracer_thread(void *tracer);
/* Ends its wait. */
#define TRACER_WAKE_SIGNAL SIGRTMIN

/* --- tasks */

struct tracee *tracee_find(struct tracer *tracer, u32 tid);
struct tracee *tracee_add(struct tracer *tracer, u32 tid);
void tracee_remove(struct tracer *tracer, struct tracee *tracee);
struct tracee *tracee_next(struct tracer *tracer, const struct tracee *tracee); /* NULL begins */
/*
 * What /proc tells of a thread; `new`: it was born just now, which makes its start time exact to the microsecond. 0, or
 * -ESRCH: it is gone.
 */
int tracee_learn(struct tracee *tracee, bool new, struct proc_status *ret_status);
void tracee_birth(struct tracer *tracer, struct tracee *creator, u32 creator_tid,
		  struct tracee *child, u64 now);
/* The thread `old_tid` is `tracee` now: what was known of it is moved there. */
struct tracee *tracee_exec(struct tracer *tracer, u32 tid, u32 old_tid, u32 arch, u64 stack_pointer,
			   u64 now);
/*
 * The leader `tid` has ended: who reports by its number is a thread of its process, in an exec that failed when there was
 * no way back. `is_there`: /proc still tells of it. NULL: there is none.
 */
struct tracee *tracee_heir(struct tracer *tracer, u32 tid, bool is_there, u64 now);
void tracee_renamed(struct tracer *tracer, struct tracee *tracee, u64 now);
/* Sends its end, unless that was done. */
void tracee_exit(struct tracer *tracer, struct tracee *tracee, u32 exit_code, bool accounts,
		 u64 now);
/* Its threads are going to end, and not each by itself. */
void tracees_end_as_group(struct tracer *tracer, u32 tgid);

/* --- what is told of tasks */

/* task_found, with room for TRC_RECORD_MAX bytes. */
void tracee_fill_found(const struct tracee *tracee, void *ret_record);
/* Writes what a target is and has open. 0 or the -errno of a write. */
int tracee_tell(const struct tracee *tracee, struct consumer *consumer);
/* Items at the end of a record, whose memory has TRC_RECORD_MAX bytes if what they hold has no limit of its own. */
void record_put_text(struct trc_head *record, u8 field, const char *text); /* "": unreadable */
void record_put_link(struct trc_head *record, u8 field, u32 tid, const char *name);
void record_put_arguments(struct trc_head *record, u8 field, u32 tid);

#define FILL_IDENTITY(event, number, status)                                                       \
	do {                                                                                       \
		(event)->uid = (status)->uid;                                                      \
		(event)->gid = (status)->gid;                                                      \
		(event)->euid = (status)->euid;                                                    \
		(event)->egid = (status)->egid;                                                    \
		(event)->ns_tgid = (status)->ns_tgid;                                              \
		(event)->pid_ns = proc_namespace(number, "pid");                                   \
		(event)->mnt_ns = proc_namespace(number, "mnt");                                   \
		(event)->net_ns = proc_namespace(number, "net");                                   \
		(event)->uts_ns = proc_namespace(number, "uts");                                   \
		(event)->ipc_ns = proc_namespace(number, "ipc");                                   \
		(event)->cgroup_ns = proc_namespace(number, "cgroup");                             \
		(event)->user_ns = proc_namespace(number, "user");                                 \
	} while (0)

/* --- calls */

/* Of the call that it is inside; NULL if no table has it. */
struct syscall_spec *call_spec(const struct tracer *tracer, const struct tracee *tracee);
void call_enter(struct tracer *tracer, struct tracee *tracee,
		const struct __ptrace_syscall_info *info);
void call_exit(struct tracer *tracer, struct tracee *tracee, s64 ret, u64 now);
/* Of the call that it is inside: false if there is none to be sent. */
bool call_unfinished(struct tracer *tracer, struct tracee *tracee, u64 now,
		     const struct trc_head **ret_record);

/* --- captures */

/* What call_capture_*() and tracee_read() read is of this thread, as it is now. */
void tracee_memory_begin(u32 tid);
/* 0 or -EFAULT. */
int tracee_read(void *to, size_t size, u64 address);
/* As bpf_probe_read_user_str(): the length with its NUL, or -EFAULT. */
long tracee_read_string(void *to, size_t size, u64 address);
void captures_init(void);
void call_capture_enter(struct tracee *tracee, struct syscall_spec *spec);
void call_capture_exit(struct tracee *tracee, struct syscall_spec *spec, s64 ret);
