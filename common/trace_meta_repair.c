/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* REPAIR. */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "common/trace_format.h"

void trace_repair_encode(const struct trace_repair *repair, u8 **ret_data, size_t *ret_len)
{
	struct cbor_out out = { 0 };

	cbor_out_map(&out, 2);
	cbor_out_uint(&out, REPAIR_ENDED);
	cbor_out_bool(&out, repair->ended);
	cbor_out_uint(&out, REPAIR_MISSING);
	cbor_out_array(&out, repair->count);
	for (size_t i = 0; i < repair->count; i++) {
		cbor_out_array(&out, 4);
		cbor_out_uint(&out, repair->missing[i].stream);
		cbor_out_uint(&out, repair->missing[i].first_ns);
		cbor_out_uint(&out, repair->missing[i].last_ns);
		cbor_out_uint(&out, repair->missing[i].count);
	}
	*ret_data = out.data;
	*ret_len = out.len;
}

static void get_missing(struct cbor_in *in, struct trace_repair *repair)
{
	u64 count = cbor_in_array(in, UINT64_MAX);

	if (repair->missing) {
		in->error = -EBADMSG;
		return;
	}
	repair->missing = cbor_in_alloc(in, count, sizeof(*repair->missing));
	if (repair->missing)
		repair->count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		struct trace_missing *missing = &repair->missing[i];
		u64 parts = cbor_in_array(in, UINT64_MAX);

		missing->stream = (u32)cbor_in_uint(in, UINT32_MAX);
		missing->first_ns = cbor_in_uint(in, UINT64_MAX);
		missing->last_ns = cbor_in_uint(in, UINT64_MAX);
		missing->count = cbor_in_uint(in, UINT64_MAX);
		cbor_in_skip_rest(in, parts, 4);
	}
}

int trace_repair_decode(const u8 *data, size_t len, struct trace_repair **ret_repair)
{
	struct trace_repair *repair;
	struct cbor_in in;

	if (len > TRACE_REPAIR_MAX)
		return -E2BIG;
	if (cbor_check(data, len))
		return -EBADMSG;
	repair = xcalloc(1, sizeof(*repair));
	cbor_in_init(&in, data, len, META_BUDGET);
	for (u64 count = cbor_in_map(&in, UINT64_MAX); count && !in.error; count--) {
		u64 key = cbor_in_uint(&in, UINT64_MAX);

		if (key == REPAIR_ENDED)
			repair->ended = cbor_in_bool(&in);
		else if (key == REPAIR_MISSING)
			get_missing(&in, repair);
		else
			cbor_in_skip(&in);
	}
	if (in.error) {
		trace_repair_free(repair);
		return in.error;
	}
	*ret_repair = repair;
	return 0;
}

void trace_repair_free(struct trace_repair *repair)
{
	if (!repair)
		return;
	free(repair->missing);
	free(repair);
}
