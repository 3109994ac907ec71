/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader's parts: source (bytes), scan (records), payload and chunk (contents). */
#pragma once

#include <pthread.h>

#include "common/trace_reader.h"
#include "common/word_filter.h"

struct trace_section { /* from a label to the next */
	u64 trace_id;
	bool has_id;
	bool ended;			  /* it has an END */
	bool newer;			  /* its HEADER is of a version that we cannot read */
	bool borrowed;			  /* meta belongs to another section of the same trace */
	u64 start;			  /* where its first record belongs */
	struct trace_meta *meta;	  /* NULL until a good HEADER is found */
	bool has_clock;			  /* that of the first section */
	u64 *classes;			  /* per class of the recorder: bit per enum trc_class */
	const struct schema_kind **kinds; /* by id */
	struct trace_state *state;
	struct trace_summary *summary;
	struct trace_repair *repair;
	struct trace_chunk header;	   /* the record that meta is from */
	struct trace_clock_sample *clocks; /* ascending */
	size_t clock_count, clock_capacity;
};

struct trace_scratch { /* what decoding one payload takes; kept for the next */
	struct trace_scratch *next;
	void *zstd;
	u8 *packed, *mid;
	size_t packed_capacity, mid_capacity;
	struct word_state words;
};

struct trace_reader {
	int fd;
	u64 size;
	struct trace_section *sections;
	size_t section_count, section_capacity;
	size_t first; /* the first section with a HEADER */
	struct trace_chunk *
		records; /* while opening all that were found; then what is neither chunk nor frame */
	size_t record_count, record_capacity;
	struct trace_chunk *chunks;
	size_t chunk_count, chunk_capacity;
	u64 unknown_count;
	/* What opening may still read and decompress: small files must not claim large work. */
	u64 verify_budget;    /* to tell damage apart */
	u64 contents_budget;  /* of HEADER, STATE, CLOCK, SUMMARY */
	pthread_mutex_t lock; /* of what follows */
	struct trace_damage *damages;
	size_t damage_count, damage_capacity;
	struct trace_scratch *scratches;
};

/* Damages beyond these are not kept one by one: a hostile file has as many as it likes. */
#define DAMAGES_MAX  4096
#define SECTIONS_MAX 1024

/* source: a regular file as it is, anything else spooled. 0 or -errno. */
int source_open(const char *path, int *ret_fd, u64 *ret_size);
/* Up to len bytes at an offset; fewer at the end of the file or where it cannot be read. */
size_t source_read(const struct trace_reader *reader, u64 offset, void *data, size_t len);

/* Notes damage, once per offset. */
void damage_note(struct trace_reader *reader, const struct trace_damage *damage);
/* That of a record whose head is known. */
void damage_note_record(struct trace_reader *reader, const struct trace_head *head, u64 offset,
			const char *what);

/* schema: what chunks are asked of their section's HEADER. */
#define TRACE_CLASSES 256 /* a kind's class has 8 bits */
void schemas_settle(struct trace_reader *reader);
/* As schema_kind_by_id(), whatever the file's ids are. */
const struct schema_kind *section_kind(const struct trace_section *section, u16 id);

/* scan: lists all sections and records. 0 or -errno of trace_reader_open(). */
int reader_scan(struct trace_reader *reader);
/* Takes in one record of the last section. */
void record_add(struct trace_reader *reader, const struct trace_head *head, u64 offset);
/* Takes back the records of the last section from an offset on, and damage behind it. */
void records_drop_from(struct trace_reader *reader, u64 offset);
/* Also all records from a seq on, wherever they are. Looks at every one of the section. */
void records_drop(struct trace_reader *reader, u64 offset, u64 seq);
struct trace_section *section_begin(struct trace_reader *reader, u64 start);

struct trace_index {		       /* of a section: what its END and INDEX say */
	u64 start;		       /* of its first record */
	u64 at, end;		       /* of INDEX and behind END: offsets in the file */
	struct trace_head index, last; /* the heads of both */
	u64 event_count;
	u8 *entries; /* malloc'ed */
	size_t count;
};
/*
 * Takes sections whose INDEX is consistent from the end of the file, the last one first. Returns how
 * many; *ret_start is where they begin. To be freed, as are their entries.
 */
size_t index_take(struct trace_reader *reader, struct trace_index **ret_found, u64 *ret_start);
/* Lists the section that index_take() found. */
void index_add(struct trace_reader *reader, const struct trace_index *index);
/*
 * At an END to which the scan came head by head: its INDEX has what the scan could not find. It is used
 * as far back as its entries lie where their heads are.
 */
void index_join(struct trace_reader *reader, u64 end);

/*
 * payload: reads and decompresses. *ret_data points into the scratch, has ret_len bytes of CBOR and
 * `slack` readable bytes behind them. 0, or -EBADMSG with *ret_what.
 */
int payload_read(struct trace_reader *reader, struct trace_scratch *scratch,
		 const struct trace_head *head, u64 offset, size_t max, size_t slack,
		 const u8 **ret_data, size_t *ret_len, const char **ret_what);
/* Room for `need` bytes and no more; what was there is not kept. */
u8 *buffer_room(u8 **data, size_t *capacity, size_t need);
struct trace_scratch *scratch_take(struct trace_reader *reader);
void scratch_give(struct trace_reader *reader, struct trace_scratch *scratch);
void scratch_free(struct trace_scratch *scratch);
