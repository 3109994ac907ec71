/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of system calls in the HEADER. */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>

#define CALLS_MAX 4096 /* per table */
#define ARGS_MAX  ARRAY_SIZE(((struct syscall_desc *)0)->args)

static void call_encode(struct cbor_out *out, const struct syscall_desc *call)
{
	cbor_out_array(out, 5);
	cbor_out_uint(out, call->nr);
	cbor_out_text(out, call->name);
	cbor_out_uint(out, call->classes);
	cbor_out_uint(out, call->properties);
	cbor_out_array(out, call->arg_count);
	for (size_t i = 0; i < call->arg_count; i++) {
		const struct syscall_arg *arg = &call->args[i];

		cbor_out_array(out, 4);
		cbor_out_text(out, arg->name);
		cbor_out_text(out, syscall_arg_type_name(arg->type));
		cbor_out_uint(out, arg->aux);
		if (arg->set)
			cbor_out_text(out, arg->set);
		else
			cbor_out_null(out);
	}
}

void syscall_tables_encode(struct cbor_out *out, const struct syscall_table *tables, size_t count)
{
	cbor_out_map(out, count);
	for (size_t i = 0; i < count; i++) {
		cbor_out_uint(out, tables[i].abi);
		cbor_out_array(out, tables[i].count);
		for (size_t j = 0; j < tables[i].count; j++)
			call_encode(out, &tables[i].calls[j]);
	}
}

static void arg_decode(struct cbor_in *in, struct syscall_arg *arg)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);
	char *type;

	arg->name = cbor_in_string(in, SCHEMA_NAME_MAX);
	type = cbor_in_string(in, SCHEMA_NAME_MAX);
	arg->aux = cbor_in_uint(in, UINT8_MAX);
	arg->set = cbor_in_string_or_null(in, SCHEMA_NAME_MAX);
	cbor_in_skip_rest(in, parts, 4);
	if (type)
		arg->type = syscall_arg_type_by_name(type);
	free(type);
}

static void call_decode(struct cbor_in *in, struct syscall_desc *call)
{
	u64 parts = cbor_in_array(in, UINT64_MAX), count;

	call->nr = cbor_in_uint(in, UINT32_MAX);
	call->name = cbor_in_string(in, SCHEMA_NAME_MAX);
	call->classes = cbor_in_uint(in, UINT32_MAX);
	call->properties = cbor_in_uint(in, UINT32_MAX);
	count = cbor_in_array(in, ARGS_MAX);
	call->arg_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		arg_decode(in, &call->args[i]);
	cbor_in_skip_rest(in, parts, 5);
	if (!in->error && !*call->name)
		in->error = -EBADMSG;
}

static void table_decode(struct cbor_in *in, struct syscall_table *table)
{
	struct syscall_desc *calls;
	u64 count;

	table->abi = cbor_in_uint(in, UINT8_MAX);
	count = cbor_in_array(in, CALLS_MAX);
	table->calls = calls = cbor_in_alloc(in, count, sizeof(*calls));
	if (calls)
		table->count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		call_decode(in, &calls[i]);
		/* Look-ups rely on the order. */
		if (i && calls[i].nr <= calls[i - 1].nr)
			in->error = -EBADMSG;
	}
}

void syscall_tables_decode(struct cbor_in *in, struct trace_meta *meta)
{
	u64 count = cbor_in_map(in, UINT8_MAX);

	if (meta->tables) {
		in->error = -EBADMSG;
		return;
	}
	meta->tables = cbor_in_alloc(in, count, sizeof(*meta->tables));
	if (meta->tables)
		meta->table_count = count;
	for (u64 i = 0; i < count && !in->error; i++)
		table_decode(in, &meta->tables[i]);
}
