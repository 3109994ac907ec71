/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HEADER of a recording made here, and the STATE that a command starts from. */
#pragma once

#include "common/trace_meta.h"
#include "record/settings.h"

/* Who, where and how. The tables are borrowed; free the rest with metadata_free(). */
struct trace_meta *metadata_new(const struct settings *settings, struct syscall_table *tables,
				size_t table_count, u32 command_pid, u64 ring_bytes);
/* Takes `value` over. */
void metadata_add_option(struct trace_meta *meta, const char *name, char *value);
void metadata_free(struct trace_meta *meta);

void clock_sample(struct trace_clock_sample *ret_sample);
u64 monotonic_ns(void);

/*
 * What /proc says of one process: identity, directory, descriptors. The start time is left 0 (unknown):
 * /proc has it in ticks only. NULL if the process is gone.
 */
struct trace_state *snapshot_process(u32 pid, u64 now);
