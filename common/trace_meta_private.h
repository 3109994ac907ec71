/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and limits of the CBOR records, shared by their encoders and decoders. FORMAT.md has the tables. */
#pragma once

#include "common/cbor.h"
#include "common/trace_meta.h"

enum meta_key {
	META_VERSION = 0,
	META_UUID = 1,
	META_FEATURES = 2,
	META_PRODUCER = 3,
	META_CREATED = 4,
	META_MACHINE = 5,
	META_HOST = 6,
	META_CLOCK = 7,
	META_KINDS = 9,
	META_SYSCALLS = 10,
	META_ERRNOS = 11,
	META_SIGNALS = 12,
	META_RECORDING = 13,
};

enum state_key {
	STATE_TS = 0,
	STATE_TASKS = 1,
};

enum summary_key {
	SUMMARY_START = 0,
	SUMMARY_END = 1,
	SUMMARY_COMMAND = 2,
	SUMMARY_REASON = 3,
	SUMMARY_EVENTS = 4,
	SUMMARY_LOST = 5,
	SUMMARY_FILE_BYTES = 6,
	SUMMARY_USER = 7,
	SUMMARY_SYSTEM = 8,
	SUMMARY_MAX_RSS = 9,
	SUMMARY_RINGS = 10,
	SUMMARY_EMPTY_PROBE = 11,
	SUMMARY_PROGRAMS = 12,
	SUMMARY_KINDS = 13,
};

enum repair_key {
	REPAIR_ENDED = 0,
	REPAIR_MISSING = 1,
};

#define META_STRING_MAX (1u << 20) /* a path, an argument, a value */
#define META_DOC_MAX	4096
#define META_BUDGET	(64u << 20) /* bytes that decoding a HEADER, CLOCK or SUMMARY may allocate */
#define STATE_BUDGET	(256u << 20)

/* An array of strings: its count, and the strings, malloc'ed each. */
char **cbor_in_strings(struct cbor_in *in, size_t *ret_count);
void strings_free(char **strings, size_t count);

/* The kinds of META_KINDS into a schema that schema_release() frees. */
void schema_encode(struct cbor_out *out, const struct schema *schema);
void schema_decode(struct cbor_in *in, struct schema *schema);
void schema_release(struct schema *schema);

/* The tables of META_SYSCALLS. */
void syscall_tables_encode(struct cbor_out *out, const struct syscall_table *tables, size_t count);
void syscall_tables_decode(struct cbor_in *in, struct trace_meta *meta);
