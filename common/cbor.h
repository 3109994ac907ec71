/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CBOR for the container's own records, over libcbor's streaming coder; never used per event.
 *
 * Reading walks the bytes and builds no tree: cbor_load() allocates what a few hostile bytes claim
 * (4 GiB for five bytes in libcbor 0.8) before it looks whether they are there.
 */
#pragma once

#include "common/types.h"

#define CBOR_DEPTH_MAX 16

struct cbor_out { /* zero it first; data is malloc'ed */
	u8 *data;
	size_t len;
	size_t capacity;
};

void cbor_out_uint(struct cbor_out *out, u64 value);
void cbor_out_int(struct cbor_out *out, s64 value);
void cbor_out_bytes(struct cbor_out *out, const void *data, size_t len);
void cbor_out_bytes_head(struct cbor_out *out, size_t len); /* len bytes must follow */
void cbor_out_text(struct cbor_out *out, const char *text); /* must be UTF-8: names of ours only */
void cbor_out_string(struct cbor_out *out, const char *text); /* as a byte string; NULL as "" */
void cbor_out_array(struct cbor_out *out, u64 count);	      /* count items must follow */
void cbor_out_map(struct cbor_out *out, u64 count);	      /* count pairs must follow */
void cbor_out_bool(struct cbor_out *out, bool value);
void cbor_out_null(struct cbor_out *out);

/*
 * A walk over one item. The first thing that is not as asked for sets `error` (-EBADMSG, -E2BIG),
 * after which every function gives 0, NULL or false: look at it once, at the end and in loops.
 */
struct cbor_in {
	const u8 *p;
	const u8 *end;
	size_t budget; /* bytes that the walk may still allocate */
	int error;
};

enum cbor_kind {
	CBOR_UINT,
	CBOR_NEGATIVE, /* value n means -1 - n */
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_TAG,
	CBOR_BOOL,
	CBOR_OTHER, /* null, undefined, floats */
	CBOR_BREAK, /* and the start of everything of indefinite length */
};

struct cbor_token {
	enum cbor_kind kind;
	u64 value;	/* number, count of items or pairs, tag */
	const u8 *data; /* CBOR_BYTES, CBOR_TEXT */
	size_t len;
};

/*
 * Exactly one well-formed item of definite lengths, without tags, its arrays and maps at most
 * CBOR_DEPTH_MAX deep, whose counts all fit into the bytes that are there? 0 or -EBADMSG. Nothing is
 * allocated.
 */
int cbor_check(const u8 *data, size_t len);

/* Begins a walk, after cbor_check(). */
void cbor_in_init(struct cbor_in *in, const u8 *data, size_t len, size_t budget);
bool cbor_in_next(struct cbor_in *in, struct cbor_token *ret_token);
u64 cbor_in_uint(struct cbor_in *in, u64 max); /* larger ones are an error */
s64 cbor_in_int(struct cbor_in *in);
bool cbor_in_bool(struct cbor_in *in);
/* Bytes or text, not copied. */
const u8 *cbor_in_bytes(struct cbor_in *in, size_t *ret_len);
/* Bytes or text of at most `max` bytes as a string, malloc'ed; what follows a NUL is left out. */
char *cbor_in_string(struct cbor_in *in, size_t max);
/* As before, or NULL for null. */
char *cbor_in_string_or_null(struct cbor_in *in, size_t max);
/* The count of the array's items or the map's pairs. */
u64 cbor_in_array(struct cbor_in *in, u64 max);
u64 cbor_in_map(struct cbor_in *in, u64 max);
void cbor_in_skip(struct cbor_in *in); /* one whole item */
/* Skips what an array has beyond the items that are known. */
void cbor_in_skip_rest(struct cbor_in *in, u64 count, u64 known);
/* Zeroed memory for an array, charged to the budget; NULL and an error when that is used up. */
void *cbor_in_alloc(struct cbor_in *in, u64 count, size_t size);
