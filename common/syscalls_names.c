/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names of ABIs, argument types and classes; those in files and on command lines. */
#include "common/syscalls.h"

#include <string.h>

const char *syscall_abi_name(u8 abi)
{
	static const char *const names[SYSCALL_ABI_MAX] = {
		[SYSCALL_ABI_X86_64] = "x86_64", [SYSCALL_ABI_I386] = "i386",
		[SYSCALL_ABI_X32] = "x32",	 [SYSCALL_ABI_ARM64] = "arm64",
		[SYSCALL_ABI_ARM] = "arm",	 [SYSCALL_ABI_RISCV64] = "riscv64",
	};

	return abi < SYSCALL_ABI_MAX ? names[abi] : NULL;
}

/* clang-format off */
static const char *const arg_types[ARG_TYPE_MAX] = {
	[ARG_UNKNOWN] = "unknown",
	[ARG_INT] = "int",
	[ARG_UINT] = "uint",
	[ARG_LONG] = "long",
	[ARG_ULONG] = "ulong",
	[ARG_HEX] = "hex",
	[ARG_PTR] = "ptr",
	[ARG_SIZE] = "size",
	[ARG_OFF] = "off",
	[ARG_FD] = "fd",
	[ARG_DIRFD] = "dirfd",
	[ARG_PATH] = "path",
	[ARG_STR] = "str",
	[ARG_STRV] = "strv",
	[ARG_BUF_IN] = "buf_in",
	[ARG_BUF_OUT] = "buf_out",
	[ARG_PATH_OUT] = "path_out",
	[ARG_SOCKADDR_IN] = "sockaddr_in",
	[ARG_SOCKADDR_OUT] = "sockaddr_out",
	[ARG_FDS_OUT] = "fds_out",
	[ARG_FLAGS] = "flags",
	[ARG_ENUM] = "enum",
	[ARG_MODE] = "mode",
	[ARG_PID] = "pid",
	[ARG_SIGNAL] = "signal",
	[ARG_UID] = "uid",
	[ARG_GID] = "gid",
	[ARG_DEV] = "dev",
	[ARG_TIMESPEC_IN] = "timespec_in",
	[ARG_TIMESPEC_OUT] = "timespec_out",
	[ARG_TIMEVAL_IN] = "timeval_in",
	[ARG_TIMEVAL_OUT] = "timeval_out",
	[ARG_ITIMERSPEC_IN] = "itimerspec_in",
	[ARG_ITIMERSPEC_OUT] = "itimerspec_out",
	[ARG_SIGSET_IN] = "sigset_in",
	[ARG_SIGSET_OUT] = "sigset_out",
	[ARG_SIGACTION_IN] = "sigaction_in",
	[ARG_SIGACTION_OUT] = "sigaction_out",
	[ARG_IOVEC_IN] = "iovec_in",
	[ARG_IOVEC_OUT] = "iovec_out",
	[ARG_MSGHDR_IN] = "msghdr_in",
	[ARG_MSGHDR_OUT] = "msghdr_out",
	[ARG_MMSGHDR_IN] = "mmsghdr_in",
	[ARG_MMSGHDR_OUT] = "mmsghdr_out",
	[ARG_POLLFDS] = "pollfds",
	[ARG_FDSET] = "fdset",
	[ARG_EPOLL_EVENT_IN] = "epoll_event_in",
	[ARG_EPOLL_EVENTS_OUT] = "epoll_events_out",
	[ARG_STAT_OUT] = "stat_out",
	[ARG_INT_OUT] = "int_out",
	[ARG_INT_IN] = "int_in",
	[ARG_STRUCT_IN] = "struct_in",
	[ARG_STRUCT_OUT] = "struct_out",
	[ARG_OFF_INOUT] = "off_inout",
	[ARG_LOW] = "low",
	[ARG_HIGH] = "high",
	[ARG_PAD] = "pad",
	[ARG_OPT_IN] = "opt_in",
	[ARG_OPT_OUT] = "opt_out",
	[ARG_ITIMERVAL_IN] = "itimerval_in",
	[ARG_ITIMERVAL_OUT] = "itimerval_out",
	[ARG_TIMESPEC_PAIR_IN] = "timespec_pair_in",
	[ARG_TIMEVAL_PAIR_IN] = "timeval_pair_in",
};

static const struct {
	u32 bit;
	const char *name;
} classes[] = {
	{ SYSCALL_FILE, "file" },
	{ SYSCALL_DESC, "desc" },
	{ SYSCALL_NETWORK, "network" },
	{ SYSCALL_PROCESS, "process" },
	{ SYSCALL_MEMORY, "memory" },
	{ SYSCALL_IPC, "ipc" },
	{ SYSCALL_SIGNAL, "signal" },
	{ SYSCALL_TIME, "time" },
	{ SYSCALL_CREDS, "creds" },
	{ SYSCALL_STAT, "stat" },
	{ SYSCALL_POLL, "poll" },
	{ SYSCALL_FUTEX, "futex" },
	{ SYSCALL_PURE, "pure" },
	{ SYSCALL_CLOCK, "clock" },
	{ SYSCALL_LSTAT, "lstat" },
	{ SYSCALL_FSTAT, "fstat" },
	{ SYSCALL_STATS, "%stat" },
	{ SYSCALL_STATFS, "statfs" },
	{ SYSCALL_FSTATFS, "fstatfs" },
	{ SYSCALL_STATFSS, "%statfs" },
	{ SYSCALL_NETWORK, "net" }, /* a second name, as in strace */
};
/* clang-format on */

const char *syscall_arg_type_name(u8 type)
{
	return type < ARG_TYPE_MAX ? arg_types[type] : NULL;
}

u8 syscall_arg_type_by_name(const char *name)
{
	for (u8 type = 0; type < ARG_TYPE_MAX; type++) {
		if (!strcmp(arg_types[type], name))
			return type;
	}
	return ARG_UNKNOWN;
}

const char *syscall_class_name(u32 bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].bit == bit)
			return classes[i].name;
	}
	return NULL;
}

u32 syscall_class_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!strcmp(classes[i].name, name))
			return classes[i].bit;
	}
	return 0;
}
