/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: numbers per ABI, names, signatures, classes.
 *
 * The built-in tables are data: syscalls_numbers.def and syscalls_signatures.def, which
 * syscalls_update.sh makes from the kernel's headers, its own syscall metadata and hand-written rules.
 * A trace carries the tables of its machine in its HEADER; analyze uses those, so that it can read a
 * trace of any kernel.
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
	ARG_INT,	 /* signed int */
	ARG_UINT,
	ARG_LONG,
	ARG_ULONG, /* unsigned, decimal */
	ARG_HEX,
	ARG_PTR,  /* an address that nothing is captured of */
	ARG_SIZE, /* bytes */
	ARG_OFF,  /* file offset, signed 64 bits */
	ARG_FD,
	ARG_DIRFD,  /* AT_FDCWD possible */
	ARG_PATH,   /* NUL-terminated path in */
	ARG_STR,    /* NUL-terminated string in, not a path */
	ARG_STRV,   /* argv or envp in */
	ARG_BUF_IN, /* bytes in; aux is the index of the length argument */
	ARG_BUF_OUT, /* bytes out; the return value is the length; aux is the index of the size argument */
	ARG_PATH_OUT, /* path out (readlink, getcwd): the return value is the length; aux as above */
	ARG_SOCKADDR_IN,  /* aux is the index of the address length */
	ARG_SOCKADDR_OUT, /* aux is the index of the pointer to the length */
	ARG_FDS_OUT,	  /* two ints out: pipe, socketpair */
	ARG_FLAGS,	  /* set names the flag set */
	ARG_ENUM,	  /* set names the value set */
	ARG_MODE,	  /* octal */
	ARG_PID,
	ARG_SIGNAL,
	ARG_UID,
	ARG_GID,
	ARG_DEV,
	ARG_TIMESPEC_IN,
	ARG_TIMESPEC_OUT,
	ARG_TIMEVAL_IN,
	ARG_TIMEVAL_OUT,
	ARG_ITIMERSPEC_IN,
	ARG_ITIMERSPEC_OUT,
	ARG_SIGSET_IN,
	ARG_SIGSET_OUT,
	ARG_SIGACTION_IN,
	ARG_SIGACTION_OUT,
	ARG_IOVEC_IN,
	ARG_IOVEC_OUT, /* aux: index of the count */
	ARG_MSGHDR_IN,
	ARG_MSGHDR_OUT,
	ARG_MMSGHDR_IN,
	ARG_MMSGHDR_OUT,
	ARG_POLLFDS,
	ARG_FDSET,
	ARG_EPOLL_EVENT_IN,
	ARG_EPOLL_EVENTS_OUT,
	ARG_STAT_OUT,
	ARG_INT_OUT,
	ARG_INT_IN,
	ARG_STRUCT_IN,
	ARG_STRUCT_OUT, /* aux: bytes if known */
	ARG_OFF_INOUT,	/* points to a 64-bit file offset, read and changed */
	ARG_LOW,
	ARG_HIGH, /* halves of one signed 64-bit value, in either order, side by side: print one */
	ARG_PAD,  /* a register without meaning: neither stored nor printed */
	ARG_OPT_IN,  /* socket option in; aux is the index of its length */
	ARG_OPT_OUT, /* socket option out; aux is the index of the pointer to its length */
	ARG_ITIMERVAL_IN,
	ARG_ITIMERVAL_OUT,
	ARG_TIMESPEC_PAIR_IN,
	ARG_TIMEVAL_PAIR_IN, /* two of them: access and modification time */
	ARG_TYPE_MAX,
};

/*
 * aux of the other types:
 *   times      bytes of one: timespec and timeval 16, or 8 in the old calls of 32-bit ABIs; itimerspec
 *              and itimerval 32 or 16
 *   SIGSET     bytes of the set: 8, or 4 in i386's and arm's old calls
 *   POLLFDS, EPOLL_EVENTS_OUT, MMSGHDR: index of the count; FDSET: index of nfds
 * set of the other types: the struct's name ("stat64", "rusage") for STAT and STRUCT; "wait_status"
 * for the INT_OUT of wait4; the flag set of a LOW that holds flags.
 */

/* Bits; strace's classes and a few of ours. */
enum syscall_class {
	SYSCALL_FILE = 1 << 0, /* takes a path */
	SYSCALL_DESC = 1 << 1, /* takes or makes a descriptor; not the calls of sockets */
	SYSCALL_NETWORK = 1 << 2,
	SYSCALL_PROCESS = 1 << 3,
	SYSCALL_MEMORY = 1 << 4,
	SYSCALL_IPC = 1 << 5,
	SYSCALL_SIGNAL = 1 << 6,
	SYSCALL_TIME = 1 << 7, /* reads or sets clocks and timers, sleeps */
	SYSCALL_CREDS = 1 << 8,
	SYSCALL_STAT = 1 << 9,	/* stat of a path, links followed */
	SYSCALL_POLL = 1 << 10, /* waits for readiness */
	SYSCALL_FUTEX = 1 << 11,
	SYSCALL_PURE = 1 << 12,	 /* cannot fail: getpid … */
	SYSCALL_CLOCK = 1 << 13, /* reads or sets a system clock */
	SYSCALL_LSTAT = 1 << 14,
	SYSCALL_FSTAT = 1 << 15,
	SYSCALL_STATS = 1 << 16, /* all three, "%stat" */
	SYSCALL_STATFS = 1 << 17,
	SYSCALL_FSTATFS = 1 << 18,
	SYSCALL_STATFSS = 1 << 19, /* both and ustat, "%statfs" */
};

