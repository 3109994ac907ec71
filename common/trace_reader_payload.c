/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_reader_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/alloc.h"
#include "common/crc32c.h"

#define WINDOW_MAX (8u << 20)

enum frame_descriptor {
	FRAME_DICTIONARY = 3, /* bytes of its id */
	FRAME_CHECKSUM = 4,
	FRAME_SINGLE_SEGMENT = 32, /* the window is the content */
};

struct trace_scratch *scratch_take(struct trace_reader *reader)
{
	struct trace_scratch *scratch;

	pthread_mutex_lock(&reader->lock);
	scratch = reader->scratches;
	if (scratch)
		reader->scratches = scratch->next;
	pthread_mutex_unlock(&reader->lock);
	if (!scratch) {
		scratch = xcalloc(1, sizeof(*scratch));
		scratch->zstd = alloc_check(ZSTD_createDCtx());
	}
	return scratch;
}

void scratch_give(struct trace_reader *reader, struct trace_scratch *scratch)
{
	pthread_mutex_lock(&reader->lock);
	scratch->next = reader->scratches;
	reader->scratches = scratch;
	pthread_mutex_unlock(&reader->lock);
}

void scratch_free(struct trace_scratch *scratch)
{
	free(scratch->packed);
	free(scratch->mid);
	ZSTD_freeDCtx(scratch->zstd);
	free(scratch);
}

u8 *buffer_room(u8 **data, size_t *capacity, size_t need)
{
	if (*capacity < need) {
		free(*data);
		*data = xmalloc(need);
		*capacity = need;
	}
	return *data;
}

/* A frame as FORMAT.md wants it: RFC 8878, 3.1.1.1. libzstd tells of these only through its static API. */
static bool frame_allowed(const u8 *payload, size_t len, size_t mid_len)
{
	static const u8 magic[] = { 0x28, 0xb5, 0x2f, 0xfd }; /* not skippable, not legacy */
	u64 window = mid_len, base;
	u8 descriptor;

	if (len < 6 || memcmp(payload, magic, sizeof(magic)))
		return false;
	descriptor = payload[4];
	if (!(descriptor & FRAME_SINGLE_SEGMENT)) {
		base = 1ull << (10 + (payload[5] >> 3));
		window = base + base / 8 * (payload[5] & 7);
	}
	return descriptor & FRAME_CHECKSUM && !(descriptor & FRAME_DICTIONARY) &&
	       window <= WINDOW_MAX;
}

static const char *unzstd(struct trace_scratch *scratch, const u8 *payload, size_t len,
			  size_t mid_len, size_t slack)
{
	if (!frame_allowed(payload, len, mid_len))
		return "the compressed data are not in the form that they must have";
	if (ZSTD_getFrameContentSize(payload, len) != mid_len ||
	    ZSTD_findFrameCompressedSize(payload, len) != len)
		return "the compressed data are damaged";
	buffer_room(&scratch->mid, &scratch->mid_capacity, mid_len + slack);
	if (ZSTD_decompressDCtx(scratch->zstd, scratch->mid, mid_len, payload, len) != mid_len)
		return "the compressed data are damaged";
	return NULL;
}

int payload_read(struct trace_reader *reader, struct trace_scratch *scratch,
		 const struct trace_head *head, u64 offset, size_t max, size_t slack,
		 const u8 **ret_data, size_t *ret_len, const char **ret_what)
{
	size_t len = head->payload_len;
	u8 bytes[TRACE_HEAD_SIZE];

	if (len > TRACE_PAYLOAD_MAX || head->mid_len > max || head->raw_len > TRACE_RAW_MAX ||
	    len > reader->size - offset - TRACE_HEAD_SIZE) {
		*ret_what = "a length in the head is not possible";
		return -EBADMSG;
	}
	buffer_room(&scratch->packed, &scratch->packed_capacity, TRACE_HEAD_SIZE + len + slack);
	if (source_read(reader, offset, scratch->packed, TRACE_HEAD_SIZE + len) !=
	    TRACE_HEAD_SIZE + len) {
		*ret_what = "the record cannot be read";
		return -EBADMSG;
	}
	/* The head came from here or from the index; where they differ, the index has it right. */
	trace_head_encode(head, bytes);
	if (memcmp(bytes, scratch->packed, sizeof(bytes)))
		damage_note(reader,
			    &(struct trace_damage){
				    .offset = offset,
				    .length = TRACE_HEAD_SIZE,
				    .stream = TRACE_STREAM_NONE,
				    .what = "the head of a record is damaged; the index has it",
			    });
	if (head->flags & TRACE_ZSTD) {
		*ret_what = unzstd(scratch, scratch->packed + TRACE_HEAD_SIZE, len, head->mid_len,
				   slack);
		if (*ret_what)
			return -EBADMSG;
		*ret_data = scratch->mid;
		*ret_len = head->mid_len;
		return 0;
	}
	if (len != head->mid_len ||
	    crc32c(scratch->packed + TRACE_HEAD_SIZE, len) != head->payload_crc) {
		*ret_what = "the checksum of the payload is wrong";
		return -EBADMSG;
	}
	*ret_data = scratch->packed + TRACE_HEAD_SIZE;
	*ret_len = len;
	return 0;
}

int trace_reader_payload(struct trace_reader *reader, const struct trace_chunk *record,
			 struct trace_buffer *buffer)
{
	struct trace_scratch *scratch = scratch_take(reader);
	const struct trace_head *head = &record->head;
	const char *what = NULL;
	const u8 *data;
	size_t len;
	int err;

	err = payload_read(reader, scratch, head, record->offset, TRACE_RAW_MAX, 0, &data, &len,
			   &what);
	if (!err) {
		buffer_room(&buffer->data, &buffer->capacity, head->payload_len + 1ull);
		memcpy(buffer->data, scratch->packed + TRACE_HEAD_SIZE, head->payload_len);
		buffer->len = head->payload_len;
	}
	scratch_give(reader, scratch);
	if (err)
		damage_note_record(reader, head, record->offset, what);
	return err;
}
