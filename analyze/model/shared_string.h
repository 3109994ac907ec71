/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counted strings that a forked child shares with its parent. Bytes, NUL-terminated, never changed. */
#pragma once

#include "common/events.h"
#include "common/text.h"
#include "common/types.h"

/*
 * No kernel gives more of a path than PATH_MAX. A file may, and each row that names it has a copy: what is longer is cut,
 * with "…" behind it. Command lines are longer: what an event can tell of one.
 */
#define STRING_MAX 4096
#define ARGV_MAX   TRC_RECORD_MAX

struct string {
	u32 references;
	u32 len;
	char data[];
};

/* One reference, the caller's. */
struct string *string_new(const char *data, size_t len);
struct string *string_ref(struct string *string); /* NULL stays NULL */
void string_unref(struct string *string);	  /* accepts NULL */
/* *slot gives up what it held and takes over the caller's reference. */
void string_set(struct string **slot, struct string *string);
/* A command line as a shell would read it, from strings that each end with a NUL. */
struct string *string_new_cmdline(const char *argv, size_t len, bool cut);
/* One word as a shell would read it: quoted only where it must be. */
void text_add_shell_word(struct text *text, const char *word, size_t len);
