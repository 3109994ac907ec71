/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/kernel_symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"

/* No function is longer: what lies farther behind one is not of it but of something without a name. */
#define FUNCTION_BYTES_MAX (256u << 10)

struct kernel_symbols {
	size_t count, capacity;
	struct kernel_symbol *symbols; /* by start */
	char *text;		       /* the file: names point into it */
};

static int by_start(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* Of several names the kernel's first: they lie in the order of the file. */
	return x->name < y->name ? -1 : x->name > y->name;
}

/* "ffffffff81000000 T _stext", "ffffffffc0123000 t nf_hook\t[nf_tables]" */
static void add_line(struct kernel_symbols *symbols, char *line)
{
	char *end, *module;
	u64 start = strtoull(line, &end, 16);

	if (!start || end[0] != ' ' || !strchr("tTwW", end[1]) || !end[1] || end[2] != ' ')
		return;
	module = strchr(end + 3, '\t');
	if (module) {
		*module = '\0';
		module += 2;
		module[strcspn(module, "]")] = '\0';
	}
	ARRAY_RESERVE(symbols->symbols, symbols->capacity, symbols->count + 1);
	symbols->symbols[symbols->count++] = (struct kernel_symbol){ start, end + 3, module };
}

static char *read_all(FILE *file)
{
	size_t len = 0, size = 1 << 20, n;
	char *text = xmalloc(size);

	while ((n = fread(text + len, 1, size - len - 1, file))) {
		len += n;
		if (len + 1 == size)
			text = xreallocarray(text, size *= 2, 1);
	}
	text[len] = '\0';
	return text;
}

int kernel_symbols_load(struct kernel_symbols **ret_symbols)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/kallsyms", "re");
	struct kernel_symbols *symbols;
	char *rest, *line;

	if (!file)
		return -errno;
	symbols = xcalloc(1, sizeof(*symbols));
	rest = symbols->text = read_all(file);
	while ((line = strsep(&rest, "\n")))
		add_line(symbols, line);
	if (!symbols->count) {
		kernel_symbols_free(symbols);
		return -EPERM;
	}
	qsort(symbols->symbols, symbols->count, sizeof(*symbols->symbols), by_start);
	*ret_symbols = symbols;
	return 0;
}

const struct kernel_symbol *kernel_symbol_of(const struct kernel_symbols *symbols, u64 address)
{
	size_t from = 0, to = symbols->count;

	/* The call stands before it; if that never returns, nothing of its function follows. */
	address--;
	while (from < to) {
		size_t middle = (from + to) / 2;

		if (symbols->symbols[middle].start <= address)
			from = middle + 1;
		else
			to = middle;
	}
	if (!from || address - symbols->symbols[from - 1].start >= FUNCTION_BYTES_MAX)
		return NULL;
	from--;
	while (from && symbols->symbols[from - 1].start == symbols->symbols[from].start)
		from--;
	return &symbols->symbols[from];
}

void kernel_symbols_free(struct kernel_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->symbols);
	free(symbols->text);
	free(symbols);
}
