/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/stacks.h"

#include "analyze/model/idmap.h"
#include "analyze/model/symbols.h"
#include "common/alloc.h"
#include "common/hash.h"
#include "common/schema.h"

#include <stdlib.h>
#include <string.h>

#define MODULES_MAX 65536 /* of a process: more than the kernel lets it map, unless told to */
#define SYMBOLS_MIN 256
#define SYMBOLS_MAX (1u << 20)
/* Bytes: there may be 2000 frames with names of 4096 bytes each. */
#define STACK_TEXT_MAX 65536

enum { MODULE_path, MODULE_build_id }; /* V() fields in the order of events.def */
enum { KERNEL_SYMBOL_name };

struct module {
	u64 start, end, offset;
	struct string *path;	 /* NULL: unknown */
	struct string *build_id; /* the same */
	u64 inode;
	u32 dev_major, dev_minor;
	s64 mapped_ns; /* wall clock */
};

/*
 * A treap: sorted by address, and a parent's rank, a hash of its address, is above its children's. A node never changes,
 * so that what processes and the rows of tables hold in common is there once.
 */
struct modules {
	u32 references, count; /* count: of the mappings from here down */
	struct module module;
	struct modules *left, *right;
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

static u32 count_of(const struct modules *tree)
{
	return tree ? tree->count : 0;
}

struct modules *modules_ref(struct modules *tree)
{
	if (tree)
		tree->references++;
	return tree;
}

void modules_unref(struct modules *tree)
{
	if (!tree || --tree->references)
		return;
	modules_unref(tree->left);
	modules_unref(tree->right);
	string_unref(tree->module.path);
	string_unref(tree->module.build_id);
	free(tree);
}

/* Takes the references that it is given. */
static struct modules *node_new(struct module module, struct modules *left, struct modules *right)
{
	struct modules *tree = xmalloc(sizeof(*tree));

	*tree = (struct modules){ 1, count_of(left) + 1 + count_of(right), module, left, right };
	return tree;
}

/* The same mapping with others below it. */
static struct modules *node_again(const struct modules *from, struct modules *left,
				  struct modules *right)
{
	string_ref(from->module.path);
	string_ref(from->module.build_id);
	return node_new(from->module, left, right);
}

/* Those that end at `place` at the latest. */
static struct modules *before(const struct modules *tree, u64 place)
{
	if (!tree)
		return NULL;
	if (tree->module.end > place)
		return before(tree->left, place);
	return node_again(tree, modules_ref(tree->left), before(tree->right, place));
}

/* Those that begin at `place` or behind it. */
static struct modules *behind(const struct modules *tree, u64 place)
{
	if (!tree)
		return NULL;
	if (tree->module.start < place)
		return behind(tree->right, place);
	return node_again(tree, behind(tree->left, place), modules_ref(tree->right));
}

static u64 rank_of(const struct modules *tree)
{
	return hash_number(0, tree->module.start);
}

/* All of `low` lies before `high`; gives both back as one. */
static struct modules *join(struct modules *low, struct modules *high)
{
	struct modules *tree;

	if (!low || !high)
		return low ? low : high;
	if (rank_of(low) > rank_of(high)) {
		tree = node_again(low, modules_ref(low->left), join(modules_ref(low->right), high));
		modules_unref(low);
	} else {
		tree = node_again(high, join(low, modules_ref(high->left)),
				  modules_ref(high->right));
		modules_unref(high);
	}
	return tree;
}

void modules_add(struct modules **slot, const struct trc_module *record, s64 wall_ns)
{
	struct modules *low, *high, *old = *slot;

	if (record->start >= record->end)
		return;
	low = before(old, record->start);
	high = behind(old, record->end);
	if (count_of(low) + count_of(high) < MODULES_MAX) {
		struct module module = { .start = record->start,
					 .end = record->end,
					 .offset = record->offset,
					 .path = item_string(&record->head, MODULE_path),
					 .build_id = item_string(&record->head, MODULE_build_id),
					 .inode = record->inode,
					 .dev_major = record->dev_major,
					 .dev_minor = record->dev_minor,
					 .mapped_ns = wall_ns };

		low = join(low, node_new(module, NULL, NULL));
	}
	*slot = join(low, high);
	modules_unref(old);
}

static const struct module *module_at(const struct modules *tree, u64 address)
{
	while (tree && (address < tree->module.start || address >= tree->module.end))
		tree = address < tree->module.start ? tree->left : tree->right;
	return tree ? &tree->module : NULL;
}

/* The text is cut at semicolons. */
static void add_name(struct text *text, const char *name)
{
	for (size_t len; *name; name += len) {
		if (*name == ';') {
			text_addc(text, ':');
			len = 1;
			continue;
		}
		len = strcspn(name, ";");
		text_add(text, name, len);
	}
}

static const char *function_at(const struct stacks *stacks, const struct module *module, u64 offset)
{
	const struct string *id = module->build_id;
	const struct symbols_file file = { .path = module->path->data,
					   .id = id ? (const u8 *)id->data : NULL,
					   .id_len = id ? id->len : 0,
					   .inode = module->inode,
					   .dev_major = module->dev_major,
					   .dev_minor = module->dev_minor,
					   .mapped_ns = module->mapped_ns };

	return stacks->names ? symbols_name(stacks->names, &file, offset) : NULL;
}

/* `returns`: the address is where a call goes on, which may be the next function. */
static void add_user_frame(const struct stacks *stacks, const struct modules *modules, u64 address,
			   bool returns, struct text *text)
{
	const struct module *module = module_at(modules, address);
	const char *name;

	if (!module || !module->path) {
		text_addx(text, address);
		return;
	}
	name = function_at(stacks, module, address - module->start + module->offset - returns);
	if (name) {
		add_name(text, name);
		return;
	}
	name = strrchr(module->path->data, '/');
	add_name(text, name ? name + 1 : module->path->data);
	text_addc(text, '+');
	text_addx(text, address - module->start + module->offset);
}

/* ---- stacks ---- */

struct stacks *stacks_new(const char *machine_id)
{
	struct stacks *stacks = xcalloc(1, sizeof(*stacks));

	stacks->symbol_size = SYMBOLS_MIN;
	stacks->symbols = xcalloc(stacks->symbol_size, sizeof(*stacks->symbols));
	stacks->names = symbols_new(machine_id);
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
	size_t i = hash_number(0, address) & (size - 1);

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
	if (!symbol->address && stacks->symbol_count == SYMBOLS_MAX)
		return;
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
	size_t start = text->len;

	if (!stack || stack->cut)
		text_addf(text, "%s%s", separator, stack ? "[cut]" : "[unknown]");
	for (u32 i = stack ? stack->count : 0; i-- > 0;) {
		if (text->len)
			text_addc(text, ';');
		if (text->len - start > STACK_TEXT_MAX) {
			text_adds(text, "[cut]");
			break;
		}
		if (stack->kernel)
			add_kernel_frame(stacks, stack->frames[i], text);
		else
			add_user_frame(stacks, modules, stack->frames[i], i > 0, text);
	}
	return stack != NULL;
}
