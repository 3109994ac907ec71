/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the addresses of stacks mean: frames by stack id, names of kernel addresses, and the files whose code a
 * process has mapped. Frames of user space are named where this machine has the very file (symbols.h), else they are
 * the file and the place in it.
 */
#pragma once

#include "analyze/model/shared_string.h"
#include "common/events.h"

/* --- the code of an address space, shared by a forked child until one of the two changes */

struct modules;

/* Takes a mapping in, made at that time since 1970: what it covers is no more. *slot may be NULL, an empty one. */
void modules_add(struct modules **slot, const struct trc_module *record, s64 wall_ns);
struct modules *modules_ref(struct modules *modules); /* NULL stays NULL */
void modules_unref(struct modules *modules);	      /* accepts NULL */

/* --- stacks and kernel symbols of a trace */

struct stacks;

/* `machine_id`: of the machine that recorded; NULL or empty if it is not known. */
struct stacks *stacks_new(const char *machine_id);
void stacks_free(struct stacks *stacks);
/* Ids are of a section; a repeated one replaces what it was. */
void stacks_add(struct stacks *stacks, u32 section, const struct trc_stack *record);
void stacks_add_symbol(struct stacks *stacks, const struct trc_kernel_symbol *record);
/*
 * Folded: outermost first, "name;name;name" behind what the text has. User frames are names or "libc.so.6+0xcf503",
 * kernel frames names; what is not known is an address. "[cut]" for frames that were left out, "[unknown]" for a stack that
 * the trace does not have. False if it does not.
 */
bool stacks_add_text(const struct stacks *stacks, u32 section, u32 id,
		     const struct modules *modules, struct text *text);
