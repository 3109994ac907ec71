/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/spec.h"

#include <string.h>

#include "record/call_object.h"

int spec_slot(u8 abi)
{
	switch (abi) {
	case SYSCALL_ABI_X86_64:
	case SYSCALL_ABI_ARM64:
	case SYSCALL_ABI_RISCV64:
		return 0;
	case SYSCALL_ABI_I386:
	case SYSCALL_ABI_ARM:
		return 1;
	case SYSCALL_ABI_X32:
		return 2;
	}
	return -1;
}

/* The calls that work on futexes differ in what their arguments mean. */
static u8 futex_call_of(const struct syscall_desc *desc)
{
	static const char *const names[] = {
		[FUTEX_CALL_WAIT] = "futex_wait",
		[FUTEX_CALL_WAKE] = "futex_wake",
		[FUTEX_CALL_REQUEUE] = "futex_requeue",
		[FUTEX_CALL_WAITV] = "futex_waitv",
	};

	if (!(desc->classes & SYSCALL_FUTEX))
		return FUTEX_CALL_NONE;
	for (u8 i = FUTEX_CALL_WAIT; i < ARRAY_SIZE(names); i++)
		if (!strcmp(desc->name, names[i]))
			return i;
	return FUTEX_CALL_FUTEX; /* also futex_time64 */
}

/* What the groups that are on look for in this call. */
static u8 interest_of(const struct syscall_desc *desc, const struct call_object *object, u64 groups)
{
	u8 interest = call_object_interest(object, groups);

	if ((groups & GROUP_BIT(GROUP_futex)) && (desc->classes & SYSCALL_FUTEX))
		interest |= INTEREST_FUTEX;
	if (interest & INTEREST_FUTEX && futex_call_of(desc) == FUTEX_CALL_WAITV)
		interest |= INTEREST_FUTEX_LIST;
	if ((groups & GROUP_BIT(GROUP_memory)) && (desc->classes & SYSCALL_MEMORY))
		interest |= INTEREST_MEMORY;
	return interest;
}

static u8 fd_args(const struct syscall_desc *desc)
{
	u8 bits = 0;

	for (u8 i = 0; i < desc->arg_count; i++)
		if (desc->args[i].type == ARG_FD || desc->args[i].type == ARG_DIRFD)
			bits |= 1 << i;
	return bits;
}

static void fill_one(const struct syscall_desc *desc, u8 abi, const struct syscall_set *set,
		     const struct settings *settings, const struct samples *samples,
		     struct syscall_spec *spec)
{
	spec->arg_count = desc->arg_count;
	spec->flags = SPEC_KNOWN;
	spec->fd_args = fd_args(desc);
	spec->sample = samples_of(samples, abi, desc->nr);
	if (desc->properties & SYSCALL_STATE)
		spec->flags |= SPEC_STATE;
	if (desc->properties & SYSCALL_RETURNS_FD)
		spec->flags |= SPEC_RETURNS_FD;
	if (!strcmp(desc->name, "execve") || !strcmp(desc->name, "execveat"))
		spec->flags |= SPEC_EXEC;
	call_object_fill(desc, &spec->object);
	spec->futex = futex_call_of(desc);
	spec->interest = interest_of(desc, &spec->object, settings->groups);
	if (!(settings->groups & GROUP_BIT(GROUP_syscall)))
		spec->flags |= spec->interest ? SPEC_QUIET : SPEC_SKIP;
	else if (set && !syscall_set_has(set, abi, desc->nr))
		/* Without the calls that make and close descriptors and tasks, names would be wrong. */
		spec->flags |= desc->properties & SYSCALL_STATE ? SPEC_HIDDEN
			       : spec->interest			? SPEC_QUIET
								: SPEC_SKIP;
	spec_captures(desc, abi, settings, spec);
}

void spec_fill(const struct syscall_table *tables, size_t table_count,
	       const struct syscall_set *set, const struct settings *settings,
	       const struct samples *samples, struct syscall_spec *specs)
{
	memset(specs, 0, SPEC_ABIS * SPEC_PER_ABI * sizeof(*specs));
	for (size_t t = 0; t < table_count; t++) {
		int slot = spec_slot(tables[t].abi);

		for (size_t i = 0; slot >= 0 && i < tables[t].count; i++) {
			const struct syscall_desc *desc = &tables[t].calls[i];

			if (desc->nr < SPEC_PER_ABI)
				fill_one(desc, tables[t].abi, set, settings, samples,
					 &specs[slot * SPEC_PER_ABI + desc->nr]);
		}
	}
}
