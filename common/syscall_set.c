/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sets of system calls, as -e takes them. */
#include "common/syscalls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/options.h"
#include "common/regexp.h"
#include "common/suggest.h"
#include "common/text.h"

#define X32_SYSCALL_BIT 0x40000000
#define NEAR_COUNT	1024 /* numbers below have a bit; arm's private ones lie at 0xf0000 */

struct abi_set {
	u64 bits[NEAR_COUNT / 64];
	bool rest;   /* whether the numbers from NEAR_COUNT on are in */
	u32 *others; /* those of them for which it is the other way round */
	size_t other_count, other_capacity;
};

struct syscall_set {
	struct abi_set abis[SYSCALL_ABI_MAX];
};

/* One thing between commas. */
struct item {
	char *text; /* without ? and @ABI */
	bool forgiving;
	u8 abi; /* 0: all */
};

struct parser {
	const struct syscall_table *tables;
	size_t table_count;
	struct syscall_set *set;
	char *error;
};

static bool others_find(const struct abi_set *set, u32 nr)
{
	for (size_t i = 0; i < set->other_count; i++) {
		if (set->others[i] == nr)
			return true;
	}
	return false;
}

bool syscall_set_has(const struct syscall_set *set, u8 abi, u32 nr)
{
	const struct abi_set *one;

	if (abi >= SYSCALL_ABI_MAX)
		return false;
	one = &set->abis[abi];
	if (abi == SYSCALL_ABI_X32)
		nr &= ~(u32)X32_SYSCALL_BIT;
	if (nr < NEAR_COUNT)
		return one->bits[nr / 64] >> nr % 64 & 1;
	return one->rest != others_find(one, nr);
}

void syscall_set_free(struct syscall_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(set->abis); i++)
		free(set->abis[i].others);
	free(set);
}

DEFINE_CLEANUP(struct syscall_set *, syscall_set_free)

static void set_add(struct syscall_set *set, u8 abi, u32 nr)
{
	struct abi_set *one;

	if (abi >= SYSCALL_ABI_MAX)
		return; /* out of the file of a later version; syscall_set_has() has none of it */
	one = &set->abis[abi];
	if (nr < NEAR_COUNT) {
		one->bits[nr / 64] |= UINT64_C(1) << nr % 64;
	} else if (!one->rest && !others_find(one, nr)) {
		ARRAY_RESERVE(one->others, one->other_capacity, one->other_count + 1);
		one->others[one->other_count++] = nr;
	}
}

static void set_add_all(struct syscall_set *set, u8 abi)
{
	struct abi_set *one = &set->abis[abi];

	memset(one->bits, 0xff, sizeof(one->bits));
	one->rest = true;
	one->other_count = 0;
}

static void set_negate(struct syscall_set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(set->abis); i++) {
		struct abi_set *one = &set->abis[i];

		for (size_t w = 0; w < ARRAY_SIZE(one->bits); w++)
			one->bits[w] = ~one->bits[w];
		one->rest = !one->rest;
	}
}

static bool item_has_abi(const struct item *item, u8 abi)
{
	return !item->abi || item->abi == abi;
}

/* The nearest of all names of calls and classes, the latter with their %. */
static char *nearest(const struct parser *parser, const char *word)
{
	_cleanup_free_ const char **names = NULL;
	size_t count = 0, capacity = 0;
	const char *name;

	if (*word == '%') {
		for (u32 bit = 1; bit; bit <<= 1) {
			if (!syscall_class_name(bit))
				continue;
			ARRAY_RESERVE(names, capacity, count + 1);
			names[count++] = syscall_class_name(bit);
		}
		name = suggest(word + 1, names, count);
		return name ? xasprintf("; did you mean '%%%s'?", name) : xstrdup("");
	}
	for (size_t t = 0; t < parser->table_count; t++) {
		ARRAY_RESERVE(names, capacity, count + parser->tables[t].count);
		for (size_t i = 0; i < parser->tables[t].count; i++)
			names[count++] = parser->tables[t].calls[i].name;
	}
	name = suggest(word, names, count);
	return name ? xasprintf("; did you mean '%s'?", name) : xstrdup("");
}

