/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes a trace: append-only, no seek, to a file or a pipe. Nothing is allocated per event.
 * One thread calls it. With worker_count > 0 compression and write happen on other threads.
 */
#pragma once

#include "common/trace_format.h"
#include "common/trace_meta.h"
#include "common/trace_output.h"

struct trace_writer;
struct trace_stream;

struct trace_writer_options {
	int fd; /* owned by the caller */
	u8 uuid[16];
	int level;	 /* of zstd: 1 to 19; 0 means 1 */
	u32 chunk_bytes; /* raw bytes per chunk and stream */
	u32 worker_count;
	/* Records are handed over instead of being written; HEADER is the first, INDEX and END are not made. */
	trace_keep keep;
	void *keep_context;
	trace_gives_up gives_up; /* NULL: a pipe is waited for for ever */
	void *gives_up_context;
};

struct trace_writer_stats {
	u64 events; /* appended, those of chunks not yet written included */
	u64 raw_bytes;
	u64 open_bytes; /* of them, in chunks that are still being filled */
	u64 file_bytes;
	u64 lost_user; /* events that it had to drop: a write failed, a record was malformed */
};

/*
 * Writes the label at the fd's position. 0 or -errno. Whoever writes to a pipe ignores SIGPIPE, and
 * SIGXFSZ where RLIMIT_FSIZE may bite.
 */
int trace_writer_open(const struct trace_writer_options *options, struct trace_writer **ret_writer);

/*
 * A CBOR record: HEADER, STATE, CLOCK, SUMMARY. The first must be the HEADER; it is kept and repeated every 256 MiB and at the end.
 * ts is TRACE_TS_NONE where no time belongs to it. 0, -E2BIG if it is larger than readers accept, or the -errno of a write that failed.
 */
int trace_writer_put(struct trace_writer *writer, enum trace_record_type type, u64 ts,
		     const u8 *data, size_t len);

/* A record that another writer finished, as its keep() was given it. 0 or -errno. */
int trace_writer_copy(struct trace_writer *writer, const struct trace_head *head,
		      const u8 *payload);

/* The stream of a class on a CPU (TRACE_CPU_MIXED for all); made at the first call, then found. Never fails. */
struct trace_stream *trace_writer_stream(struct trace_writer *writer, u16 class, u16 cpu);

/*
 * Appends one well-formed record, straight from the ring. A full chunk is closed and written; that may wait
 * for the workers. 0; -EINVAL for lengths that no record can have (it is counted as lost); or the
 * -errno of a write that failed: nothing is recorded after the first one, only counted.
 */
int trace_stream_append(struct trace_stream *stream, const struct trc_head *record);

/* Sets the cumulative losses that the heads of later chunks of the stream carry. */
void trace_stream_set_lost(struct trace_stream *stream, u64 lost_kernel, u64 lost_user);

/*
 * Closes and writes every chunk whose first event came in before `before_ns` of the trace clock; UINT64_MAX: all,
 * and waits until they are written, so that the stats are exact.
 */
int trace_writer_flush(struct trace_writer *writer, u64 before_ns);

void trace_writer_stats(const struct trace_writer *writer, struct trace_writer_stats *ret_stats);

/* Flushes all, writes INDEX and END, frees. 0 or the first -errno that any write met. After an error the file ends with a whole record. */
int trace_writer_close(struct trace_writer *writer);
