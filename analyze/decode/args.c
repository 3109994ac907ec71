/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arguments by their types. */
#include "analyze/decode/decoder.h"
#include "analyze/decode/structs.h"

#include <string.h>

/* ---- commas ---- */

void args_next(struct args *args)
{
	if (args->any)
		text_add_literal(args->out, ", ");
	args->any = true;
}

void args_next_out(struct args *args)
{
	args_next(args);
	if (args->entry_len == SIZE_MAX)
		args->entry_len = args->out->len;
}

/* ---- simple values ---- */

void text_add_address(struct text *out, u64 address)
{
	if (address)
		text_addx(out, address);
	else
		text_add_literal(out, "NULL");
}

void text_add_mode(struct text *out, u32 mode)
{
	char digits[12];
	size_t at = sizeof(digits), least = sizeof(digits) - 3;

	do {
		digits[--at] = (char)('0' + (mode & 7));
		mode >>= 3;
	} while (mode || at > least);
	if (digits[at] != '0')
		digits[--at] = '0';
	text_add(out, digits + at, sizeof(digits) - at);
}

void text_add_signal(struct decoder *decoder, u32 number, struct text *out)
{
	const char *name = decoder_signal_name(decoder, number);

	if (name)
		text_adds(out, name);
	else
		text_addi(out, (s32)number);
}

void text_add_quoted(struct text *out, const struct trc_item *item)
{
	text_addc(out, '"');
	text_add_escaped(out, (const char *)trc_item_data(item), item->len);
	if (item->state == TRC_ITEM_TRUNCATED || item->more)
		text_add_literal(out, "\"...");
	else
		text_addc(out, '"');
}

void args_address(struct args *args, unsigned i)
{
	args_next(args);
	text_add_address(args->out, args->values[i]);
}

void args_int(struct args *args, unsigned i)
{
	args_next(args);
	text_addi(args->out, (s32)args->values[i]);
}

void args_unsigned(struct args *args, unsigned i)
{
	args_next(args);
	text_addu(args->out, args->values[i]);
}

void args_hex(struct args *args, unsigned i)
{
	args_next(args);
	text_addx(args->out, args->values[i]);
}

void args_set(struct args *args, unsigned i, const struct value_set *set)
{
	args_next(args);
	value_set_add(set, args->values[i], args->out);
}

void args_signal(struct args *args, unsigned i)
{
	args_next(args);
	text_add_signal(args->decoder, (u32)args->values[i], args->out);
}

static s64 value_long(const struct args *args, unsigned i)
{
	return args->narrow ? (s32)args->values[i] : (s64)args->values[i];
}

static void add_fd(const struct args *args, unsigned i, bool directory)
{
	s32 fd = (s32)args->values[i];

	if (directory && fd == DECODE_AT_FDCWD)
		text_add_directory(args->decoder, args->out);
	else
		text_add_fd(args->decoder, fd, DECODE_FD_GIVEN, args->out);
}

static void add_id(struct args *args, unsigned i)
{
	u32 id = (u32)args->values[i];

	if (id == UINT32_MAX)
		text_add_literal(args->out, "-1"); /* "leave it as it is" */
	else
		text_addu(args->out, id);
}

/* Registers of a 32-bit ABI: two neighbours make one number. */
static void add_halves(struct args *args, unsigned low, unsigned high, const struct value_set *set)
{
	u64 value = (u32)args->values[low] | (u64)(u32)args->values[high] << 32;

	if (!args->narrow)
		value = args->values[low]; /* a 64-bit register has it all */
	if (set)
		value_set_add(set, value, args->out);
	else
		text_addi(args->out, (s64)value);
}

/* ---- payloads ---- */

static const struct trc_item *readable(const struct args *args, unsigned i, u8 type)
{
	const struct trc_item *item = args->items[i];

	return item && item->type == type && item->state != TRC_ITEM_UNREADABLE ? item : NULL;
}

static void add_string(struct args *args, unsigned i)
{
	const struct trc_item *item = readable(args, i, TRC_TYPE_str);

	if (item)
		text_add_quoted(args->out, item);
	else
		text_add_address(args->out, args->values[i]);
}

void args_string(struct args *args, unsigned i)
{
	args_next(args);
	add_string(args, i);
}

