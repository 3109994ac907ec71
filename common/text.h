/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A growing string, and the escapes that keep foreign bytes harmless. Always NUL-terminated once data is set. */
#pragma once

#include "common/types.h"

struct text { /* zero it first */
	char *data;
	size_t len;
	size_t capacity;
};

void text_release(struct text *text);
void text_clear(struct text *text); /* keeps the memory */
void text_add(struct text *text, const char *s, size_t len);
void text_adds(struct text *text, const char *s);
void text_addc(struct text *text, char c);
void text_addu(struct text *text, u64 value); /* decimal, fast */
void text_addi(struct text *text, s64 value);
void text_addx(struct text *text, u64 value); /* 0x…, 0 as 0 */
__attribute__((format(printf, 2, 3))) void text_addf(struct text *text, const char *format, ...);

/* strace's form of a string without the quotes: \n \t \r \v \f \" \\ and octal for other non-printing bytes and everything ≥ 0x7f. */
void text_add_escaped(struct text *text, const char *s, size_t len);
/* For a person's terminal: valid UTF-8 stays, control characters (C0, DEL, C1, bidi overrides) and invalid bytes become \xNN. */
void text_add_printable(struct text *text, const char *s, size_t len);
/* The inside of a JSON string: valid UTF-8 stays; bytes that are not valid UTF-8 become U+DC80…U+DCFF escapes (\udcNN, as Python's surrogateescape). */
void text_add_json(struct text *text, const char *s, size_t len);
/* A CSV field (RFC 4180), quoted where needed. */
void text_add_csv(struct text *text, const char *s, size_t len);
/* The same of what text_add_printable() makes of it, for a terminal. */
void text_add_csv_printable(struct text *text, const char *s, size_t len);
/* For people: "1,483,201", "9.1 MB", "12.41 s", "1.9 µs". */
void text_add_count(struct text *text, u64 count);
void text_add_bytes(struct text *text, u64 bytes);
void text_add_ns(struct text *text, u64 ns);
