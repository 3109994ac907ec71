/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a trace from hostile bytes: finds the records, skips damage, decodes chunks.
 *
 * Opening scans the heads (through the index where there is one), so that all chunks are known with
 * their time range, stream and kinds before anything is decompressed. Nothing above this layer checks
 * sizes again: a chunk that trace_reader_chunk() returns holds well-formed records only.
 */
#pragma once

#include "common/cleanup.h"
#include "common/trace_format.h"
#include "common/trace_meta.h"

struct trace_reader;

struct trace_buffer { /* owned by the caller; zero it first, free data with free() */
	u8 *data;
	size_t len;
	size_t capacity;
};

/* Something that was not as it should be; the reader went on behind it. */
struct trace_damage {
	u64 offset; /* where in the file */
	u64 length; /* bytes skipped; 0 if unknown */
	u64 ts_min,
		ts_max;	 /* between which times events are missing; 0 and UINT64_MAX if unknown */
	u64 event_count; /* events known to be missing; 0 if unknown */
	u32 stream;	 /* of which they are; TRACE_STREAM_NONE if unknown */
	bool is_loss;	 /* events may be missing; else all that it concerns was read elsewhere */
	const char *what; /* static text: "checksum of the chunk is wrong", "file is cut here", … */
};

struct trace_chunk { /* an EVENTS record */
	struct trace_head head;
	u64 offset;  /* of the head, in the file */
	u32 section; /* `cat a b` makes two */
};

/*
 * 0; -EBADMSG not a trace; -EPROTONOSUPPORT newer major version; -ENODATA no readable HEADER; or the
 * errno of the system. "-" is standard input; what is not a regular file is spooled to an unlinked
 * temporary file. -EPROTONOSUPPORT sets *ret_reader all the same, for trace_reader_meta() (major,
 * minor and producer only) and trace_reader_close().
 */
int trace_reader_open(const char *path, struct trace_reader **ret_reader);
void trace_reader_close(struct trace_reader *reader);
DEFINE_CLEANUP(struct trace_reader *, trace_reader_close)

/* What it found, owned by the reader: of the first section where nothing else is said. meta is never NULL; state and summary may be. */
const struct trace_meta *trace_reader_meta(const struct trace_reader *reader);
const struct trace_meta *
trace_reader_section_meta(const struct trace_reader *reader,
			  u32 section); /* never NULL for a chunk's section */
const struct trace_state *trace_reader_state(const struct trace_reader *reader);
const struct trace_summary *trace_reader_summary(const struct trace_reader *reader);
const struct trace_clock_sample *trace_reader_clocks(const struct trace_reader *reader,
						     size_t *ret_count);
const struct trace_chunk *trace_reader_chunks(const struct trace_reader *reader,
					      size_t *ret_count); /* in file order */
const struct trace_damage *trace_reader_damages(
	const struct trace_reader *reader,
	size_t *ret_count); /* grows while chunks are decoded; valid until the next is */
u64 trace_reader_file_bytes(const struct trace_reader *reader);
u32 trace_reader_section_count(const struct trace_reader *reader);
bool trace_reader_ended_cleanly(const struct trace_reader *reader); /* it has an END */
/* Records, kinds or flags that this version does not know and skipped. */
u64 trace_reader_unknown_count(const struct trace_reader *reader);

/*
 * Do the section's times have the clock of the first's? With another boot, or another machine, they have
 * not: nothing says what came before what, and its pids are other processes.
 */
bool trace_reader_has_clock(const struct trace_reader *reader, u32 section);
/*
 * The classes, bit per enum trc_class, of the events of a chunk. The number in its head is the recorder's:
 * what it stands for is told by the file's kinds, which are known by name.
 */
u64 trace_reader_classes(const struct trace_reader *reader, const struct trace_chunk *chunk);
#define TRACE_STRANGE (1ull << 62) /* of kinds that this program does not know */
/* The same of a stream of a section. */
u64 trace_reader_stream_classes(const struct trace_reader *reader, u32 section, u32 stream);
/* In which section lies what stands at this offset? */
u32 trace_reader_section_at(const struct trace_reader *reader, u64 offset);

/*
 * What cannot be read of a section, as far as is known now: of each stream between which times, also what a
 * file had lost of which this one is the repaired rest. malloc'ed. The first *ret_known (may be NULL) are such,
 * or of damage to one stream; the others follow from where records may be missing, at the end, too.
 */
void trace_reader_missing(const struct trace_reader *reader, u32 section,
			  struct trace_missing **ret_missing, size_t *ret_count, size_t *ret_known);
/* Of a repaired file; else NULL. */
const struct trace_repair *trace_reader_repair(const struct trace_reader *reader, u32 section);
/* Did it end well? For a repaired file: did the one that it was made of? */
bool trace_reader_section_ended(const struct trace_reader *reader, u32 section);
/* Has it an END in this file? */
bool trace_reader_has_end(const struct trace_reader *reader, u32 section);

/* Those of a section among the chunks, or the records, that the reader has: sections lie one behind the other. */
const struct trace_chunk *trace_chunks_of(const struct trace_chunk *chunks, size_t count,
					  u32 section, size_t *ret_count);

/* For copying. The HEADER that describes the section; NULL if there is none that this version can read. */
const struct trace_chunk *trace_reader_header(const struct trace_reader *reader, u32 section);
/* The records that are neither chunks nor HEADER, INDEX, END or REPAIR, nor known to be damaged; in file order. */
const struct trace_chunk *trace_reader_records(const struct trace_reader *reader,
					       size_t *ret_count);
/* A record's payload as the file has it. 0, or -EBADMSG if it is not whole (the damage has been noted). */
int trace_reader_payload(struct trace_reader *reader, const struct trace_chunk *record,
			 struct trace_buffer *buffer);

/*
 * Decompresses and unfilters one chunk into `buffer`, which it replaces by one of just the size if it
 * is too small. Gives the raw records back to back, in the recorder's byte order except that their heads and, for kinds that the
 * file's schema describes, integers of fixed fields, item heads and the numbers of fds, u32s and u64s
 * items have been turned to this machine's. Every record has been well-formed; one of a kind that the
 * schema does not describe is kept: it is not to be walked. 0 or -EBADMSG (the damage has been noted,
 * once per chunk). Several threads may call it, each with a buffer of its own.
 */
int trace_reader_chunk(struct trace_reader *reader, const struct trace_chunk *chunk,
		       struct trace_buffer *buffer);

/* Wall-clock time, ns since 1970, of a time on the trace clock: linear between clock samples. */
s64 trace_reader_wall_ns(const struct trace_reader *reader, u64 ts);
