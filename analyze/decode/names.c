/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Errnos and signals. */
#include "analyze/decode/decoder.h"

struct errno_row {
	u32 number;
	const char *name, *text;
};

static const struct errno_row errno_rows[] = {
#define ERRNO(number, name, text) { number, #name, text },
#include "analyze/decode/errnos.def"
#undef ERRNO
};

/* The numbers of x86, arm, arm64 and riscv. */
static const char *const signal_names[SIGNAL_LIMIT] = {
	NULL,	    "SIGHUP",	"SIGINT",    "SIGQUIT",	 "SIGILL",   "SIGTRAP",	  "SIGABRT",
	"SIGBUS",   "SIGFPE",	"SIGKILL",   "SIGUSR1",	 "SIGSEGV",  "SIGUSR2",	  "SIGPIPE",
	"SIGALRM",  "SIGTERM",	"SIGSTKFLT", "SIGCHLD",	 "SIGCONT",  "SIGSTOP",	  "SIGTSTP",
	"SIGTTIN",  "SIGTTOU",	"SIGURG",    "SIGXCPU",	 "SIGXFSZ",  "SIGVTALRM", "SIGPROF",
	"SIGWINCH", "SIGIO",	"SIGPWR",    "SIGSYS",	 "SIGRTMIN", "SIGRT_1",	  "SIGRT_2",
	"SIGRT_3",  "SIGRT_4",	"SIGRT_5",   "SIGRT_6",	 "SIGRT_7",  "SIGRT_8",	  "SIGRT_9",
	"SIGRT_10", "SIGRT_11", "SIGRT_12",  "SIGRT_13", "SIGRT_14", "SIGRT_15",  "SIGRT_16",
	"SIGRT_17", "SIGRT_18", "SIGRT_19",  "SIGRT_20", "SIGRT_21", "SIGRT_22",  "SIGRT_23",
	"SIGRT_24", "SIGRT_25", "SIGRT_26",  "SIGRT_27", "SIGRT_28", "SIGRT_29",  "SIGRT_30",
	"SIGRT_31", "SIGRT_32",
};

void names_fill(struct decoder *decoder)
{
	for (size_t i = 0; i < ARRAY_SIZE(errno_rows); i++)
		if (!decoder->errnos[errno_rows[i].number])
			decoder->errnos[errno_rows[i].number] = errno_rows[i].name;
	for (u32 i = 1; i < SIGNAL_LIMIT; i++)
		if (!decoder->signals[i])
			decoder->signals[i] = signal_names[i];
}

bool abi_is_narrow(u8 abi)
{
	return abi == SYSCALL_ABI_I386 || abi == SYSCALL_ABI_ARM;
}

u32 decoder_errno(const struct trc_syscall *record)
{
	/* A 32-bit result may come without its sign extended. */
	s64 ret = abi_is_narrow(record->abi) ? (s32)record->ret : record->ret;

	if (record->state == TRC_SYSCALL_UNFINISHED || ret >= 0 || ret <= -ERRNO_LIMIT)
		return 0;
	return (u32)-ret;
}

const char *decoder_errno_name(const struct decoder *decoder, u32 number)
{
	return number < ERRNO_LIMIT ? decoder->errnos[number] : NULL;
}

const char *decoder_errno_text(u32 number)
{
	size_t low = 0, high = ARRAY_SIZE(errno_rows);

	if (number && number <= 40) /* no gap up to there */
		return errno_rows[number - 1].text;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (errno_rows[middle].number == number)
			return errno_rows[middle].text;
		if (errno_rows[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return "Unknown error";
}

const char *decoder_signal_name(const struct decoder *decoder, u32 number)
{
	return number < SIGNAL_LIMIT ? decoder->signals[number] : NULL;
}
