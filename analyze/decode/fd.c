/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptors with their names, as strace -y writes them. */
#include "analyze/decode/decoder.h"

#include <string.h>

/*
 * Bytes of a call's text, behind which descriptors have no names: a record has room for thousands of them, and all may
 * have the longest of names.
 */
#define NAMED_MAX 65536

/* With the brackets in it escaped, but for the arrow between the two ends of a connection. */
static void add_bracketed(struct text *out, const char *name, size_t len)
{
	text_addc(out, '<');
	for (size_t at = 0; at < len; at++) {
		size_t plain = at;

		while (at < len && name[at] != '<' && name[at] != '>')
			at++;
		text_add_escaped(out, name + plain, at - plain);
		if (at == len)
			break;
		text_adds(out, name[at] == '<' ? "\\74" : at && name[at - 1] == '-' ? ">" : "\\76");
	}
	text_addc(out, '>');
}

static void add_fd_name(struct decoder *decoder, s32 fd, enum decode_fd_side side, struct text *out)
{
	static const char suffix[] = " (deleted)"; /* /proc's; strace has it behind the name */
	struct text *name = &decoder->fd_text;
	bool deleted;

	text_clear(name);
	decoder->fd_name(decoder->fd_context, fd, side, name);
	if (!name->len)
		return;
	deleted = *name->data == '/' && name->len > strlen(suffix) &&
		  !strcmp(name->data + name->len - strlen(suffix), suffix);
	add_bracketed(out, name->data, name->len - (deleted ? strlen(suffix) : 0));
	if (deleted)
		text_adds(out, suffix + 1);
}

void text_add_fd(struct decoder *decoder, s32 fd, enum decode_fd_side side, struct text *out)
{
	text_addi(out, fd);
	if (!decoder->fd_name || fd < 0)
		return;
	if (out->len < NAMED_MAX)
		add_fd_name(decoder, fd, side, out);
	else
		text_add_literal(out, "<...>");
}

void text_add_directory(struct decoder *decoder, struct text *out)
{
	text_add_literal(out, "AT_FDCWD");
	if (decoder->fd_name)
		add_fd_name(decoder, DECODE_AT_FDCWD, DECODE_FD_GIVEN, out);
}