/* Bytes in or out; `empty` if the call's own numbers say that there are none. */
static void add_buffer(struct args *args, unsigned i, bool empty)
{
	const struct trc_item *item = readable(args, i, TRC_TYPE_bytes);

	if (!item)
		item = readable(args, i, TRC_TYPE_str);
	if (item)
		text_add_quoted(args->out, item);
	else if (empty && args->values[i])
		text_add_literal(args->out, "\"\"");
	else
		text_add_address(args->out, args->values[i]);
}

static void add_strings(struct args *args, unsigned i)
{
	const struct trc_item *item = readable(args, i, TRC_TYPE_strv);
	const char *at, *end;
	struct text *out = args->out;

	if (!item) {
		text_add_address(out, args->values[i]);
		return;
	}
	at = (const char *)trc_item_data(item);
	end = at + item->len;
	text_addc(out, '[');
	for (bool first = true; at < end; first = false) {
		const char *nul = memchr(at, 0, (size_t)(end - at));
		size_t len = (size_t)((nul ? nul : end) - at);

		if (!first)
			text_add_literal(out, ", ");
		text_addc(out, '"');
		text_add_escaped(out, at, len);
		text_addc(out, '"');
		if (!nul) /* cut inside the string */
			text_add_literal(out, "...");
		at += len + 1;
	}
	if (item->state == TRC_ITEM_TRUNCATED || item->more)
		text_adds(out, item->len ? ", ..." : "...");
	text_addc(out, ']');
}

static void add_sockaddr(struct args *args, unsigned i)
{
	const struct trc_item *item = readable(args, i, TRC_TYPE_sockaddr);

	if (!item ||
	    !decode_sockaddr_struct(args->decoder, trc_item_data(item), item->len, args->out))
		text_add_address(args->out, args->values[i]);
}

static void add_struct(struct args *args, unsigned i)
{
	if (!decode_struct(args, i))
		text_add_address(args->out, args->values[i]);
}

static void add_set(struct args *args, unsigned i)
{
	if (args->plan->sets[i])
		value_set_add(args->plan->sets[i], args->values[i], args->out);
	else
		text_addx(args->out, args->values[i]); /* a set of a newer recorder */
}

/* ---- by type ---- */

static bool is_output(u8 type)
{
	switch (type) {
	case ARG_BUF_OUT:
	case ARG_PATH_OUT:
	case ARG_SOCKADDR_OUT:
	case ARG_FDS_OUT:
	case ARG_TIMESPEC_OUT:
	case ARG_TIMEVAL_OUT:
	case ARG_ITIMERSPEC_OUT:
	case ARG_ITIMERVAL_OUT:
	case ARG_SIGSET_OUT:
	case ARG_SIGACTION_OUT:
	case ARG_IOVEC_OUT:
	case ARG_MSGHDR_OUT:
	case ARG_MMSGHDR_OUT:
	case ARG_EPOLL_EVENTS_OUT:
	case ARG_STAT_OUT:
	case ARG_INT_OUT:
	case ARG_STRUCT_OUT:
	case ARG_OPT_OUT:
		return true;
	}
	return false;
}

static void add_value(struct args *args, unsigned i)
{
	const struct syscall_arg *arg = &args->plan->desc->args[i];
	struct text *out = args->out;
	u64 value = args->values[i];

	switch (arg->type) {
	case ARG_INT:
	case ARG_PID:
		text_addi(out, (s32)value);
		return;
	case ARG_UINT:
		text_addu(out, (u32)value);
		return;
	case ARG_LONG:
	case ARG_OFF:
		text_addi(out, value_long(args, i));
		return;
	case ARG_ULONG:
	case ARG_SIZE:
		text_addu(out, value);
		return;
	case ARG_PTR:
		text_add_address(out, value);
		return;
	case ARG_FD:
	case ARG_DIRFD:
		add_fd(args, i, arg->type == ARG_DIRFD);
		return;
	case ARG_PATH:
	case ARG_STR:
		add_string(args, i);
		return;
	case ARG_STRV:
		add_strings(args, i);
		return;
	case ARG_BUF_IN:
		add_buffer(args, i, arg->aux < args->count && !args->values[arg->aux]);
		return;
	case ARG_BUF_OUT:
	case ARG_PATH_OUT:
		add_buffer(args, i, args->succeeded && !args->record->ret);
		return;
	case ARG_SOCKADDR_IN:
	case ARG_SOCKADDR_OUT:
		add_sockaddr(args, i);
		return;
	case ARG_FDS_OUT:
		if (!args_add_fds(args, i))
			text_add_address(args->out, args->values[i]);
		return;
	case ARG_FLAGS:
	case ARG_ENUM:
		add_set(args, i);
		return;
	case ARG_MODE:
		text_add_mode(out, (u32)value);
		return;
	case ARG_SIGNAL:
		text_add_signal(args->decoder, (u32)value, out);
		return;
	case ARG_UID:
	case ARG_GID:
		add_id(args, i);
		return;
	case ARG_DEV:
		text_add_device(out, value);
		return;
	case ARG_UNKNOWN:
	case ARG_HEX:
		text_addx(out, value);
		return;
	default:
		if (arg->type < ARG_TYPE_MAX)
			add_struct(args, i);
		else
			text_addx(out, value);
	}
}

