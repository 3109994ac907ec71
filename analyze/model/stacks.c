/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/stacks.h"

#include "analyze/model/idmap.h"
#include "analyze/model/symbols.h"
#include "common/alloc.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MIN 256

enum { MODULE_path, MODULE_build_id }; /* V() fields in the order of events.def */
enum { KERNEL_SYMBOL_name };

struct module {
	u64 start, end, offset;
	struct string *path;	 /* NULL: unknown */
	struct string *build_id; /* the same */
};

struct modules {
	u32 references;
	size_t count, capacity;
	struct module *rows;
};

struct stack {
	bool kernel, cut;
	u32 count;
	u64 frames[];
};

struct symbol {
	u64 address; /* 0: free */
	struct string *name;
};

struct stacks {
	size_t section_count;
	struct idmap *sections; /* id → struct stack */
	size_t symbol_count, symbol_size;
	struct symbol *symbols; /* a hash table */
	struct symbols *names;	/* of this machine's files; NULL: none are read */
};

static struct string *item_string(const struct trc_head *record, u8 field)
{
	const struct trc_item *item = record_item(record, field);

	return item && item->state != TRC_ITEM_UNREADABLE && item->len
		       ? string_new((const char *)trc_item_data(item), item->len)
		       : NULL;
}

/* ---- modules ---- */

static void module_release(struct module *module)
{
	string_unref(module->path);
	string_unref(module->build_id);
}

static struct modules *modules_own(struct modules *modules)
{
	struct modules *own = xcalloc(1, sizeof(*own));

	own->references = 1;
	for (size_t i = 0; modules && i < modules->count; i++) {
		ARRAY_RESERVE(own->rows, own->capacity, own->count + 1);
		own->rows[own->count] = modules->rows[i];
		string_ref(own->rows[own->count].path);
		string_ref(own->rows[own->count++].build_id);
	}
	modules_unref(modules);
	return own;
}

void modules_add(struct modules **slot, const struct trc_module *record)
{
	struct modules *modules = *slot;
	size_t kept = 0;

	if (!modules || modules->references > 1)
		modules = *slot = modules_own(modules);
	for (size_t i = 0; i < modules->count; i++) {
		if (modules->rows[i].start < record->end && record->start < modules->rows[i].end)
			module_release(&modules->rows[i]);
		else
			modules->rows[kept++] = modules->rows[i];
	}
	ARRAY_RESERVE(modules->rows, modules->capacity, kept + 1);
	modules->rows[kept] = (struct module){ record->start, record->end, record->offset,
					       item_string(&record->head, MODULE_path),
					       item_string(&record->head, MODULE_build_id) };
	modules->count = kept + 1;
}

struct modules *modules_ref(struct modules *modules)
{
	if (modules)
		modules->references++;
	return modules;
}

void modules_unref(struct modules *modules)
{
	if (!modules || --modules->references)
		return;
	for (size_t i = 0; i < modules->count; i++)
		module_release(&modules->rows[i]);
	free(modules->rows);
	free(modules);
}

/* The text is cut at semicolons. */
static void add_name(struct text *text, const char *name)
{
	for (; *name; name++)
		text_addc(text, *name == ';' ? ':' : *name);
}

/* `returns`: the address is where a call goes on, which may be the next function. */
static void add_user_frame(const struct stacks *stacks, const struct modules *modules, u64 address,
			   bool returns, struct text *text)
{
	for (size_t i = 0; modules && i < modules->count; i++) {
		const struct module *module = &modules->rows[i];
		const char *name;

		if (address < module->start || address >= module->end || !module->path)
			continue;
		name = stacks->names && module->build_id
			       ? symbols_name(stacks->names, module->path->data,
					      (const u8 *)module->build_id->data,
					      module->build_id->len,
					      address - module->start + module->offset - returns)
			       : NULL;
		if (name) {
			add_name(text, name);
			return;
		}
		name = strrchr(module->path->data, '/');
		add_name(text, name ? name + 1 : module->path->data);
		text_addc(text, '+');
		text_addx(text, address - module->start + module->offset);
		return;
	}
	text_addx(text, address);
}

