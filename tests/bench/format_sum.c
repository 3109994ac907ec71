/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/schema.h"
#include "tests/bench/format.h"

/* What a user of the events does: looks at each number once. */
static u64 syscall_sum(const struct trc_syscall *call)
{
	const u64 *args = &call->arg0;
	u64 sum = (u64)call->ret + call->duration_ns + call->nr + call->abi + call->state +
		  call->flags;

	for (u32 i = 0; i < call->head.words - 6u; i++)
		sum += args[i];
	return sum;
}

static u64 fields_sum(const struct trc_head *record)
{
	const struct schema_kind *kind = schema_kind_by_id(schema_builtin(), record->kind);
	u64 sum = 0, value;

	for (u32 i = 0; kind && i < kind->field_count; i++)
		if (kind->fields[i].type != TRC_TYPE_chars &&
		    record_field(record, &kind->fields[i], &value))
			sum += value;
	return sum;
}

u64 records_sum(const u8 *data, size_t len)
{
	u64 sum = 0;

	for (size_t at = 0; at < len;) {
		const struct trc_head *record = (const void *)(data + at);
		const struct trc_item *item = NULL;

		sum += record->ts + record->tid + record->tgid + record->kind + record->cpu +
		       record->flags;
		if (record->kind == TRC_KIND_syscall)
			sum += syscall_sum((const void *)record);
		else
			sum += fields_sum(record);
		if (record->len > record->words * 8u)
			while (record_item_next(record, &item))
				sum += item->field + item->type + item->state + item->len +
				       item->more;
		at += record->len;
	}
	return sum;
}
