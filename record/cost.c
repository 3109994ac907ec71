/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/cost.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/metadata.h"

#define CALIBRATION_ROUNDS 5
#define CALIBRATION_CALLS  1000
#define CALLS_TO_JUDGE	   1000 /* fewer say more about cold caches than about the probes */
#define FOREIGN_MAX	   3	/* runs per recorded call; with more the others' calls drown ours */
#define NS_PER_MS	   1000000ull
/* Reading the clock twice per program costs; so it is done for 2 % of the time, and for the first moments. */
#define FIRST_WINDOW_NS	 (50 * NS_PER_MS)
#define WINDOW_NS	 (20 * NS_PER_MS)
#define WINDOW_PERIOD_NS (1000 * NS_PER_MS)

static u64 call_ns(void)
{
	u64 best = UINT64_MAX;

	for (int round = 0; round < CALIBRATION_ROUNDS; round++) {
		u64 start = monotonic_ns(), took;

		for (int i = 0; i < CALIBRATION_CALLS; i++)
			syscall(SYS_getppid);
		took = (monotonic_ns() - start) / CALIBRATION_CALLS;
		if (took < best)
			best = took;
	}
	return best;
}

/* What the windows so far measured, without the calibration. */
static size_t measured(const struct cost *cost, const struct probes *probes,
		       struct trace_program_cost programs[COST_PROGRAMS_MAX])
{
	size_t count = probes_cost(probes, programs, COST_PROGRAMS_MAX);

	for (size_t i = 0; i < count && i < cost->baseline_count; i++) {
		programs[i].run_count -= cost->baseline[i].run_count;
		programs[i].run_ns -= cost->baseline[i].run_ns;
	}
	return count;
}

static bool on_call_path(const struct trace_program_cost *program)
{
	return !strcmp(program->name, "syscall_enter") || !strcmp(program->name, "syscall_exit");
}

void cost_before_attach(struct cost *cost)
{
	cost->bare_call_ns = call_ns();
}

void cost_after_attach(struct cost *cost, struct probes *probes)
{
	u64 ns = call_ns();

	cost->empty_probe_ns = ns > cost->bare_call_ns ? ns - cost->bare_call_ns : 0;
	/* We are not a target: so much do the programs take to find that out, and the measuring itself. */
	probes_cost_window(probes, true);
	call_ns();
	probes_cost_window(probes, false);
	cost->baseline_count = probes_cost(probes, cost->baseline, COST_PROGRAMS_MAX);
	for (size_t i = 0; i < cost->baseline_count; i++)
		if (on_call_path(&cost->baseline[i]) && cost->baseline[i].run_count)
			cost->miss_run_ns +=
				(double)cost->baseline[i].run_ns / cost->baseline[i].run_count / 2;
}

static void window_close(struct cost *cost, struct probes *probes, u64 now, u64 calls)
{
	probes_cost_window(probes, false);
	cost->window_total_ns += now - cost->window_started_ns;
	cost->window_calls += calls - cost->window_calls_before;
	cost->window_started_ns = 0;
}

void cost_tick(struct cost *cost, struct probes *probes, u64 now, u64 calls)
{
	u64 length = cost->window_total_ns ? WINDOW_NS : FIRST_WINDOW_NS;

	if (!cost->started_ns)
		cost->started_ns = now;
	if (cost->window_started_ns) {
		if (now - cost->window_started_ns >= length)
			window_close(cost, probes, now, calls);
	} else if (!cost->window_total_ns ||
		   (now - cost->started_ns) / WINDOW_PERIOD_NS * WINDOW_NS >=
			   cost->window_total_ns) {
		probes_cost_window(probes, true);
		cost->window_started_ns = now;
		cost->window_calls_before = calls;
	}
}

void cost_stop(struct cost *cost, struct probes *probes, u64 now, u64 calls)
{
	if (cost->window_started_ns)
		window_close(cost, probes, now, calls);
}

size_t cost_programs(const struct cost *cost, const struct probes *probes,
		     struct trace_program_cost ret_programs[COST_PROGRAMS_MAX])
{
	size_t count = measured(cost, probes, ret_programs);
	double scale = 1;

	if (cost->window_total_ns)
		scale = (double)(monotonic_ns() - cost->started_ns) / cost->window_total_ns;
	if (scale < 1)
		scale = 1;
	for (size_t i = 0; i < count; i++) {
		ret_programs[i].run_count *= scale;
		ret_programs[i].run_ns *= scale;
	}
	return count;
}

/*
 * The hooks, plus what the programs do more for a recorded call than for any other. Other processes' calls ran
 * in the windows too: each is taken to have cost what ours did in the calibration.
 */
u64 cost_per_syscall_ns(const struct cost *cost, const struct probes *probes)
{
	struct trace_program_cost programs[COST_PROGRAMS_MAX];
	size_t count = measured(cost, probes, programs);
	double extra_ns = 0;

	if (cost->window_calls < CALLS_TO_JUDGE)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (on_call_path(&programs[i]) &&
		    programs[i].run_count > cost->window_calls * FOREIGN_MAX)
			return 0;
	for (size_t i = 0; i < count; i++)
		if (on_call_path(&programs[i]))
			extra_ns += programs[i].run_ns - programs[i].run_count * cost->miss_run_ns;
	if (extra_ns < 0)
		extra_ns = 0;
	return cost->empty_probe_ns + extra_ns / cost->window_calls;
}
