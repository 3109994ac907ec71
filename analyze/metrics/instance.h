/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Values that several metrics take from instances. */
#pragma once

#include "analyze/metrics/metric.h"
#include "common/alloc.h"

static inline struct value value_string(const struct string *string)
{
	return string ? value_bytes(string->data, string->len) : value_null();
}

/* A wait status as two columns, of which at most one is not NULL. */
static inline void put_status(bool known, u32 status, struct value *code, struct value *signal)
{
	*code = known && !(status & 0x7f) ? value_int((status >> 8) & 0xff) : value_null();
	*signal = known && (status & 0x7f) ? value_int(status & 0x7f) : value_null();
}

/* The number of the error that a call returned; 0: none, or it never returned. */
static inline u32 call_error(const struct trc_syscall *record)
{
	return record->state == TRC_SYSCALL_UNFINISHED ? 0 : decoder_errno(record);
}

/* The same without those that the kernel keeps from the program. */
static inline u32 call_failure(const struct trc_syscall *record)
{
	u32 error = call_error(record);

	return errno_restarts(error) ? 0 : error;
}

/* The classes of a call, "file,desc"; nothing for a call that the file does not describe. */
static inline void add_classes(struct text *text, const struct syscall_desc *desc)
{
	size_t start = text->len;

	for (unsigned bit = 0; desc && bit < 32; bit++) {
		const char *name =
			desc->classes & (1u << bit) ? syscall_class_name(1u << bit) : NULL;

		if (!name)
			continue;
		if (text->len > start)
			text_addc(text, ',');
		text_adds(text, name);
	}
}

/* 1: no event of the kind that the thread may have had is missing. */
static inline struct value value_complete(const struct fold *fold, u16 kind,
					  const struct thread *thread)
{
	return value_int(!walk_is_lossy(fold->walk, kind, thread->start_ns, thread->end_ns));
}

/* ARRAY_RESERVE() whose new elements are zero. */
#define ARRAY_RESERVE_ZERO(array, capacity, need)                                                  \
	do {                                                                                       \
		size_t _old = (capacity);                                                          \
		if ((need) > _old) {                                                               \
			ARRAY_RESERVE(array, capacity, need);                                      \
			memset((array) + _old, 0, ((capacity)-_old) * sizeof(*(array)));           \
		}                                                                                  \
	} while (0)
