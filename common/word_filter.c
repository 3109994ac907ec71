/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/word_filter.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

enum {		       /* the streams */
       SIZES = 0,      /* 2 bytes per record: significant bytes of w3, w2, w0, w1 */
       BODY_SIZES = 1, /* half a byte per word 4…11, whole bytes per record */
       HEADS = 2,      /* w2 */
       TIMES = 3,      /* w0 */
       IDS = 4,	       /* w1 */
       FIRSTS = 5,     /* w3 */
       BODY = 6,       /* w4…w11: streams 6…13 */
       VERBATIM = 14,  /* further words, and the tail */
       DURATION = 15,  /* one byte: the word that holds a duration; empty if none does */
};

#define MULTIPLIER	 0x9e3779b1u
#define MULTIPLIER_FIRST 0x85ebca6bu

/*
 * The loops are compiled twice: BSR, all that every x86-64 has for counting leading zeros, costs
 * 20 ns per record on AMD's. Whatever has BMI2 has LZCNT.
 */
#ifdef __x86_64__
#define HAVE_FAST	 1
#define FAST		 __attribute__((target("lzcnt,bmi,bmi2")))
#define fast_supported() __builtin_cpu_supports("bmi2")
#else
#define HAVE_FAST 0
#endif
#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline u64 load(const void *p)
{
	u64 v;

	memcpy(&v, p, 8);
	return v;
}

static inline void store(void *p, u64 v)
{
	memcpy(p, &v, 8);
}

static inline u64 zigzag(u64 v)
{
	return v << 1 ^ (u64)((s64)v >> 63);
}

static inline u64 unzigzag(u64 v)
{
	return v >> 1 ^ -(v & 1);
}

/* How many bytes hold the value: 0…8. One instruction where there is LZCNT. */
static ALWAYS_INLINE u32 significant(u64 v)
{
	return (71u - (v ? (u32)__builtin_clzll(v) : 64)) / 8;
}

/* The parts of the head's words that the filter looks at. */
struct head {
	u16 kind, len, cpu;
	u8 words;
};

static ALWAYS_INLINE struct head head_of(u64 w2, bool big_endian)
{
	if (big_endian)
		return (struct head){ w2 >> 48, w2 >> 32, w2 >> 16, w2 >> 8 };
	return (struct head){ w2, w2 >> 16, w2 >> 32, w2 >> 48 };
}

static inline u64 *head_slot(struct word_state *state, u64 w3)
{
	return &state->heads[((u32)w3 ^ (u32)(w3 >> 32)) * MULTIPLIER >> 24];
}

static ALWAYS_INLINE u64 *context_of(struct word_state *state, u16 kind, u64 w1, u64 w3,
				     bool big_endian)
{
	u32 tid = big_endian ? (u32)(w1 >> 32) : (u32)w1;
	u32 first = big_endian ? (u32)(w3 >> 32) : (u32)w3;

	return state
		->words[((((u32)kind << 16 ^ first) * MULTIPLIER_FIRST) ^ tid) * MULTIPLIER >> 20];
}

static inline u32 columns_of(u32 words)
{
	return words < WORD_COLUMNS ? words : WORD_COLUMNS;
}

static void memory_init(struct word_encoder *encoder)
{
	size_t size[WORD_STREAMS] = { 0 }, total = 0, capacity = encoder->capacity;
	size_t records = capacity / sizeof(struct trc_head) + 1;
	u8 *p;

	/* A record of n words has 8n bytes: word i exists at most capacity / 8(i + 1) times. */
	size[SIZES] = 2 * records;
	size[BODY_SIZES] = capacity / 10 + 1;
	for (u32 i = HEADS; i <= FIRSTS; i++)
		size[i] = 8 * records;
	for (u32 i = 4; i < WORD_COLUMNS; i++)
		size[BODY + i - 4] = capacity / (i + 1);
	size[VERBATIM] = capacity;
	size[DURATION] = 1;
	for (u32 i = 0; i < WORD_STREAMS; i++)
		total += size[i] + 8; /* stores are 8 bytes whatever they keep */
	encoder->memory = xmalloc(total);
	p = encoder->memory;
	for (u32 i = 0; i < WORD_STREAMS; i++) {
		encoder->start[i] = p;
		p += size[i] + 8;
	}
}

