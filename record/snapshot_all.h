/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What exists when a file begins: every target that is alive, as a STATE record. */
#pragma once

#include "common/trace_writer.h"
#include "record/probes.h"

/* Called now and then while it goes on, so that the rings do not overflow. 0, or -errno ends it. */
typedef int (*snapshot_pause)(void *context);

/*
 * Writes the state of all targets into the trace. The events of what changes meanwhile go into the same trace, so that
 * each change is in one of the two, or in both. held_pid: a process that record holds before its exec; 0: none.
 * 0 or -errno of a write.
 */
int snapshot_all(struct probes *probes, u32 held_pid, struct trace_writer *writer,
		 snapshot_pause pause, void *context);
