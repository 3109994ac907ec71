/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Signals: sent, delivered. */
#include "bpf/core.bpf.h"

#define CODE_USER   0
#define CODE_KERNEL 0x80
#define CODE_QUEUE  (-1)
#define CODE_TKILL  (-6)

#define HANDLER_IGNORE 1 /* SIG_IGN */

enum signal_action { ACTION_DEFAULT, ACTION_IGNORED, ACTION_HANDLER };

/*
 * Two values stand for information that nobody wrote down: 0 from a process, 1 from the kernel. As a number, because the
 * verifier believes that no pointer here is 0, and leaves out what happens if it is.
 */
#define INFO_KERNEL 1

static __always_inline s32 code_of(u64 info)
{
	if (info <= INFO_KERNEL)
		return info == INFO_KERNEL ? CODE_KERNEL : CODE_USER;
	return BPF_CORE_READ((struct kernel_siginfo *)info, si_code);
}

static __always_inline u32 sender_of(u64 info, s32 code)
{
	if (info <= INFO_KERNEL || (code != CODE_USER && code != CODE_TKILL && code != CODE_QUEUE))
		return 0;
	return BPF_CORE_READ((struct kernel_siginfo *)info, _sifields._kill._pid);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *target,
	     int group, int result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_signal_generate event;
	u64 now;

	if (!task_watched(task) && !task_watched(target))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_signal_generate, sizeof(event) / 8, now);
	event.target_tid = target->pid;
	event.target_tgid = target->tgid;
	event.signal = sig;
	event.code = code_of(address_of(info));
	event.result = result;
	event.group = !!group;
	record_send(&event, sizeof(event), TRC_KIND_signal_generate, now);
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_deliver, int sig, struct kernel_siginfo *info, struct k_sigaction *action)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_signal_deliver event;
	u64 handler, now;

	if (!task_watched(task))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, TRC_KIND_signal_deliver, sizeof(event) / 8, now);
	handler = (u64)BPF_CORE_READ(action, sa.sa_handler);
	event.signal = sig;
	event.action = handler > HANDLER_IGNORE	   ? ACTION_HANDLER
		       : handler == HANDLER_IGNORE ? ACTION_IGNORED
						   : ACTION_DEFAULT;
	event.code = code_of(address_of(info));
	event.sender_pid = sender_of(address_of(info), event.code);
	event.handler = event.action == ACTION_HANDLER ? handler : 0;
	event.sa_flags = BPF_CORE_READ(action, sa.sa_flags);
	record_send(&event, sizeof(event), TRC_KIND_signal_deliver, now);
	return 0;
}
