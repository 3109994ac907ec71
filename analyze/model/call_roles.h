/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a system call means for descriptors, tasks' sharing and directories: by name, per number of an ABI. */
#pragma once

#include "common/trace_meta.h"

enum call_role {
	ROLE_none,
	ROLE_close,
	ROLE_close_range,
	ROLE_dup, /* dup, dup2, dup3: the first argument lives on as the result */
	ROLE_fcntl,
	ROLE_ioctl,
	ROLE_unshare,
	ROLE_clone,
	ROLE_clone3,
	ROLE_fork,
	ROLE_exec,
	ROLE_listen,
	ROLE_send_message,  /* sendmsg */
	ROLE_send_messages, /* sendmmsg */
	ROLE_pair,	    /* pipe, socketpair */
	ROLE_returns_fd,
};

struct call_roles;

struct call_roles *call_roles_new(const struct trace_meta *meta);
void call_roles_free(struct call_roles *roles);
u8 call_role(const struct call_roles *roles, u8 abi, u32 nr);