void word_encoder_release(struct word_encoder *encoder)
{
	free(encoder->memory);
	encoder->memory = NULL;
}

void word_encoder_reset(struct word_encoder *encoder)
{
	memcpy(encoder->next, encoder->start, sizeof(encoder->next));
	encoder->raw_len = 0;
	if (encoder->duration)
		*encoder->next[DURATION]++ = (u8)encoder->duration;
	memset(&encoder->state, 0, sizeof(encoder->state));
}

/* Appends the significant bytes, least significant first; returns how many. */
static ALWAYS_INLINE u32 put(struct word_encoder *encoder, u32 stream, u64 v)
{
	u32 size = significant(v);

	store(encoder->next[stream], htole64(v));
	encoder->next[stream] += size;
	return size;
}

static ALWAYS_INLINE void add(struct word_encoder *encoder, const struct trc_head *record)
{
	const bool big_endian = __BYTE_ORDER == __BIG_ENDIAN;
	struct word_state *state = &encoder->state;
	const u8 *p = (const u8 *)record;
	u64 w0 = load(p), w1 = load(p + 8), w2 = load(p + 16);
	struct head head = head_of(w2, big_endian);
	u64 w3 = head.words > 3 ? load(p + 24) : 0;
	u32 columns = columns_of(head.words), duration = encoder->duration, sizes;
	u64 *last_head = head_slot(state, w3);
	u64 *id = &state->ids[head.cpu % WORD_IDS];
	u64 since = state->ts;

	sizes = put(encoder, FIRSTS, w3 ^ state->first);
	state->first = w3;
	sizes |= put(encoder, HEADS, w2 ^ *last_head) << 4;
	*last_head = w2;
	if (duration && columns > duration)
		since += load(p + duration * 8);
	sizes |= put(encoder, TIMES, zigzag(w0 - since)) << 8;
	state->ts = w0;
	sizes |= put(encoder, IDS, w1 ^ *id) << 12;
	*id = w1;
	encoder->next[SIZES][0] = (u8)sizes;
	encoder->next[SIZES][1] = (u8)(sizes >> 8);
	encoder->next[SIZES] += 2;

	if (columns > 4) {
		u64 *last = context_of(state, head.kind, w1, w3, big_endian);
		u64 body_sizes = 0;

		for (u32 i = 4; i < columns; i++) {
			u64 w = load(p + 8 * i);
			u64 v = i == duration ? w : zigzag(w - last[i - 4]);

			body_sizes |= (u64)put(encoder, BODY - 4 + i, v) << (4 * i - 16);
			last[i - 4] = w;
		}
		store(encoder->next[BODY_SIZES], htole64(body_sizes));
		encoder->next[BODY_SIZES] += (columns - 3) / 2;
	}
	for (u32 at = columns * 8; at < head.len; at += 8) {
		store(encoder->next[VERBATIM], load(p + at));
		encoder->next[VERBATIM] += 8;
	}
	encoder->raw_len += head.len;
}

static void add_plain(struct word_encoder *encoder, const struct trc_head *record)
{
	add(encoder, record);
}

#if HAVE_FAST
FAST static void add_fast(struct word_encoder *encoder, const struct trc_head *record)
{
	add(encoder, record);
}
#endif

void word_encoder_init(struct word_encoder *encoder, size_t capacity, u32 duration)
{
	encoder->add = add_plain;
#if HAVE_FAST
	if (fast_supported())
		encoder->add = add_fast;
#endif
	encoder->capacity = capacity;
	encoder->duration = duration;
	memory_init(encoder);
	word_encoder_reset(encoder);
}

struct decoder {
	const u8 *next[WORD_STREAMS];
	u32 wrong; /* above 15: a size above 8 was seen */
};

static ALWAYS_INLINE u64 get(struct decoder *decoder, u32 stream, u32 size)
{
	static const u64 masks[16] = {
		0,	    0xff,	  0xffff,	  0xffffff,
		0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
		UINT64_MAX,
	};
	u64 v = le64toh(load(decoder->next[stream])) & masks[size];

	decoder->next[stream] += size;
	decoder->wrong |= size + 7;
	return v;
}

static inline u64 swapped(u64 v, bool swap)
{
	return swap ? __builtin_bswap64(v) : v;
}

