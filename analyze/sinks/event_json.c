/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/sinks/event_json.h"

#include <string.h>

static void add_hex(struct text *text, const u8 *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	text_addc(text, '"');
	for (size_t i = 0; i < len; i++) {
		text_addc(text, digits[data[i] >> 4]);
		text_addc(text, digits[data[i] & 15]);
	}
	text_addc(text, '"');
}

static void add_string(struct text *text, const char *s, size_t len)
{
	text_addc(text, '"');
	text_add_json(text, s, len);
	text_addc(text, '"');
}

static void add_strings(struct text *text, const char *data, size_t len)
{
	text_addc(text, '[');
	for (size_t at = 0; at < len;) {
		size_t word = strnlen(data + at, len - at);

		if (at)
			text_addc(text, ',');
		add_string(text, data + at, word);
		at += word + 1;
	}
	text_addc(text, ']');
}

/* `size` bytes each. */
static void add_numbers(struct text *text, const u8 *data, size_t len, size_t size, bool is_signed)
{
	text_addc(text, '[');
	for (size_t at = 0; at + size <= len; at += size) {
		u32 half;
		u64 whole;

		if (at)
			text_addc(text, ',');
		if (size == 4) {
			memcpy(&half, data + at, 4);
			whole = half;
		} else {
			memcpy(&whole, data + at, 8);
		}
		if (is_signed)
			text_addi(text, (s32)whole);
		else
			text_addu(text, whole);
	}
	text_addc(text, ']');
}

static void add_item_data(struct text *text, const struct trc_item *item)
{
	const u8 *data = trc_item_data(item);

	if (item->state == TRC_ITEM_UNREADABLE) {
		text_adds(text, "null");
		return;
	}
	switch (item->type) {
	case TRC_TYPE_str:
		add_string(text, (const char *)data, item->len);
		break;
	case TRC_TYPE_strv:
		add_strings(text, (const char *)data, item->len);
		break;
	case TRC_TYPE_fds:
		add_numbers(text, data, item->len, 4, true);
		break;
	case TRC_TYPE_u32s:
		add_numbers(text, data, item->len, 4, false);
		break;
	case TRC_TYPE_u64s:
		add_numbers(text, data, item->len, 8, false);
		break;
	default:
		add_hex(text, data, item->len);
	}
}

/* A name in quotes, or the number that has none. */
static void add_name(struct text *text, const char *name, u64 number)
{
	if (name)
		add_string(text, name, strlen(name));
	else
		text_addu(text, number);
}

static const char *type_name(u8 type)
{
	const char *name = schema_type_name(type);

	return name && strcmp(name, "unknown") != 0 ? name : NULL;
}

void event_add_items(struct text *text, const struct trc_head *record,
		     const struct schema_kind *kind)
{
	static const char *const states[] = { "whole", "truncated", "unreadable" };
	const struct trc_item *cursor = NULL, *item;
	bool any = false;

	text_addc(text, '[');
	while ((item = record_item_next(record, &cursor))) {
		text_adds(text, any ? ",{\"field\":" : "{\"field\":");
		any = true;
		add_name(text,
			 item->field < kind->item_count ? kind->items[item->field].name : NULL,
			 item->field);
		text_adds(text, ",\"type\":");
		add_name(text, type_name(item->type), item->type);
		text_adds(text, ",\"state\":");
		add_name(text, item->state < ARRAY_SIZE(states) ? states[item->state] : NULL,
			 item->state);
		text_adds(text, ",\"more\":");
		text_addu(text, item->more);
		text_adds(text, ",\"data\":");
		add_item_data(text, item);
		text_addc(text, '}');
	}
	text_addc(text, ']');
}

bool event_field_text(const struct trc_head *record, const struct schema_field *field,
		      const char **ret_text, size_t *ret_len)
{
	if (field->type != TRC_TYPE_chars || field->offset + field->size > record->words * 8u)
		return false;
	*ret_text = (const char *)record + field->offset;
	*ret_len = strnlen(*ret_text, field->size);
	return true;
}

bool event_field_unknown(const struct trc_head *record, const struct schema_field *field)
{
	return (!field->type || field->type > TRC_TYPE_chars) &&
	       field->offset + field->size <= record->words * 8u;
}

void event_add_unknown(struct text *text, const struct trc_head *record,
		       const struct schema_field *field)
{
	text_adds(text, "{\"type\":");
	add_name(text, type_name(field->type), field->type);
	text_adds(text, ",\"data\":");
	add_hex(text, (const u8 *)record + field->offset, field->size);
	text_addc(text, '}');
}

void event_add_number(struct text *text, const struct schema_field *field, u64 value)
{
	if (field->type == TRC_TYPE_s32 || field->type == TRC_TYPE_s64)
		text_addi(text, (s64)value);
	else
		text_addu(text, value);
}

static void add_fields(struct text *text, const struct trc_head *record,
		       const struct schema_kind *kind)
{
	bool any = false;

	text_adds(text, ",\"fields\":{");
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct schema_field *field = &kind->fields[i];
		const char *s;
		size_t len;
		u64 value;
		bool is_text = event_field_text(record, field, &s, &len);
		bool is_unknown = event_field_unknown(record, field);

		if (!is_text && !is_unknown && !record_field(record, field, &value))
			continue;
		if (any)
			text_addc(text, ',');
		any = true;
		add_string(text, field->name, strlen(field->name));
		text_addc(text, ':');
		if (is_text)
			add_string(text, s, len);
		else if (is_unknown)
			event_add_unknown(text, record, field);
		else
			event_add_number(text, field, value);
	}
	text_adds(text, "},\"items\":");
	event_add_items(text, record, kind);
}

void event_add_json(struct text *text, const struct trc_head *record,
		    const struct schema_kind *kind)
{
	text_adds(text, "{\"ts\":");
	text_addu(text, record->ts);
	text_adds(text, ",\"tid\":");
	text_addu(text, record->tid);
	text_adds(text, ",\"tgid\":");
	text_addu(text, record->tgid);
	text_adds(text, ",\"kind\":");
	add_name(text, kind ? kind->name : NULL, record->kind);
	text_adds(text, ",\"cpu\":");
	text_addu(text, record->cpu);
	text_adds(text, ",\"flags\":");
	text_addu(text, record->flags);
	if (kind) {
		add_fields(text, record, kind);
	} else {
		text_adds(text, ",\"data\":");
		add_hex(text, (const u8 *)(record + 1), record->len - sizeof(*record));
	}
	text_addc(text, '}');
}
