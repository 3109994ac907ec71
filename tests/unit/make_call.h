/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A system call's record from a line of text:
 *
 *   NAME [abi=ABI] [state=STATE] [ARG…] [N:TYPE:"BYTES"[+|?]…] [ret=N] => what must come out
 *
 * NAME may be #nr. ARGs are numbers. An item stands for what argument N points to: bytes with \xNN
 * escapes, + behind them if they were cut, ? if they could not be read.
 */
#pragma once

#include "analyze/stream.h"
#include "common/syscalls.h"
#include "tests/unit/check.h"

#include <ctype.h>

union call_buffer {
	struct trc_syscall record;
	u8 bytes[TRC_RECORD_MAX];
	u64 words[TRC_RECORD_MAX / 8];
};

struct call_reader {
	const char *at;
	union call_buffer *buffer;
	u8 abi;
	const char *name;
	size_t name_len;
	unsigned arg_count;
	s64 args[6];
	size_t tail; /* bytes of items so far */
	u8 tail_bytes[8192];
	u8 items;
};

static bool take(struct call_reader *r, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(r->at, word, len))
		return false;
	r->at += len;
	return true;
}

static size_t read_bytes(struct call_reader *r, u8 *out)
{
	size_t n = 0;

	for (; *r->at && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && r->at[1] == 'x') {
			char hex[3] = { r->at[2], r->at[3], 0 };

			out[n++] = (u8)strtoul(hex, NULL, 16);
			r->at += 3;
		} else {
			out[n++] = (u8)*r->at;
		}
	}
	if (*r->at)
		r->at++;
	return n;
}

static void read_item(struct call_reader *r, unsigned field)
{
	static const struct {
		const char *name;
		u8 type;
	} types[] = {
		{ "str:\"", TRC_TYPE_str },	{ "strv:\"", TRC_TYPE_strv },
		{ "bytes:\"", TRC_TYPE_bytes }, { "sockaddr:\"", TRC_TYPE_sockaddr },
		{ "fds:\"", TRC_TYPE_fds },	{ "u32s:\"", TRC_TYPE_u32s },
		{ "u64s:\"", TRC_TYPE_u64s },	{ "cmsgs:\"", TRC_TYPE_cmsgs },
	};
	struct trc_item item = { .field = (u8)field };
	size_t i = 0;

	while (i < ARRAY_SIZE(types) && !take(r, types[i].name))
		i++;
	CHECK_FATAL(i < ARRAY_SIZE(types));
	item.type = types[i].type;
	item.len = (u16)read_bytes(r, r->tail_bytes + r->tail + sizeof(item));
	if (take(r, "+")) {
		item.state = TRC_ITEM_TRUNCATED;
		item.more = 65535;
	} else if (take(r, "?")) {
		item.state = TRC_ITEM_UNREADABLE;
	}
	memcpy(r->tail_bytes + r->tail, &item, sizeof(item));
	r->tail += (sizeof(item) + item.len + 7u) & ~7u;
	r->items++;
}

static void read_abi(struct call_reader *r)
{
	for (r->abi = 1; r->abi < SYSCALL_ABI_MAX; r->abi++)
		if (take(r, syscall_abi_name(r->abi)))
			return;
	CHECK_FATAL(!"known ABI");
}

static void read_word(struct call_reader *r)
{
	struct trc_syscall *record = &r->buffer->record;
	char *end;

	if (take(r, "ret=")) {
		record->ret = (s64)strtoull(r->at, &end, 0);
		r->at = end;
	} else if (take(r, "abi=")) {
		read_abi(r);
	} else if (take(r, "state=unfinished")) {
		record->state = TRC_SYSCALL_UNFINISHED;
	} else if (take(r, "state=no_enter")) {
		record->state = TRC_SYSCALL_NO_ENTER;
	} else if (isdigit((u8)r->at[0]) && r->at[1] == ':') {
		unsigned field = (unsigned)(r->at[0] - '0');

		r->at += 2;
		read_item(r, field);
	} else {
		CHECK_FATAL(r->arg_count < 6);
		r->args[r->arg_count++] = (s64)strtoull(r->at, &end, 0);
		CHECK_FATAL(end != r->at);
		r->at = end;
	}
}

static void find_number(struct call_reader *r)
{
	struct trc_syscall *record = &r->buffer->record;
	const struct syscall_desc *desc;
	char name[64];

	if (r->name[0] == '#') {
		record->nr = (u32)strtoul(r->name + 1, NULL, 0);
		return;
	}
	CHECK_FATAL(r->name_len < sizeof(name));
	memcpy(name, r->name, r->name_len);
	name[r->name_len] = 0;
	desc = syscall_by_name(syscall_table_builtin(r->abi), name);
	if (!desc) {
		fprintf(stderr, "no call %s\n", name);
		CHECK_FATAL(desc);
	}
	record->nr = desc->nr;
}

/* Makes the record; returns the expected text. */
static const char *read_case(const char *line, union call_buffer *buffer)
{
	static struct call_reader r;
	struct trc_syscall *record = &buffer->record;
	u64 *args;

	memset(&r, 0, sizeof(r));
	memset(buffer, 0, sizeof(*buffer));
	r.at = line;
	r.buffer = buffer;
	r.abi = SYSCALL_ABI_X86_64;
	r.name = line;
	r.name_len = strcspn(line, " ");
	r.at += r.name_len;
	for (;;) {
		while (*r.at == ' ')
			r.at++;
		if (take(&r, "=> "))
			break;
		CHECK_FATAL(*r.at);
		read_word(&r);
	}
	find_number(&r);
	record->abi = r.abi;
	record->items = r.items;
	record->head.kind = TRC_KIND_syscall;
	record->head.words = (u8)(SYSCALL_WORDS_MIN + r.arg_count);
	args = buffer->words + SYSCALL_WORDS_MIN;
	for (unsigned i = 0; i < r.arg_count; i++)
		args[i] = (u64)r.args[i];
	memcpy(args + r.arg_count, r.tail_bytes, r.tail);
	record->head.len = (u16)(record->head.words * 8u + r.tail);
	CHECK_EQ(record_check(&record->head, sizeof(*buffer)), 0);
	return r.at;
}