/* ---- stacks ---- */

struct stacks *stacks_new(void)
{
	struct stacks *stacks = xcalloc(1, sizeof(*stacks));

	stacks->symbol_size = SYMBOLS_MIN;
	stacks->symbols = xcalloc(stacks->symbol_size, sizeof(*stacks->symbols));
	stacks->names = symbols_new();
	return stacks;
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	for (size_t i = 0; i < stacks->section_count; i++) {
		for (size_t k = 0; k < stacks->sections[i].capacity; k++)
			free(stacks->sections[i].slots[k].value);
		idmap_release(&stacks->sections[i]);
	}
	for (size_t i = 0; i < stacks->symbol_size; i++)
		string_unref(stacks->symbols[i].name);
	free(stacks->sections);
	free(stacks->symbols);
	symbols_free(stacks->names);
	free(stacks);
}

void stacks_add(struct stacks *stacks, u32 section, const struct trc_stack *record)
{
	const struct trc_item *item = record_item(&record->head, 0);
	struct stack *stack;
	u32 count = item ? item->len / 8 : 0;

	if (section >= stacks->section_count) {
		stacks->sections =
			xreallocarray(stacks->sections, section + 1, sizeof(*stacks->sections));
		memset(&stacks->sections[stacks->section_count], 0,
		       (section + 1 - stacks->section_count) * sizeof(*stacks->sections));
		stacks->section_count = section + 1;
	}
	stack = xmalloc(sizeof(*stack) + count * sizeof(u64));
	*stack = (struct stack){ .kernel = record->space, .cut = record->cut, .count = count };
	if (count)
		memcpy(stack->frames, trc_item_data(item), count * sizeof(u64));
	free(idmap_find(&stacks->sections[section], record->id));
	idmap_put(&stacks->sections[section], record->id, stack);
}

static struct symbol *find_symbol(struct symbol *symbols, size_t size, u64 address)
{
	size_t i = (address * 0x9E3779B97F4A7C15ull) >> 32 & (size - 1);

	while (symbols[i].address && symbols[i].address != address)
		i = (i + 1) & (size - 1);
	return &symbols[i];
}

void stacks_add_symbol(struct stacks *stacks, const struct trc_kernel_symbol *record)
{
	struct symbol *symbol;

	if (!record->address)
		return;
	if (stacks->symbol_count * 2 >= stacks->symbol_size) {
		size_t size = stacks->symbol_size * 2;
		struct symbol *larger = xcalloc(size, sizeof(*larger));

		for (size_t i = 0; i < stacks->symbol_size; i++)
			if (stacks->symbols[i].address)
				*find_symbol(larger, size, stacks->symbols[i].address) =
					stacks->symbols[i];
		free(stacks->symbols);
		stacks->symbols = larger;
		stacks->symbol_size = size;
	}
	symbol = find_symbol(stacks->symbols, stacks->symbol_size, record->address);
	stacks->symbol_count += !symbol->address;
	symbol->address = record->address;
	string_set(&symbol->name, item_string(&record->head, KERNEL_SYMBOL_name));
}

static void add_kernel_frame(const struct stacks *stacks, u64 address, struct text *text)
{
	const struct symbol *symbol = find_symbol(stacks->symbols, stacks->symbol_size, address);

	if (address && symbol->name)
		text_add(text, symbol->name->data, symbol->name->len);
	else
		text_addx(text, address);
}

bool stacks_add_text(const struct stacks *stacks, u32 section, u32 id,
		     const struct modules *modules, struct text *text)
{
	const struct stack *stack =
		section < stacks->section_count ? idmap_find(&stacks->sections[section], id) : NULL;
	const char *separator = text->len ? ";" : "";

	if (!stack || stack->cut)
		text_addf(text, "%s%s", separator, stack ? "[cut]" : "[unknown]");
	for (u32 i = stack ? stack->count : 0; i-- > 0;) {
		if (text->len)
			text_addc(text, ';');
		if (stack->kernel)
			add_kernel_frame(stacks, stack->frames[i], text);
		else
			add_user_frame(stacks, modules, stack->frames[i], i > 0, text);
	}
	return stack != NULL;
}
