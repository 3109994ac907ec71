/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small structs that an item holds. */
#include "analyze/decode/structs.h"

#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

const struct trc_item *args_item(const struct args *args, unsigned i, u8 type, unsigned n)
{
	const struct trc_item *cursor = NULL, *item;

	if (!args->items[i])
		return NULL;
	while ((item = record_item_next(&args->record->head, &cursor)))
		if (item->field == i && item->type == type && item->state != TRC_ITEM_UNREADABLE &&
		    !n--)
			return item;
	return NULL;
}

/* ---- times: two fields of `size` bytes each ---- */

static void add_time(struct payload *payload, unsigned size, const char *fraction, bool in_pair)
{
	struct text *out = payload->args->out;
	u64 seconds, part;

	if (size == 8) {
		seconds = payload_take_u64(payload);
		part = payload_take_u64(payload);
	} else {
		seconds = (u64)(s32)payload_take_u32(payload);
		part = (u64)(s32)payload_take_u32(payload);
	}
	if (in_pair && (part == UTIME_NOW || part == UTIME_OMIT)) {
		text_adds(out, part == UTIME_NOW ? "UTIME_NOW" : "UTIME_OMIT");
		return;
	}
	text_add_field(out, "{tv_sec=", seconds);
	text_add_field(out, fraction, part);
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
		add_time(payload, size, fraction, false);
		return true;
	}
	text_adds(out, interval ? "{it_interval=" : "[");
	add_time(payload, size, fraction, !interval);
	text_adds(out, interval ? ", it_value=" : ", ");
	add_time(payload, size, fraction, !interval);
	text_addc(out, interval ? '}' : ']');
	return true;
}

bool payload_add_left(struct payload *payload, bool micro)
{
	return add_times(payload, 1, micro ? ", tv_usec=" : ", tv_nsec=", false);
}

/* ---- signals ---- */

bool payload_add_sigset(struct payload *payload)
{
	struct text *out = payload->args->out;
	bool first = true, inverted;
	u64 set;

	if (payload->len != 8 && payload->len != 4)
		return false;
	set = payload->len == 8 ? payload_take_u64(payload) : payload_take_u32(payload);
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

static u64 take_long(struct payload *payload, unsigned size)
{
	return size == 8 ? payload_take_u64(payload) : payload_take_u32(payload);
}

static void add_handler(struct text *out, u64 handler)
{
	static const char *const names[] = { "SIG_DFL", "SIG_IGN" };

	if (handler < ARRAY_SIZE(names))
		text_adds(out, names[handler]);
	else
		text_addx(out, handler);
}

#define SA_RESTORER_FLAG 0x04000000

/* handler, flags, restorer, mask; with `old` the mask, a long, stands second. riscv has no restorer. */
static bool add_sigaction(struct payload *payload, bool old)
{
	struct text *out = payload->args->out;
	unsigned size = args_long_size(payload->args);
	u64 handler, flags, restorer = 0;
	struct payload mask;

	if (payload->len != (old ? 4 : 3) * size + (old ? 0 : 8) &&
	    (old || payload->len != 2 * size + 8))
		return false;
	handler = take_long(payload, size);
	mask = *payload;
	mask.len = size;
	if (old)
		take_long(payload, size);
	flags = take_long(payload, size);
	if (old || payload->len > 8)
		restorer = take_long(payload, size);
	if (!old)
		mask = *payload;
	text_add_literal(out, "{sa_handler=");
	add_handler(out, handler);
	text_add_literal(out, ", sa_mask=");
	payload_add_sigset(&mask);
	text_add_literal(out, ", sa_flags=");
	value_set_add(&set_sigaction_flags, flags, out);
	if (flags & SA_RESTORER_FLAG) {
		text_add_literal(out, ", sa_restorer=");
		text_addx(out, restorer);
	}
	text_addc(out, '}');
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
		add_wait_status(payload, payload_take_u32(payload));
		return true;
	}
	if (payload->len != 4 && payload->len != 8)
		return false;
	text_add_field(payload->args->out, "[",
		       payload->len == 4 ? (u64)(s32)payload_take_u32(payload)
					 : payload_take_u64(payload));
	text_addc(payload->args->out, ']');
	return true;
}

/* ---- socket options ---- */

#define SOCKET_LEVEL 1
#define ERROR	     4
#define LINGER	     13
#define PEERCRED     17
#define RCVTIMEO     20 /* and SNDTIMEO */
#define RCVTIMEO_NEW 66

/* The error of a socket: what a connect behind its call came to. */
static void add_socket_error(struct payload *payload)
{
	u32 number = payload_take_u32(payload);
	const char *name = decoder_errno_name(payload->args->decoder, number);
	struct text *out = payload->args->out;

	text_addc(out, '[');
	if (name)
		text_adds(out, name);
	else
		text_addi(out, (s32)number);
	text_addc(out, ']');
}

static bool add_option(struct args *args, unsigned i, struct payload *payload)
{
	struct text *out = args->out;
	u32 level = (u32)args->values[1], option = (u32)args->values[2];

	if (level == SOCKET_LEVEL && option == LINGER && payload->len == 8) {
		text_add_field(out, "{l_onoff=", payload_take_u32(payload));
		text_add_field(out, ", l_linger=", payload_take_u32(payload));
		text_addc(out, '}');
	} else if (level == SOCKET_LEVEL && option == PEERCRED && payload->len == 12) {
		text_add_field(out, "{pid=", payload_take_u32(payload));
		text_add_field(out, ", uid=", payload_take_u32(payload));
		text_add_field(out, ", gid=", payload_take_u32(payload));
		text_addc(out, '}');
	} else if (level == SOCKET_LEVEL &&
		   (option / 2 == RCVTIMEO / 2 || option / 2 == RCVTIMEO_NEW / 2)) {
		return add_times(payload, 1, ", tv_usec=", false);
	} else if (level == SOCKET_LEVEL && option == ERROR && payload->len == 4) {
		add_socket_error(payload);
	} else if (payload->len == 4) {
		return add_int(payload, NULL);
	} else {
		text_add_quoted(out, args_item(args, i, TRC_TYPE_bytes, 0));
	}
	return true;
}

