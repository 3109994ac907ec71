/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "common/text.h"

static bool row_is_end(const struct option_row *row)
{
	return !row->short_name && !row->long_name;
}

static bool takes_value(const struct option_row *row)
{
	return row->type != OPTION_FLAG && row->type != OPTION_COUNT;
}

static const char *value_name(const struct option_row *row)
{
	if (row->arg)
		return row->arg;
	return row->choices ? row->choices : "VALUE";
}

void option_list_release(struct option_list *list)
{
	free(list->values);
	*list = (struct option_list){ 0 };
}

static void list_append(struct option_list *list, const char *value)
{
	list->values = xreallocarray(list->values, list->count + 1, sizeof(*list->values));
	list->values[list->count++] = value;
}

/* The words of "a|b|c", pointing into the copy *ret_copy; free both. */
static size_t choices_split(const char *choices, char **ret_copy, const char ***ret_words)
{
	char *copy = xstrdup(choices), *rest = copy, *word;
	const char **words = NULL;
	size_t count = 0, capacity = 0;

	while ((word = strsep(&rest, "|"))) {
		ARRAY_RESERVE(words, capacity, count + 1);
		words[count++] = word;
	}
	*ret_copy = copy;
	*ret_words = words;
	return count;
}

/* NULL if `value` is one of the choices, else what to say. */
static char *choice_error(const char *name, const char *choices, const char *value)
{
	_cleanup_free_ char *copy = NULL;
	_cleanup_free_ const char **words = NULL;
	size_t count = choices_split(choices, &copy, &words);
	_cleanup_(text_release) struct text list = { 0 };
	const char *near;

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(words[i], value))
			return NULL;
		text_adds(&list, i ? ", " : "");
		text_adds(&list, words[i]);
	}
	near = suggest(value, words, count);
	if (near)
		return xasprintf("%s: '%s' is not one of %s; did you mean '%s'?", name, value,
				 list.data, near);
	return xasprintf("%s: '%s' is not one of %s", name, value, list.data);
}

/* Sets the member; NULL, or what is wrong with the value. */
static char *apply(const struct option_row *row, void *target, const char *name, const char *value)
{
	void *member = (char *)target + row->offset;
	char *error;
	u64 number;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)member = true;
		break;
	case OPTION_COUNT:
		*(unsigned *)member += 1;
		break;
	case OPTION_STRING:
		*(const char **)member = value;
		break;
	case OPTION_LIST:
		list_append(member, value);
		break;
	case OPTION_U64:
		if (parse_u64(value, &number) < 0)
			return xasprintf("%s: '%s' is not a number", name, value);
		*(u64 *)member = number;
		break;
	case OPTION_SIZE:
		if (parse_size(value, &number) < 0)
			return xasprintf("%s: '%s' is not a size such as 4096, 64K, 1M, 2GiB", name,
					 value);
		*(u64 *)member = number;
		break;
	case OPTION_DURATION:
		if (parse_duration(value, &number) < 0)
			return xasprintf("%s: '%s' is not a duration such as 10s, 1.5s, 200ms, 3m",
					 name, value);
		*(u64 *)member = number;
		break;
	case OPTION_CHOICE:
		error = choice_error(name, row->choices, value);
		if (error)
			return error;
		*(const char **)member = value;
		break;
	}
	return NULL;
}

static char *unknown_long(const struct option_row *rows, const char *name)
{
	_cleanup_free_ const char **names = NULL;
	size_t count = 0, capacity = 0;
	const char *near;

	for (; !row_is_end(rows); rows++) {
		if (!rows->long_name || !rows->help)
			continue;
		ARRAY_RESERVE(names, capacity, count + 1);
		names[count++] = rows->long_name;
	}
	near = suggest(name, names, count);
	if (near)
		return xasprintf("unknown option '--%s'; did you mean '--%s'?", name, near);
	return xasprintf("unknown option '--%s'; --help lists them all", name);
}

/* An argument without its value: takes the next word if there is one. */
static const char *next_value(int argc, char **argv, int *index)
{
	if (*index + 1 >= argc)
		return NULL;
	return argv[++*index];
}

static char *parse_long(const struct option_row *rows, void *target, int argc, char **argv,
			int *index)
{
	const char *word = argv[*index] + 2, *equals = strchr(word, '='), *value = NULL;
	_cleanup_free_ char *name = xstrndup(word, equals ? (size_t)(equals - word) : strlen(word));
	_cleanup_free_ char *spoken = NULL;
	const struct option_row *row = rows;

	while (!row_is_end(row) && !(row->long_name && !strcmp(row->long_name, name)))
		row++;
	if (row_is_end(row))
		return unknown_long(rows, name);
	spoken = xasprintf("--%s", name);
	if (!takes_value(row)) {
		if (equals)
			return xasprintf("%s takes no value", spoken);
	} else {
		value = equals ? equals + 1 : next_value(argc, argv, index);
		if (!value)
			return xasprintf("%s needs a value: %s", spoken, value_name(row));
	}
	return apply(row, target, spoken, value);
}

static char *parse_short(const struct option_row *rows, void *target, int argc, char **argv,
			 int *index)
{
	for (const char *c = argv[*index] + 1; *c; c++) {
		const struct option_row *row = rows;
		char spoken[] = { '-', *c, 0 };
		const char *value = NULL;
		char *error;

		while (!row_is_end(row) && row->short_name != *c)
			row++;
		if (row_is_end(row)) {
			/* "-verbose" is more likely a long name with a dash too few than seven letters. */
			for (row = rows; !row_is_end(row); row++) {
				if (row->long_name && argv[*index][2] &&
				    !strcmp(row->long_name, argv[*index] + 1))
					return xasprintf(
						"unknown option '%s'; did you mean '--%s'?",
						argv[*index], row->long_name);
			}
			if ((unsigned char)*c >= 0x80)
				return xasprintf("unknown option '%s'; --help lists them all",
						 argv[*index]);
			return xasprintf("unknown option '%s'; --help lists them all", spoken);
		}
		if (takes_value(row)) {
			value = c[1] ? c + 1 : next_value(argc, argv, index);
			if (!value)
				return xasprintf("%s needs a value: %s", spoken, value_name(row));
		}
		error = apply(row, target, spoken, value);
		if (error || value)
			return error;
	}
	return NULL;
}

int options_parse(const struct option_row *rows, void *target, int argc, char **argv,
		  bool stop_at_operand, int *ret_operand, char **ret_error)
{
	_cleanup_free_ char **options = xcalloc((size_t)argc + 1, sizeof(*options));
	_cleanup_free_ char **operands = xcalloc((size_t)argc + 1, sizeof(*operands));
	size_t option_count = 0, operand_count = 0;
	int i;

	for (i = 1; i < argc; i++) {
		int first = i;
		char *error;

		if (argv[i][0] != '-' || !argv[i][1]) {
			if (stop_at_operand)
				break;
			operands[operand_count++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--")) {
			options[option_count++] = argv[i++];
			break;
		}
		if (argv[i][1] == '-')
			error = parse_long(rows, target, argc, argv, &i);
		else
			error = parse_short(rows, target, argc, argv, &i);
		if (error) {
			*ret_error = error;
			return -EINVAL;
		}
		while (first <= i)
			options[option_count++] = argv[first++];
	}
	for (; i < argc; i++)
		operands[operand_count++] = argv[i];

	if (option_count)
		memcpy(argv + 1, options, option_count * sizeof(*argv));
	if (operand_count)
		memcpy(argv + 1 + option_count, operands, operand_count * sizeof(*argv));
	*ret_operand = 1 + (int)option_count;
	return 0;
}
