/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the recorder adds to stacks on their way into the file, so that they can be read anywhere: names of kernel
 * addresses, build ids of the files that user addresses are in.
 */
#pragma once

#include "common/events.h"

struct stacks;

/* Takes a record on towards the file: 0 or -errno. */
typedef int (*stacks_put_fn)(void *data, u16 cpu, const struct trc_head *record);

/* Reads the kernel's symbols; says so if it has to do without. */
struct stacks *stacks_new(void);
void stacks_free(struct stacks *stacks);
/* A record of kind stack, stack_use or module, completed; and what has to stand with it. */
static inline bool stacks_wants(u16 kind)
{
	return kind == TRC_KIND_stack || kind == TRC_KIND_stack_use || kind == TRC_KIND_module;
}

/* What follows must be readable by itself: what is used again is told again. */
void stacks_begin_part(struct stacks *stacks);
/* The code that a process has mapped, as /proc/NUMBER/maps tells; `found` is its task_found. */
int stacks_append_process(struct stacks *stacks, const struct trc_head *found, u32 number,
			  stacks_put_fn put, void *data);
int stacks_append(struct stacks *stacks, u16 cpu, const struct trc_head *record, stacks_put_fn put,
		  void *data);
