/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The word-column filter: FORMAT.md, "Filter". Lossless, knows the record head and no schema.
 *
 * Each 8-byte word of a record becomes its difference from a prediction, cut to its significant
 * bytes, in one stream per word position: zstd then has a third of the bytes to look at and finds
 * more in them. State begins afresh with every chunk.
 */
#pragma once

#include "common/events.h"

#define WORD_STREAMS  16
#define WORD_COLUMNS  12   /* words with a stream of their own; further ones go verbatim */
#define WORD_HEADS    256  /* slots that predict w2 */
#define WORD_IDS      256  /* slots that predict w1 */
#define WORD_CONTEXTS 4096 /* slots that predict the other words */

struct word_state {
	u64 ts;		       /* last w0 */
	u64 first;	       /* last w3 */
	u64 heads[WORD_HEADS]; /* last w2 by w3 */
	u64 ids[WORD_IDS];     /* last w1 by CPU */
	u64 words[WORD_CONTEXTS][WORD_COLUMNS - 4];
};

struct word_encoder {
	u8 *next[WORD_STREAMS]; /* where the streams end */
	u8 *start[WORD_STREAMS];
	u8 *memory;
	size_t capacity; /* raw bytes that fit in the worst case */
	size_t raw_len;
	void (*add)(struct word_encoder *encoder, const struct trc_head *record);
	u32 duration; /* the word that holds a duration which ended at the record's time: 4…11; 0: none */
	struct word_state state;
};

/* Room for `capacity` raw bytes. What is never touched costs address space only. */
void word_encoder_init(struct word_encoder *encoder, size_t capacity, u32 duration);
void word_encoder_release(struct word_encoder *encoder);
/* Empties the streams and forgets the predictions. */
void word_encoder_reset(struct word_encoder *encoder);
/* A well-formed record that fits: raw_len + len <= capacity. */
static inline void word_encoder_add(struct word_encoder *encoder, const struct trc_head *record)
{
	encoder->add(encoder, record);
}

static inline size_t word_encoder_stream_len(const struct word_encoder *encoder, u32 stream)
{
	return (size_t)(encoder->next[stream] - encoder->start[stream]);
}

struct word_column {
	const u8 *data;
	size_t len;
};

/* How far behind the bytes that hold all columns word_decode() may read without using what it reads. */
#define WORD_SLACK(raw_len) ((raw_len) / 3 + 64)

/*
 * Rebuilds exactly raw_len bytes of records, byte for byte as they were on the recorder: `swap` says
 * that its byte order is not ours. The columns lie in one buffer with WORD_SLACK(raw_len) readable
 * bytes behind the last one; `state` is scratch. Lengths and word counts of the records are
 * consistent afterwards, their tails have not been looked at. 0 or -EBADMSG.
 */
int word_decode(const struct word_column columns[WORD_STREAMS], bool swap, struct word_state *state,
		u8 *out, size_t raw_len, u32 *ret_event_count);
