/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/control.h"
#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/schema.h"
#include "record/build_id.h"
#include "record/kernel_symbols.h"
#include "record/process_maps.h"

#define FILES_MAX     4096 /* whose build ids are remembered */
#define ADDRESSES_MIN 1024
#define KEPT_MAX                                                                                   \
	(2 * STACK_IDS) /* twice what the kernel refers to, of which some are forgotten late */
#define TRACER_FRAMES 8 /* at most so many at the inner end are the hook's own */

enum { MODULE_PATH, MODULE_BUILD_ID };
enum { SYMBOL_NAME, SYMBOL_MODULE };

struct known_file {
	u64 inode;
	u32 dev_major, dev_minor;
	u32 id_len;
	u8 id[BUILD_ID_BYTES_MAX];
};

struct kept_stack {
	u32 id;	  /* 0: free */
	u32 part; /* the last that it was written to */
	struct trc_head *record;
};

struct stacks {
	struct kernel_symbols *symbols; /* NULL: the kernel hides them */
	u64 *named; /* kernel addresses that have been named; a hash set, 0 is free */
	size_t named_count, named_size;
	struct known_file *files;
	size_t file_count, file_capacity;
	u32 part;
	struct kept_stack kept[KEPT_MAX]; /* by id, the last ones */
	u8 record[TRC_RECORD_MAX];	  /* the one being put together */
};

struct stacks *stacks_new(void)
{
	struct stacks *stacks = xcalloc(1, sizeof(*stacks));
	int err = kernel_symbols_load(&stacks->symbols);

	if (err)
		log_warning("kernel addresses in stacks stay numbers: /proc/kallsyms: %s; sysctl "
			    "kernel.kptr_restrict=0 and CAP_SYSLOG show them",
			    strerror(-err));
	stacks->named_size = ADDRESSES_MIN;
	stacks->named = xcalloc(stacks->named_size, sizeof(*stacks->named));
	return stacks;
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	kernel_symbols_free(stacks->symbols);
	for (size_t i = 0; i < KEPT_MAX; i++)
		free(stacks->kept[i].record);
	free(stacks->named);
	free(stacks->files);
	free(stacks);
}

void stacks_begin_part(struct stacks *stacks)
{
	memset(stacks->named, 0, stacks->named_size * sizeof(*stacks->named));
	stacks->named_count = 0;
	stacks->part++;
}

/* --- putting a record together */

static struct trc_head *record_begin(struct stacks *stacks, const struct trc_head *like, u16 kind,
				     u16 words)
{
	struct trc_head *record = (void *)stacks->record;

	*record = *like;
	record->kind = kind;
	record->words = words;
	record->len = words * 8;
	return record;
}

static void record_add(struct trc_head *record, u8 field, u8 type, const void *data, u16 len)
{
	u8 *at = (u8 *)record + record->len;
	u16 padded = (len + 7u) & ~7u;

	if (record->len + sizeof(struct trc_item) + padded > TRC_RECORD_MAX)
		return;
	*(struct trc_item *)at = (struct trc_item){ .field = field, .type = type, .len = len };
	memset(at + sizeof(struct trc_item), 0, padded);
	memcpy(at + sizeof(struct trc_item), data, len);
	record->len += sizeof(struct trc_item) + padded;
}

/* --- kernel stacks */

/* False if it was there. */
static bool addresses_add(u64 *set, size_t size, u64 address)
{
	size_t i = (address * 0x9e3779b97f4a7c15) >> 32 & (size - 1);

	while (set[i] && set[i] != address)
		i = (i + 1) & (size - 1);
	if (set[i])
		return false;
	set[i] = address;
	return true;
}

static bool is_new(struct stacks *stacks, u64 address)
{
	if (stacks->named_count * 2 >= stacks->named_size) {
		u64 *larger = xcalloc(stacks->named_size * 2, sizeof(*larger));

		for (size_t i = 0; i < stacks->named_size; i++)
			if (stacks->named[i])
				addresses_add(larger, stacks->named_size * 2, stacks->named[i]);
		free(stacks->named);
		stacks->named = larger;
		stacks->named_size *= 2;
	}
	if (!addresses_add(stacks->named, stacks->named_size, address))
		return false;
	stacks->named_count++;
	return true;
}

