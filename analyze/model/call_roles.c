/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/call_roles.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

#define DIRECT_NR_LIMIT 4096 /* no ABI has numbers above, but for x32's bit */
#define X32_BIT		0x40000000u

struct call_roles {
	u8 *abis[SYSCALL_ABI_MAX]; /* DIRECT_NR_LIMIT each; NULL: none */
};

static const struct {
	const char *name;
	u8 role;
} by_name[] = {
	{ "clone", ROLE_clone },
	{ "clone3", ROLE_clone3 },
	{ "close", ROLE_close },
	{ "close_range", ROLE_close_range },
	{ "dup", ROLE_dup },
	{ "dup2", ROLE_dup },
	{ "dup3", ROLE_dup },
	{ "execve", ROLE_exec },
	{ "execveat", ROLE_exec },
	{ "fcntl", ROLE_fcntl },
	{ "fcntl64", ROLE_fcntl },
	{ "fork", ROLE_fork },
	{ "ioctl", ROLE_ioctl },
	{ "listen", ROLE_listen },
	{ "pipe", ROLE_pair },
	{ "pipe2", ROLE_pair },
	{ "sendmmsg", ROLE_send_messages },
	{ "sendmsg", ROLE_send_message },
	{ "socketpair", ROLE_pair },
	{ "unshare", ROLE_unshare },
	{ "vfork", ROLE_fork },
};

static u8 role_of(const struct syscall_desc *desc)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		if (!strcmp(by_name[i].name, desc->name))
			return by_name[i].role;
	return desc->properties & SYSCALL_RETURNS_FD ? ROLE_returns_fd : ROLE_none;
}

struct call_roles *call_roles_new(const struct trace_meta *meta)
{
	struct call_roles *roles = xcalloc(1, sizeof(*roles));

	for (size_t t = 0; t < meta->table_count; t++) {
		const struct syscall_table *table = &meta->tables[t];

		if (!table->abi || table->abi >= SYSCALL_ABI_MAX)
			continue;
		if (!roles->abis[table->abi])
			roles->abis[table->abi] = xcalloc(DIRECT_NR_LIMIT, 1);
		for (size_t i = 0; i < table->count; i++)
			if (table->calls[i].nr < DIRECT_NR_LIMIT)
				roles->abis[table->abi][table->calls[i].nr] =
					role_of(&table->calls[i]);
	}
	return roles;
}

void call_roles_free(struct call_roles *roles)
{
	if (!roles)
		return;
	for (size_t i = 0; i < SYSCALL_ABI_MAX; i++)
		free(roles->abis[i]);
	free(roles);
}

u8 call_role(const struct call_roles *roles, u8 abi, u32 nr)
{
	if (abi == SYSCALL_ABI_X32)
		nr &= ~X32_BIT;
	if (abi >= SYSCALL_ABI_MAX || !roles->abis[abi] || nr >= DIRECT_NR_LIMIT)
		return ROLE_none;
	return roles->abis[abi][nr];
}
