/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/groups.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "common/text.h"

struct group_row {
	const char *name;
	bool on, calls;
	const char *doc;
};

#define GROUP(name, on, calls, doc) { #name, on, calls, doc },
static const struct group_row rows[] = {
#include "bpf/groups.def"
};
#undef GROUP

#define ALWAYS_ON GROUP_BIT(GROUP_task)

u64 groups_default(void)
{
	u64 groups = ALWAYS_ON;

	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (rows[i].on)
			groups |= GROUP_BIT(i);
	return groups;
}

bool groups_call(u64 groups)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (rows[i].calls && (groups & GROUP_BIT(i)))
			return true;
	return false;
}

const char *group_name(enum group group)
{
	return rows[group].name;
}

const char *group_doc(enum group group)
{
	return rows[group].doc;
}

void groups_add_names(u64 groups, struct text *out)
{
	const char *separator = "";

	for (size_t i = 0; i < GROUP_COUNT; i++) {
		if (!(groups & GROUP_BIT(i)))
			continue;
		text_adds(out, separator);
		text_adds(out, rows[i].name);
		separator = ",";
	}
}

int group_of_name(const char *name)
{
	for (size_t i = 0; i < GROUP_COUNT; i++) {
		size_t len = strlen(rows[i].name);

		if (!strncmp(name, rows[i].name, len) && name[len] == '_')
			return i;
	}
	return -1;
}

static u64 groups_of_word(const char *word)
{
	if (!strcmp(word, "all"))
		return GROUP_BIT(GROUP_COUNT) - 1;
	if (!strcmp(word, "default"))
		return groups_default();
	if (!strcmp(word, "none"))
		return ALWAYS_ON;
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (!strcmp(word, rows[i].name))
			return GROUP_BIT(i);
	return 0;
}

static char *unknown_word(const char *word)
{
	const char *names[GROUP_COUNT + 3] = { "all", "default", "none" };
	_cleanup_(text_release) struct text known = { 0 };
	const char *nearest;

	for (size_t i = 0; i < GROUP_COUNT; i++)
		names[3 + i] = rows[i].name;
	nearest = suggest(word, names, ARRAY_SIZE(names));
	if (nearest)
		return xasprintf("there is no group of events \"%s\"; did you mean %s?", word,
				 nearest);
	groups_add_names(GROUP_BIT(GROUP_COUNT) - 1, &known);
	return xasprintf("there is no group of events \"%s\"; there are %s", word, known.data);
}

int groups_parse(const char *text, u64 *ret_groups, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word;
	u64 groups = 0;
	bool first = true;

	while ((word = strsep(&rest, ","))) {
		bool without = *word == '-' || *word == '!';
		u64 named;

		if (first && (without || *word == '+'))
			groups = groups_default();
		first = false;
		if (without || *word == '+')
			word++;
		named = groups_of_word(word);
		if (!named) {
			*ret_error = unknown_word(word);
			return -EINVAL;
		}
		if (without)
			groups &= ~named;
		else
			groups |= named;
	}
	*ret_groups = groups | ALWAYS_ON;
	return 0;
}