static int name_address(struct stacks *stacks, u16 cpu, const struct trc_head *stack, u64 address,
			stacks_put_fn put, void *data)
{
	const struct kernel_symbol *symbol;
	struct trc_kernel_symbol *record;

	if (!address || !is_new(stacks, address))
		return 0;
	symbol = kernel_symbol_of(stacks->symbols, address);
	if (!symbol)
		return 0;
	record = (void *)record_begin(stacks, stack, TRC_KIND_kernel_symbol, sizeof(*record) / 8);
	record->address = address;
	record->offset = address - symbol->start;
	record_add(&record->head, SYMBOL_NAME, TRC_TYPE_str, symbol->name, strlen(symbol->name));
	if (symbol->module)
		record_add(&record->head, SYMBOL_MODULE, TRC_TYPE_str, symbol->module,
			   strlen(symbol->module));
	return put(data, cpu, &record->head);
}

/* The hook and the program itself stand innermost: how many frames they are differs from kernel to kernel. */
static u16 tracer_frames(const struct kernel_symbols *symbols, const u64 *frames, u16 count)
{
	static const char *const hooks[] = { "bpf_trace_run", "__bpf_trace_", "__traceiter_" };
	u16 first = 0;

	for (u16 i = 0; i < count && i < TRACER_FRAMES; i++) {
		const struct kernel_symbol *symbol = kernel_symbol_of(symbols, frames[i]);

		for (size_t h = 0; symbol && h < ARRAY_SIZE(hooks); h++)
			if (!strncmp(symbol->name, hooks[h], strlen(hooks[h])))
				first = i + 1;
	}
	return first;
}

static int append_kernel_stack(struct stacks *stacks, u16 cpu, const struct trc_stack *stack,
			       stacks_put_fn put, void *data)
{
	const struct trc_item *item = record_item(&stack->head, 0);
	const u64 *frames = item ? (const void *)trc_item_data(item) : NULL;
	u16 count = item ? item->len / 8 : 0, skip;
	struct trc_stack *record;
	int err;

	skip = tracer_frames(stacks->symbols, frames, count);
	frames += skip;
	count -= skip;
	record = (void *)record_begin(stacks, &stack->head, TRC_KIND_stack, sizeof(*record) / 8);
	*record = *stack;
	record->head.len = sizeof(*record);
	record->frame_count = count;
	record_add(&record->head, 0, TRC_TYPE_u64s, frames, count * 8);
	err = put(data, cpu, &record->head);
	for (u16 i = 0; i < count && !err; i++)
		err = name_address(stacks, cpu, &stack->head, frames[i], put, data);
	return err;
}

/* --- modules */

static const struct known_file *file_of(struct stacks *stacks, const struct trc_module *module,
					const char *path)
{
	struct known_file *file;
	int len;

	for (size_t i = stacks->file_count; i-- > 0;) {
		file = &stacks->files[i];
		if (file->inode == module->inode && file->dev_major == module->dev_major &&
		    file->dev_minor == module->dev_minor)
			return file;
	}
	if (stacks->file_count == FILES_MAX)
		stacks->file_count = 0;
	ARRAY_RESERVE(stacks->files, stacks->file_capacity, stacks->file_count + 1);
	file = &stacks->files[stacks->file_count];
	*file = (struct known_file){ .inode = module->inode,
				     .dev_major = module->dev_major,
				     .dev_minor = module->dev_minor };
	len = build_id_read(module->head.tgid, path, module->inode, file->id);
	/* Gone, or not reachable from here: perhaps from another process. */
	if (len < 0)
		return NULL;
	file->id_len = len;
	stacks->file_count++;
	return file;
}

