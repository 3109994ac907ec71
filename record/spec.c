/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/spec.h"

#include <limits.h>
#include <string.h>

#define SOCKADDR_BYTES_MAX 128 /* sizeof(struct sockaddr_storage) */
#define FDS_BYTES	   8

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

/* How an argument's payload is captured; false if it is not. */
static bool capture_of(const struct syscall_arg *arg, const struct settings *settings,
		       struct capture *capture)
{
	bool strings_set = settings->string_bytes != STRING_BYTES_UNSET;
	u16 string_bytes = strings_set ? settings->string_bytes : STRING_BYTES_DEFAULT;
	u16 data_bytes = strings_set ? settings->string_bytes : 0; /* contents are private */

	capture->aux = arg->aux;
	switch (arg->type) {
	case ARG_PATH:
		capture->how = CAPTURE_STR;
		capture->type = TRC_TYPE_str;
		capture->limit = PATH_MAX - 1;
		return true;
	case ARG_STR:
		capture->how = CAPTURE_STR;
		capture->type = TRC_TYPE_str;
		capture->limit = string_bytes;
		return string_bytes;
	case ARG_STRV:
		capture->how = CAPTURE_STRV;
		capture->type = TRC_TYPE_strv;
		/* An environment holds secrets. */
		return strcmp(arg->name, "envp");
	case ARG_PATH_OUT:
		capture->how = CAPTURE_RET_OUT;
		capture->type = TRC_TYPE_str;
		capture->limit = PATH_MAX;
		return true;
	case ARG_SOCKADDR_IN:
		capture->how = CAPTURE_SIZED_IN;
		capture->type = TRC_TYPE_sockaddr;
		capture->limit = SOCKADDR_BYTES_MAX;
		return true;
	case ARG_SOCKADDR_OUT:
		capture->how = CAPTURE_SIZED_OUT;
		capture->type = TRC_TYPE_sockaddr;
		capture->limit = SOCKADDR_BYTES_MAX;
		return true;
	case ARG_FDS_OUT:
		capture->how = CAPTURE_FIXED_OUT;
		capture->type = TRC_TYPE_fds;
		capture->limit = FDS_BYTES;
		return true;
	case ARG_BUF_IN:
		capture->how = CAPTURE_SIZED_IN;
		capture->type = TRC_TYPE_bytes;
		capture->limit = data_bytes;
		return data_bytes;
	case ARG_BUF_OUT:
		capture->how = CAPTURE_RET_OUT;
		capture->type = TRC_TYPE_bytes;
		capture->limit = data_bytes;
		return data_bytes;
	}
	return false;
}

/* What the groups that are on look for in this call. */
static u8 interest_of(const struct syscall_desc *desc, u64 groups)
{
	u8 interest = INTEREST_NONE;

	if ((groups & GROUP_BIT(GROUP_memory)) && (desc->classes & SYSCALL_MEMORY))
		interest |= INTEREST_MEMORY;
	return interest;
}

static void fill_one(const struct syscall_desc *desc, u8 abi, const struct syscall_set *set,
		     const struct settings *settings, struct syscall_spec *spec)
{
	spec->arg_count = desc->arg_count;
	spec->flags = SPEC_KNOWN;
	if (!strcmp(desc->name, "execve") || !strcmp(desc->name, "execveat"))
		spec->flags |= SPEC_EXEC;
	spec->interest = interest_of(desc, settings->groups);
	if (!(settings->groups & GROUP_BIT(GROUP_syscall)))
		spec->flags |= spec->interest ? SPEC_QUIET : SPEC_SKIP;
	else if (set && !syscall_set_has(set, abi, desc->nr))
		/* Without the calls that make and close descriptors and tasks, names would be wrong. */
		spec->flags |= desc->properties & SYSCALL_STATE ? SPEC_HIDDEN
			       : spec->interest			? SPEC_QUIET
								: SPEC_SKIP;
	for (u8 i = 0; i < desc->arg_count && spec->capture_count < SPEC_CAPTURES; i++) {
		struct capture capture = { .arg = i };

		if (capture_of(&desc->args[i], settings, &capture))
			spec->captures[spec->capture_count++] = capture;
	}
}

void spec_fill(const struct syscall_table *tables, size_t table_count,
	       const struct syscall_set *set, const struct settings *settings,
	       struct syscall_spec *specs)
{
	memset(specs, 0, SPEC_ABIS * SPEC_PER_ABI * sizeof(*specs));
	for (size_t t = 0; t < table_count; t++) {
		int slot = spec_slot(tables[t].abi);

		for (size_t i = 0; slot >= 0 && i < tables[t].count; i++) {
			const struct syscall_desc *desc = &tables[t].calls[i];

			if (desc->nr < SPEC_PER_ABI)
				fill_one(desc, tables[t].abi, set, settings,
					 &specs[slot * SPEC_PER_ABI + desc->nr]);
		}
	}
}
