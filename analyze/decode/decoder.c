/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/decoder.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_PATH		255
#define X32_SYSCALL_BIT 0x40000000u
/* A hostile file can hold any number of numbers; the names beyond these share one. */
#define UNKNOWN_NAMES_MAX 65536

bool is_identifier(const char *name)
{
	size_t len = strlen(name);

	return len && len <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
		       len;
}

static u32 direct_nr(u8 abi, u32 nr)
{
	return abi == SYSCALL_ABI_X32 ? nr & ~X32_SYSCALL_BIT : nr;
}

static void plan_init(struct call_plan *plan, const struct syscall_desc *desc, u8 abi)
{
	plan->path_arg = NO_PATH;
	if (!is_identifier(desc->name) || desc->arg_count > 6)
		return; /* stays without a desc: as if the trace did not know the number */
	plan->desc = desc;
	plan->printer = call_printer_find(desc->name);
	plan->result = call_result_find(desc->name);
	for (u8 i = 0; i < desc->arg_count; i++) {
		const struct syscall_arg *arg = &desc->args[i];

		if (arg->set &&
		    (arg->type == ARG_FLAGS || arg->type == ARG_ENUM || arg->type == ARG_LOW))
			plan->sets[i] = value_set_find(arg->set, abi);
		if (arg->type == ARG_PATH && plan->path_arg == NO_PATH)
			plan->path_arg = i;
	}
}

static void abi_init(struct abi_plan *abi, const struct syscall_table *table)
{
	abi->table = table;
	abi->plans = xcalloc(table->count ? table->count : 1, sizeof(*abi->plans));
	abi->by_nr = xcalloc(DIRECT_NR_LIMIT, sizeof(*abi->by_nr));
	for (size_t i = 0; i < table->count && i < UINT16_MAX; i++) {
		u32 nr = direct_nr(table->abi, table->calls[i].nr);

		plan_init(&abi->plans[i], &table->calls[i], table->abi);
		if (nr < DIRECT_NR_LIMIT && abi->plans[i].desc)
			abi->by_nr[nr] = (u16)(i + 1);
	}
}

struct decoder *decoder_new(const struct trace_meta *meta)
{
	struct decoder *decoder = xcalloc(1, sizeof(*decoder));

	decoder->swapped = meta->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	for (size_t i = 0; i < meta->table_count; i++) {
		const struct syscall_table *table = &meta->tables[i];

		if (table->abi < SYSCALL_ABI_MAX && !decoder->abis[table->abi].table)
			abi_init(&decoder->abis[table->abi], table);
	}
	for (size_t i = 0; i < meta->errno_count; i++)
		if (meta->errnos[i].value < ERRNO_LIMIT && is_identifier(meta->errnos[i].name))
			decoder->errnos[meta->errnos[i].value] = meta->errnos[i].name;
	for (size_t i = 0; i < meta->signal_count; i++)
		if (meta->signals[i].value < SIGNAL_LIMIT && is_identifier(meta->signals[i].name))
			decoder->signals[meta->signals[i].value] = meta->signals[i].name;
	names_fill(decoder);
	return decoder;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	for (size_t i = 0; i < SYSCALL_ABI_MAX; i++) {
		free(decoder->abis[i].plans);
		free(decoder->abis[i].by_nr);
	}
	for (size_t i = 0; i < decoder->unknown_capacity; i++)
		free(decoder->unknown[i]);
	free(decoder->unknown);
	text_release(&decoder->fd_text);
	free(decoder);
}

void decoder_name_fds(struct decoder *decoder, decode_fd_name_fn name, void *context)
{
	decoder->fd_name = name;
	decoder->fd_context = context;
}