static ALWAYS_INLINE int decode(const struct word_column *columns, const bool swap,
				struct word_state *state, u8 *out, size_t raw_len, u32 *ret_count)
{
	const bool big_endian = (__BYTE_ORDER == __BIG_ENDIAN) != swap;
	const u8 *verbatim_end = columns[VERBATIM].data + columns[VERBATIM].len;
	u32 count = (u32)(columns[SIZES].len / 2), duration = 0;
	const u8 *end = out + raw_len;
	struct decoder d = { 0 };

	if (columns[SIZES].len % 2 || columns[SIZES].len / 2 > raw_len / sizeof(struct trc_head) ||
	    columns[DURATION].len > 1)
		return -EBADMSG;
	for (u32 i = 0; i < WORD_STREAMS; i++)
		d.next[i] = columns[i].data;
	if (columns[DURATION].len) {
		duration = *d.next[DURATION]++;
		if (duration < 4 || duration >= WORD_COLUMNS)
			return -EBADMSG;
	}
	memset(state, 0, sizeof(*state));

	for (u32 i = 0; i < count; i++) {
		u32 sizes = d.next[SIZES][0] | d.next[SIZES][1] << 8, used;
		u64 w0, w1, w2, w3, *last_head, *id;
		struct head head;

		d.next[SIZES] += 2;
		w3 = get(&d, FIRSTS, sizes & 15) ^ state->first;
		state->first = w3;
		last_head = head_slot(state, w3);
		w2 = get(&d, HEADS, sizes >> 4 & 15) ^ *last_head;
		*last_head = w2;
		head = head_of(w2, big_endian);
		if (head.words < TRC_HEAD_WORDS || head.words * 8u > head.len || head.len % 8 ||
		    head.len > (size_t)(end - out))
			return -EBADMSG;
		id = &state->ids[head.cpu % WORD_IDS];
		w1 = get(&d, IDS, sizes >> 12) ^ *id;
		*id = w1;
		w0 = state->ts + unzigzag(get(&d, TIMES, sizes >> 8 & 15));

		used = columns_of(head.words);
		if (used > 3)
			store(out + 24, swapped(w3, swap));
		if (used > 4) {
			u64 *last = context_of(state, head.kind, w1, w3, big_endian);
			u64 body_sizes = le64toh(load(d.next[BODY_SIZES]));

			d.next[BODY_SIZES] += (used - 3) / 2;
			for (u32 j = 4; j < used; j++, body_sizes >>= 4) {
				u64 w = get(&d, BODY - 4 + j, body_sizes & 15);

				if (j == duration)
					w0 += w;
				else
					w = last[j - 4] + unzigzag(w);
				last[j - 4] = w;
				store(out + 8 * j, swapped(w, swap));
			}
		}
		state->ts = w0;
		store(out, swapped(w0, swap));
		store(out + 8, swapped(w1, swap));
		store(out + 16, swapped(w2, swap));
		if (head.len > used * 8u) {
			size_t size = head.len - used * 8u;

			if (size > (size_t)(verbatim_end - d.next[VERBATIM]))
				return -EBADMSG;
			memcpy(out + used * 8, d.next[VERBATIM], size);
			d.next[VERBATIM] += size;
		}
		out += head.len;
		if (d.wrong > 15)
			return -EBADMSG;
	}
	if (out != end)
		return -EBADMSG;
	for (u32 i = 0; i < WORD_STREAMS; i++)
		if (d.next[i] != columns[i].data + columns[i].len)
			return -EBADMSG;
	*ret_count = count;
	return 0;
}

#if HAVE_FAST
FAST static int decode_fast(const struct word_column *columns, struct word_state *state, u8 *out,
			    size_t raw_len, u32 *ret_count)
{
	return decode(columns, false, state, out, raw_len, ret_count);
}
#endif

int word_decode(const struct word_column columns[WORD_STREAMS], bool swap, struct word_state *state,
		u8 *out, size_t raw_len, u32 *ret_event_count)
{
	if (swap)
		return decode(columns, true, state, out, raw_len, ret_event_count);
#if HAVE_FAST
	if (fast_supported())
		return decode_fast(columns, state, out, raw_len, ret_event_count);
#endif
	return decode(columns, false, state, out, raw_len, ret_event_count);
}
