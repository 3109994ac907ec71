/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/schema.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/*
 * Two passes over events.def, each in a function's scope: there, a block per event gives the field
 * rows a name for "the struct of this event" without naming it in every F().
 */
static struct schema_kind kinds[TRC_KIND_MAX];
static struct schema builtin = { .kinds = kinds };
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

#define F(type, name, unit, doc)                                                                   \
	{ #name, unit, doc, offsetof(record, name), sizeof(type), TRC_TYPE_##type },
#define C(name, size, unit, doc) { #name, unit, doc, offsetof(record, name), size, TRC_TYPE_chars },
#define V(type, name, doc)
#define EVENT(id, name, class, doc, ...)                                                           \
	{                                                                                          \
		typedef struct trc_##name record;                                                  \
		static const struct schema_field fields[] = { __VA_ARGS__{} };                     \
		static const struct schema_kind row = {                                            \
			id,                                                                        \
			sizeof(record),                                                            \
			TRC_CLASS_##class,                                                         \
			ARRAY_SIZE(fields) - 1,                                                    \
			0,                                                                         \
			#name,                                                                     \
			doc,                                                                       \
			fields,                                                                    \
			NULL,                                                                      \
		};                                                                                 \
		kinds[builtin.kind_count++] = row;                                                 \
	}
static void builtin_add_fields(void)
{
#include "common/events.def"
}
#undef F
#undef C
#undef V
#undef EVENT

#define F(type, name, unit, doc)
#define C(name, size, unit, doc)
#define V(type, name, doc) { #name, doc, TRC_TYPE_##type },
#define EVENT(id, name, class, doc, ...)                                                           \
	{                                                                                          \
		static const struct schema_item items[] = { __VA_ARGS__{} };                       \
		kind->items = items;                                                               \
		kind->item_count = ARRAY_SIZE(items) - 1;                                          \
		kind++;                                                                            \
	}
static void builtin_add_items(void)
{
	struct schema_kind *kind = kinds;

#include "common/events.def"
}
#undef F
#undef C
#undef V
#undef EVENT

static void builtin_init(void)
{
	builtin_add_fields();
	builtin_add_items();
}

const struct schema *schema_builtin(void)
{
	pthread_once(&builtin_once, builtin_init);
	return &builtin;
}

const struct schema_kind *schema_kind_by_id(const struct schema *schema, u16 id)
{
	/* Ids are dense and in order, but for the kinds that a file leaves out. */
	if (id && id <= schema->kind_count && schema->kinds[id - 1].id == id)
		return &schema->kinds[id - 1];
	for (size_t i = 0; i < schema->kind_count; i++)
		if (schema->kinds[i].id == id)
			return &schema->kinds[i];
	return NULL;
}

const struct schema_kind *schema_kind_by_name(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->kind_count; i++)
		if (!strcmp(schema->kinds[i].name, name))
			return &schema->kinds[i];
	return NULL;
}

const struct schema_field *schema_field_by_name(const struct schema_kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->field_count; i++)
		if (!strcmp(kind->fields[i].name, name))
			return &kind->fields[i];
	return NULL;
}

const char *schema_type_name(u8 type)
{
	switch ((enum trc_type)type) {
	case TRC_TYPE_u8:
		return "u8";
	case TRC_TYPE_u16:
		return "u16";
	case TRC_TYPE_u32:
		return "u32";
	case TRC_TYPE_u64:
		return "u64";
	case TRC_TYPE_s32:
		return "s32";
	case TRC_TYPE_s64:
		return "s64";
	case TRC_TYPE_chars:
		return "chars";
	case TRC_TYPE_any:
		return "any";
	case TRC_TYPE_str:
		return "str";
	case TRC_TYPE_strv:
		return "strv";
	case TRC_TYPE_bytes:
		return "bytes";
	case TRC_TYPE_sockaddr:
		return "sockaddr";
	case TRC_TYPE_fds:
		return "fds";
	case TRC_TYPE_u32s:
		return "u32s";
	case TRC_TYPE_u64s:
		return "u64s";
	case TRC_TYPE_cmsgs:
		return "cmsgs";
	}
	return "unknown";
}

const char *schema_class_name(u8 class)
{
	switch ((enum trc_class) class) {
	case TRC_CLASS_TASK:
		return "task";
	case TRC_CLASS_OBJECT:
		return "object";
	case TRC_CLASS_SYSCALL:
		return "syscall";
	case TRC_CLASS_FUTEX:
		return "futex";
	case TRC_CLASS_SCHED:
		return "sched";
	case TRC_CLASS_SIGNAL:
		return "signal";
	case TRC_CLASS_MEMORY:
		return "memory";
	case TRC_CLASS_IO:
		return "io";
	case TRC_CLASS_STACK:
		return "stack";
	case TRC_CLASS_COUNTER:
		return "counter";
	}
	return NULL;
}

static size_t item_size(const struct trc_item *item)
{
	return sizeof(*item) + (item->len + 7u) / 8 * 8;
}

int record_check(const struct trc_head *record, size_t room)
{
	size_t at;

	if (room < sizeof(*record) || record->len > room || record->len > TRC_RECORD_MAX ||
	    record->len % 8 || record->words < TRC_HEAD_WORDS)
		return -EBADMSG;
	at = record->words * 8u;
	if (at > record->len)
		return -EBADMSG;
	while (at < record->len) {
		const struct trc_item *item = (const void *)((const u8 *)record + at);

		if (item_size(item) > record->len - at)
			return -EBADMSG;
		if (item->state == TRC_ITEM_UNREADABLE && item->len)
			return -EBADMSG;
		at += item_size(item);
	}
	return 0;
}

bool record_field(const struct trc_head *record, const struct schema_field *field, u64 *ret_value)
{
	const u8 *p = (const u8 *)record + field->offset;
	union {
		u8 u8;
		u16 u16;
		u32 u32;
		u64 u64;
		s32 s32;
	} v;

	if (field->offset + field->size > record->words * 8u || field->size > sizeof(v))
		return false;
	memcpy(&v, p, field->size);
	switch ((enum trc_type)field->type) {
	case TRC_TYPE_u8:
		*ret_value = v.u8;
		return true;
	case TRC_TYPE_u16:
		*ret_value = v.u16;
		return true;
	case TRC_TYPE_u32:
		*ret_value = v.u32;
		return true;
	case TRC_TYPE_s32:
		*ret_value = (u64)(s64)v.s32;
		return true;
	case TRC_TYPE_u64:
	case TRC_TYPE_s64:
		*ret_value = v.u64;
		return true;
	default:
		return false; /* chars and what is not a fixed field */
	}
}

const struct trc_item *record_item_next(const struct trc_head *record,
					const struct trc_item **cursor)
{
	const u8 *start = (const u8 *)record;
	const u8 *next =
		*cursor ? (const u8 *)*cursor + item_size(*cursor) : start + record->words * 8u;

	if (next >= start + record->len)
		return NULL;
	*cursor = (const struct trc_item *)next;
	return *cursor;
}

const struct trc_item *record_item(const struct trc_head *record, u8 field)
{
	const struct trc_item *cursor = NULL, *item;

	while ((item = record_item_next(record, &cursor)))
		if (item->field == field)
			return item;
	return NULL;
}