const struct call_plan *decoder_plan(const struct decoder *decoder, u8 abi, u32 nr)
{
	const struct abi_plan *plan;
	const struct syscall_desc *desc;

	if (abi >= SYSCALL_ABI_MAX || !decoder->abis[abi].table)
		return NULL;
	plan = &decoder->abis[abi];
	nr = direct_nr(abi, nr);
	if (nr < DIRECT_NR_LIMIT)
		return plan->by_nr[nr] ? &plan->plans[plan->by_nr[nr] - 1] : NULL;
	desc = syscall_by_nr(plan->table, nr);
	if (!desc || !plan->plans[desc - plan->table->calls].desc)
		return NULL;
	return &plan->plans[desc - plan->table->calls];
}

const struct syscall_desc *decoder_syscall(const struct decoder *decoder, u8 abi, u32 nr)
{
	const struct call_plan *plan = decoder_plan(decoder, abi, nr);

	return plan ? plan->desc : NULL;
}

/* ---- names of numbers that no table has ---- */

static struct unknown_name **unknown_slot(struct decoder *decoder, u64 key)
{
	size_t mask = decoder->unknown_capacity - 1;
	size_t i = hash_number(0, key) & mask;

	while (decoder->unknown[i] && decoder->unknown[i]->key != key)
		i = (i + 1) & mask;
	return &decoder->unknown[i];
}

static void unknown_grow(struct decoder *decoder)
{
	struct unknown_name **old = decoder->unknown;
	size_t old_capacity = decoder->unknown_capacity;

	decoder->unknown_capacity = old_capacity ? old_capacity * 2 : 64;
	decoder->unknown = xcalloc(decoder->unknown_capacity, sizeof(struct unknown_name *));
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i])
			*unknown_slot(decoder, old[i]->key) = old[i];
	free(old);
}

const char *decoder_syscall_name(struct decoder *decoder, u8 abi, u32 nr)
{
	const struct syscall_desc *desc = decoder_syscall(decoder, abi, nr);
	u64 key = (u64)abi << 32 | nr;
	struct unknown_name **slot;

	if (desc)
		return desc->name;
	if (decoder->unknown_count * 2 >= decoder->unknown_capacity)
		unknown_grow(decoder);
	slot = unknown_slot(decoder, key);
	if (*slot)
		return (*slot)->name;
	if (decoder->unknown_count >= UNKNOWN_NAMES_MAX)
		return "syscall_unknown";
	decoder->unknown_count++;
	*slot = xcalloc(1, sizeof(**slot));
	(*slot)->key = key;
	snprintf((*slot)->name, sizeof((*slot)->name), "syscall_0x%x", nr);
	return (*slot)->name;
}

/* ---- paths ---- */

bool decode_path(struct decoder *decoder, const struct trc_syscall *record, const char **ret_path,
		 size_t *ret_len)
{
	const struct call_plan *plan = decoder_plan(decoder, record->abi, record->nr);
	const struct trc_item *item;

	if (!plan || plan->path_arg == NO_PATH || record->state == TRC_SYSCALL_NO_ENTER)
		return false;
	/* The first that could be read: of renameat's two the second may be the only one. */
	for (u8 i = plan->path_arg; i < plan->desc->arg_count; i++) {
		if (plan->desc->args[i].type != ARG_PATH)
			continue;
		item = record_item(&record->head, i);
		if (!item || item->type != TRC_TYPE_str || item->state == TRC_ITEM_UNREADABLE)
			continue;
		*ret_path = (const char *)trc_item_data(item);
		*ret_len = item->len;
		return true;
	}
	return false;
}

/* ---- numbers in payloads ---- */

u16 payload_u16(const struct decoder *decoder, const u8 *data)
{
	u16 value;

	memcpy(&value, data, sizeof(value));
	return decoder->swapped ? __builtin_bswap16(value) : value;
}

u32 payload_u32(const struct decoder *decoder, const u8 *data)
{
	u32 value;

	memcpy(&value, data, sizeof(value));
	return decoder->swapped ? __builtin_bswap32(value) : value;
}

u64 payload_u64(const struct decoder *decoder, const u8 *data)
{
	u64 value;

	memcpy(&value, data, sizeof(value));
	return decoder->swapped ? __builtin_bswap64(value) : value;
}
