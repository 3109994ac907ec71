/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside decode/: what a decoder holds, and the state while one call is written out. */
#pragma once

#include "analyze/decode/decode.h"
#include "analyze/decode/set.h"
#include "analyze/stream.h"

#define ERRNO_LIMIT	4096 /* the kernel's MAX_ERRNO, and one */
#define SIGNAL_LIMIT	65
#define DIRECT_NR_LIMIT 4096 /* numbers below are found by index, the few above by search */

struct args;

/* Writes the arguments of one call that the types in its signature do not tell. */
typedef void (*call_printer)(struct args *args);

enum call_result {
	RESULT_PLAIN, /* a number, or an address where the tables say so */
	RESULT_FCNTL,
	RESULT_MODE,
	RESULT_TIMEOUT, /* 0 says that the time was up */
	RESULT_PERSONALITY,
	RESULT_POLICY,
};

struct call_plan {
	const struct syscall_desc *desc;
	call_printer printer; /* NULL: each argument by its type */
	const struct value_set *sets[6];
	u8 path_arg; /* first argument that is a path; 255: none */
	u8 result;   /* enum call_result */
};

struct abi_plan {
	const struct syscall_table *table; /* NULL: the trace has none for this ABI */
	struct call_plan *plans;	   /* one per call of the table, in its order */
	u16 *by_nr; /* DIRECT_NR_LIMIT entries: index into plans, and one; 0 none */
};

struct unknown_name { /* of a number that no table has */
	u64 key;      /* abi << 32 | nr */
	char name[24];
};

struct decoder {
	bool swapped; /* payloads have the other byte order than this machine */
	struct abi_plan abis[SYSCALL_ABI_MAX];
	const char *errnos[ERRNO_LIMIT]; /* borrowed from the meta or static */
	const char *signals[SIGNAL_LIMIT];
	decode_fd_name_fn fd_name; /* NULL: descriptors are numbers */
	void *fd_context;
	struct text fd_text;	       /* a name before it is escaped */
	struct unknown_name **unknown; /* open hash */
	size_t unknown_count, unknown_capacity;
};

/* The state while one call is written out. */
struct args {
	struct decoder *decoder;
	const struct trc_syscall *record;
	const struct call_plan *plan;
	struct text *out;
	u64 values[6];
	const struct trc_item *items[6]; /* the first of each */
	u8 count;			 /* of values that the record has and the call takes */
	bool any;			 /* something was written: a comma comes next */
	bool narrow;
	bool succeeded;
	size_t entry_len; /* bytes of out that were known at entry; SIZE_MAX while all were */
};

/* Errno and signal names that the trace does not give. */
void names_fill(struct decoder *decoder);

const struct call_plan *decoder_plan(const struct decoder *decoder, u8 abi, u32 nr);
/* The special printer of a call; NULL if it needs none. */
call_printer call_printer_find(const char *name);
u8 call_result_find(const char *name);

/* Names in a file are foreign bytes: true if it is one that can be printed as it is. */
bool is_identifier(const char *name);

/* ---- one argument at a time ---- */

void args_next(struct args *args); /* the comma */
/* The same, before the first argument that only the exit tells. */
void args_next_out(struct args *args);
/* Argument i by its type, comma and all; nothing if there is none. */
void args_print(struct args *args, unsigned i);
/* Arguments i…last. */
void args_print_range(struct args *args, unsigned i, unsigned last);
/* Values with their comma. */
void args_address(struct args *args, unsigned i);
void args_int(struct args *args, unsigned i);
void args_unsigned(struct args *args, unsigned i);
void args_hex(struct args *args, unsigned i);
void args_set(struct args *args, unsigned i, const struct value_set *set);
void args_signal(struct args *args, unsigned i);
void args_string(struct args *args, unsigned i);

/* 3</etc/passwd> */
void text_add_fd(struct decoder *decoder, s32 fd, enum decode_fd_side side, struct text *out);
void text_add_directory(struct decoder *decoder, struct text *out); /* AT_FDCWD</tmp> */
void text_add_address(struct text *out, u64 address);		    /* NULL for 0 */
void text_add_mode(struct text *out, u32 mode);			    /* 0644, 000 */
void text_add_file_mode(struct text *out, u32 mode);		    /* S_IFREG|0644 */
void text_add_device(struct text *out, u64 device);		    /* makedev(0x8, 0x1) */
void text_add_signal(struct decoder *decoder, u32 number, struct text *out);
/* "…" with "..." behind it if it is cut. */
void text_add_quoted(struct text *out, const struct trc_item *item);

/* The state for a record; `plan` may be NULL. */
void args_init(struct args *args, struct decoder *decoder, const struct trc_syscall *record,
	       const struct call_plan *plan, struct text *out);
/* " ([{fd=3, revents=POLLIN}])", " (in [3], left {…})": what a wait ended with; nothing if that was not recorded. */
void decode_ready(struct args *args);
/* The struct that an item of bytes holds; false if it is none that is known. */
bool decode_struct(struct args *args, unsigned i);
/* {sa_family=AF_INET, …}; false if it is too short to be one. */
bool decode_sockaddr_struct(struct decoder *decoder, const u8 *data, size_t len, struct text *out);