/* Bits. */
enum syscall_property {
	SYSCALL_RETURNS_FD = 1 << 0,
	SYSCALL_RETURNS_PID = 1 << 1,
	/* exit, exit_group; and rt_sigreturn: what that returns is not its own */
	SYSCALL_NEVER_RETURNS = 1 << 2,
	/* mmap, brk, shmat: print in hexadecimal */
	SYSCALL_RETURNS_ADDRESS = 1 << 3,
	/* changes descriptors, tasks or directories: kept when filtered out */
	SYSCALL_STATE = 1 << 4,
	/* may wait for something outside */
	SYSCALL_BLOCKS = 1 << 5,
	/* changes the current directory or the root */
	SYSCALL_CHANGES_DIR = 1 << 6,
	/* closes the descriptor that is its last one: close, dup2 */
	SYSCALL_CLOSES_FD = 1 << 7,
};

struct syscall_arg {
	const char *name;
	u8 type; /* enum syscall_arg_type */
	u8 aux;
	/* flag or value set of ARG_FLAGS, ARG_ENUM: "open_flags"; see above; or NULL */
	const char *set;
};

struct syscall_desc {
	const char *name; /* without "sys_" */
	u32 nr;		  /* x32: without __X32_SYSCALL_BIT */
	u8 arg_count;
	u32 classes;	/* enum syscall_class */
	u32 properties; /* enum syscall_property */
	struct syscall_arg args[6];
};

struct syscall_table {
	u8 abi; /* enum syscall_abi */
	size_t count;
	const struct syscall_desc *calls; /* ascending by nr */
};

/* "x86_64", "i386", "x32", "arm64", "arm", "riscv64"; NULL if unknown. */
const char *syscall_abi_name(u8 abi);
const char *syscall_arg_type_name(u8 type);
u8 syscall_arg_type_by_name(const char *name); /* ARG_UNKNOWN if there is none */
const char *syscall_class_name(u32 bit);       /* "file" */
u32 syscall_class_by_name(const char *name);   /* 0 if there is none */

/* The built-in table of an ABI; NULL if there is none. Made at the first call, valid for ever. */
const struct syscall_table *syscall_table_builtin(u8 abi);
/* The ABIs of a machine (uname -m), native first; 0 if the machine is unknown. */
size_t syscall_abis_of_machine(const char *machine, u8 ret_abis[4]);
/* O(log n); NULL if the number is not in the table. For x32, with __X32_SYSCALL_BIT or without. */
const struct syscall_desc *syscall_by_nr(const struct syscall_table *table, u32 nr);
const struct syscall_desc *syscall_by_name(const struct syscall_table *table,
					   const char *name); /* O(n) */

/*
 * Copies of the built-in tables of a machine, native first, in which everything is malloc'ed and
 * the caller's own. -ENOENT if the machine is unknown.
 */
int syscall_tables_for_machine(const char *machine, struct syscall_table **ret_tables,
			       size_t *ret_count);
/* Frees such an array: every string, the calls, the array. Accepts NULL. */
void syscall_tables_free(struct syscall_table *tables, size_t count);

/*
 * Adds the calls of the running kernel that `native`, a table from syscall_tables_for_machine(), lacks:
 * name and arguments from <tracefs>/events/syscalls, types by the rules of syscalls_types.def.
 * tracefs does not tell numbers and nothing else that a kernel always shows does; they are taken from
 * the headers of this machine, those of the running kernel first. A call without a number is left out:
 * it will be seen as "syscall_0x…". When nothing is lacking this is one directory listing.
 * The number of calls added; -errno if tracefs cannot be read.
 */
int syscall_table_add_running(struct syscall_table *native, const char *tracefs);

/* What the kernel's metadata call a built-in call: "newstat" for x86_64's stat. NULL if unknown. */
const char *syscall_kernel_name(u8 abi, u32 nr);

/* The type of an argument told from its C type and name alone; *ret_set is a flag set or NULL. */
u8 syscall_arg_type_guess(const char *c_type, const char *name, const char **ret_set);

/*
 * A set of system calls in strace's -e grammar: [trace=][!]ITEM,ITEM… where ITEM is [?]WHAT[@ABI]:
 * a name, %class, /regex/ (POSIX extended), a number, all, none. ! negates the whole. ? forgives an
 * ITEM that names nothing. @64, @32, @x32 or an ABI's own name keeps ITEM to that ABI.
 * A name unknown to every table is an error (-EINVAL); ret_error (free it) names it and the nearest
 * right one. A name that some ABI lacks is right for the others. A number means that number in every
 * ABI, known or not.
 */
struct syscall_set;
int syscall_set_parse(const struct syscall_table *tables, size_t table_count, const char *text,
		      struct syscall_set **ret_set, char **ret_error);
bool syscall_set_has(const struct syscall_set *set, u8 abi, u32 nr);
void syscall_set_free(struct syscall_set *set);
