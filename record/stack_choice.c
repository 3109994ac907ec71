/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/stack_choice.h"

#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "common/text.h"
#include "record/spec.h"

static const char *const words[] = { "off-cpu", "futex", "syscall", "all" };
static const u32 meanings[] = {
	TRC_STACK_OFF_CPU,
	TRC_STACK_FUTEX,
	TRC_STACK_SYSCALL,
	TRC_STACK_OFF_CPU | TRC_STACK_FUTEX | TRC_STACK_SYSCALL,
};

static int parse_word(const char *word, u32 *why, char **ret_error)
{
	const char *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i])) {
			*why |= meanings[i];
			return 0;
		}
	nearest = suggest(word, words, ARRAY_SIZE(words));
	if (nearest)
		*ret_error =
			xasprintf("there are no stacks of \"%s\"; did you mean %s?", word, nearest);
	else
		*ret_error = xasprintf("there are no stacks of \"%s\"; there are off-cpu, futex, "
				       "syscall, syscall=SET, all",
				       word);
	return -EINVAL;
}

static int parse_value(const char *value, const struct syscall_table *tables, size_t table_count,
		       struct stack_choice *choice, char **ret_error)
{
	static const char with_set[] = "syscall=";
	_cleanup_free_ char *copy = xstrdup(value);
	char *rest = copy, *word;
	int err = 0;

	while (!err && rest) {
		if (!strncmp(rest, with_set, strlen(with_set))) {
			if (choice->calls) {
				*ret_error = xstrdup(
					"syscall= is given twice; name all calls in one set");
				return -EINVAL;
			}
			choice->why |= TRC_STACK_SYSCALL;
			choice->calls_text = xstrdup(rest + strlen(with_set));
			return syscall_set_parse(tables, table_count, rest + strlen(with_set),
						 &choice->calls, ret_error);
		}
		word = strsep(&rest, ",");
		err = parse_word(word, &choice->why, ret_error);
	}
	return err;
}

int stack_choice_parse(const struct option_list *values, const struct syscall_table *tables,
		       size_t table_count, struct stack_choice *choice, char **ret_error)
{
	int err = 0;

	for (size_t i = 0; i < values->count && !err; i++) {
		err = parse_value(values->values[i], tables, table_count, choice, ret_error);
		if (err) {
			char *said = *ret_error;

			*ret_error = xasprintf("-g %s: %s", values->values[i], said);
			free(said);
		}
	}
	return err;
}

char *stack_choice_text(const struct stack_choice *choice)
{
	struct text text = { 0 };

	/* A set of calls comes last. */
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if ((choice->why & meanings[i]) && strcmp(words[i], "all") != 0)
			text_addf(&text, "%s%s", text.len ? "," : "", words[i]);
	if (choice->calls)
		text_addf(&text, "=%s", choice->calls_text);
	return text.data;
}

void stack_choice_release(struct stack_choice *choice)
{
	free(choice->calls_text);
	choice->calls_text = NULL;
	syscall_set_free(choice->calls);
	choice->calls = NULL;
}

/* Do mmap, mprotect and their like map code? By what they are given. */
static u8 maps_code(const struct syscall_desc *desc)
{
	for (u8 i = 0; i < desc->arg_count; i++) {
		const char *set = desc->args[i].set;

		if (set && !strcmp(set, "mmap_prot"))
			return i == 2 ? STACK_PROT : STACK_MODULE;
		if (set && !strcmp(set, "mmap_arg_struct"))
			return STACK_MODULE;
	}
	return 0;
}

static u8 wanted_of(const struct stack_choice *choice, const struct syscall_desc *desc, u8 abi,
		    const struct syscall_spec *spec)
{
	const u8 unsent = SPEC_SKIP | SPEC_QUIET | SPEC_HIDDEN;
	u8 wanted = maps_code(desc);

	if (desc->classes & SYSCALL_FUTEX)
		wanted |= choice->why & TRC_STACK_FUTEX;
	if (!(spec->flags & unsent) &&
	    (!choice->calls || syscall_set_has(choice->calls, abi, desc->nr)))
		wanted |= choice->why & TRC_STACK_SYSCALL;
	return wanted;
}

int stack_choice_fill(const struct stack_choice *choice, const struct syscall_table *tables,
		      size_t table_count, struct syscall_spec *specs, u8 *calls, char **ret_error)
{
	u32 chosen = 0;

	for (size_t t = 0; t < table_count && choice->why; t++) {
		int slot = spec_slot(tables[t].abi);

		for (size_t i = 0; slot >= 0 && i < tables[t].count; i++) {
			const struct syscall_desc *desc = &tables[t].calls[i];
			u32 index = slot * SPEC_PER_ABI + desc->nr;

			if (desc->nr >= SPEC_PER_ABI)
				continue;
			calls[index] = wanted_of(choice, desc, tables[t].abi, &specs[index]);
			if (calls[index] && (specs[index].flags & SPEC_SKIP))
				specs[index].flags ^= SPEC_SKIP | SPEC_QUIET;
			chosen |= calls[index];
		}
	}
	if ((choice->why & TRC_STACK_SYSCALL) && !(chosen & TRC_STACK_SYSCALL)) {
		*ret_error = xstrdup("-g syscall: none of these system calls is recorded; see "
				     "--events and -e");
		return -EINVAL;
	}
	return 0;
}
