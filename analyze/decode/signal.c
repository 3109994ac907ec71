/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A signal that reached a thread. */
#include "analyze/decode/decoder.h"

#include <string.h>

/* From anybody, 0 down; sigaction(2). */
static const char *const sent_codes[] = { "SI_USER",	"SI_QUEUE", "SI_TIMER", "SI_MESGQ",
					  "SI_ASYNCIO", "SI_SIGIO", "SI_TKILL" };
#define CODE_KERNEL 0x80
#define CODE_EXITED 1 /* of SIGCHLD: CLD_EXITED */

/* From the kernel, 1 up: their meaning depends on the signal. */
static const struct {
	const char *signal;
	const char *codes[9];
} kernel_codes[] = {
	{ "SIGILL",
	  { "ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG",
	    "ILL_COPROC", "ILL_BADSTK", "ILL_BADIADDR" } },
	{ "SIGFPE",
	  { "FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES",
	    "FPE_FLTINV", "FPE_FLTSUB" } },
	{ "SIGSEGV", { "SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR" } },
	{ "SIGBUS",
	  { "BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO" } },
	{ "SIGTRAP", { "TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK" } },
	{ "SIGCHLD",
	  { "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED",
	    "CLD_CONTINUED" } },
	{ "SIGIO", { "POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP" } },
	{ "SIGSYS", { "SYS_SECCOMP", "SYS_USER_DISPATCH" } },
};

static const char *code_name(const char *signal, s32 code)
{
	if (code <= 0)
		return -(u32)code < ARRAY_SIZE(sent_codes) ? sent_codes[-(u32)code] : NULL;
	if (code == CODE_KERNEL)
		return "SI_KERNEL";
	for (size_t i = 0; signal && i < ARRAY_SIZE(kernel_codes); i++)
		if (!strcmp(signal, kernel_codes[i].signal))
			return (u32)code <= ARRAY_SIZE(kernel_codes[i].codes)
				       ? kernel_codes[i].codes[code - 1]
				       : NULL;
	return NULL;
}

/* Older recordings know none of it. */
static void add_known(struct decoder *decoder, const struct trc_signal_deliver *record,
		      struct text *out)
{
	if (record->known & TRC_SIGNAL_SENDER) {
		text_adds(out, ", si_uid=");
		text_addu(out, record->sender_uid);
	}
	if (record->known & TRC_SIGNAL_STATUS) {
		text_adds(out, ", si_status=");
		if (record->code == CODE_EXITED)
			text_addi(out, record->status);
		else
			text_add_signal(decoder, (u32)record->status, out);
	}
	if (record->known & TRC_SIGNAL_ADDR) {
		text_adds(out, ", si_addr=");
		if (record->addr)
			text_addf(out, "0x%llx", (unsigned long long)record->addr);
		else
			text_adds(out, "NULL");
	}
}

void decode_signal(struct decoder *decoder, const struct trc_signal_deliver *record,
		   struct text *out)
{
	const char *code = code_name(decoder_signal_name(decoder, record->signal), record->code);

	text_add_signal(decoder, record->signal, out);
	text_adds(out, " {si_signo=");
	text_add_signal(decoder, record->signal, out);
	text_adds(out, ", si_code=");
	if (code)
		text_adds(out, code);
	else
		text_addi(out, record->code);
	if (record->sender_pid || record->known & TRC_SIGNAL_SENDER) {
		text_adds(out, ", si_pid=");
		text_addu(out, record->sender_pid);
	}
	add_known(decoder, record, out);
	text_addc(out, '}');
}
