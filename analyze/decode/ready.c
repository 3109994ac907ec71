/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What poll, select and epoll wait for, and what they found ready. */
#include "analyze/decode/structs.h"

#define FDS_SHOWN_MAX 1024

static void add_pollfd(struct payload *payload, const char *label, u16 events)
{
	struct text *out = payload->args->out;
	s32 fd = (s32)payload_u32(payload->args->decoder, payload->data);

	text_add_literal(out, "{fd=");
	text_add_fd(payload->args->decoder, fd, DECODE_FD_GIVEN, out);
	if (fd >= 0) { /* else it is passed over */
		text_adds(out, label);
		value_set_add(&set_poll_events, events, out);
	}
	text_addc(out, '}');
}

bool payload_add_pollfds(struct payload *payload, bool ready)
{
	const struct decoder *decoder = payload->args->decoder;
	struct text *out = payload->args->out;
	bool first = true;

	text_addc(out, '[');
	for (; payload->len >= 8; payload->data += 8, payload->len -= 8) {
		u16 revents = payload_u16(decoder, payload->data + 6);

		if (ready && !revents)
			continue;
		if (!first)
			text_add_literal(out, ", ");
		first = false;
		if (ready)
			add_pollfd(payload, ", revents=", revents);
		else
			add_pollfd(payload, ", events=", payload_u16(decoder, payload->data + 4));
	}
	if (payload->cut)
		text_adds(out, first ? "..." : ", ...");
	text_addc(out, ']');
	return true;
}

/* A set of bits in words of the recording machine. */
static bool has_fd(const struct payload *payload, size_t fd)
{
	bool wide = args_long_size(payload->args) == 8;
	size_t bits = wide ? 64 : 32;
	const u8 *word = payload->data + fd / bits * (bits / 8);
	u64 value = wide ? payload_u64(payload->args->decoder, word)
			 : payload_u32(payload->args->decoder, word);

	return value >> fd % bits & 1;
}

bool payload_add_fds(struct payload *payload)
{
	struct text *out = payload->args->out;
	bool first = true;

	if (payload->len % args_long_size(payload->args))
		return false;
	text_addc(out, '[');
	for (size_t fd = 0, shown = 0; fd < payload->len * 8; fd++) {
		if (!has_fd(payload, fd))
			continue;
		/* No recorder keeps so many; a hostile file may claim half a million. */
		if (shown++ == FDS_SHOWN_MAX) {
			text_add_literal(out, " ...");
			break;
		}
		if (!first)
			text_addc(out, ' ');
		first = false;
		text_add_fd(payload->args->decoder, (s32)fd, DECODE_FD_GIVEN, out);
	}
	text_addc(out, ']');
	return true;
}

/* x86 packs the struct. */
bool payload_add_epoll_events(struct payload *payload, bool array)
{
	u8 abi = payload->args->record->abi;
	bool packed =
		abi == SYSCALL_ABI_X86_64 || abi == SYSCALL_ABI_X32 || abi == SYSCALL_ABI_I386;
	size_t size = packed ? 12 : 16, data_at = packed ? 4 : 8;
	struct text *out = payload->args->out;

	if (!array && payload->len != size)
		return false;
	if (array)
		text_addc(out, '[');
	for (bool first = true; payload->len >= size; first = false) {
		u64 data = payload_u64(payload->args->decoder, payload->data + data_at);

		if (!first)
			text_add_literal(out, ", ");
		text_add_literal(out, "{events=");
		value_set_add(&set_epoll_events, payload_u32(payload->args->decoder, payload->data),
			      out);
		text_add_literal(out, ", data={u32=");
		text_addu(out, (u32)data);
		text_add_literal(out, ", u64=");
		text_addu(out, data);
		text_add_literal(out, "}}");
		payload->data += size;
		payload->len -= size;
	}
	if (array)
		text_addc(out, ']');
	return true;
}

static bool is_empty(const struct trc_item *item)
{
	const u8 *data = trc_item_data(item);

	for (size_t i = 0; i < item->len; i++)
		if (data[i])
			return false;
	return true;
}

/* One argument of a call that waits, if it was read again when the wait was over. */
static void add_after(struct args *args, unsigned i, const char **separator)
{
	/* The three sets stand one behind the other, after their size. */
	static const char *const set_labels[] = { "", "in ", "out ", "except " };
	const struct trc_item *item = args_item(args, i, TRC_TYPE_bytes, 1);
	struct payload payload;

	if (!item)
		return;
	payload = payload_of(args, item);
	switch (args->plan->desc->args[i].type) {
	case ARG_POLLFDS:
		text_adds(args->out, *separator);
		payload_add_pollfds(&payload, true);
		break;
	case ARG_FDSET:
		if (is_empty(item))
			return;
		text_adds(args->out, *separator);
		text_adds(args->out, i < ARRAY_SIZE(set_labels) ? set_labels[i] : "");
		payload_add_fds(&payload);
		break;
	case ARG_TIMESPEC_IN:
	case ARG_TIMEVAL_IN:
		text_adds(args->out, *separator);
		text_add_literal(args->out, "left ");
		payload_add_left(&payload, args->plan->desc->args[i].type == ARG_TIMEVAL_IN);
		break;
	default:
		return;
	}
	*separator = ", ";
}

void decode_ready(struct args *args)
{
	const char *separator = " (", *const none = separator;
	decode_fd_name_fn name = args->decoder->fd_name;

	/* The arguments have the names already: strace does not repeat them. */
	args->decoder->fd_name = NULL;
	for (unsigned i = 0; i < args->count; i++)
		add_after(args, i, &separator);
	args->decoder->fd_name = name;
	if (separator != none)
		text_addc(args->out, ')');
}
