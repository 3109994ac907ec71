/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small structs that an item of bytes holds. */
#include "analyze/decode/decoder.h"

#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>

struct payload { /* what is left to print */
	struct args *args;
	const u8 *data;
	size_t len;
};

static unsigned long_size(const struct args *args)
{
	return args->narrow || args->record->abi == SYSCALL_ABI_X32 ? 4 : 8;
}

static u64 take_u64(struct payload *payload)
{
	u64 value = payload_u64(payload->args->decoder, payload->data);

	payload->data += 8;
	payload->len -= 8;
	return value;
}

static u32 take_u32(struct payload *payload)
{
	u32 value = payload_u32(payload->args->decoder, payload->data);

	payload->data += 4;
	payload->len -= 4;
	return value;
}

static void add_field(struct text *out, const char *label, u64 value)
{
	text_adds(out, label);
	text_addi(out, (s64)value);
}

/* ---- times: two fields of `size` bytes each ---- */

static void add_time(struct payload *payload, unsigned size, const char *fraction)
{
	struct text *out = payload->args->out;
	u64 seconds, part;

	if (size == 8) {
		seconds = take_u64(payload);
		part = take_u64(payload);
	} else {
		seconds = (u64)(s32)take_u32(payload);
		part = (u64)(s32)take_u32(payload);
	}
	add_field(out, "{tv_sec=", seconds);
	add_field(out, fraction, part);
	text_addc(out, '}');
}

/* `count` times, with labels between them if it is a struct of two. */
static bool add_times(struct payload *payload, unsigned count, const char *fraction, bool interval)
{
	struct text *out = payload->args->out;
	unsigned size = (unsigned)(payload->len / count / 2);

	if ((size != 4 && size != 8) || payload->len != (size_t)size * 2 * count)
		return false;
	if (count == 1) {
		add_time(payload, size, fraction);
		return true;
	}
	text_adds(out, interval ? "{it_interval=" : "[");
	add_time(payload, size, fraction);
	text_adds(out, interval ? ", it_value=" : ", ");
	add_time(payload, size, fraction);
	text_addc(out, interval ? '}' : ']');
	return true;
}

/* ---- signals ---- */

static bool add_sigset(struct payload *payload)
{
	struct text *out = payload->args->out;
	bool first = true, inverted;
	u64 set;

	if (payload->len != 8)
		return false;
	set = take_u64(payload);
	inverted = __builtin_popcountll(set) > 32;
	if (inverted) {
		text_addc(out, '~');
		set = ~set;
	}
	text_addc(out, '[');
	for (; set; set &= set - 1, first = false) {
		u32 number = (u32)__builtin_ctzll(set) + 1;
		const char *name = decoder_signal_name(payload->args->decoder, number);

		if (!first)
			text_addc(out, ' ');
		if (name)
			text_adds(out, !strncmp(name, "SIG", 3) ? name + 3 : name);
		else
			text_addu(out, number);
	}
	text_addc(out, ']');
	return true;
}

/* ---- ints ---- */

static void add_wait_status(struct payload *payload, u32 status)
{
	struct text *out = payload->args->out;

	text_add_literal(out, "[{");
	if (status == 0xffff) {
		text_add_literal(out, "WIFCONTINUED(s)");
	} else if ((status & 0xff) == 0x7f) {
		text_add_literal(out, "WIFSTOPPED(s) && WSTOPSIG(s) == ");
		text_add_signal(payload->args->decoder, status >> 8 & 0xff, out);
	} else if (!(status & 0x7f)) {
		text_add_literal(out, "WIFEXITED(s) && WEXITSTATUS(s) == ");
		text_addu(out, status >> 8 & 0xff);
	} else {
		text_add_literal(out, "WIFSIGNALED(s) && WTERMSIG(s) == ");
		text_add_signal(payload->args->decoder, status & 0x7f, out);
		if (status & 0x80)
			text_add_literal(out, " && WCOREDUMP(s)");
	}
	text_add_literal(out, "}]");
}

static bool add_int(struct payload *payload, const char *set)
{
	if (payload->len == 4 && set && !strcmp(set, "wait_status")) {
		add_wait_status(payload, take_u32(payload));
		return true;
	}
	if (payload->len != 4 && payload->len != 8)
		return false;
	add_field(payload->args->out, "[",
		  payload->len == 4 ? (u64)(s32)take_u32(payload) : take_u64(payload));
	text_addc(payload->args->out, ']');
	return true;
}

/* ---- readiness ---- */

static bool add_pollfds(struct payload *payload)
{
	struct text *out = payload->args->out;

	text_addc(out, '[');
	for (bool first = true; payload->len >= 8; first = false) {
		u16 revents;

		if (!first)
			text_add_literal(out, ", ");
		add_field(out, "{fd=", (u64)(s32)take_u32(payload));
		text_add_literal(out, ", events=");
		value_set_add(&set_poll_events, payload_u16(payload->args->decoder, payload->data),
			      out);
		revents = payload_u16(payload->args->decoder, payload->data + 2);
		if (revents) {
			text_add_literal(out, ", revents=");
			value_set_add(&set_poll_events, revents, out);
		}
		text_addc(out, '}');
		payload->data += 4;
		payload->len -= 4;
	}
	text_addc(out, ']');
	return true;
}

/* x86 packs the struct. */
static bool add_epoll_events(struct payload *payload, bool array)
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

/* ---- structs by name ---- */

