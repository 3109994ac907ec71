/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Recording without BPF and without privilege: a thread of the recorder's traces the command with ptrace and makes the
 * records of the groups task and syscall that the BPF programs would make.
 *
 * What it cannot know is 0, or coarser: README.md, "Without privilege". Start times are of the recorder's own clock, within
 * the tick that /proc tells.
 */
#pragma once

#include "bpf/control.h"
#include "common/syscalls.h"
#include "record/command.h"
#include "record/consumer.h"

struct tracer;

struct tracer_options {
	const struct syscall_spec
		*specs; /* as spec_fill() makes them for the groups task and syscall */
	const struct syscall_table *tables; /* all three borrowed */
	size_t table_count;
	const char *machine;		  /* uname -m */
	const struct call_filter *filter; /* of results */
	bool calls;			  /* is the group syscall on? */
	bool unknown_calls_skipped;
	bool chosen;	     /* -e is given: calls that are left out are to run at full speed */
	struct rings *rings; /* of rings_open_memory() */
};

/* The groups that it can record. */
#define PTRACE_GROUPS (GROUP_BIT(GROUP_task) | GROUP_BIT(GROUP_syscall))

struct tracer *tracer_new(const struct tracer_options *options);
/* For command_start(); NULL: every call stops. */
const struct sock_fprog *tracer_program(const struct tracer *tracer);
/* Starts the thread, which holds the command. 0, or -errno: ptrace cannot be had. */
int tracer_attach(struct tracer *tracer, struct command *command);
/* Threads that are watched. */
u64 tracer_live_tasks(const struct tracer *tracer);
/* Targets are followed, nothing is recorded. As probes_pause(). */
u64 tracer_pause(struct tracer *tracer, bool pause);
/* Tells what the targets are, as for a file that begins. 0 or the -errno of a write. */
int tracer_tell(struct tracer *tracer, struct consumer *consumer);
/* A file begins now, as attach_next_part() says; tracer_tell() follows. */
void tracer_next_part(struct tracer *tracer);
/* To be called now and then: what waits for a creator that was killed goes on. */
void tracer_tick(struct tracer *tracer);
/* Nothing is recorded any more. */
void tracer_stop(struct tracer *tracer);
/* Of a file that ends before the recording does: the calls that are going on. 0 or the -errno of a write. */
int tracer_tell_calls(struct tracer *tracer, struct consumer *consumer, u64 end_ns);
/* After tracer_stop(): the calls that are going on, and who goes on. 0 or the -errno of a write. */
int tracer_unfinished(struct tracer *tracer, struct consumer *consumer, u64 end_ns);
/* What found no room in the ring. */
void tracer_counters(struct tracer *tracer, struct cpu_counters *ret_counters);
/* After that: lets all go, to run as if they had never been traced; but see tracer_needed_by(). */
void tracer_leave(struct tracer *tracer);
/*
 * Processes that run under a seccomp program cannot do without the tracer: so many of them have to end before
 * tracer_free() returns.
 */
u64 tracer_needed_by(const struct tracer *tracer);
void tracer_free(struct tracer *tracer);
