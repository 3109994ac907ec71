/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/cbor.h"

#include <cbor.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/alloc.h"

#define HEAD_MAX 9 /* bytes of the longest CBOR head */

static u8 *out_room(struct cbor_out *out, size_t size)
{
	ARRAY_RESERVE(out->data, out->capacity, out->len + size);
	return out->data + out->len;
}

void cbor_out_uint(struct cbor_out *out, u64 value)
{
	out->len += cbor_encode_uint(value, out_room(out, HEAD_MAX), HEAD_MAX);
}

void cbor_out_int(struct cbor_out *out, s64 value)
{
	if (value >= 0)
		cbor_out_uint(out, (u64)value);
	else
		out->len += cbor_encode_negint(~(u64)value, out_room(out, HEAD_MAX), HEAD_MAX);
}

static void out_raw(struct cbor_out *out, const void *data, size_t len)
{
	if (!len)
		return;
	memcpy(out_room(out, len), data, len);
	out->len += len;
}

void cbor_out_bytes_head(struct cbor_out *out, size_t len)
{
	out->len += cbor_encode_bytestring_start(len, out_room(out, HEAD_MAX), HEAD_MAX);
}

void cbor_out_bytes(struct cbor_out *out, const void *data, size_t len)
{
	cbor_out_bytes_head(out, len);
	out_raw(out, data, len);
}

void cbor_out_text(struct cbor_out *out, const char *text)
{
	size_t len = strlen(text);

	out->len += cbor_encode_string_start(len, out_room(out, HEAD_MAX), HEAD_MAX);
	out_raw(out, text, len);
}

void cbor_out_string(struct cbor_out *out, const char *text)
{
	cbor_out_bytes(out, text, text ? strlen(text) : 0);
}

void cbor_out_array(struct cbor_out *out, u64 count)
{
	out->len += cbor_encode_array_start(count, out_room(out, HEAD_MAX), HEAD_MAX);
}

void cbor_out_map(struct cbor_out *out, u64 count)
{
	out->len += cbor_encode_map_start(count, out_room(out, HEAD_MAX), HEAD_MAX);
}

void cbor_out_bool(struct cbor_out *out, bool value)
{
	out->len += cbor_encode_bool(value, out_room(out, HEAD_MAX), HEAD_MAX);
}

void cbor_out_null(struct cbor_out *out)
{
	out->len += cbor_encode_null(out_room(out, HEAD_MAX), HEAD_MAX);
}

/* libcbor's callbacks, each of which makes a token of what it is told. */

static void token_number(void *context, enum cbor_kind kind, u64 value)
{
	struct cbor_token *token = context;

	token->kind = kind;
	token->value = value;
}

static void token_bytes(void *context, enum cbor_kind kind, cbor_data data, u64 len)
{
	struct cbor_token *token = context;

	token->kind = kind;
	token->data = data;
	token->len = len;
}

#define NUMBER(name, type, kind)                                                                   \
	static void on_##name(void *context, type value)                                           \
	{                                                                                          \
		token_number(context, kind, value);                                                \
	}
NUMBER(uint8, u8, CBOR_UINT)
NUMBER(uint16, u16, CBOR_UINT)
NUMBER(uint32, u32, CBOR_UINT)
NUMBER(uint64, u64, CBOR_UINT)
NUMBER(negint8, u8, CBOR_NEGATIVE)
NUMBER(negint16, u16, CBOR_NEGATIVE)
NUMBER(negint32, u32, CBOR_NEGATIVE)
NUMBER(negint64, u64, CBOR_NEGATIVE)
NUMBER(array, size_t, CBOR_ARRAY)
NUMBER(map, size_t, CBOR_MAP)
NUMBER(tag, u64, CBOR_TAG)
NUMBER(bool, bool, CBOR_BOOL)
#undef NUMBER

static void on_bytes(void *context, cbor_data data, size_t len)
{
	token_bytes(context, CBOR_BYTES, data, len);
}

static void on_text(void *context, cbor_data data, size_t len)
{
	token_bytes(context, CBOR_TEXT, data, len);
}

static void on_other(void *context)
{
	token_number(context, CBOR_OTHER, 0);
}

static void on_float(void *context, float value)
{
	token_number(context, CBOR_OTHER, 0);
}

static void on_double(void *context, double value)
{
	token_number(context, CBOR_OTHER, 0);
}

static void on_break(void *context)
{
	token_number(context, CBOR_BREAK, 0);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_break,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_break,
	.indef_array_start = on_break,
	.array_start = on_array,
	.indef_map_start = on_break,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_other,
	.null = on_other,
	.boolean = on_bool,
	.indef_break = on_break,
};

static bool fail(struct cbor_in *in, int error)
{
	if (!in->error)
		in->error = error;
	return false;
}

void cbor_in_init(struct cbor_in *in, const u8 *data, size_t len, size_t budget)
{
	*in = (struct cbor_in){ .p = data, .end = data + len, .budget = budget };
}

/*
 * A length or count of 8 bytes that is larger than what is there. libcbor hands them on as size_t: on machines of
 * 32 bits it would cut them, and they would seem to be small.
 */
static bool is_too_long(const u8 *p, size_t left)
{
	u8 major = p[0] >> 5;
	u64 value;

	if (major < 2 || major > 5 || (p[0] & 31) != 27 || left < 9)
		return false;
	memcpy(&value, p + 1, sizeof(value));
	return be64toh(value) > left;
}