static bool known_elsewhere(const char *name)
{
	for (u8 abi = 1; abi < SYSCALL_ABI_MAX; abi++) {
		if (syscall_by_name(syscall_table_builtin(abi), name))
			return true;
	}
	return false;
}

static int unknown_name(struct parser *parser, const struct item *item)
{
	_cleanup_free_ char *near = NULL;
	bool here = false;

	for (size_t t = 0; t < parser->table_count; t++)
		here |= syscall_by_name(&parser->tables[t], item->text) != NULL;
	if (here) {
		parser->error = xasprintf("the %s ABI has no system call '%s'",
					  syscall_abi_name(item->abi), item->text);
	} else if (known_elsewhere(item->text)) {
		parser->error =
			xasprintf("this machine has no system call '%s'; ?%s would pass over it",
				  item->text, item->text);
	} else {
		near = nearest(parser, item->text);
		parser->error = xasprintf("unknown system call '%s'%s", item->text, near);
	}
	return -EINVAL;
}

/* Adds the calls for which `match` says yes; the number of them. */
static size_t add_matching(struct parser *parser, const struct item *item,
			   bool (*match)(const struct syscall_desc *call, const void *data),
			   const void *data)
{
	size_t count = 0;

	for (size_t t = 0; t < parser->table_count; t++) {
		const struct syscall_table *table = &parser->tables[t];

		if (!item_has_abi(item, table->abi))
			continue;
		for (size_t i = 0; i < table->count; i++) {
			if (!match(&table->calls[i], data))
				continue;
			set_add(parser->set, table->abi, table->calls[i].nr);
			count++;
		}
	}
	return count;
}

static bool match_name(const struct syscall_desc *call, const void *name)
{
	return !strcmp(call->name, name);
}

static bool match_class(const struct syscall_desc *call, const void *class)
{
	return call->classes & *(const u32 *)class;
}

static bool match_regex(const struct syscall_desc *call, const void *regex)
{
	return !regexec(regex, call->name, 0, NULL, 0);
}

static int add_class(struct parser *parser, const struct item *item)
{
	u32 class = syscall_class_by_name(item->text + 1);
	_cleanup_free_ char *near = NULL;

	if (class || item->forgiving) {
		add_matching(parser, item, match_class, &class);
		return 0;
	}
	near = nearest(parser, item->text);
	parser->error = xasprintf("unknown class of system calls '%s'%s", item->text, near);
	return -EINVAL;
}

static int add_regex(struct parser *parser, const struct item *item)
{
	size_t len = strlen(item->text), count;
	bool closed = len > 1 && item->text[len - 1] == '/';
	_cleanup_free_ char *pattern = xstrndup(item->text + 1, len - 1 - closed);
	_cleanup_free_ char *why = NULL;
	regex_t regex;

	if (regexp_compile(pattern, &regex, &why)) {
		parser->error = xasprintf("'%s' is not a regular expression: %s", item->text, why);
		return -EINVAL;
	}
	count = add_matching(parser, item, match_regex, &regex);
	regfree(&regex);
	if (!count && !item->forgiving) {
		parser->error = xasprintf("no system call matches '%s'", item->text);
		return -EINVAL;
	}
	return 0;
}

static int add_number(struct parser *parser, const struct item *item)
{
	u64 nr;

	if (parse_u64(item->text, &nr) < 0 || nr > UINT32_MAX) {
		parser->error = xasprintf("'%s' is not the number of a system call", item->text);
		return -EINVAL;
	}
	for (size_t t = 0; t < parser->table_count; t++) {
		u8 abi = parser->tables[t].abi;

		if (!item_has_abi(item, abi))
			continue;
		if (abi == SYSCALL_ABI_X32)
			nr &= ~(u64)X32_SYSCALL_BIT;
		set_add(parser->set, abi, (u32)nr);
	}
	return 0;
}