/* ---- structs by name ---- */

static bool add_open_how(struct payload *payload)
{
	struct text *out = payload->args->out;
	u64 flags, mode;

	if (payload->len < sizeof(struct open_how))
		return false;
	flags = payload_take_u64(payload);
	mode = payload_take_u64(payload);
	text_add_literal(out, "{flags=");
	value_set_add(value_set_of_abi(&set_open_flags, payload->args->record->abi), flags, out);
	if (mode) {
		text_add_literal(out, ", mode=");
		text_add_mode(out, (u32)mode);
	}
	text_add_literal(out, ", resolve=");
	value_set_add(&set_resolve_flags, payload_take_u64(payload), out);
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
		field[i] = payload_take_u64(payload);
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
	unsigned size = wide ? 8 : args_long_size(payload->args);
	u64 infinity = size == 8 ? UINT64_MAX : UINT32_MAX;
	const char *name = wide ? "RLIM64_INFINITY" : "RLIM_INFINITY";
	struct text *out = payload->args->out;

	if (payload->len != size * 2)
		return false;
	add_limit(out,
		  "{rlim_cur=", size == 8 ? payload_take_u64(payload) : payload_take_u32(payload),
		  infinity, name);
	add_limit(out,
		  ", rlim_max=", size == 8 ? payload_take_u64(payload) : payload_take_u32(payload),
		  infinity, name);
	text_addc(out, '}');
	return true;
}

static bool add_named_struct(struct payload *payload, const char *name)
{
	struct text *out = payload->args->out;

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
	if (!strcmp(name, "old_sigaction"))
		return add_sigaction(payload, true);
	if (!strcmp(name, "sched_param"))
		return add_int(payload, NULL);
	if (!strcmp(name, "timezone") && payload->len == 8) {
		text_add_field(out, "{tz_minuteswest=", (u64)(s32)payload_take_u32(payload));
		text_add_field(out, ", tz_dsttime=", (u64)(s32)payload_take_u32(payload));
		text_addc(out, '}');
		return true;
	}
	if (!strcmp(name, "sigset_argpack") && payload->len == 8) {
		text_add_literal(out, "{sigmask=");
		payload_add_sigset(payload);
		text_add_literal(out, ", sigsetsize=8}");
		return true;
	}
	return false;
}

/* [0] => [17]: as it was, and as the call left it. */
static bool add_offset(struct args *args, unsigned i, struct payload *payload)
{
	const struct trc_item *after = args_item(args, i, TRC_TYPE_bytes, 1);

	if (!add_int(payload, NULL))
		return false;
	if (after && after->len == 8) {
		*payload = payload_of(args, after);
		text_add_literal(args->out, " => ");
		add_int(payload, NULL);
	}
	return true;
}

static bool add_bytes(struct args *args, unsigned i, const struct trc_item *item)
{
	const struct syscall_arg *arg = &args->plan->desc->args[i];
	struct payload payload = payload_of(args, item);

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
		return payload_add_sigset(&payload);
	case ARG_SIGACTION_IN:
	case ARG_SIGACTION_OUT:
		return add_sigaction(&payload, false);
	case ARG_INT_IN:
	case ARG_INT_OUT:
		return add_int(&payload, arg->set);
	case ARG_OFF_INOUT:
		return add_offset(args, i, &payload);
	case ARG_OPT_IN:
	case ARG_OPT_OUT:
		return add_option(args, i, &payload);
	case ARG_POLLFDS:
		return payload_add_pollfds(&payload, false);
	case ARG_FDSET:
		return payload_add_fds(&payload);
	case ARG_EPOLL_EVENT_IN:
	case ARG_EPOLL_EVENTS_OUT:
		return payload_add_epoll_events(&payload, arg->type == ARG_EPOLL_EVENTS_OUT);
	case ARG_STRUCT_IN:
	case ARG_STRUCT_OUT:
		return add_named_struct(&payload, arg->set);
	}
	return false;
}

bool decode_struct(struct args *args, unsigned i)
{
	const struct syscall_arg *arg = &args->plan->desc->args[i];
	const struct trc_item *item;

	switch (arg->type) {
	case ARG_IOVEC_IN:
	case ARG_IOVEC_OUT:
		return args_add_vector(args, i);
	case ARG_MSGHDR_IN:
	case ARG_MSGHDR_OUT:
		return args_add_message(args, i);
	case ARG_MMSGHDR_IN:
	case ARG_MMSGHDR_OUT:
		return args_add_messages(args, i);
	case ARG_STAT_OUT:
		return args_add_stat(args, i);
	}
	if (arg->type == ARG_STRUCT_OUT && args_item(args, i, TRC_TYPE_u64s, 0))
		return args_add_records(args, i);
	if (arg->type == ARG_EPOLL_EVENTS_OUT && args->succeeded && !args->record->ret) {
		text_add_literal(args->out, "[]");
		return true;
	}
	item = args_item(args, i, TRC_TYPE_bytes, 0);
	return item && item->len && add_bytes(args, i, item);
}
