/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/calls.h"

#include <stdlib.h>
#include <string.h>

struct call_row {
	const char *name;
	call_printer printer;
};

/* In alphabetical order. */
static const struct call_row rows[] = {
	{ "clone", print_clone },	 { "fcntl", print_fcntl },
	{ "fcntl64", print_fcntl },	 { "futex", print_futex },
	{ "futex_time64", print_futex }, { "getsockopt", print_sockopt },
	{ "ioctl", print_ioctl },	 { "membarrier", print_membarrier },
	{ "mknod", print_mknod },	 { "mknodat", print_mknodat },
	{ "mmap", print_mmap },		 { "mmap2", print_mmap2 },
	{ "mq_open", print_open },	 { "mremap", print_mremap },
	{ "msgget", print_ipc_get },	 { "open", print_open },
	{ "openat", print_openat },	 { "personality", print_personality },
	{ "prctl", print_prctl },	 { "ptrace", print_ptrace },
	{ "semget", print_ipc_get },	 { "setsockopt", print_sockopt },
	{ "shmget", print_ipc_get },	 { "socket", print_socket },
	{ "socketpair", print_socket },
};

static int compare(const void *name, const void *row)
{
	return strcmp(name, ((const struct call_row *)row)->name);
}

call_printer call_printer_find(const char *name)
{
	const struct call_row *row =
		bsearch(name, rows, ARRAY_SIZE(rows), sizeof(rows[0]), compare);

	return row ? row->printer : NULL;
}
