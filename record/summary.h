/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a recording went: the SUMMARY record and the last line on stderr. */
#pragma once

#include "common/text.h"
#include "common/trace_writer.h"
#include "record/consumer.h"
#include "record/cost.h"

struct ending {
	u64 start_ns, end_ns;
	const char *reason;
	bool command_ended;
	int command_status; /* as waitpid gave it */
	u64 ring_bytes;
};

/* Collects it all; free with trace_summary_free(). */
struct trace_summary *summary_new(const struct ending *ending, const struct consumer *consumer,
				  const struct probes *probes, const struct cost *cost,
				  const struct trace_writer *writer);
/* "1,483,201 events in 9.1 MB, nothing lost; …"; call_ns: cost_per_syscall_ns() */
void summary_line(const struct trace_summary *summary, const struct consumer *consumer, u64 call_ns,
		  u64 file_bytes, struct text *out);
