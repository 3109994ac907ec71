/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * format FILE.trc [SECONDS [CSV]]: what it costs per event to write and read a recording's events in
 * several encodings, as a Markdown table, and as CSV into the file named. All decode to the same sum
 * over all numbers of all events, or the program fails.
 *
 *   structs  the records as they are
 *   cbor     one CBOR array per event, with libcbor's encoders and its streaming decoder; times as
 *            differences, without the arguments that a call does not have
 *   columns  the word-column filter: alone (not compressed), or through the writer and the reader of
 *            the trace format, which also make and check heads, checksums and every record
 *
 * All take turns; each figure is the least of all rounds, in CPU time of the one thread.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <zstd.h>

#include "common/alloc.h"
#include "common/schema.h"
#include "common/trace_reader.h"
#include "common/trace_writer.h"
#include "common/word_filter.h"
#include "tests/bench/format.h"

#define LEVEL_NONE  0 /* not compressed at all */
#define STREAMS_MAX 1024
#define CHUNK_MAX   ((size_t)4 << 20)
#define MID_MAX                                                                                    \
	(2 * CHUNK_MAX) /* CBOR may need 9 bytes for 8, and words of several fields come apart */
#define STREAM_PAD 8

static const int levels[] = { LEVEL_NONE, -1, 1, 3 };
static const size_t chunk_sizes[] = { 64 << 10, 1 << 20, CHUNK_MAX };

/* The records of one stream of the file, back to back. */
struct records {
	u32 id; /* class << 16 | cpu */
	size_t len, capacity;
	u8 *data;
};

struct corpus {
	u8 *header; /* the file's own, for the copies that are written */
	size_t header_len;
	size_t stream_count;
	struct records streams[STREAMS_MAX];
	size_t event_count, len;
	u64 sum;
};

struct result {
	u64 write_ns, read_ns; /* of all events */
	size_t bytes;
};

struct chunk {
	size_t at, len, mid_len, raw_len;
	size_t columns[WORD_STREAMS];
	u32 id;
};

/* Memory that all passes share, and the chunks of the present one, compressed, back to back. */
struct workspace {
	struct word_encoder encoders[2]; /* without and with a duration */
	struct word_state state;
	u8 *mid, *raw;
	ZSTD_CCtx *compressor;
	ZSTD_DCtx *decompressor;
	size_t count, capacity, len;
	struct chunk *chunks;
	u8 *data;
};

void format_fail(const char *what, const char *why)
{
	fprintf(stderr, "format: %s: %s\n", what, why);
	exit(1);
}

static u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static size_t structs_encode(const u8 *records, size_t len, u8 *mid)
{
	/* One by one, as they come out of the ring. */
	for (size_t at = 0; at < len;) {
		const struct trc_head *record = (const void *)(records + at);

		memcpy(mid + at, record, record->len);
		at += record->len;
	}
	return len;
}

static void columns_encode(struct workspace *work, struct chunk *chunk, const u8 *records,
			   size_t len)
{
	struct word_encoder *encoder = &work->encoders[chunk->id >> 16 == TRC_CLASS_SYSCALL];
	u8 *p = work->mid;

	word_encoder_reset(encoder);
	for (size_t at = 0; at < len;) {
		const struct trc_head *record = (const void *)(records + at);

		word_encoder_add(encoder, record);
		at += record->len;
	}
	for (u32 i = 0; i < WORD_STREAMS; i++) {
		chunk->columns[i] = word_encoder_stream_len(encoder, i);
		memcpy(p, encoder->start[i], chunk->columns[i]);
		p += chunk->columns[i];
	}
	chunk->mid_len = (size_t)(p - work->mid);
}

static u64 columns_decode(struct workspace *work, const struct chunk *chunk)
{
	struct word_column columns[WORD_STREAMS];
	const u8 *p = work->mid;
	u32 count;

	for (u32 i = 0; i < WORD_STREAMS; i++) {
		columns[i] = (struct word_column){ p, chunk->columns[i] };
		p += chunk->columns[i];
	}
	if (word_decode(columns, false, &work->state, work->raw, chunk->raw_len, &count))
		format_fail("columns", "not what was written");
	return records_sum(work->raw, chunk->raw_len);
}

