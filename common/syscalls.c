/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/syscalls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define X32_SYSCALL_BIT 0x40000000

struct number {
	u8 abi;
	u32 nr;
	u16 signature;
	const char *name;
};

#define ARG(name, type, aux, set)
#define SIGNATURE(id, entry, classes, properties, count, args) SIGNATURE_##id,
enum signature_id {
#include "common/syscalls_signatures.def"
	SIGNATURE_COUNT,
};
#undef ARG
#undef SIGNATURE

static const struct signature {
	const char *entry;
	u32 classes;
	u32 properties;
	u8 arg_count;
	struct syscall_arg args[6];
} signatures[SIGNATURE_COUNT] = {
#define ARG(name, type, aux, set) { #name, ARG_##type, aux, set },
#define SIGNATURE(id, entry, classes, properties, count, args)                                     \
	[SIGNATURE_##id] = { #entry, classes, properties, count, { args } },
#include "common/syscalls_signatures.def"
#undef ARG
#undef SIGNATURE
};

static const struct number numbers[] = {
#define NUMBER(abi, nr, name, signature) { SYSCALL_ABI_##abi, nr, SIGNATURE_##signature, #name },
#include "common/syscalls_numbers.def"
#undef NUMBER
};

static struct syscall_desc calls_builtin[ARRAY_SIZE(numbers)];
static struct syscall_table tables_builtin[SYSCALL_ABI_MAX];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void tables_make(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct signature *signature = &signatures[numbers[i].signature];
		struct syscall_table *table = &tables_builtin[numbers[i].abi];
		struct syscall_desc *call = &calls_builtin[i];

		call->name = numbers[i].name;
		call->nr = numbers[i].nr;
		call->arg_count = signature->arg_count;
		call->classes = signature->classes;
		call->properties = signature->properties;
		memcpy(call->args, signature->args, sizeof(call->args));
		if (!table->count++) {
			table->abi = numbers[i].abi;
			table->calls = call;
		}
	}
}

const struct syscall_table *syscall_table_builtin(u8 abi)
{
	if (!abi || abi >= SYSCALL_ABI_MAX)
		return NULL;
	pthread_once(&tables_once, tables_make);
	return &tables_builtin[abi];
}

const char *syscall_kernel_name(u8 abi, u32 nr)
{
	const struct syscall_table *table = syscall_table_builtin(abi);
	const struct syscall_desc *call = table ? syscall_by_nr(table, nr) : NULL;

	if (!call)
		return NULL;
	return signatures[numbers[call - calls_builtin].signature].entry;
}

size_t syscall_abis_of_machine(const char *machine, u8 ret_abis[4])
{
	static const struct {
		const char *machine;
		u8 abis[4];
	} machines[] = {
		{ "x86_64", { SYSCALL_ABI_X86_64, SYSCALL_ABI_I386, SYSCALL_ABI_X32 } },
		{ "aarch64", { SYSCALL_ABI_ARM64, SYSCALL_ABI_ARM } },
		{ "aarch64_be", { SYSCALL_ABI_ARM64, SYSCALL_ABI_ARM } },
		{ "riscv64", { SYSCALL_ABI_RISCV64 } },
		{ "i386", { SYSCALL_ABI_I386 } },
		{ "i486", { SYSCALL_ABI_I386 } },
		{ "i586", { SYSCALL_ABI_I386 } },
		{ "i686", { SYSCALL_ABI_I386 } },
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(machine, machines[i].machine))
			continue;
		while (count < 4 && machines[i].abis[count]) {
			ret_abis[count] = machines[i].abis[count];
			count++;
		}
		return count;
	}
	if (!strncmp(machine, "armv", 4)) { /* armv7l, armv8l, armv6l, … */
		ret_abis[0] = SYSCALL_ABI_ARM;
		return 1;
	}
	return 0;
}

const struct syscall_desc *syscall_by_nr(const struct syscall_table *table, u32 nr)
{
	size_t low = 0, high = table->count;

	if (table->abi == SYSCALL_ABI_X32)
		nr &= ~(u32)X32_SYSCALL_BIT;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->calls[middle].nr == nr)
			return &table->calls[middle];
		if (table->calls[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct syscall_desc *syscall_by_name(const struct syscall_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!strcmp(table->calls[i].name, name))
			return &table->calls[i];
	}
	return NULL;
}

static void table_copy(const struct syscall_table *from, struct syscall_table *ret_table)
{
	struct syscall_desc *calls = xmemdup(from->calls, from->count * sizeof(*calls));

	for (size_t i = 0; i < from->count; i++) {
		calls[i].name = xstrdup(calls[i].name);
		for (u8 a = 0; a < calls[i].arg_count; a++) {
			struct syscall_arg *arg = &calls[i].args[a];

			arg->name = xstrdup(arg->name);
			arg->set = arg->set ? xstrdup(arg->set) : NULL;
		}
	}
	ret_table->abi = from->abi;
	ret_table->count = from->count;
	ret_table->calls = calls;
}

int syscall_tables_for_machine(const char *machine, struct syscall_table **ret_tables,
			       size_t *ret_count)
{
	struct syscall_table *tables;
	u8 machine_abis[4];
	size_t count = syscall_abis_of_machine(machine, machine_abis);

	if (!count)
		return -ENOENT;
	tables = xcalloc(count, sizeof(*tables));
	for (size_t i = 0; i < count; i++)
		table_copy(syscall_table_builtin(machine_abis[i]), &tables[i]);
	*ret_tables = tables;
	*ret_count = count;
	return 0;
}

void syscall_tables_free(struct syscall_table *tables, size_t count)
{
	if (!tables)
		return;
	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct syscall_desc *call = &tables[t].calls[i];

			free((char *)call->name);
			for (u8 a = 0; a < call->arg_count; a++) {
				free((char *)call->args[a].name);
				free((char *)call->args[a].set);
			}
		}
		free((struct syscall_desc *)tables[t].calls);
	}
	free(tables);
}
