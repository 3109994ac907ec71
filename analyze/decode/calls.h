/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls whose arguments depend on one another. calls.c has the list of who prints which. */
#pragma once

#include "analyze/decode/decoder.h"

/* calls_file.c */
void print_open(struct args *args);
void print_openat(struct args *args);
void print_mknod(struct args *args);
void print_mknodat(struct args *args);
void print_fcntl(struct args *args);
void print_ioctl(struct args *args);

/* calls_memory.c */
void print_mmap(struct args *args);
void print_mmap2(struct args *args);
void print_mremap(struct args *args);
void print_ipc_get(struct args *args);

/* calls_task.c */
void print_clone(struct args *args);
void print_futex(struct args *args);
void print_prctl(struct args *args);
void print_ptrace(struct args *args);
void print_personality(struct args *args);
void print_membarrier(struct args *args);

/* calls_net.c */
void print_socket(struct args *args);
void print_sockopt(struct args *args);
