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

/* The numbers are the same on all machines that this is built for. */
enum {
	SIGNAL_ILL = 4,
	SIGNAL_TRAP = 5,
	SIGNAL_BUS = 7,
	SIGNAL_FPE = 8,
	SIGNAL_SEGV = 11,
	SIGNAL_CHLD = 17
};

#define SIGNALS_OF_FAULTS                                                                          \
	(1ull << SIGNAL_ILL | 1ull << SIGNAL_TRAP | 1ull << SIGNAL_BUS | 1ull << SIGNAL_FPE |      \
	 1ull << SIGNAL_SEGV)

/* What the information has besides the code depends on that and on the signal. */
static __always_inline void fill_info(struct trc_signal_deliver *event, u64 info)
{
	struct kernel_siginfo *from = (struct kernel_siginfo *)info;
	bool of_child =
		event->signal == SIGNAL_CHLD && event->code > 0 && event->code != CODE_KERNEL;

	event->sender_pid = event->sender_uid = 0;
	event->status = 0;
	event->addr = event->known = 0;
	if (info <= INFO_KERNEL)
		return;
	if (of_child || event->code == CODE_USER || event->code == CODE_TKILL ||
	    event->code == CODE_QUEUE) {
		event->sender_pid = BPF_CORE_READ(from, _sifields._kill._pid);
		event->sender_uid = BPF_CORE_READ(from, _sifields._kill._uid);
		event->known = TRC_SIGNAL_SENDER;
	}
	if (of_child) {
		event->status = BPF_CORE_READ(from, _sifields._sigchld._status);
		event->known |= TRC_SIGNAL_STATUS;
	}
	if (event->code > 0 && event->signal < 64 && SIGNALS_OF_FAULTS & 1ull << event->signal) {
		event->addr = (u64)BPF_CORE_READ(from, _sifields._sigfault._addr);
		event->known = TRC_SIGNAL_ADDR;
	}
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
	fill_info(&event, address_of(info));
	event.handler = event.action == ACTION_HANDLER ? handler : 0;
	event.sa_flags = BPF_CORE_READ(action, sa.sa_flags);
	record_send(&event, sizeof(event), TRC_KIND_signal_deliver, now);
	return 0;
}
