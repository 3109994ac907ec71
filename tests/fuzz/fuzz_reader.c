/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader, all of what it offers; and repair, whose result must be sound. */
#include "analyze/repair.h"
#include "tests/fuzz/fuzz.h"

static u64 read_chunks(struct trace_reader *reader)
{
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	u64 events = 0;
	size_t count;

	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++)
		if (!trace_reader_chunk(reader, &chunks[i], &buffer))
			events += chunks[i].head.event_count;
	free(buffer.data);
	return events;
}

static void look_around(struct trace_reader *reader)
{
	struct trace_missing *missing;
	size_t count;

	trace_reader_state(reader);
	trace_reader_summary(reader);
	trace_reader_clocks(reader, &count);
	trace_reader_wall_ns(reader, 0);
	trace_reader_wall_ns(reader, 1000000000);
	trace_reader_wall_ns(reader, UINT64_MAX);
	for (u32 i = 0; i < trace_reader_section_count(reader); i++) {
		trace_reader_missing(reader, i, &missing, &count, NULL);
		free(missing);
	}
}

static void repair_check(struct trace_reader *reader, u64 events)
{
	struct trace_reader *again = NULL;
	struct repair_stats stats;
	char path[FUZZ_FILE_PATH];
	size_t damages;
	int fd = fuzz_output(path);

	FUZZ_CHECK(!repair_write(reader, fd, &stats));
	FUZZ_CHECK(stats.event_count == events);
	FUZZ_CHECK(!trace_reader_open(path, &again));
	FUZZ_CHECK(read_chunks(again) == events);
	trace_reader_damages(again, &damages);
	FUZZ_CHECK(!damages && trace_reader_ended_cleanly(again));
	look_around(again);
	trace_reader_close(again);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct trace_reader *reader = NULL;
	int err = trace_reader_open(fuzz_file(data, size), &reader);
	u64 events;

	if (!err) {
		events = read_chunks(reader);
		look_around(reader);
		repair_check(reader, events);
	}
	trace_reader_close(reader);
	return 0;
}
