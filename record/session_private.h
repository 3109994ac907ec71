/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The session's parts: its course (session.c), and what the events come from (session_load.c). */
#pragma once

#include "record/extras.h"
#include "record/loop.h"
#include "record/modes.h"
#include "record/session.h"

/* The parts that a recording is made of. */
struct session {
	const struct settings *settings;
	const char *machine;
	struct syscall_table *tables;
	size_t table_count; /* in use */
	size_t table_total; /* owned */
	struct call_filter filter;
	struct samples *samples;
	u64 ring_bytes;
	struct trigger *triggers[TRIGGERS_MAX];
	size_t trigger_count;
	struct control_fifo *control;
	struct targets targets;
	struct user user;
	struct settings narrowed; /* those of the user, as far as ptrace can follow them */
	struct probes *probes;
	struct tracer *tracer; /* instead of them */
	struct rings *rings;
	struct consumer *consumer;
	struct command *command;
	struct loop *loop;
	struct syscall_spec *specs;
	struct extras extras;
	struct recorder recorder;
	struct ending ending;
};

/* What a ring has by the options, or by the number of CPUs. */
u64 session_ring_bytes(const struct settings *settings);
#define KILLED_BEFORE                                                                              \
	(-4096) /* no -errno: a signal has ended the command; the ending has its status */

/* The command is held, if there is one, and all that records it is ready. 0, KILLED_BEFORE or -errno; it has spoken. */
int session_load(struct session *s, const struct syscall_set *set, const char *path);
/* The recording is over: the command is to owe us nothing any more. */
void session_leave(struct session *s);
/* But for those that cannot do without a tracer. */
void session_wait_for_tracees(struct session *s);
void session_release_sources(struct session *s);
