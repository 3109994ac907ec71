/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies what can be read of a trace into a new one that is whole. */
#pragma once

#include "common/trace_reader.h"

struct repair_stats {
	u64 event_count;
	u32 section_count;
	bool is_missing; /* anything */
};

/*
 * Chunks are copied as they are, in the order in which they were recorded. What is missing is noted in a
 * REPAIR record of the section. 0 or the -errno of a write that failed.
 */
int repair_write(struct trace_reader *reader, int fd, struct repair_stats *ret_stats);
