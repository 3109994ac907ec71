/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Vectors of buffers, and messages of sockets. */
#include "analyze/decode/structs.h"

#include <string.h>

/* Items of u64s and u32s are in this machine's byte order already. */
static u64 number_u64(const struct trc_item *item, size_t i)
{
	u64 value;

	memcpy(&value, trc_item_data(item) + i * 8, sizeof(value));
	return value;
}

static u32 number_u32(const struct trc_item *item, size_t i)
{
	u32 value;

	memcpy(&value, trc_item_data(item) + i * 4, sizeof(value));
	return value;
}

/* ---- lengths: the sum, then each ---- */

static const struct trc_item *lengths_of(const struct args *args, unsigned i)
{
	const struct trc_item *item = args_item(args, i, TRC_TYPE_u64s, 0);

	return item && item->len >= 8 ? item : NULL;
}

static size_t length_count(const struct trc_item *lengths)
{
	return lengths->len / 8 - 1;
}

/* [{iov_base="abc", iov_len=3}, {iov_len=5}, ...]: with as much of the data as there is. */
static void add_vector(struct args *args, const struct trc_item *lengths,
		       const struct trc_item *data)
{
	struct text *out = args->out;
	size_t at = 0;

	text_addc(out, '[');
	for (size_t i = 0; i < length_count(lengths); i++) {
		u64 length = number_u64(lengths, 1 + i);

		text_adds(out, i ? ", {" : "{");
		if (data && (at < data->len || (!length && at == data->len))) {
			size_t here = data->len - at < length ? data->len - at : length;

			text_add_literal(out, "iov_base=\"");
			text_add_escaped(out, (const char *)trc_item_data(data) + at, here);
			/* What was received may be less than there was room for. */
			text_adds(out, here < length && data->state == TRC_ITEM_TRUNCATED
					       ? "\"..., "
					       : "\", ");
			at += here;
		}
		text_add_literal(out, "iov_len=");
		text_addu(out, length);
		text_addc(out, '}');
	}
	if (lengths->more)
		text_adds(out, length_count(lengths) ? ", ..." : "...");
	text_addc(out, ']');
}

bool args_add_vector(struct args *args, unsigned i)
{
	const struct trc_item *lengths = lengths_of(args, i);

	if (!lengths)
		return false;
	add_vector(args, lengths, args_item(args, i, TRC_TYPE_bytes, 0));
	return true;
}

bool args_add_messages(struct args *args, unsigned i)
{
	const struct trc_item *lengths = lengths_of(args, i);
	const struct trc_item *name = args_item(args, i, TRC_TYPE_sockaddr, 0);
	struct text *out = args->out;

	if (!lengths)
		return false;
	text_addc(out, '[');
	for (size_t j = 0; j < length_count(lengths); j++) {
		text_adds(out, j ? ", {" : "{");
		if (!j && name) {
			text_add_literal(out, "msg_hdr={msg_name=");
			decode_sockaddr_struct(args->decoder, trc_item_data(name), name->len, out);
			text_add_literal(out, "}, ");
		}
		text_add_literal(out, "msg_len=");
		text_addu(out, number_u64(lengths, 1 + j));
		text_addc(out, '}');
	}
	if (lengths->more)
		text_adds(out, length_count(lengths) ? ", ..." : "...");
	text_addc(out, ']');
	return true;
}

/* ---- control messages ---- */

#define SOCKET_LEVEL 1
#define RIGHTS	     1
#define CREDENTIALS  2

static void add_rights(struct payload data)
{
	struct text *out = data.args->out;

	text_add_literal(out, ", cmsg_data=[");
	for (bool first = true; data.len >= 4; first = false) {
		if (!first)
			text_add_literal(out, ", ");
		text_add_fd(data.args->decoder, (s32)payload_take_u32(&data), DECODE_FD_MADE, out);
	}
	text_addc(out, ']');
}

static void add_control(struct payload data, u64 len, u32 level, u32 type)
{
	struct text *out = data.args->out;

	text_add_literal(out, "{cmsg_len=");
	text_addu(out, len);
	text_add_literal(out, ", cmsg_level=");
	value_set_add(&set_sockopt_level, level, out);
	text_add_literal(out, ", cmsg_type=");
	if (level == SOCKET_LEVEL && type == RIGHTS) {
		text_add_literal(out, "SCM_RIGHTS");
		add_rights(data);
	} else if (level == SOCKET_LEVEL && type == CREDENTIALS && data.len >= 12) {
		text_add_literal(out, "SCM_CREDENTIALS");
		text_add_field(out, ", cmsg_data={pid=", payload_take_u32(&data));
		text_add_field(out, ", uid=", payload_take_u32(&data));
		text_add_field(out, ", gid=", payload_take_u32(&data));
		text_addc(out, '}');
	} else {
		text_addx(out, type);
	}
	text_addc(out, '}');
}

/* Each is a length that counts its own head, level and type, and data; the next begins at a multiple of a long. */
static void add_controls(struct args *args, const struct trc_item *item)
{
	struct payload left = payload_of(args, item);
	unsigned size = args_long_size(args);
	struct text *out = args->out;
	bool first = true;

	text_addc(out, '[');
	while (left.len >= size + 8) {
		struct payload data = left;
		u64 len = size == 8 ? payload_take_u64(&data) : payload_take_u32(&data);
		u32 level = payload_take_u32(&data), type = payload_take_u32(&data);
		size_t next;

		if (len < size + 8)
			break;
		if (data.len > len - size - 8)
			data.len = (size_t)(len - size - 8);
		if (!first)
			text_add_literal(out, ", ");
		first = false;
		add_control(data, len, level, type);
		if (len >= left.len)
			break;
		next = ((size_t)len + size - 1) / size * size;
		if (next >= left.len)
			break;
		left.data += next;
		left.len -= next;
	}
	if (left.cut)
		text_adds(out, first ? "..." : ", ...");
	text_addc(out, ']');
}

/* ---- msghdr ---- */

enum { HEAD_NAME_BYTES, HEAD_CONTROL_BYTES, HEAD_FLAGS, HEAD_COUNT };

bool args_add_message(struct args *args, unsigned i)
{
	const struct trc_item *head = args_item(args, i, TRC_TYPE_u32s, 0);
	const struct trc_item *name = args_item(args, i, TRC_TYPE_sockaddr, 0);
	const struct trc_item *controls = args_item(args, i, TRC_TYPE_cmsgs, 0);
	const struct trc_item *lengths = lengths_of(args, i);
	struct text *out = args->out;

	if (!head || head->len < HEAD_COUNT * 4)
		return false;
	text_add_literal(out, "{msg_name=");
	if (!name || !decode_sockaddr_struct(args->decoder, trc_item_data(name), name->len, out))
		text_add_literal(out, "NULL");
	text_add_literal(out, ", msg_namelen=");
	text_addu(out, number_u32(head, HEAD_NAME_BYTES));
	if (lengths) {
		text_add_literal(out, ", msg_iov=");
		add_vector(args, lengths, args_item(args, i, TRC_TYPE_bytes, 0));
		text_add_literal(out, ", msg_iovlen=");
		text_addu(out, length_count(lengths) + lengths->more);
	}
	if (controls) {
		text_add_literal(out, ", msg_control=");
		add_controls(args, controls);
	}
	text_add_literal(out, ", msg_controllen=");
	text_addu(out, number_u32(head, HEAD_CONTROL_BYTES));
	text_add_literal(out, ", msg_flags=");
	value_set_add(&set_msg_flags, number_u32(head, HEAD_FLAGS), out);
	text_addc(out, '}');
	return true;
}
