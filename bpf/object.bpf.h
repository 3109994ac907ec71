/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What object.bpf.c tells the groups file and sock. Times are those of the call's return. */
#pragma once

#include "bpf/core.bpf.h"

enum sock_reason {
	SOCK_SOCKET = 1,
	SOCK_PAIR,
	SOCK_ACCEPT,
	SOCK_RECEIVED,
	SOCK_FOUND,
	SOCK_BIND,
	SOCK_CONNECT,
	SOCK_CONNECTING,
	SOCK_CONNECTED,
	SOCK_CONNECT_FAILED,
	SOCK_DISCONNECT,
	SOCK_CLOSE,
};

extern int file_made(u32 fd, u32 how, u64 now);
extern int file_dirs(u64 now);
extern int file_mapped(struct task_state *state, u64 address, u32 in_pages, u64 now);

/* A descriptor has come: a socket that is new, or, with SOCK_RECEIVED and SOCK_FOUND, perhaps one. */
extern int sock_made(u32 fd, u32 reason, s32 listener, u64 now);
extern int sock_bind(struct task_state *state, const struct call_object *object, u64 now);
extern int sock_connect(struct task_state *state, const struct call_object *object, s64 ret,
			u64 now);
