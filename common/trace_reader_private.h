/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader's parts: source (bytes), scan (records), payload and chunk (contents). */
#pragma once

#include <pthread.h>

#include "common/trace_reader.h"
#include "common/word_filter.h"

struct trace_section { /* from a label to the next */
	u64 trace_id;
	bool has_id;
	bool ended;    /* it has an END */
	bool newer;    /* its HEADER is of a version that we cannot read */
	bool borrowed; /* meta belongs to another section of the same trace */
	u64 next_seq;
	struct trace_meta *meta; /* NULL until a good HEADER is found */
	struct trace_state *state;
	struct trace_summary *summary;
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

/* scan: finds all records and fills in sections and chunks. 0 or -errno of trace_reader_open(). */
int reader_scan(struct trace_reader *reader);
/* Takes in one record; what cannot be used becomes damage. */
void record_add(struct trace_reader *reader, const struct trace_head *head, u64 offset);
/* Takes the last one back: another record begins inside it. */
void record_drop(struct trace_reader *reader, const struct trace_head *head, u64 offset);
struct trace_section *section_begin(struct trace_reader *reader);
/* True if the sections were listed from their indexes; false, and nothing changed, if that is impossible. */
bool index_scan(struct trace_reader *reader);

/*
 * payload: reads and decompresses. *ret_data points into the scratch, has ret_len bytes of CBOR and
 * `slack` readable bytes behind them. 0, or -EBADMSG with *ret_what.
 */
int payload_read(struct trace_reader *reader, struct trace_scratch *scratch,
		 const struct trace_head *head, u64 offset, size_t max, size_t slack,
		 const u8 **ret_data, size_t *ret_len, const char **ret_what);
struct trace_scratch *scratch_take(struct trace_reader *reader);
void scratch_give(struct trace_reader *reader, struct trace_scratch *scratch);
void scratch_free(struct trace_scratch *scratch);
