/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/crc32c.h"

static const u8 label[TRACE_LABEL_SIZE] = { 0xd9, 0xd9, 0xf8, 0xda, 'T', 'R',
					    'C',  'F',	0x43, 'B',  'O', 'R' };
const u8 trace_head_marker[TRACE_MARKER_SIZE] = { 0xda, 'T', 'R', 'C', 'R', 0x94, 0x1b };

#define CRC_OFFSET 156 /* of the four bytes behind the CBOR head of head_crc */

size_t trace_content_max(u8 type)
{
	switch (type) {
	case TRACE_HEADER:
		return TRACE_HEADER_MAX;
	case TRACE_STATE:
		return TRACE_STATE_MAX;
	case TRACE_CLOCK:
		return TRACE_CLOCK_MAX;
	case TRACE_SUMMARY:
		return TRACE_SUMMARY_MAX;
	case TRACE_REPAIR:
		return TRACE_REPAIR_MAX;
	case TRACE_END:
		return TRACE_END_SIZE;
	default:
		return TRACE_PAYLOAD_MAX; /* EVENTS, INDEX */
	}
}

void trace_label_encode(u8 out[TRACE_LABEL_SIZE])
{
	memcpy(out, label, sizeof(label));
}

bool trace_label_check(const u8 in[TRACE_LABEL_SIZE])
{
	return !memcmp(in, label, sizeof(label));
}

/* The CBOR heads are wide whatever the value, so that every field has a place of its own. */
static u8 *put_u8(u8 *p, u8 v)
{
	p[0] = 0x18;
	p[1] = v;
	return p + 2;
}

static u8 *put_u32(u8 *p, u8 lead, u32 v)
{
	v = htobe32(v);
	*p = lead;
	memcpy(p + 1, &v, 4);
	return p + 5;
}

static u8 *put_u64(u8 *p, u64 v)
{
	v = htobe64(v);
	*p = 0x1b;
	memcpy(p + 1, &v, 8);
	return p + 9;
}

void trace_head_encode(const struct trace_head *head, u8 out[TRACE_HEAD_SIZE])
{
	u8 *p = out + TRACE_MARKER_SIZE - 1;

	memcpy(out, trace_head_marker, TRACE_MARKER_SIZE);
	p = put_u64(p, head->trace_id);
	p = put_u64(p, head->seq);
	p = put_u8(p, head->type);
	p = put_u8(p, head->version);
	p = put_u32(p, 0x1a, head->flags);
	p = put_u32(p, 0x1a, head->stream);
	p = put_u64(p, head->ts_min);
	p = put_u64(p, head->ts_max);
	p = put_u64(p, head->ts_floor);
	p = put_u32(p, 0x1a, head->event_count);
	p = put_u64(p, head->kinds);
	p = put_u64(p, head->cpus);
	*p++ = 0x58;
	*p++ = sizeof(head->pids);
	memcpy(p, head->pids, sizeof(head->pids));
	p += sizeof(head->pids);
	p = put_u64(p, head->lost_kernel);
	p = put_u64(p, head->lost_user);
	p = put_u32(p, 0x1a, head->raw_len);
	p = put_u32(p, 0x1a, head->mid_len);
	p = put_u32(p, 0x1a, head->payload_crc);
	p = put_u32(p, 0x1a, 0);
	p = put_u32(p, 0x5a, head->payload_len);
	put_u32(out + CRC_OFFSET - 1, 0x1a, crc32c(out, TRACE_HEAD_SIZE));
}

/* A cursor that remembers whether every constant byte was in its place. */
struct cursor {
	const u8 *p;
	bool wrong;
};

static u8 get_u8(struct cursor *c)
{
	u8 v = c->p[1];

	c->wrong |= c->p[0] != 0x18;
	c->p += 2;
	return v;
}

static u32 get_u32(struct cursor *c, u8 lead)
{
	u32 v;

	memcpy(&v, c->p + 1, 4);
	c->wrong |= c->p[0] != lead;
	c->p += 5;
	return be32toh(v);
}

static u64 get_u64(struct cursor *c)
{
	u64 v;

	memcpy(&v, c->p + 1, 8);
	c->wrong |= c->p[0] != 0x1b;
	c->p += 9;
	return be64toh(v);
}

int trace_head_decode(const u8 in[TRACE_HEAD_SIZE], struct trace_head *ret_head)
{
	struct cursor c = { in + TRACE_MARKER_SIZE - 1, false };
	u8 copy[TRACE_HEAD_SIZE];
	struct trace_head head;
	u32 crc;

	if (memcmp(in, trace_head_marker, TRACE_MARKER_SIZE))
		return -EBADMSG;
	head.trace_id = get_u64(&c);
	head.seq = get_u64(&c);
	head.type = get_u8(&c);
	head.version = get_u8(&c);
	head.flags = get_u32(&c, 0x1a);
	head.stream = get_u32(&c, 0x1a);
	head.ts_min = get_u64(&c);
	head.ts_max = get_u64(&c);
	head.ts_floor = get_u64(&c);
	head.event_count = get_u32(&c, 0x1a);
	head.kinds = get_u64(&c);
	head.cpus = get_u64(&c);
	c.wrong |= c.p[0] != 0x58 || c.p[1] != sizeof(head.pids);
	memcpy(head.pids, c.p + 2, sizeof(head.pids));
	c.p += 2 + sizeof(head.pids);
	head.lost_kernel = get_u64(&c);
	head.lost_user = get_u64(&c);
	head.raw_len = get_u32(&c, 0x1a);
	head.mid_len = get_u32(&c, 0x1a);
	head.payload_crc = get_u32(&c, 0x1a);
	crc = get_u32(&c, 0x1a);
	head.payload_len = get_u32(&c, 0x5a);
	if (c.wrong)
		return -EBADMSG;
	memcpy(copy, in, sizeof(copy));
	memset(copy + CRC_OFFSET, 0, 4);
	if (crc32c(copy, sizeof(copy)) != crc)
		return -EBADMSG;
	*ret_head = head;
	return head.version == TRACE_HEAD_VERSION ? 0 : -EPROTONOSUPPORT;
}