static bool pairs(const struct args *args, unsigned i, u8 first, u8 second)
{
	return args->plan->desc->args[i].type == first && i + 1 < args->count &&
	       args->plan->desc->args[i + 1].type == second;
}

/* Prints argument i and says how many it took. */
static unsigned print_one(struct args *args, unsigned i)
{
	u8 type = args->plan->desc->args[i].type;

	if (type == ARG_PAD)
		return 1;
	if (is_output(type))
		args_next_out(args);
	else
		args_next(args);
	if (pairs(args, i, ARG_LOW, ARG_HIGH)) {
		add_halves(args, i, i + 1, args->plan->sets[i]);
		return 2;
	}
	if (pairs(args, i, ARG_HIGH, ARG_LOW)) {
		add_halves(args, i + 1, i, args->plan->sets[i + 1]);
		return 2;
	}
	add_value(args, i);
	return 1;
}

void args_print(struct args *args, unsigned i)
{
	if (i < args->count)
		print_one(args, i);
}

void args_print_range(struct args *args, unsigned i, unsigned last)
{
	while (i <= last && i < args->count)
		i += print_one(args, i);
}

/* ---- a whole call ---- */

void args_init(struct args *args, struct decoder *decoder, const struct trc_syscall *record,
	       const struct call_plan *plan, struct text *out)
{
	const struct trc_item *item, *cursor = NULL;
	unsigned have = syscall_arg_count(record);

	*args = (struct args){ .decoder = decoder, .record = record, .plan = plan, .out = out };
	args->entry_len = SIZE_MAX;
	args->narrow = abi_is_narrow(record->abi);
	args->succeeded = record->state == TRC_SYSCALL_COMPLETE && !decoder_errno(record);
	args->count = (u8)(have > 6 ? 6 : have);
	for (unsigned i = 0; i < args->count; i++) {
		u64 value = (&record->arg0)[i];

		args->values[i] = args->narrow ? (u32)value : value;
	}
	if (plan && args->count > plan->desc->arg_count)
		args->count = plan->desc->arg_count;
	if (record->items)
		while ((item = record_item_next(&record->head, &cursor)))
			if (item->field < 6 && !args->items[item->field])
				args->items[item->field] = item;
}

static void decode_unknown_call(struct args *args)
{
	for (unsigned i = 0; i < args->count; i++)
		args_hex(args, i);
}

void decode_args_split(struct decoder *decoder, const struct trc_syscall *record, struct text *out,
		       size_t *ret_entry_len)
{
	const struct call_plan *plan = decoder_plan(decoder, record->abi, record->nr);
	size_t start = out->len;
	struct args args;

	if (record->state != TRC_SYSCALL_NO_ENTER) { /* else they are not known */
		args_init(&args, decoder, record, plan, out);
		if (!plan)
			decode_unknown_call(&args);
		else if (plan->printer)
			plan->printer(&args);
		else
			args_print_range(&args, 0, 5);
		if (args.entry_len != SIZE_MAX) {
			*ret_entry_len = args.entry_len - start;
			return;
		}
	}
	*ret_entry_len = out->len - start;
}

void decode_args(struct decoder *decoder, const struct trc_syscall *record, struct text *out)
{
	size_t entry_len;

	decode_args_split(decoder, record, out, &entry_len);
}