enum encoding { STRUCTS, CBOR, COLUMNS };
static const char *const encoding_names[] = { "structs", "cbor", "columns" };

static void encode(struct workspace *work, enum encoding encoding, struct chunk *chunk,
		   const u8 *records)
{
	if (encoding == STRUCTS)
		chunk->mid_len = structs_encode(records, chunk->raw_len, work->mid);
	else if (encoding == CBOR)
		chunk->mid_len = cbor_chunk_encode(records, chunk->raw_len, work->mid);
	else
		columns_encode(work, chunk, records, chunk->raw_len);
}

static u64 decode(struct workspace *work, enum encoding encoding, const struct chunk *chunk)
{
	if (encoding == STRUCTS)
		return records_sum(work->mid, chunk->mid_len);
	if (encoding == CBOR)
		return cbor_chunk_decode(work->mid, chunk->mid_len);
	return columns_decode(work, chunk);
}

static void keep_least(struct result *result, u64 write_ns, u64 read_ns, size_t bytes)
{
	if (!result->write_ns || write_ns < result->write_ns)
		result->write_ns = write_ns;
	if (!result->read_ns || read_ns < result->read_ns)
		result->read_ns = read_ns;
	result->bytes = bytes;
}

static size_t chunk_end(const struct records *records, size_t at, size_t chunk_bytes)
{
	size_t end = at;

	while (end < records->len) {
		size_t len = ((const struct trc_head *)(records->data + end))->len;

		if (end + len - at > chunk_bytes)
			break;
		end += len;
	}
	return end;
}

static struct chunk *chunk_add(struct workspace *work)
{
	ARRAY_RESERVE(work->chunks, work->capacity, work->count + 1);
	return &work->chunks[work->count++];
}

static void chunk_write(struct workspace *work, enum encoding encoding, int level,
			struct chunk *chunk, const u8 *records)
{
	encode(work, encoding, chunk, records);
	if (level == LEVEL_NONE) {
		chunk->len = chunk->mid_len;
		memcpy(work->data + chunk->at, work->mid, chunk->len);
		return;
	}
	chunk->len = ZSTD_compress2(work->compressor, work->data + chunk->at,
				    ZSTD_compressBound(chunk->mid_len), work->mid, chunk->mid_len);
	if (ZSTD_isError(chunk->len))
		format_fail(encoding_names[encoding], ZSTD_getErrorName(chunk->len));
}