static int append_module(struct stacks *stacks, u16 cpu, const struct trc_module *module,
			 stacks_put_fn put, void *data)
{
	const struct trc_item *item = record_item(&module->head, MODULE_PATH);
	const struct known_file *file = NULL;
	struct trc_head *record;

	if (item && item->state == TRC_ITEM_WHOLE) {
		char *path = xstrndup((const char *)trc_item_data(item), item->len);

		file = file_of(stacks, module, path);
		free(path);
	}
	if (!file || !file->id_len)
		return put(data, cpu, &module->head);
	record = (void *)stacks->record;
	memcpy(record, module, module->head.len);
	record_add(record, MODULE_BUILD_ID, TRC_TYPE_bytes, file->id, file->id_len);
	return put(data, cpu, record);
}

struct mapped_code {
	struct stacks *stacks;
	const struct trc_head *found;
	struct trc_head *record; /* room for one */
	stacks_put_fn put;
	void *data;
};

static int append_code(void *context, const struct process_map *map)
{
	struct mapped_code *code = context;
	struct trc_module *module = (void *)code->record;

	if (!(map->prot & PROT_EXEC))
		return 0;
	*module = (struct trc_module){ .head = *code->found,
				       .inode = map->inode,
				       .dev_major = map->major,
				       .dev_minor = map->minor,
				       .start = map->start,
				       .end = map->end,
				       .offset = map->offset };
	module->head.kind = TRC_KIND_module;
	module->head.words = sizeof(*module) / 8;
	module->head.len = sizeof(*module);
	record_add(&module->head, MODULE_PATH, TRC_TYPE_str, map->path, strlen(map->path));
	return append_module(code->stacks, code->found->cpu, module, code->put, code->data);
}

int stacks_append_process(struct stacks *stacks, const struct trc_head *found, u32 number,
			  stacks_put_fn put, void *data)
{
	_cleanup_free_ struct trc_head *record = xmalloc(TRC_RECORD_MAX);
	struct mapped_code code = { stacks, found, record, put, data };

	return process_maps_each(number, append_code, &code);
}

static int append_stack(struct stacks *stacks, u16 cpu, const struct trc_stack *stack,
			stacks_put_fn put, void *data)
{
	if (stack->space && stacks->symbols)
		return append_kernel_stack(stacks, cpu, stack, put, data);
	return put(data, cpu, &stack->head);
}

static void keep(struct stacks *stacks, const struct trc_stack *stack)
{
	struct kept_stack *kept = &stacks->kept[stack->id % KEPT_MAX];

	free(kept->record);
	kept->id = stack->id;
	kept->part = stacks->part;
	kept->record = xmalloc(stack->head.len);
	memcpy(kept->record, stack, stack->head.len);
}

/* Tells again of a stack that an earlier part has. */
static int tell_again(struct stacks *stacks, u16 cpu, u32 id, u64 ts, stacks_put_fn put, void *data)
{
	struct kept_stack *kept = &stacks->kept[id % KEPT_MAX];

	if (!id || kept->id != id || kept->part == stacks->part)
		return 0;
	kept->part = stacks->part;
	kept->record->ts = ts;
	kept->record->cpu = cpu;
	return append_stack(stacks, cpu, (const void *)kept->record, put, data);
}

int stacks_append(struct stacks *stacks, u16 cpu, const struct trc_head *record, stacks_put_fn put,
		  void *data)
{
	const struct trc_stack_use *use = (const void *)record;
	int err;

	if (record->kind == TRC_KIND_module)
		return append_module(stacks, cpu, (const void *)record, put, data);
	if (record->kind == TRC_KIND_stack) {
		keep(stacks, (const void *)record);
		return append_stack(stacks, cpu, (const void *)record, put, data);
	}
	err = tell_again(stacks, cpu, use->user_stack, record->ts, put, data);
	if (!err)
		err = tell_again(stacks, cpu, use->kernel_stack, record->ts, put, data);
	return err ? err : put(data, cpu, record);
}
