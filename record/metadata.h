/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HEADER of a recording made here. */
#pragma once

#include "common/trace_meta.h"
#include "record/extras.h"
#include "record/settings.h"

/*
 * Who, where and how. `missing_hooks`: of the kernel, NULL for none. The tables are borrowed; free the rest with
 * metadata_free().
 */
struct trace_meta *metadata_new(const struct settings *settings, struct syscall_table *tables,
				size_t table_count, u32 command_pid, u64 ring_bytes,
				const char *missing_hooks);
void metadata_add_extras(struct trace_meta *meta, const struct extras *extras);
/* Of several files of a recording; `series` is made of the first one's UUID. */
void metadata_add_series(struct trace_meta *meta, char series[33]);
void metadata_free(struct trace_meta *meta);

void clock_sample(struct trace_clock_sample *ret_sample);
u64 monotonic_ns(void);