/* Chunks of our own making. */
static void pass_chunks(const struct corpus *corpus, struct workspace *work, enum encoding encoding,
			int level, size_t chunk_bytes, struct result *result)
{
	u64 start, write_ns = 0, sum = 0;

	ZSTD_CCtx_setParameter(work->compressor, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(work->compressor, ZSTD_c_checksumFlag, 1);
	work->count = work->len = 0;
	for (size_t i = 0; i < corpus->stream_count; i++) {
		const struct records *records = &corpus->streams[i];

		for (size_t at = 0, end; at < records->len; at = end) {
			struct chunk *chunk = chunk_add(work);

			end = chunk_end(records, at, chunk_bytes);
			*chunk = (struct chunk){ .at = work->len,
						 .raw_len = end - at,
						 .id = records->id };
			start = cpu_ns();
			chunk_write(work, encoding, level, chunk, records->data + at);
			write_ns += cpu_ns() - start;
			work->len += chunk->len;
		}
	}
	start = cpu_ns();
	for (size_t i = 0; i < work->count; i++) {
		const struct chunk *chunk = &work->chunks[i];

		if (level == LEVEL_NONE)
			memcpy(work->mid, work->data + chunk->at, chunk->len);
		else if (ZSTD_decompressDCtx(work->decompressor, work->mid, MID_MAX,
					     work->data + chunk->at, chunk->len) != chunk->mid_len)
			format_fail(encoding_names[encoding], "does not decompress");
		sum += decode(work, encoding, chunk);
	}
	if (sum != corpus->sum)
		format_fail(encoding_names[encoding], "decodes to other values");
	keep_least(result, write_ns, cpu_ns() - start, work->len);
}

static u64 trace_write(const struct corpus *corpus, int fd, int level, size_t chunk_bytes)
{
	struct trace_writer_options options = { .fd = fd,
						.level = level,
						.chunk_bytes = (u32)chunk_bytes };
	struct trace_writer *writer;
	u64 start;
	int err = trace_writer_open(&options, &writer);

	if (!err)
		err = trace_writer_put(writer, TRACE_HEADER, TRACE_TS_NONE, corpus->header,
				       corpus->header_len);
	start = cpu_ns();
	for (size_t i = 0; i < corpus->stream_count && !err; i++) {
		const struct records *records = &corpus->streams[i];
		struct trace_stream *stream =
			trace_writer_stream(writer, (u16)(records->id >> 16), (u16)records->id);

		for (size_t at = 0; at < records->len && !err;) {
			const struct trc_head *record = (const void *)(records->data + at);

			err = trace_stream_append(stream, record);
			at += record->len;
		}
	}
	if (!err)
		err = trace_writer_close(writer);
	if (err)
		format_fail("the trace writer", strerror(-err));
	return cpu_ns() - start;
}

/* A file in memory, by the real writer and reader. */
static void pass_trace(const struct corpus *corpus, int level, size_t chunk_bytes,
		       struct result *result)
{
	_cleanup_close_ int fd = memfd_create("format", MFD_CLOEXEC);
	_cleanup_(trace_reader_closep) struct trace_reader *reader = NULL;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	size_t count, bytes = 0;
	u64 write_ns = trace_write(corpus, fd, level, chunk_bytes), start, sum = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	start = cpu_ns();
	if (trace_reader_open(path, &reader))
		format_fail("the trace reader", "cannot read what the writer wrote");
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		if (trace_reader_chunk(reader, &chunks[i], &buffer))
			format_fail("the trace reader", "a chunk is damaged");
		sum += records_sum(buffer.data, buffer.len);
		bytes += TRACE_HEAD_SIZE + chunks[i].head.payload_len;
	}
	if (sum != corpus->sum)
		format_fail("the trace reader", "reads other values");
	keep_least(result, write_ns, cpu_ns() - start, bytes);
	free(buffer.data);
}

static struct records *corpus_stream(struct corpus *corpus, u32 id)
{
	for (size_t i = 0; i < corpus->stream_count; i++)
		if (corpus->streams[i].id == id)
			return &corpus->streams[i];
	if (corpus->stream_count == STREAMS_MAX)
		format_fail("the file", "has too many streams");
	corpus->streams[corpus->stream_count].id = id;
	return &corpus->streams[corpus->stream_count++];
}

static void corpus_read(struct corpus *corpus, const char *path)
{
	_cleanup_(trace_reader_closep) struct trace_reader *reader = NULL;
	struct trace_buffer buffer = { 0 };
	const struct trace_chunk *chunks;
	size_t count;

	if (trace_reader_open(path, &reader))
		format_fail(path, "cannot be read");
	trace_meta_encode(trace_reader_meta(reader), &corpus->header, &corpus->header_len);
	chunks = trace_reader_chunks(reader, &count);
	for (size_t i = 0; i < count; i++) {
		struct records *records = corpus_stream(corpus, chunks[i].head.stream);

		if (trace_reader_chunk(reader, &chunks[i], &buffer))
			format_fail(path, "is damaged");
		ARRAY_RESERVE(records->data, records->capacity, records->len + buffer.len);
		memcpy(records->data + records->len, buffer.data, buffer.len);
		records->len += buffer.len;
		corpus->len += buffer.len;
		corpus->event_count += chunks[i].head.event_count;
		corpus->sum += records_sum(buffer.data, buffer.len);
	}
	free(buffer.data);
	if (!corpus->event_count)
		format_fail(path, "holds no events");
}

