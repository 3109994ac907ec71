/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call returned. */
#include "analyze/decode/decoder.h"

#include <string.h>

#define FIRST_RESTART_ERRNO 512
#define LAST_RESTART_ERRNO  516
#define ENOIOCTLCMD_NUMBER  515

#define F_DUPFD_NUMBER	       0
#define F_DUPFD_CLOEXEC_NUMBER 1030
#define F_GETFD_NUMBER	       1
#define F_GETFL_NUMBER	       3
#define F_GETSIG_NUMBER	       11
#define F_GETLEASE_NUMBER      1025
#define F_GET_SEALS_NUMBER     1034

bool errno_restarts(u32 number)
{
	return number >= FIRST_RESTART_ERRNO && number <= LAST_RESTART_ERRNO &&
	       number != ENOIOCTLCMD_NUMBER;
}

static void add_error(struct decoder *decoder, u32 number, struct text *out)
{
	const char *name = decoder_errno_name(decoder, number);

	if (errno_restarts(number))
		text_add_literal(out, "? ");
	else
		text_add_literal(out, "-1 ");
	if (!name) {
		text_add_literal(out, "(errno ");
		text_addu(out, number);
		text_addc(out, ')');
		return;
	}
	text_adds(out, name);
	text_add_literal(out, " (");
	text_adds(out, decoder_errno_text(number));
	text_addc(out, ')');
}

static void add_set_result(u64 value, const char *before, const struct value_set *set,
			   struct text *out)
{
	text_addx(out, value);
	if (!value && set->kind == SET_FLAGS && !set->field)
		return;
	text_adds(out, before);
	value_set_add(set, value, out);
	text_addc(out, ')');
}

/* What fcntl returns depends on the command. */
static bool add_fcntl(struct decoder *decoder, const struct trc_syscall *record, struct text *out)
{
	u64 value = (u64)record->ret;

	switch ((u32)syscall_arg(record, 1)) {
	case F_DUPFD_NUMBER:
	case F_DUPFD_CLOEXEC_NUMBER:
		text_add_fd(decoder, (s32)record->ret, DECODE_FD_MADE, out);
		return true;
	case F_GETFD_NUMBER:
		add_set_result(value, " (flags ", &set_fd_flags, out);
		return true;
	case F_GETFL_NUMBER:
		add_set_result(value, " (flags ", value_set_of_abi(&set_open_flags, record->abi),
			       out);
		return true;
	case F_GET_SEALS_NUMBER:
		add_set_result(value, " (seals ", &set_seals, out);
		return true;
	case F_GETLEASE_NUMBER:
		add_set_result(value, " (", &set_lock_type, out);
		return true;
	case F_GETSIG_NUMBER:
		if (!value)
			return false;
		text_addu(out, value);
		text_add_literal(out, " (");
		text_add_signal(decoder, (u32)value, out);
		text_addc(out, ')');
		return true;
	}
	return false;
}

/* True if the call has a way of its own to show its result. */
static bool add_special(struct decoder *decoder, const struct trc_syscall *record,
			const struct call_plan *plan, struct text *out)
{
	struct args args;

	switch (plan->result) {
	case RESULT_FCNTL:
		return add_fcntl(decoder, record, out);
	case RESULT_MODE:
		text_add_mode(out, (u32)record->ret);
		return true;
	case RESULT_TIMEOUT:
		if (!record->ret) {
			text_add_literal(out, "0 (Timeout)");
			return true;
		}
		text_addi(out, record->ret);
		args_init(&args, decoder, record, plan, out);
		decode_ready(&args);
		return true;
	case RESULT_PERSONALITY:
		add_set_result((u64)record->ret, " (", &set_personality_flags, out);
		return true;
	case RESULT_POLICY:
		text_addu(out, (u64)record->ret);
		text_add_literal(out, " (");
		value_set_add(&set_sched_policy, (u64)record->ret, out);
		text_addc(out, ')');
		return true;
	}
	return false;
}

void decode_result(struct decoder *decoder, const struct trc_syscall *record, struct text *out)
{
	const struct call_plan *plan = decoder_plan(decoder, record->abi, record->nr);
	u32 error = decoder_errno(record);

	if (record->state == TRC_SYSCALL_UNFINISHED) {
		text_addc(out, '?');
	} else if (error) {
		add_error(decoder, error, out);
	} else if (plan && plan->desc->properties & SYSCALL_RETURNS_ADDRESS) {
		text_addx(out, abi_is_narrow(record->abi) ? (u32)record->ret : (u64)record->ret);
	} else if (plan && plan->desc->properties & SYSCALL_RETURNS_FD) {
		text_add_fd(decoder, (s32)record->ret, DECODE_FD_MADE, out);
	} else if (!plan || !add_special(decoder, record, plan, out)) {
		text_addi(out, abi_is_narrow(record->abi) ? (s32)record->ret : record->ret);
	}
}

u8 call_result_find(const char *name)
{
	static const struct {
		const char *name;
		u8 result;
	} rows[] = {
		{ "fcntl", RESULT_FCNTL },
		{ "fcntl64", RESULT_FCNTL },
		{ "umask", RESULT_MODE },
		{ "poll", RESULT_TIMEOUT },
		{ "ppoll", RESULT_TIMEOUT },
		{ "select", RESULT_TIMEOUT },
		{ "_newselect", RESULT_TIMEOUT },
		{ "pselect6", RESULT_TIMEOUT },
		{ "ppoll_time64", RESULT_TIMEOUT },
		{ "pselect6_time64", RESULT_TIMEOUT },
		{ "personality", RESULT_PERSONALITY },
		{ "sched_getscheduler", RESULT_POLICY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].result;
	return RESULT_PLAIN;
}