static int add_name(struct parser *parser, const struct item *item)
{
	u32 class;

	if (!strcmp(item->text, "none"))
		return 0;
	if (!strcmp(item->text, "all")) {
		for (u8 abi = 0; abi < SYSCALL_ABI_MAX; abi++) {
			if (item_has_abi(item, abi))
				set_add_all(parser->set, abi);
		}
		return 0;
	}
	if (add_matching(parser, item, match_name, item->text))
		return 0;
	/* strace takes its oldest classes without the %. */
	class = syscall_class_by_name(item->text);
	if (class && *item->text != '%') {
		add_matching(parser, item, match_class, &class);
		return 0;
	}
	return item->forgiving ? 0 : unknown_name(parser, item);
}

/* The ABI that @name means among the tables; 0 if none. */
static u8 abi_by_suffix(const struct parser *parser, const char *name)
{
	for (size_t t = 0; t < parser->table_count; t++) {
		u8 abi = parser->tables[t].abi;
		bool narrow = abi == SYSCALL_ABI_I386 || abi == SYSCALL_ABI_ARM;

		if (syscall_abi_name(abi) && !strcmp(name, syscall_abi_name(abi)))
			return abi;
		if (!strcmp(name, "32") && narrow)
			return abi;
		if (!strcmp(name, "64") && !narrow && abi != SYSCALL_ABI_X32)
			return abi;
	}
	return 0;
}

static int add_item(struct parser *parser, char *text)
{
	struct item item = { .text = text };
	char *at = strrchr(text, '@');

	if (*item.text == '?') {
		item.forgiving = true;
		item.text++;
	}
	if (at) {
		*at = 0;
		item.abi = abi_by_suffix(parser, at + 1);
		if (!item.abi && item.forgiving)
			return 0;
		if (!item.abi) {
			parser->error = xasprintf("this machine has no ABI '%s'", at + 1);
			return -EINVAL;
		}
	}
	if (!*item.text) {
		parser->error = xstrdup("a name is missing in the set of system calls");
		return -EINVAL;
	}
	if (*item.text == '%')
		return add_class(parser, &item);
	if (*item.text == '/')
		return add_regex(parser, &item);
	if (*item.text >= '0' && *item.text <= '9')
		return add_number(parser, &item);
	return add_name(parser, &item);
}

/* The length of the item at the front; a /regex/ may hold commas. */
static size_t item_length(const char *text)
{
	const char *start = text + (*text == '?'), *close = start;

	if (*start != '/')
		return strcspn(text, ",");
	while ((close = strchr(close + 1, '/'))) {
		if (!close[1] || close[1] == ',' || close[1] == '@')
			return (size_t)(close + 1 - text) + strcspn(close + 1, ",");
	}
	return strcspn(text, ",");
}

int syscall_set_parse(const struct syscall_table *tables, size_t table_count, const char *text,
		      struct syscall_set **ret_set, char **ret_error)
{
	_cleanup_(syscall_set_freep) struct syscall_set *set = xcalloc(1, sizeof(*set));
	struct parser parser = { .tables = tables, .table_count = table_count, .set = set };
	bool negate = false;

	if (!strncmp(text, "trace=", 6))
		text += 6;
	else if (!strncmp(text, "t=", 2))
		text += 2;
	if (*text == '!') {
		negate = true;
		text++;
	}
	for (;;) {
		size_t len = item_length(text);
		_cleanup_free_ char *item = xstrndup(text, len);
		int r = add_item(&parser, item);

		if (r < 0) {
			*ret_error = parser.error;
			return r;
		}
		text += len;
		if (!*text)
			break;
		text++;
	}
	if (negate)
		set_negate(set);
	*ret_set = TAKE_PTR(set);
	return 0;
}
