/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HEADER of a recording made here, and the STATE that a command starts from. */
#pragma once

#include "common/trace_meta.h"
#include "record/settings.h"

/*
 * Who, where and how. `missing_hooks`: of the kernel, NULL for none. The tables are borrowed; free the rest with
 * metadata_free().
 */
struct trace_meta *metadata_new(const struct settings *settings, struct syscall_table *tables,
				size_t table_count, u32 command_pid, u64 ring_bytes,
				const char *missing_hooks);
void metadata_free(struct trace_meta *meta);

void clock_sample(struct trace_clock_sample *ret_sample);
u64 monotonic_ns(void);

/*
 * What /proc says of one process: identity, directory, descriptors, of a held child those that its exec leaves. The
 * start time is left 0 (unknown): /proc has it in ticks only. 0, or -ESRCH if it is gone; else the parts are malloc'ed.
 */
int snapshot_process(u32 pid, bool held, struct trace_state_task *ret_task);
