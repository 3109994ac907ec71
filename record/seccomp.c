/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "record/spec.h"

#define X32_SYSCALL_BIT 0x40000000u

u32 seccomp_arch(u8 abi)
{
	switch (abi) {
	case SYSCALL_ABI_X86_64:
	case SYSCALL_ABI_X32:
		return AUDIT_ARCH_X86_64;
	case SYSCALL_ABI_I386:
		return AUDIT_ARCH_I386;
	case SYSCALL_ABI_ARM64:
		return AUDIT_ARCH_AARCH64;
	case SYSCALL_ABI_ARM:
		return AUDIT_ARCH_ARM;
	case SYSCALL_ABI_RISCV64:
		return AUDIT_ARCH_RISCV64;
	}
	return 0;
}

struct assembly {
	struct sock_filter code[BPF_MAXINSNS];
	size_t count;
	bool too_long;
};

static void emit(struct assembly *assembly, u16 code, u8 yes, u8 no, u32 k)
{
	if (assembly->count == BPF_MAXINSNS)
		assembly->too_long = true;
	else
		assembly->code[assembly->count++] = (struct sock_filter){ code, yes, no, k };
}

static void emit_answer(struct assembly *assembly, bool stops)
{
	emit(assembly, BPF_RET | BPF_K, 0, 0, stops ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW);
}

static bool stops_at(const struct syscall_spec *spec, bool unknown_skipped)
{
	return spec->flags & SPEC_KNOWN ? !(spec->flags & SPEC_SKIP) : !unknown_skipped;
}

/* The numbers of an ABI in runs of one answer; what is above them gets the last one. */
static void emit_numbers(struct assembly *assembly, const struct syscall_spec *specs, u32 first,
			 bool unknown_skipped, bool *answer)
{
	for (u32 nr = 0; nr <= SPEC_PER_ABI; nr++) {
		bool stops = nr < SPEC_PER_ABI ? stops_at(&specs[nr], unknown_skipped)
					       : !unknown_skipped;

		if (stops == *answer)
			continue;
		/* A number below this one has the answer so far. */
		emit(assembly, BPF_JMP | BPF_JGE | BPF_K, 1, 0, first + nr);
		emit_answer(assembly, *answer);
		*answer = stops;
	}
}

static void emit_abi(struct assembly *assembly, const struct syscall_spec *specs,
		     const struct syscall_table *table, bool with_x32, bool unknown_skipped)
{
	bool answer = stops_at(specs + spec_slot(table->abi) * SPEC_PER_ABI, unknown_skipped);
	size_t jump;

	emit(assembly, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	emit(assembly, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, seccomp_arch(table->abi));
	jump = assembly->count;
	emit(assembly, BPF_JMP | BPF_JA, 0, 0, 0);
	emit(assembly, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	emit_numbers(assembly, specs + spec_slot(table->abi) * SPEC_PER_ABI, 0, unknown_skipped,
		     &answer);
	if (with_x32)
		emit_numbers(assembly, specs + spec_slot(SYSCALL_ABI_X32) * SPEC_PER_ABI,
			     X32_SYSCALL_BIT, unknown_skipped, &answer);
	emit_answer(assembly, answer);
	if (!assembly->too_long)
		assembly->code[jump].k = assembly->count - jump - 1;
}

struct sock_fprog *seccomp_program_new(const struct syscall_spec *specs,
				       const struct syscall_table *tables, size_t table_count,
				       bool unknown_skipped)
{
	struct assembly *assembly = xcalloc(1, sizeof(*assembly));
	struct sock_fprog *program;
	bool with_x32 = false;

	for (size_t i = 0; i < table_count; i++)
		with_x32 |= tables[i].abi == SYSCALL_ABI_X32;
	for (size_t i = 0; i < table_count; i++)
		if (tables[i].abi != SYSCALL_ABI_X32)
			emit_abi(assembly, specs, &tables[i],
				 with_x32 && tables[i].abi == SYSCALL_ABI_X86_64, unknown_skipped);
	emit_answer(assembly, false);
	if (assembly->too_long) {
		free(assembly);
		return NULL;
	}
	program = xcalloc(1, sizeof(*program));
	program->len = assembly->count;
	program->filter = xcalloc(assembly->count, sizeof(*program->filter));
	for (size_t i = 0; i < assembly->count; i++)
		program->filter[i] = assembly->code[i];
	free(assembly);
	return program;
}

void seccomp_program_free(struct sock_fprog *program)
{
	if (program)
		free(program->filter);
	free(program);
}

static int install(const struct sock_fprog *program)
{
	/* Without the flag older kernels turn off speculation for the program, which slows it down. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		       program)
		       ? -errno
		       : 0;
}

int seccomp_install(const struct sock_fprog *program)
{
	int err = install(program);

	/* What root may, the others only if no program that they start gains privileges: under ptrace none does. */
	if (err == -EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = install(program);
	return err;
}

bool seccomp_possible(void)
{
	/* One that stops at nothing: without a tracer a call that it stops at fails, even the child's exit. */
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	const struct sock_fprog program = { 1, &allow };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (!pid)
		_exit(seccomp_install(&program) ? 1 : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
