/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside decode/: structs of the recorded machine that items hold. */
#pragma once

#include "analyze/decode/decoder.h"

struct payload { /* what is left to print */
	struct args *args;
	const u8 *data;
	size_t len;
	bool cut; /* there was more */
};

static inline struct payload payload_of(struct args *args, const struct trc_item *item)
{
	return (struct payload){ args, trc_item_data(item), item->len,
				 item->state == TRC_ITEM_TRUNCATED };
}

static inline u64 payload_take_u64(struct payload *payload)
{
	u64 value = payload_u64(payload->args->decoder, payload->data);

	payload->data += 8;
	payload->len -= 8;
	return value;
}

static inline u32 payload_take_u32(struct payload *payload)
{
	u32 value = payload_u32(payload->args->decoder, payload->data);

	payload->data += 4;
	payload->len -= 4;
	return value;
}

static inline unsigned args_long_size(const struct args *args)
{
	return args->narrow || args->record->abi == SYSCALL_ABI_X32 ? 4 : 8;
}

static inline void text_add_field(struct text *out, const char *label, u64 value)
{
	text_adds(out, label);
	text_addi(out, (s64)value);
}

/* The item number n of that type of argument i; NULL if there is none that could be read. */
const struct trc_item *args_item(const struct args *args, unsigned i, u8 type, unsigned n);

/* All of these return false, and print nothing, if the payload is not what it should be. */
bool payload_add_sigset(struct payload *payload);
bool payload_add_left(struct payload *payload, bool micro); /* a timespec or timeval */

/* ready.c; with `ready` only what is, as a result */
bool payload_add_pollfds(struct payload *payload, bool ready);
bool payload_add_fds(struct payload *payload);
bool payload_add_epoll_events(struct payload *payload, bool array);

/* messages.c */
bool args_add_vector(struct args *args, unsigned i);
bool args_add_message(struct args *args, unsigned i);
bool args_add_messages(struct args *args, unsigned i);

/* files.c */
bool args_add_stat(struct args *args, unsigned i);
bool args_add_fds(struct args *args, unsigned i);
bool args_add_records(struct args *args, unsigned i);
