/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/repair.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/trace_writer.h"

/* Of several sections: all that are listed are too long for a REPAIR. */
#define MISSING_MAX (TRACE_REPAIR_MAX / 5)

struct repair {
	struct trace_reader *reader;
	struct repair_stats stats;
	struct trace_buffer buffer; /* of records, then of payloads */
	struct trace_missing *missing;
	size_t missing_count, missing_capacity;
};

/* More than a REPAIR can say: only of hostile files. */
static void forget_times(struct trace_missing *missing, size_t *count)
{
	missing[0] = (struct trace_missing){ TRACE_STREAM_NONE, 0, UINT64_MAX, 0 };
	*count = 1;
}

static void add_missing(struct repair *repair, u32 section)
{
	_cleanup_free_ struct trace_missing *missing = NULL;
	size_t count;

	trace_reader_missing(repair->reader, section, &missing, &count, NULL);
	ARRAY_RESERVE(repair->missing, repair->missing_capacity, repair->missing_count + count + 1);
	if (count)
		memcpy(repair->missing + repair->missing_count, missing, count * sizeof(*missing));
	repair->missing_count += count;
	repair->stats.is_missing |= count > 0;
	if (repair->missing_count > MISSING_MAX)
		forget_times(repair->missing, &repair->missing_count);
}

/* Seqs number the records as they were recorded, wherever they are in the file now. */
static int compare_seqs(const void *a, const void *b)
{
	u64 sa = (*(const struct trace_chunk *const *)a)->head.seq;
	u64 sb = (*(const struct trace_chunk *const *)b)->head.seq;

	return (sa > sb) - (sa < sb);
}

static int copy(struct repair *repair, struct trace_writer *writer,
		const struct trace_chunk *record)
{
	struct trace_head head = record->head;
	int err;

	if (head.type == TRACE_EVENTS &&
	    trace_reader_chunk(repair->reader, record, &repair->buffer))
		return 0;
	if (trace_reader_payload(repair->reader, record, &repair->buffer))
		return 0;
	head.flags &= ~(u32)TRACE_COPY;
	if (head.type != TRACE_EVENTS)
		head.event_count = 0; /* whatever it says */
	err = trace_writer_copy(writer, &head, repair->buffer.data);
	if (!err)
		repair->stats.event_count += head.event_count;
	return err;
}

/* What is missing of the section, and of the ones that could not be written. */
static int put_repair(struct repair *repair, struct trace_writer *writer, u32 section)
{
	struct trace_repair record = {
		.ended = trace_reader_section_ended(repair->reader, section),
	};
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	add_missing(repair, section);
	record.missing = repair->missing;
	record.count = repair->missing_count;
	repair->missing_count = 0;
	if (record.ended && !record.count)
		return 0;
	trace_repair_encode(&record, &data, &len);
	if (len > TRACE_REPAIR_MAX) {
		free(data);
		forget_times(repair->missing, &record.count);
		trace_repair_encode(&record, &data, &len);
	}
	return trace_writer_put(writer, TRACE_REPAIR, TRACE_TS_NONE, data, len);
}

static int write_section(struct repair *repair, u32 section, int fd)
{
	struct trace_reader *reader = repair->reader;
	struct trace_writer_options options = { .fd = fd };
	_cleanup_free_ const struct trace_chunk **records = NULL;
	const struct trace_chunk *chunks, *others;
	size_t chunk_count, count;
	struct trace_writer *writer;
	int err, close_err;

	memcpy(options.uuid, trace_reader_section_meta(reader, section)->uuid,
	       sizeof(options.uuid));
	err = trace_writer_open(&options, &writer);
	if (err)
		return err;
	chunks = trace_reader_chunks(reader, &count);
	chunks = trace_chunks_of(chunks, count, section, &chunk_count);
	others = trace_reader_records(reader, &count);
	others = trace_chunks_of(others, count, section, &count);
	records = xcalloc(chunk_count + count, sizeof(*records));
	for (size_t i = 0; i < chunk_count; i++)
		records[i] = &chunks[i];
	for (size_t i = 0; i < count; i++)
		records[chunk_count + i] = &others[i];
	count += chunk_count;
	qsort(records, count, sizeof(*records), compare_seqs);
	err = copy(repair, writer, trace_reader_header(reader, section));
	for (size_t i = 0; i < count && !err; i++)
		err = copy(repair, writer, records[i]);
	if (!err)
		err = put_repair(repair, writer, section);
	close_err = trace_writer_close(writer);
	repair->stats.section_count++;
	return err ? err : close_err;
}

int repair_write(struct trace_reader *reader, int fd, struct repair_stats *ret_stats)
{
	struct repair repair = { .reader = reader };
	u32 count = trace_reader_section_count(reader);
	int err = 0;

	for (u32 i = 0; i < count; i++)
		if (!trace_reader_header(reader, i))
			add_missing(&repair, i);
	for (u32 i = 0; i < count && !err; i++)
		if (trace_reader_header(reader, i))
			err = write_section(&repair, i, fd);
	free(repair.buffer.data);
	free(repair.missing);
	*ret_stats = repair.stats;
	return err;
}
