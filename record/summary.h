/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a recording went: the SUMMARY record and the last line on stderr. */
#pragma once

#include "common/text.h"
#include "common/trace_writer.h"
#include "record/consumer.h"
#include "record/cost.h"

struct ending {
	const char *reason;
	bool command_ended;
	int command_status; /* as waitpid gave it */
};

/* How far the counters were when a file began or ended. */
struct mark {
	u64 start_ns; /* trace clock */
	struct tally tally;
	u64 user_ns, system_ns;
	size_t program_count;
	struct trace_program_cost programs[COST_PROGRAMS_MAX]; /* names are borrowed */
};

void mark_set(struct mark *mark, u64 now, const struct consumer *consumer,
	      const struct probes *probes, const struct cost *cost);

/* What was recorded between two marks, into a file of which the stats are. Free with trace_summary_free(). */
struct trace_summary *summary_new(const struct mark *from, const struct mark *to,
				  const struct ending *ending,
				  const struct trace_writer_stats *stats);
/* "1,483,201 events in 9.1 MB, nothing lost; …"; call_ns: cost_per_syscall_ns() */
void summary_line(const struct trace_summary *summary, const struct mark *from,
		  const struct mark *to, u64 call_ns, struct text *out);
