/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * summary FILE.trc: what the recorder says of itself, on one line:
 *   events syscalls lost recorder_cpu_ns file_bytes max_rss_bytes
 */
#include <errno.h>
#include <stdio.h>

#include "common/events.h"
#include "common/trace_reader.h"

int main(int argc, char **argv)
{
	_cleanup_(trace_reader_closep) struct trace_reader *reader = NULL;
	const struct trace_summary *summary;
	u64 syscalls = 0;

	if (argc != 2 || trace_reader_open(argv[1], &reader)) {
		fprintf(stderr, "summary: cannot read the trace\n");
		return 1;
	}
	summary = trace_reader_summary(reader);
	if (!summary || !trace_reader_ended_cleanly(reader)) {
		fprintf(stderr, "summary: %s did not end well\n", argv[1]);
		return 1;
	}
	for (size_t i = 0; i < summary->kind_count; i++)
		if (summary->kinds[i].kind == TRC_KIND_syscall)
			syscalls = summary->kinds[i].recorded;
	printf("%llu %llu %llu %llu %llu %llu\n", (unsigned long long)summary->event_count,
	       (unsigned long long)syscalls, (unsigned long long)summary->lost_count,
	       (unsigned long long)(summary->user_ns + summary->system_ns),
	       (unsigned long long)trace_reader_file_bytes(reader),
	       (unsigned long long)summary->max_rss_bytes);
	return 0;
}
