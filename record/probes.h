/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BPF programs: load, attach, stop, and what they cost. libbpf's objects live behind this. */
#pragma once

#include "bpf/control.h"
#include "common/trace_meta.h"
#include "record/settings.h"

struct extras;
struct probes;
struct rings;
struct targets;
struct trc_bpf;

/* Why BPF cannot be had, in words with the remedy; static or owned by the caller's error text. */
struct probes_error {
	int err;    /* -errno */
	char *what; /* malloc'ed: one line, cause and remedy */
};

struct probes_options {
	u64 groups; /* bits of enum group */
	const struct syscall_spec *specs;
	const struct targets *targets;
	const struct call_filter *filter;
	bool sampling;		     /* is there a spec with a sample? */
	const struct extras *extras; /* NULL: no stacks, no counters */
	const char *machine;	     /* uname -m */
	bool unknown_calls_skipped;
	u64 ring_bytes;
	const struct rings *rings; /* NULL: for a trial */
	unsigned verbose;
};

/* Loads the programs; nothing runs yet. 0 or -errno with *ret_error filled. */
int probes_open(const struct probes_options *options, struct probes **ret_probes,
		struct probes_error *ret_error);
int probes_attach(struct probes *probes, struct probes_error *ret_error);
/* Makes the task behind the pidfd a target that is held until its exec. 0 or -errno. */
int probes_hold(struct probes *probes, int pidfd);
/*
 * Targets are followed but nothing is sent, until it is turned off again. Returns since when, or until when, events
 * are missing (CLOCK_MONOTONIC).
 */
u64 probes_pause(struct probes *probes, bool pause);
/* After this no more records are made, except by probes_unfinished(). */
void probes_detach(struct probes *probes);
/* Sends a record for every call that a target is still inside, and its counters. Detach first. */
int probes_unfinished(struct probes *probes, u64 end_ns);
void probes_close(struct probes *probes);

/* Opened by probes_open(): for record/attach.c, which fills the maps of targets and runs the iterators. */
struct trc_bpf *probes_skeleton(struct probes *probes);
/* The hooks that this kernel lacks, with their groups: "cap_capable (capability)"; NULL: none. */
/* These and those below that say nothing else take NULL, too: there are no programs. */
const char *probes_missing(const struct probes *probes);
const volatile struct control *probes_control(const struct probes *probes);
/* Sums over CPUs of what was lost so far; per CPU too: `ret_per_cpu` has room for cpu_count. */
int probes_counters(const struct probes *probes, struct cpu_counters *ret_per_cpu,
		    size_t cpu_count);

/* How often a program did not run because it was running already on that CPU. */
u64 probes_missed(const struct probes *probes);

/*
 * The cost of the programs: the kernel measures run time only while asked, and asking costs, so it is asked
 * for short windows. probes_cost_window(true) opens one, (false) closes it.
 */
void probes_cost_window(struct probes *probes, bool open);
/* Count and time in the windows, per program; *ret_names borrowed. Returns the number of programs. */
size_t probes_cost(const struct probes *probes, struct trace_program_cost *ret_costs, size_t max);
