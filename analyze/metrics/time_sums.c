/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/time_sums.h"

void time_sums_add(struct time_sums *sums, const struct thread *thread, const struct span *span)
{
	u64 ns = span->end_ns - span->start_ns;

	sums->by_state[span->state] += ns;
	sums->lossy |= !span->complete;
	if (!span->begins)
		return;
	switch (span->state) {
	case SPAN_user:
	case SPAN_system:
		sums->run_count++;
		break;
	case SPAN_preempted:
		sums->involuntary_count++;
		break;
	case SPAN_runnable:
		sums->voluntary_count += span->early;
		if (span_is_wakeup(thread, span)) {
			sums->wakeup_count++;
			latency_add(&sums->latency, ns);
		}
		break;
	case SPAN_sleep:
	case SPAN_block:
	case SPAN_iowait:
	case SPAN_stopped:
		sums->voluntary_count++;
		break;
	}
}

void time_sums_merge(struct time_sums *into, const struct time_sums *from)
{
	for (size_t i = 0; i < SPAN_STATE_COUNT; i++)
		into->by_state[i] += from->by_state[i];
	into->run_count += from->run_count;
	into->voluntary_count += from->voluntary_count;
	into->involuntary_count += from->involuntary_count;
	into->wakeup_count += from->wakeup_count;
	into->lossy |= from->lossy;
	latency_merge(&into->latency, &from->latency);
}

void time_sums_release(struct time_sums *sums)
{
	latency_release(&sums->latency);
}

void time_sums_states(const struct time_sums *sums, struct value *values)
{
	u64 total = 0;

	/* In the order of enum span_state. */
	for (size_t i = 0; i < SPAN_STATE_COUNT; i++) {
		total += sums->by_state[i];
		values[1 + i] = value_int((s64)sums->by_state[i]);
	}
	values[0] = value_int((s64)total);
}

void time_sums_switches(const struct time_sums *sums, struct value *values)
{
	values[0] = value_int((s64)sums->run_count);
	values[1] = value_int((s64)sums->voluntary_count);
	values[2] = value_int((s64)sums->involuntary_count);
	values[3] = value_int((s64)sums->wakeup_count);
	latency_values(&sums->latency, &values[4]);
}