static void workspace_init(struct workspace *work, const struct corpus *corpus)
{
	word_encoder_init(&work->encoders[0], CHUNK_MAX, 0);
	word_encoder_init(&work->encoders[1], CHUNK_MAX,
			  offsetof(struct trc_syscall, duration_ns) / 8);
	work->mid = xmalloc(MID_MAX + WORD_SLACK(CHUNK_MAX));
	work->raw = xmalloc(CHUNK_MAX + STREAM_PAD);
	work->compressor = alloc_check(ZSTD_createCCtx());
	work->decompressor = alloc_check(ZSTD_createDCtx());
	work->data = xmalloc(2 * corpus->len + ZSTD_compressBound(MID_MAX));
}

typedef struct result results_table[COLUMNS + 1][ARRAY_SIZE(levels)][ARRAY_SIZE(chunk_sizes)];

static void round_run(const struct corpus *corpus, struct workspace *work, results_table results)
{
	for (size_t c = 0; c < ARRAY_SIZE(chunk_sizes); c++) {
		for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
			for (enum encoding e = STRUCTS; e <= COLUMNS; e++) {
				struct result *result = &results[e][l][c];

				if (e == COLUMNS && levels[l] != LEVEL_NONE)
					pass_trace(corpus, levels[l], chunk_sizes[c], result);
				else
					pass_chunks(corpus, work, e, levels[l], chunk_sizes[c],
						    result);
			}
		}
	}
}

static void print_markdown(const struct corpus *corpus, results_table results)
{
	const double n = (double)corpus->event_count;

	printf("| encoding | zstd level |");
	for (size_t c = 0; c < ARRAY_SIZE(chunk_sizes); c++)
		printf(" %zu KiB: write ns | bytes | read ns |", chunk_sizes[c] >> 10);
	printf("\n|---|---:|");
	for (size_t c = 0; c < ARRAY_SIZE(chunk_sizes); c++)
		printf("---:|---:|---:|");
	for (enum encoding e = STRUCTS; e <= COLUMNS; e++) {
		for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
			if (levels[l] == LEVEL_NONE)
				printf("\n| %s | not compressed |", encoding_names[e]);
			else
				printf("\n| %s | %d |", encoding_names[e], levels[l]);
			for (size_t c = 0; c < ARRAY_SIZE(chunk_sizes); c++) {
				const struct result *result = &results[e][l][c];

				printf(" %.0f | %.2f | %.0f |", (double)result->write_ns / n,
				       (double)result->bytes / n, (double)result->read_ns / n);
			}
		}
	}
	printf("\n");
}

static void print_csv(FILE *file, const struct corpus *corpus, results_table results)
{
	fprintf(file, "encoding,level,chunk_bytes,events,write_ns,bytes,read_ns\n");
	for (enum encoding e = STRUCTS; e <= COLUMNS; e++) {
		for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
			for (size_t c = 0; c < ARRAY_SIZE(chunk_sizes); c++) {
				const struct result *result = &results[e][l][c];

				fprintf(file, "%s,%d,%zu,%zu,%llu,%zu,%llu\n", encoding_names[e],
					levels[l], chunk_sizes[c], corpus->event_count,
					(unsigned long long)result->write_ns, result->bytes,
					(unsigned long long)result->read_ns);
			}
		}
	}
}

int main(int argc, char **argv)
{
	static struct workspace work;
	static struct corpus corpus;
	static results_table results;
	_cleanup_fclose_ FILE *csv = argc > 3 ? fopen(argv[3], "we") : NULL;
	double seconds = argc > 2 ? atof(argv[2]) : 20;
	time_t start = time(NULL);
	u32 round = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: format FILE.trc [SECONDS [CSV]]\n");
		return 2;
	}
	if (argc > 3 && !csv)
		format_fail(argv[3], strerror(errno));
	/* Memory once had is kept: a recording's pages are touched once, not once a second. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	corpus_read(&corpus, argv[1]);
	workspace_init(&work, &corpus);
	while (round < 2 || difftime(time(NULL), start) < seconds) {
		round_run(&corpus, &work, results);
		round++;
	}
	printf("%zu events of %.1f bytes in %zu streams; per event, least of %u rounds, CPU time "
	       "of one thread.\n\n",
	       corpus.event_count, (double)corpus.len / (double)corpus.event_count,
	       corpus.stream_count, round);
	print_markdown(&corpus, results);
	if (csv)
		print_csv(csv, &corpus, results);
	return 0;
}
