/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names of functions, from the programs and libraries themselves where this machine has them: the file at the path
 * that the trace gives, or its separate symbols under /usr/lib/debug, if it has the very build id of the recorded
 * one. Files are read with libelf; a build without it knows no names.
 */
#pragma once

#include "common/types.h"

#define BUILD_ID_MAX 32

struct symbols;

struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols); /* accepts NULL */
/* The function that the byte at `offset` of the file is in; NULL if it is not known. Borrowed. */
const char *symbols_name(struct symbols *symbols, const char *path, const u8 *id, size_t id_len,
			 u64 offset);