bool cbor_in_next(struct cbor_in *in, struct cbor_token *ret_token)
{
	struct cbor_decoder_result result;
	size_t left = (size_t)(in->end - in->p);

	if (in->error)
		return false;
	if (!left || is_too_long(in->p, left))
		return fail(in, -EBADMSG);
	*ret_token = (struct cbor_token){ 0 };
	result = cbor_stream_decode(in->p, left, &callbacks, ret_token);
	if (result.status != CBOR_DECODER_FINISHED || result.read > left)
		return fail(in, -EBADMSG);
	in->p += result.read;
	return true;
}

int cbor_check(const u8 *data, size_t len)
{
	u64 open[CBOR_DEPTH_MAX + 1] = { 1 }; /* items still to come at each depth */
	struct cbor_token token;
	struct cbor_in in;
	size_t depth = 0;

	cbor_in_init(&in, data, len, 0);
	for (;;) {
		u64 left, inside = 0;

		while (!open[depth] && depth)
			depth--;
		if (!open[depth])
			return in.p == in.end ? 0 : -EBADMSG;
		if (!cbor_in_next(&in, &token) || token.kind == CBOR_BREAK ||
		    token.kind == CBOR_TAG)
			return -EBADMSG;
		open[depth]--;
		left = (u64)(in.end - in.p);
		if (token.kind == CBOR_ARRAY)
			inside = token.value;
		else if (token.kind == CBOR_MAP)
			inside = token.value > left ? token.value : token.value * 2;
		else
			continue;
		if (inside > left || depth == CBOR_DEPTH_MAX)
			return -EBADMSG;
		if (inside)
			open[++depth] = inside;
	}
}

static u64 number(struct cbor_in *in, enum cbor_kind kind, u64 max)
{
	struct cbor_token token;

	if (!cbor_in_next(in, &token))
		return 0;
	if (token.kind != kind)
		return fail(in, -EBADMSG);
	if (token.value > max)
		return fail(in, kind == CBOR_UINT ? -EBADMSG : -E2BIG);
	return token.value;
}

u64 cbor_in_uint(struct cbor_in *in, u64 max)
{
	return number(in, CBOR_UINT, max);
}

u64 cbor_in_array(struct cbor_in *in, u64 max)
{
	return number(in, CBOR_ARRAY, max);
}

u64 cbor_in_map(struct cbor_in *in, u64 max)
{
	return number(in, CBOR_MAP, max);
}

bool cbor_in_bool(struct cbor_in *in)
{
	return number(in, CBOR_BOOL, 1);
}

s64 cbor_in_int(struct cbor_in *in)
{
	struct cbor_token token;

	if (!cbor_in_next(in, &token))
		return 0;
	if ((token.kind != CBOR_UINT && token.kind != CBOR_NEGATIVE) || token.value > INT64_MAX)
		return fail(in, -EBADMSG);
	return token.kind == CBOR_UINT ? (s64)token.value : ~(s64)token.value;
}

const u8 *cbor_in_bytes(struct cbor_in *in, size_t *ret_len)
{
	struct cbor_token token;

	if (!cbor_in_next(in, &token))
		return NULL;
	if (token.kind != CBOR_BYTES && token.kind != CBOR_TEXT) {
		fail(in, -EBADMSG);
		return NULL;
	}
	*ret_len = token.len;
	return token.data;
}

static bool charge(struct cbor_in *in, size_t size)
{
	size += 16; /* malloc's own */
	if (in->error || size > in->budget)
		return fail(in, -E2BIG);
	in->budget -= size;
	return true;
}

char *cbor_in_string(struct cbor_in *in, size_t max)
{
	size_t len = 0;
	const u8 *data = cbor_in_bytes(in, &len);

	if (in->error)
		return NULL;
	if (len > max) {
		fail(in, -E2BIG);
		return NULL;
	}
	if (!charge(in, len + 1))
		return NULL;
	return len ? xstrndup((const char *)data, len) : xstrdup("");
}

char *cbor_in_string_or_null(struct cbor_in *in, size_t max)
{
	struct cbor_in ahead = *in;
	struct cbor_token token;

	if (!cbor_in_next(&ahead, &token) || token.kind != CBOR_OTHER)
		return cbor_in_string(in, max);
	*in = ahead;
	return NULL;
}

void cbor_in_skip(struct cbor_in *in)
{
	u64 items =
		1; /* fits: cbor_check() has compared every count with the bytes that are left */
	struct cbor_token token;

	while (items && cbor_in_next(in, &token)) {
		items--;
		if (token.kind == CBOR_ARRAY)
			items += token.value;
		else if (token.kind == CBOR_MAP)
			items += token.value * 2;
	}
}

void cbor_in_skip_rest(struct cbor_in *in, u64 count, u64 known)
{
	if (count < known)
		fail(in, -EBADMSG);
	for (; count > known && !in->error; count--)
		cbor_in_skip(in);
}

void *cbor_in_alloc(struct cbor_in *in, u64 count, size_t size)
{
	if (count > in->budget / size || !charge(in, count * size)) {
		fail(in, -E2BIG);
		return NULL;
	}
	return xcalloc(count, size);
}
