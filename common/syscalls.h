/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: numbers per ABI, names, signatures, classes.
 *
 * The built-in tables come from syscalls.tbl data that common/syscalls_update.sh makes from kernel
 * headers and the kernel's own syscall metadata. A trace carries the tables of its machine in its
 * HEADER; analyze uses those, so that it can read a trace of any kernel.
 */
#pragma once

#include "common/types.h"

enum syscall_abi {
	SYSCALL_ABI_X86_64 = 1,
	SYSCALL_ABI_I386 = 2,
	SYSCALL_ABI_X32 = 3,
	SYSCALL_ABI_ARM64 = 4,
	SYSCALL_ABI_ARM = 5,
	SYSCALL_ABI_RISCV64 = 6,
	SYSCALL_ABI_MAX,
};

/* What an argument is. The names in the file are those of syscall_arg_type_name(), not numbers. */
enum syscall_arg_type {
	ARG_UNKNOWN = 0, /* printed in hexadecimal */
	ARG_INT,         /* signed int */
	ARG_UINT,
	ARG_LONG,
	ARG_ULONG,       /* unsigned, decimal */
	ARG_HEX,
	ARG_PTR,         /* an address that nothing is captured of */
	ARG_SIZE,        /* bytes */
	ARG_OFF,         /* file offset, signed 64 bits */
	ARG_FD,
	ARG_DIRFD,       /* AT_FDCWD possible */
	ARG_PATH,        /* NUL-terminated path in */
	ARG_STR,         /* NUL-terminated string in, not a path */
	ARG_STRV,        /* argv or envp in */
	ARG_BUF_IN,      /* bytes in; aux is the index of the length argument */
	ARG_BUF_OUT,     /* bytes out; the return value is the length; aux is the index of the size argument */
	ARG_PATH_OUT,    /* path out (readlink, getcwd): the return value is the length; aux as above */
	ARG_SOCKADDR_IN, /* aux is the index of the address length */
	ARG_SOCKADDR_OUT, /* aux is the index of the pointer to the length */
	ARG_FDS_OUT,     /* two ints out: pipe, socketpair */
	ARG_FLAGS,       /* set names the flag set */
	ARG_ENUM,        /* set names the value set */
	ARG_MODE,        /* octal */
	ARG_PID,
	ARG_SIGNAL,
	ARG_UID,
	ARG_GID,
	ARG_DEV,
	ARG_TIMESPEC_IN, ARG_TIMESPEC_OUT, ARG_TIMEVAL_IN, ARG_TIMEVAL_OUT, ARG_ITIMERSPEC_IN, ARG_ITIMERSPEC_OUT,
	ARG_SIGSET_IN, ARG_SIGSET_OUT, ARG_SIGACTION_IN, ARG_SIGACTION_OUT,
	ARG_IOVEC_IN, ARG_IOVEC_OUT, /* aux: index of the count */
	ARG_MSGHDR_IN, ARG_MSGHDR_OUT, ARG_MMSGHDR_IN, ARG_MMSGHDR_OUT,
	ARG_POLLFDS, ARG_FDSET, ARG_EPOLL_EVENT_IN, ARG_EPOLL_EVENTS_OUT,
	ARG_STAT_OUT, ARG_INT_OUT, ARG_INT_IN, ARG_STRUCT_IN, ARG_STRUCT_OUT, /* aux: bytes if known */
	ARG_TYPE_MAX,
};

enum syscall_class { /* bits; strace's names of classes */
	SYSCALL_FILE = 1 << 0,    /* takes a path */
	SYSCALL_DESC = 1 << 1,    /* takes or makes a file descriptor */
	SYSCALL_NETWORK = 1 << 2,
	SYSCALL_PROCESS = 1 << 3,
	SYSCALL_MEMORY = 1 << 4,
	SYSCALL_IPC = 1 << 5,
	SYSCALL_SIGNAL = 1 << 6,
	SYSCALL_TIME = 1 << 7,    /* reads or sets clocks and timers, sleeps */
	SYSCALL_CREDS = 1 << 8,
	SYSCALL_STAT = 1 << 9,
	SYSCALL_POLL = 1 << 10,   /* waits for readiness */
	SYSCALL_FUTEX = 1 << 11,
	SYSCALL_PURE = 1 << 12,   /* cannot fail: getpid … */
};

enum syscall_property { /* bits */
	SYSCALL_RETURNS_FD = 1 << 0,
	SYSCALL_RETURNS_PID = 1 << 1,
	SYSCALL_NEVER_RETURNS = 1 << 2,   /* exit, exit_group, rt_sigreturn's own value is none */
	SYSCALL_RETURNS_ADDRESS = 1 << 3, /* mmap, brk, shmat: print in hexadecimal */
	SYSCALL_STATE = 1 << 4,           /* changes descriptors, tasks or directories: kept when filtered out */
	SYSCALL_BLOCKS = 1 << 5,          /* may wait for something outside */
};

struct syscall_arg {
	const char *name;
	u8 type;         /* enum syscall_arg_type */
	u8 aux;
	const char *set; /* flag or value set of ARG_FLAGS, ARG_ENUM: "open_flags"; NULL otherwise */
};

struct syscall_desc {
	const char *name; /* without "sys_" */
	u32 nr;
	u8 arg_count;
	u32 classes;    /* enum syscall_class */
	u32 properties; /* enum syscall_property */
	struct syscall_arg args[6];
};

struct syscall_table {
	u8 abi;                     /* enum syscall_abi */
	size_t count;
	const struct syscall_desc *calls; /* ascending by nr */
};

const char *syscall_abi_name(u8 abi); /* "x86_64", "i386", "x32", "arm64", "arm", "riscv64"; NULL if unknown */
const char *syscall_arg_type_name(u8 type);
u8 syscall_arg_type_by_name(const char *name); /* ARG_UNKNOWN if there is none */
const char *syscall_class_name(u32 bit); /* "file" */
u32 syscall_class_by_name(const char *name); /* 0 if there is none */

/* The built-in table of an ABI; NULL if there is none. */
const struct syscall_table *syscall_table_builtin(u8 abi);
/* The ABIs of a machine (uname -m), native first; 0 if the machine is unknown. */
size_t syscall_abis_of_machine(const char *machine, u8 ret_abis[4]);
/* O(1) or O(log n); NULL if the number is not in the table. */
const struct syscall_desc *syscall_by_nr(const struct syscall_table *table, u32 nr);
const struct syscall_desc *syscall_by_name(const struct syscall_table *table, const char *name);

/*
 * A set of system calls in strace's -e grammar: [trace=]name,%class,/regex/,number, all, none, a leading !
 * negates the whole. A name unknown to every ABI is an error; ret_error (free it) names it and the
 * nearest right one. A name that some ABI lacks is right for the others.
 */
struct syscall_set; /* one bit per (abi, nr) */
int syscall_set_parse(const struct syscall_table *tables, size_t table_count, const char *text,
		      struct syscall_set **ret_set, char **ret_error);
bool syscall_set_has(const struct syscall_set *set, u8 abi, u32 nr);
void syscall_set_free(struct syscall_set *set);
