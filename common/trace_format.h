/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The container, as FORMAT.md defines it: constants and the record head.
 * A file is a label, then records; a record is a 165-byte head at fixed offsets and a payload.
 */
#pragma once

#include "common/types.h"

#define TRACE_LABEL_SIZE       12
#define TRACE_HEAD_SIZE	       165
#define TRACE_MARKER_SIZE      7 /* every head begins with these; the trace id follows */
#define TRACE_HEAD_VERSION     1
#define TRACE_HEAD_CONSTANT    15 /* marker and trace id: the same in all heads of a section */
#define TRACE_INDEX_ENTRY_SIZE (TRACE_HEAD_SIZE - TRACE_HEAD_CONSTANT)
#define TRACE_END_SIZE	       32 /* payload of END */
#define TRACE_VERSION_MAJOR    1
#define TRACE_VERSION_MINOR    0

enum trace_record_type {
	TRACE_HEADER = 1,
	TRACE_EVENTS = 2,
	TRACE_STATE = 3,
	TRACE_CLOCK = 4,
	TRACE_INDEX = 5,
	TRACE_END = 6,
	TRACE_SUMMARY = 7,
	TRACE_REPAIR = 8,
	TRACE_OPTIONAL = 64, /* from here on, unknown types may be skipped silently */
};

enum trace_record_flag {
	TRACE_ZSTD = 1,
	TRACE_COLUMNS = 2, /* EVENTS went through the word-column filter */
	TRACE_SORTED = 4,
	TRACE_COPY = 8,	 /* a repeated HEADER */
	TRACE_LAST = 16, /* last chunk of its stream */
	TRACE_FLAGS_MUST_UNDERSTAND = (int)0xffff0000,
};

#define TRACE_CPU_MIXED	  0xffff
#define TRACE_STREAM_NONE 0xffffffffu /* of records that hold no events */
#define TRACE_TS_NONE	  UINT64_MAX

/* The head of a record, decoded. */
struct trace_head {
	u64 trace_id; /* the first 8 bytes of the uuid, big-endian */
	u64 seq;
	u8 type; /* enum trace_record_type */
	u8 version;
	u32 flags;	    /* enum trace_record_flag */
	u32 stream;	    /* class << 16 | cpu */
	u64 ts_min, ts_max; /* TRACE_TS_NONE if it has no time */
	u64 ts_floor;	    /* no later chunk of the stream has an earlier event; 0: no promise */
	u32 event_count;
	u64 kinds;	 /* bit (kind & 63) */
	u64 cpus;	 /* bit (cpu & 63) */
	u8 pids[32];	 /* Bloom filter over tgids */
	u64 lost_kernel; /* cumulative, of this stream */
	u64 lost_user;
	u32 raw_len;
	u32 mid_len;
	u32 payload_crc;
	u32 payload_len;
};

/* Of the record whose head this is. A hostile payload_len is as large as 32 bits can say. */
static inline u64 trace_record_len(const struct trace_head *head)
{
	return TRACE_HEAD_SIZE + (u64)head->payload_len;
}

/* Limits; all are checked before anything is allocated. */
#define TRACE_PAYLOAD_MAX (64u << 20)
#define TRACE_RAW_MAX	  (64u << 20)
#define TRACE_HEADER_MAX  (4u << 20)
#define TRACE_STATE_MAX	  (16u << 20)
#define TRACE_CLOCK_MAX	  (64u << 10)
#define TRACE_SUMMARY_MAX (1u << 20)
#define TRACE_REPAIR_MAX  (1u << 20)
#define TRACE_INDEX_MAX	  (64u << 20)

/* The most bytes that a record of the type may have after decompression. */
size_t trace_content_max(u8 type);

void trace_label_encode(u8 out[TRACE_LABEL_SIZE]);
bool trace_label_check(const u8 in[TRACE_LABEL_SIZE]);
void trace_head_encode(const struct trace_head *head, u8 out[TRACE_HEAD_SIZE]);
extern const u8 trace_head_marker[TRACE_MARKER_SIZE];
/*
 * 0, -EBADMSG (not a head: constant bytes or checksum are wrong), -EPROTONOSUPPORT (head version:
 * the layout is the same, so that *ret_head is set for skipping the record).
 */
int trace_head_decode(const u8 in[TRACE_HEAD_SIZE], struct trace_head *ret_head);

static inline u32 trace_head_pid_bit(u32 tgid)
{
	return tgid * 0x9e3779b1u >> 24;
}

static inline void trace_head_add_pid(struct trace_head *head, u32 tgid)
{
	u32 bit = trace_head_pid_bit(tgid);

	head->pids[bit / 8] |= 1u << bit % 8;
}

/* May the chunk hold records of this process? False is certain. */
static inline bool trace_head_has_pid(const struct trace_head *head, u32 tgid)
{
	u32 bit = trace_head_pid_bit(tgid);

	return head->pids[bit / 8] >> bit % 8 & 1;
}
