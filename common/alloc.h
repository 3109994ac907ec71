/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Allocation that does not fail: out of memory ends the program with a message and exit code 125.
 * The file format makes that safe. Sizes that come from a file are checked against their limits
 * before they get here.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

void *alloc_check(void *p); /* p, if it is not NULL: for what a library allocated */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t count, size_t size); /* ends the program on overflow too */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t size);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);

/*
 * Makes room for `need` elements in a growing array: `*array` of `*capacity` elements.
 * ARRAY_RESERVE(v->items, v->capacity, v->count + 1);
 */
#define ARRAY_RESERVE(array, capacity, need)                                                       \
	do {                                                                                       \
		size_t _need = (need);                                                             \
		if (_need > (capacity)) {                                                          \
			size_t _cap = (capacity) ? (capacity) : 8;                                 \
			while (_cap < _need)                                                       \
				_cap *= 2;                                                         \
			(array) = xreallocarray((array), _cap, sizeof(*(array)));                  \
			(capacity) = _cap;                                                         \
		}                                                                                  \
	} while (0)
