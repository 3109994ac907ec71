/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where events are missing that what threads did is told by: those of the scheduler and of tasks. */
#pragma once

#include "analyze/model/intervals.h"
#include "common/trace_reader.h"

/* `missing` is what trace_reader_missing() says of the section, `end_ns` what blind_end_ns() does. */
void blind_add_missing(struct intervals *blind, const struct trace_reader *reader, u32 section,
		       const struct trace_missing *missing, size_t count, u64 end_ns);
void blind_add_damage(struct intervals *blind, const struct trace_reader *reader,
		      const struct trace_damage *damage);
/* When what is missing at the end of a section comes to its end: where the next one begins. */
u64 blind_end_ns(const struct trace_reader *reader, u32 section);
