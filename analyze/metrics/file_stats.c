/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/file_stats.h"

void file_stats_add_error(struct file_stats *stats, u32 number)
{
	if (!number)
		return;
	stats->error_count++;
	for (size_t i = 0; i < FILE_ERRORS_MAX; i++)
		if (!stats->errors[i].count || stats->errors[i].number == number) {
			stats->errors[i].number = number;
			stats->errors[i].count++;
			return;
		}
}

static u64 add_call(struct file_stats *stats, u64 ts, const struct trc_syscall *record, u32 error)
{
	if (!stats->first_ns)
		stats->first_ns = ts;
	stats->last_ns = ts;
	file_stats_add_error(stats, error);
	return record && record->state == TRC_SYSCALL_COMPLETE ? record->duration_ns : 0;
}

void file_stats_add(struct file_stats *stats, u8 op, u64 bytes, u64 ts,
		    const struct trc_syscall *record)
{
	file_stats_add_as(stats, op, bytes, ts, record, record ? call_failure(record) : 0);
}

void file_stats_add_as(struct file_stats *stats, u8 op, u64 bytes, u64 ts,
		       const struct trc_syscall *record, u32 error)
{
	stats->counts[op]++;
	stats->ns[op] += add_call(stats, ts, record, error);
	if (op == FILE_OP_read)
		stats->read_bytes += bytes;
	else if (op == FILE_OP_write)
		stats->write_bytes += bytes;
}

void file_stats_add_path(struct file_stats *stats, const struct trc_syscall *record)
{
	stats->path_count++;
	stats->path_ns += add_call(stats, record->head.ts, record, call_failure(record));
}

static u64 others(const u64 *values)
{
	return values[FILE_OP_close] + values[FILE_OP_connect] + values[FILE_OP_accept] +
	       values[FILE_OP_other];
}

struct value file_stats_errors(const struct file_stats *stats, struct fold *fold)
{
	text_clear(&fold->text);
	for (size_t i = 0; i < FILE_ERRORS_MAX && stats->errors[i].count; i++) {
		const char *name = decoder_errno_name(fold->walk->decoder, stats->errors[i].number);

		if (i)
			text_adds(&fold->text, ", ");
		if (name)
			text_adds(&fold->text, name);
		else
			text_addf(&fold->text, "errno %u", stats->errors[i].number);
		text_addf(&fold->text, " %u", stats->errors[i].count);
	}
	return fold->text.len ? value_bytes(fold->text.data, fold->text.len) : value_null();
}

void file_stats_values(const struct file_stats *stats, struct fold *fold, struct value *values)
{
	u64 total_ns = stats->path_ns;

	for (size_t op = 0; op < FILE_OP_COUNT; op++)
		total_ns += stats->ns[op];
	*values++ = value_int((s64)stats->counts[FILE_OP_read]);
	*values++ = value_int((s64)stats->read_bytes);
	*values++ = value_int((s64)stats->ns[FILE_OP_read]);
	*values++ = value_int((s64)stats->counts[FILE_OP_write]);
	*values++ = value_int((s64)stats->write_bytes);
	*values++ = value_int((s64)stats->ns[FILE_OP_write]);
	*values++ = value_int((s64)stats->counts[FILE_OP_seek]);
	*values++ = value_int((s64)stats->counts[FILE_OP_sync]);
	*values++ = value_int((s64)stats->ns[FILE_OP_sync]);
	*values++ = value_int((s64)stats->counts[FILE_OP_map]);
	*values++ = value_int((s64)others(stats->counts));
	*values++ = value_int((s64)stats->error_count);
	*values++ = file_stats_errors(stats, fold);
	*values++ = value_int((s64)total_ns);
}
