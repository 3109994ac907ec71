/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/set.h"

#include "common/syscalls.h"

#include <string.h>

static const struct value_set *const sets[] = {
#define SET(id) &set_##id,
#include "analyze/decode/sets.def"
#undef SET
};

/* Sets that another one stands for in some ABIs. */
static const struct {
	const struct value_set *generic, *special;
	u32 abis;
} variants[] = {
	{ &set_open_flags, &set_open_flags_arm, 1u << SYSCALL_ABI_ARM | 1u << SYSCALL_ABI_ARM64 },
	{ &set_pipe_flags, &set_pipe_flags_arm, 1u << SYSCALL_ABI_ARM | 1u << SYSCALL_ABI_ARM64 },
	{ &set_mmap_flags, &set_mmap_flags_x86,
	  1u << SYSCALL_ABI_X86_64 | 1u << SYSCALL_ABI_I386 | 1u << SYSCALL_ABI_X32 },
};

const struct value_set *value_set_of_abi(const struct value_set *set, u8 abi)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		if (variants[i].generic == set && abi < 32 && (variants[i].abis & (1u << abi)))
			return variants[i].special;
	return set;
}

const struct value_set *value_set_find(const char *name, u8 abi)
{
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (!strcmp(sets[i]->name, name))
			return value_set_of_abi(sets[i], abi);
	return NULL;
}

const struct value_name *value_set_name(const struct value_set *set, u64 value)
{
	size_t low = 0, high = set->count;

	if (value < set->count && set->values[value].value == value)
		return &set->values[value]; /* most sets are dense */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (set->values[middle].value == value)
			return &set->values[middle];
		if (set->values[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void text_add_unknown(struct text *out, u64 value, const char *unknown)
{
	text_addx(out, value);
	if (unknown) {
		text_add_literal(out, " /* ");
		text_adds(out, unknown);
		text_add_literal(out, " */");
	}
}

static void add_flags(const struct value_set *set, u64 value, struct text *out)
{
	u64 left = value;
	bool any = false;

	if (set->field) {
		u64 field = value & set->field;
		const struct value_name *name = value_set_name(set->field_set, field);

		left &= ~set->field;
		/* A field that is 0 and has no name for it says nothing beside other flags. */
		if (name || field || !left) {
			if (name)
				text_add(out, name->name, name->len);
			else
				text_add_unknown(out, field,
						 field ? set->field_set->unknown : NULL);
			any = true;
		}
	}
	for (const struct value_name *name = set->values; left && name < set->values + set->count;
	     name++) {
		if (!name->value || (left & name->value) != name->value)
			continue;
		if (any)
			text_addc(out, '|');
		text_add(out, name->name, name->len);
		left &= ~name->value;
		any = true;
	}
	if (any && left) {
		text_addc(out, '|');
		text_addx(out, left);
	} else if (!any) {
		text_add_unknown(out, left, left ? set->unknown : NULL);
	}
}

void value_set_add(const struct value_set *set, u64 value, struct text *out)
{
	const struct value_name *name;

	if (!set->wide)
		value = (u32)value;
	if (set->kind == SET_FLAGS && value) {
		add_flags(set, value, out);
		return;
	}
	if (set->kind == SET_FLAGS && set->field) {
		name = value_set_name(set->field_set, 0);
	} else if (set->kind == SET_FLAGS) {
		/* F_OK, PROT_NONE: the name of no flag at all stands first. */
		name = set->count && !set->values[0].value ? set->values : NULL;
	} else {
		name = value_set_name(set, value);
	}
	if (name)
		text_add(out, name->name, name->len);
	else
		text_add_unknown(out, value, set->kind == SET_FLAGS ? NULL : set->unknown);
}
