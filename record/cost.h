/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What recording costs, measured while it runs. */
#pragma once

#include "record/probes.h"

#define COST_PROGRAMS_MAX 128

struct cost {
	u64 empty_probe_ns; /* what the hooks add to a call of a process that is not watched */
	double miss_run_ns; /* run time of the entry and exit programs for such a call, as the kernel measures it */
	u64 bare_call_ns;
	u64 started_ns;
	u64 window_started_ns;	 /* 0: none is open */
	u64 window_calls_before; /* calls recorded when it was opened */
	u64 window_total_ns;	 /* closed windows, summed up */
	u64 window_calls;	 /* calls recorded in them */
	size_t baseline_count;	 /* counts and times that calibration itself caused */
	struct trace_program_cost baseline[COST_PROGRAMS_MAX];
};

/* Times a bare call before the probes are attached, and again after. */
void cost_before_attach(struct cost *cost);
void cost_after_attach(struct cost *cost, struct probes *probes);
/*
 * Opens and closes the windows in which the kernel measures run times; call it a few times a second. `calls` is
 * the number of system calls recorded so far.
 */
void cost_tick(struct cost *cost, struct probes *probes, u64 now, u64 calls);
void cost_stop(struct cost *cost, struct probes *probes, u64 now, u64 calls);
/* Programs with counts and times scaled from the windows to the whole recording; names are borrowed. Returns their number. */
size_t cost_programs(const struct cost *cost, const struct probes *probes,
		     struct trace_program_cost ret_programs[COST_PROGRAMS_MAX]);
/* Nanoseconds that a recorded system call took longer; 0 if too few were measured to say. */
u64 cost_per_syscall_ns(const struct cost *cost, const struct probes *probes);
