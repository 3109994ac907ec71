/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SUMMARY. */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "common/trace_format.h"

/* The values that are plain unsigned numbers, under their keys. */
#define NUMBERS(summary)                                                                           \
	{                                                                                          \
		{ SUMMARY_START, &(summary)->start_ns }, { SUMMARY_END, &(summary)->end_ns },      \
			{ SUMMARY_EVENTS, &(summary)->event_count },                               \
			{ SUMMARY_LOST, &(summary)->lost_count },                                  \
			{ SUMMARY_FILE_BYTES, &(summary)->file_bytes },                            \
			{ SUMMARY_USER, &(summary)->user_ns },                                     \
			{ SUMMARY_SYSTEM, &(summary)->system_ns },                                 \
			{ SUMMARY_MAX_RSS, &(summary)->max_rss_bytes },                            \
			{ SUMMARY_EMPTY_PROBE, &(summary)->empty_probe_ns },                       \
	}

void trace_summary_encode(const struct trace_summary *summary, u8 **ret_data, size_t *ret_len)
{
	const struct {
		u64 key;
		const u64 *value;
	} numbers[] = NUMBERS(summary);
	struct cbor_out out = { 0 };

	cbor_out_map(&out, ARRAY_SIZE(numbers) + 5);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		cbor_out_uint(&out, numbers[i].key);
		cbor_out_uint(&out, *numbers[i].value);
	}
	cbor_out_uint(&out, SUMMARY_COMMAND);
	cbor_out_array(&out, 3);
	cbor_out_bool(&out, summary->command_ended);
	cbor_out_int(&out, summary->exit_code);
	cbor_out_uint(&out, summary->exit_signal);
	cbor_out_uint(&out, SUMMARY_REASON);
	cbor_out_string(&out, summary->end_reason);
	cbor_out_uint(&out, SUMMARY_RINGS);
	cbor_out_array(&out, 2);
	cbor_out_uint(&out, summary->ring_bytes);
	cbor_out_uint(&out, summary->ring_high_bytes);
	cbor_out_uint(&out, SUMMARY_PROGRAMS);
	cbor_out_array(&out, summary->program_count);
	for (size_t i = 0; i < summary->program_count; i++) {
		cbor_out_array(&out, 3);
		cbor_out_string(&out, summary->programs[i].name);
		cbor_out_uint(&out, summary->programs[i].run_count);
		cbor_out_uint(&out, summary->programs[i].run_ns);
	}
	cbor_out_uint(&out, SUMMARY_KINDS);
	cbor_out_array(&out, summary->kind_count);
	for (size_t i = 0; i < summary->kind_count; i++) {
		cbor_out_array(&out, 3);
		cbor_out_uint(&out, summary->kinds[i].kind);
		cbor_out_uint(&out, summary->kinds[i].recorded);
		cbor_out_uint(&out, summary->kinds[i].lost);
	}
	*ret_data = out.data;
	*ret_len = out.len;
}

static void get_command(struct cbor_in *in, struct trace_summary *summary)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);
	s64 code;

	summary->command_ended = cbor_in_bool(in);
	code = cbor_in_int(in);
	if (code != (s32)code)
		in->error = -EBADMSG;
	summary->exit_code = (s32)code;
	summary->exit_signal = cbor_in_uint(in, UINT32_MAX);
	cbor_in_skip_rest(in, parts, 3);
}

static void get_rings(struct cbor_in *in, struct trace_summary *summary)
{
	u64 parts = cbor_in_array(in, UINT64_MAX);

	summary->ring_bytes = cbor_in_uint(in, UINT64_MAX);
	summary->ring_high_bytes = cbor_in_uint(in, UINT64_MAX);
	cbor_in_skip_rest(in, parts, 2);
}

static void get_programs(struct cbor_in *in, struct trace_summary *summary)
{
	u64 count = cbor_in_array(in, UINT64_MAX);

	if (summary->programs) {
		in->error = -EBADMSG;
		return;
	}
	summary->programs = cbor_in_alloc(in, count, sizeof(*summary->programs));
	if (summary->programs)
		summary->program_count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		u64 parts = cbor_in_array(in, UINT64_MAX);

		summary->programs[i].name = cbor_in_string(in, META_STRING_MAX);
		summary->programs[i].run_count = cbor_in_uint(in, UINT64_MAX);
		summary->programs[i].run_ns = cbor_in_uint(in, UINT64_MAX);
		cbor_in_skip_rest(in, parts, 3);
	}
}

static void get_kinds(struct cbor_in *in, struct trace_summary *summary)
{
	u64 count = cbor_in_array(in, UINT64_MAX);

	if (summary->kinds) {
		in->error = -EBADMSG;
		return;
	}
	summary->kinds = cbor_in_alloc(in, count, sizeof(*summary->kinds));
	if (summary->kinds)
		summary->kind_count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		u64 parts = cbor_in_array(in, UINT64_MAX);

		summary->kinds[i].kind = cbor_in_uint(in, UINT16_MAX);
		summary->kinds[i].recorded = cbor_in_uint(in, UINT64_MAX);
		summary->kinds[i].lost = cbor_in_uint(in, UINT64_MAX);
		cbor_in_skip_rest(in, parts, 3);
	}
}

static void summary_value(struct cbor_in *in, u64 key, struct trace_summary *summary)
{
	const struct {
		u64 key;
		u64 *value;
	} numbers[] = NUMBERS(summary);

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i].key == key) {
			*numbers[i].value = cbor_in_uint(in, UINT64_MAX);
			return;
		}
	}
	switch (key) {
	case SUMMARY_COMMAND:
		get_command(in, summary);
		break;
	case SUMMARY_REASON:
		free(summary->end_reason);
		summary->end_reason = cbor_in_string(in, META_STRING_MAX);
		break;
	case SUMMARY_RINGS:
		get_rings(in, summary);
		break;
	case SUMMARY_PROGRAMS:
		get_programs(in, summary);
		break;
	case SUMMARY_KINDS:
		get_kinds(in, summary);
		break;
	default:
		cbor_in_skip(in);
	}
}

int trace_summary_decode(const u8 *data, size_t len, struct trace_summary **ret_summary)
{
	struct trace_summary *summary;
	struct cbor_in in;
	u64 count, key;

	if (len > TRACE_SUMMARY_MAX)
		return -E2BIG;
	if (cbor_check(data, len))
		return -EBADMSG;
	summary = xcalloc(1, sizeof(*summary));
	cbor_in_init(&in, data, len, META_BUDGET);
	for (count = cbor_in_map(&in, UINT64_MAX); count && !in.error; count--) {
		key = cbor_in_uint(&in, UINT64_MAX);
		summary_value(&in, key, summary);
	}
	if (in.error) {
		trace_summary_free(summary);
		return in.error;
	}
	if (!summary->end_reason)
		summary->end_reason = xstrdup("");
	*ret_summary = summary;
	return 0;
}

void trace_summary_free(struct trace_summary *summary)
{
	if (!summary)
		return;
	free(summary->end_reason);
	for (size_t i = 0; i < summary->program_count; i++)
		free(summary->programs[i].name);
	free(summary->programs);
	free(summary->kinds);
	free(summary);
}
