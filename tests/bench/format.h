/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The encodings that format.c compares. */
#pragma once

#include "common/types.h"

/*
 * One way to write the records of a chunk into `mid`, which has room for CHUNK_MAX * 2 bytes and more,
 * and to read them again. encode gives the length; decode the sum over all numbers of all events.
 */
size_t cbor_chunk_encode(const u8 *records, size_t len, u8 *mid);
u64 cbor_chunk_decode(const u8 *mid, size_t mid_len);

/* The same sum, of raw records back to back. */
u64 records_sum(const u8 *data, size_t len);

/* Says what is wrong and ends the program. */
void format_fail(const char *what, const char *why) __attribute__((noreturn));
