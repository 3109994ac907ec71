/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names of functions, from the programs and libraries themselves where this machine has them: the file at the path
 * that the trace gives, or its separate symbols under /usr/lib/debug, if it has the very build id of the recorded
 * one. One that was built without such an id (Go, clang) must be the same inode on the machine that recorded it, not
 * changed since it was mapped. Files are read with libelf; a build without it knows no names.
 */
#pragma once

#include "common/types.h"

#include <stddef.h>

#define BUILD_ID_MAX 32

struct symbols;

struct symbols_file {
	const char *path;
	const u8 *id; /* build id; NULL: it has none, or it is not known */
	size_t id_len;
	u64 inode;
	u32 dev_major, dev_minor;
	s64 mapped_ns; /* wall clock, since 1970: it was as the trace knows it then */
};

/* `machine_id`: of the machine that recorded; NULL or empty if it is not known. */
struct symbols *symbols_new(const char *machine_id);
void symbols_free(struct symbols *symbols); /* accepts NULL */
/* The function that the byte at `offset` of the file is in; NULL if it is not known. Borrowed. */
const char *symbols_name(struct symbols *symbols, const struct symbols_file *file, u64 offset);