static bool add_open_how(struct payload *payload)
{
	struct text *out = payload->args->out;
	u64 flags, mode;

	if (payload->len < sizeof(struct open_how))
		return false;
	flags = take_u64(payload);
	mode = take_u64(payload);
	text_add_literal(out, "{flags=");
	value_set_add(value_set_of_abi(&set_open_flags, payload->args->record->abi), flags, out);
	if (mode) {
		text_add_literal(out, ", mode=");
		text_add_mode(out, (u32)mode);
	}
	text_add_literal(out, ", resolve=");
	value_set_add(&set_resolve_flags, take_u64(payload), out);
	text_addc(out, '}');
	return true;
}

static void add_clone_address(struct text *out, const char *label, u64 address)
{
	text_adds(out, label);
	text_add_address(out, address);
}

static bool add_clone_args(struct payload *payload)
{
	struct text *out = payload->args->out;
	u64 field[8];

	if (payload->len < CLONE_ARGS_SIZE_VER0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = take_u64(payload);
	text_add_literal(out, "{flags=");
	value_set_add(&set_clone_flags, field[0], out);
	if (field[0] & CLONE_PIDFD)
		add_clone_address(out, ", pidfd=", field[1]);
	if (field[0] & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		add_clone_address(out, ", child_tid=", field[2]);
	if (field[0] & CLONE_PARENT_SETTID)
		add_clone_address(out, ", parent_tid=", field[3]);
	text_add_literal(out, ", exit_signal=");
	text_add_signal(payload->args->decoder, (u32)field[4], out);
	add_clone_address(out, ", stack=", field[5]);
	text_add_literal(out, ", stack_size=");
	text_addx(out, field[6]);
	if (field[0] & CLONE_SETTLS)
		add_clone_address(out, ", tls=", field[7]);
	text_addc(out, '}');
	return true;
}

static void add_limit(struct text *out, const char *label, u64 value, u64 infinity,
		      const char *name)
{
	text_adds(out, label);
	if (value == infinity)
		text_adds(out, name);
	else if (value > 1024 && value % 1024 == 0) {
		text_addu(out, value / 1024);
		text_add_literal(out, "*1024");
	} else
		text_addu(out, value);
}

static bool add_rlimit(struct payload *payload, bool wide)
{
	unsigned size = wide ? 8 : long_size(payload->args);
	u64 infinity = size == 8 ? UINT64_MAX : UINT32_MAX;
	const char *name = wide ? "RLIM64_INFINITY" : "RLIM_INFINITY";
	struct text *out = payload->args->out;

	if (payload->len != size * 2)
		return false;
	add_limit(out, "{rlim_cur=", size == 8 ? take_u64(payload) : take_u32(payload), infinity,
		  name);
	add_limit(out, ", rlim_max=", size == 8 ? take_u64(payload) : take_u32(payload), infinity,
		  name);
	text_addc(out, '}');
	return true;
}

static bool add_named_struct(struct payload *payload, const char *name)
{
	if (!name)
		return false;
	if (!strcmp(name, "open_how"))
		return add_open_how(payload);
	if (!strcmp(name, "clone_args"))
		return add_clone_args(payload);
	if (!strcmp(name, "rlimit64"))
		return add_rlimit(payload, true);
	if (!strcmp(name, "rlimit"))
		return add_rlimit(payload, false);
	return false;
}

bool decode_struct(struct args *args, unsigned i)
{
	const struct syscall_arg *arg = &args->plan->desc->args[i];
	const struct trc_item *item = args->items[i];
	struct payload payload;

	if (!item || item->type != TRC_TYPE_bytes || item->state == TRC_ITEM_UNREADABLE ||
	    !item->len)
		return false;
	payload = (struct payload){ args, trc_item_data(item), item->len };
	switch (arg->type) {
	case ARG_TIMESPEC_IN:
	case ARG_TIMESPEC_OUT:
		return add_times(&payload, 1, ", tv_nsec=", false);
	case ARG_TIMEVAL_IN:
	case ARG_TIMEVAL_OUT:
		return add_times(&payload, 1, ", tv_usec=", false);
	case ARG_TIMESPEC_PAIR_IN:
		return add_times(&payload, 2, ", tv_nsec=", false);
	case ARG_TIMEVAL_PAIR_IN:
		return add_times(&payload, 2, ", tv_usec=", false);
	case ARG_ITIMERSPEC_IN:
	case ARG_ITIMERSPEC_OUT:
		return add_times(&payload, 2, ", tv_nsec=", true);
	case ARG_ITIMERVAL_IN:
	case ARG_ITIMERVAL_OUT:
		return add_times(&payload, 2, ", tv_usec=", true);
	case ARG_SIGSET_IN:
	case ARG_SIGSET_OUT:
		return add_sigset(&payload);
	case ARG_INT_IN:
	case ARG_INT_OUT:
	case ARG_OPT_IN:
	case ARG_OPT_OUT:
	case ARG_OFF_INOUT:
		return add_int(&payload, arg->set);
	case ARG_POLLFDS:
		return add_pollfds(&payload);
	case ARG_EPOLL_EVENT_IN:
	case ARG_EPOLL_EVENTS_OUT:
		return add_epoll_events(&payload, arg->type == ARG_EPOLL_EVENTS_OUT);
	case ARG_STRUCT_IN:
	case ARG_STRUCT_OUT:
		return add_named_struct(&payload, arg->set);
	}
	return false;
}
