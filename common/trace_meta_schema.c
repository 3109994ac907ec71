/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The schema in the HEADER. */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void schema_encode(struct cbor_out *out, const struct schema *schema)
{
	cbor_out_array(out, schema->kind_count);
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];

		cbor_out_array(out, 7);
		cbor_out_uint(out, kind->id);
		cbor_out_text(out, kind->name);
		cbor_out_uint(out, kind->fixed_len);
		cbor_out_uint(out, kind->class);
		cbor_out_array(out, kind->field_count);
		for (size_t j = 0; j < kind->field_count; j++) {
			const struct schema_field *field = &kind->fields[j];

			cbor_out_array(out, 6);
			cbor_out_text(out, field->name);
			cbor_out_uint(out, field->offset);
			cbor_out_uint(out, field->size);
			cbor_out_uint(out, field->type);
			cbor_out_text(out, field->unit);
			cbor_out_text(out, field->doc);
		}
		cbor_out_array(out, kind->item_count);
		for (size_t j = 0; j < kind->item_count; j++) {
			cbor_out_array(out, 3);
			cbor_out_text(out, kind->items[j].name);
			cbor_out_uint(out, kind->items[j].type);
			cbor_out_text(out, kind->items[j].doc);
		}
		cbor_out_text(out, kind->doc);
	}
}

/* Bytes of a number's type; 0 for what may have any size. */
static u16 type_size(u8 type)
{
	switch ((enum trc_type)type) {
	case TRC_TYPE_u8:
		return 1;
	case TRC_TYPE_u16:
		return 2;
	case TRC_TYPE_u32:
	case TRC_TYPE_s32:
		return 4;
	case TRC_TYPE_u64:
	case TRC_TYPE_s64:
		return 8;
	default:
		return 0;
	}
}

static void field_decode(struct cbor_in *in, struct schema_field *field, u16 fixed_len)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);

	field->name = cbor_in_string(in, SCHEMA_NAME_MAX);
	field->offset = cbor_in_uint(in, fixed_len);
	field->size = cbor_in_uint(in, fixed_len);
	field->type = cbor_in_uint(in, UINT8_MAX);
	field->unit = cbor_in_string(in, SCHEMA_NAME_MAX);
	field->doc = cbor_in_string(in, META_DOC_MAX);
	cbor_in_skip_rest(in, parts, 6);
	if (in->error)
		return;
	if (!*field->name || !field->size || field->offset < sizeof(struct trc_head) ||
	    field->offset + field->size > fixed_len ||
	    (type_size(field->type) && type_size(field->type) != field->size))
		in->error = -EBADMSG;
}

static void item_decode(struct cbor_in *in, struct schema_item *item)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);

	item->name = cbor_in_string(in, SCHEMA_NAME_MAX);
	item->type = cbor_in_uint(in, UINT8_MAX);
	item->doc = cbor_in_string(in, META_DOC_MAX);
	cbor_in_skip_rest(in, parts, 3);
	if (!in->error && !*item->name)
		in->error = -EBADMSG;
}

/* The counts are set when the arrays are there, so that releasing half of a kind is safe. */
static void kind_decode(struct cbor_in *in, struct schema_kind *kind)
{
	u64 parts = cbor_in_array(in, UINT64_MAX), count;
	struct schema_field *fields;
	struct schema_item *items;

	kind->id = cbor_in_uint(in, UINT16_MAX);
	kind->name = cbor_in_string(in, SCHEMA_NAME_MAX);
	kind->fixed_len = cbor_in_uint(in, SCHEMA_FIXED_MAX);
	kind->class = cbor_in_uint(in, UINT8_MAX);

	count = cbor_in_array(in, SCHEMA_FIELDS_MAX);
	kind->fields = fields = cbor_in_alloc(in, count, sizeof(*fields));
	if (fields)
		kind->field_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		field_decode(in, &fields[i], kind->fixed_len);

	count = cbor_in_array(in, SCHEMA_FIELDS_MAX);
	kind->items = items = cbor_in_alloc(in, count, sizeof(*items));
	if (items)
		kind->item_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		item_decode(in, &items[i]);

	kind->doc = cbor_in_string(in, META_DOC_MAX);
	cbor_in_skip_rest(in, parts, 7);
	if (!in->error && (!kind->id || !*kind->name || kind->fixed_len % 8 ||
			   kind->fixed_len < sizeof(struct trc_head)))
		in->error = -EBADMSG;
}

void schema_decode(struct cbor_in *in, struct schema *schema)
{
	u64 count = cbor_in_array(in, SCHEMA_KINDS_MAX);
	struct schema_kind *kinds;

	if (schema->kinds) {
		in->error = -EBADMSG;
		return;
	}
	schema->kinds = kinds = cbor_in_alloc(in, count, sizeof(*kinds));
	if (kinds)
		schema->kind_count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		kind_decode(in, &kinds[i]);
		for (u64 j = 0; j < i && !in->error; j++)
			if (kinds[j].id == kinds[i].id || !strcmp(kinds[j].name, kinds[i].name))
				in->error = -EBADMSG;
	}
}

void schema_release(struct schema *schema)
{
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];

		for (size_t j = 0; j < kind->field_count; j++) {
			free((char *)kind->fields[j].name);
			free((char *)kind->fields[j].unit);
			free((char *)kind->fields[j].doc);
		}
		for (size_t j = 0; j < kind->item_count; j++) {
			free((char *)kind->items[j].name);
			free((char *)kind->items[j].doc);
		}
		free((void *)kind->fields);
		free((void *)kind->items);
		free((char *)kind->name);
		free((char *)kind->doc);
	}
	free((void *)schema->kinds);
	*schema = (struct schema){ 0 };
}
