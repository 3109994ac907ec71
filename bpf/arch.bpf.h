/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The architecture's own: which ABI a call uses, and where its arguments are. */
#pragma once

#include "bpf/vmlinux.h"

enum abi_slot { ABI_NATIVE = 0, ABI_COMPAT = 1, ABI_X32 = 2 };

/* enum syscall_abi of common/syscalls.h by slot; set before the load. */
const volatile u8 abi_of_slot[SPEC_ABIS] __weak = {};

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT	2
#define X32_SYSCALL_BIT 0x40000000

/* A 64-bit program may make 32-bit calls (int 0x80): the call decides, not the program. */
static __always_inline u32 call_slot(struct task_struct *task, u32 *nr)
{
	if (task->thread_info.status & TS_COMPAT)
		return ABI_COMPAT;
	if (*nr != ~0u && (*nr & X32_SYSCALL_BIT)) {
		*nr &= ~X32_SYSCALL_BIT;
		return ABI_X32;
	}
	return ABI_NATIVE;
}

static __always_inline void call_args(struct pt_regs *regs, u32 slot, struct trc_syscall *call)
{
	if (slot == ABI_COMPAT) {
		call->arg0 = (u32)regs->bx;
		call->arg1 = (u32)regs->cx;
		call->arg2 = (u32)regs->dx;
		call->arg3 = (u32)regs->si;
		call->arg4 = (u32)regs->di;
		call->arg5 = (u32)regs->bp;
		return;
	}
	call->arg0 = regs->di;
	call->arg1 = regs->si;
	call->arg2 = regs->dx;
	call->arg3 = regs->r10;
	call->arg4 = regs->r8;
	call->arg5 = regs->r9;
}

static __always_inline u32 call_nr_at_exit(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline u64 user_ip(struct pt_regs *regs)
{
	return regs->ip;
}

#elif defined(__TARGET_ARCH_arm64)

#define TIF_32BIT 22

static __always_inline u32 call_slot(struct task_struct *task, u32 *nr)
{
	return (task->thread_info.flags >> TIF_32BIT) & 1 ? ABI_COMPAT : ABI_NATIVE;
}

static __always_inline void call_args(struct pt_regs *regs, u32 slot, struct trc_syscall *call)
{
	call->arg0 = regs->orig_x0;
	call->arg1 = regs->regs[1];
	call->arg2 = regs->regs[2];
	call->arg3 = regs->regs[3];
	call->arg4 = regs->regs[4];
	call->arg5 = regs->regs[5];
}

static __always_inline u32 call_nr_at_exit(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline u64 user_ip(struct pt_regs *regs)
{
	return regs->pc;
}

#elif defined(__TARGET_ARCH_riscv)

static __always_inline u32 call_slot(struct task_struct *task, u32 *nr)
{
	return ABI_NATIVE;
}

static __always_inline void call_args(struct pt_regs *regs, u32 slot, struct trc_syscall *call)
{
	call->arg0 = regs->orig_a0;
	call->arg1 = regs->a1;
	call->arg2 = regs->a2;
	call->arg3 = regs->a3;
	call->arg4 = regs->a4;
	call->arg5 = regs->a5;
}

static __always_inline u32 call_nr_at_exit(struct pt_regs *regs)
{
	return regs->a7;
}

static __always_inline u64 user_ip(struct pt_regs *regs)
{
	return regs->epc;
}

#endif
