/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that the running kernel has and the built-in tables do not. */
#include "common/syscalls.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/alloc.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(DIR *, closedir)

#define EVENT_PREFIX "sys_enter_"

static bool c_type_fits(const char *pattern, const char *c_type, bool pointer)
{
	if (!*pattern || !strcmp(pattern, c_type))
		return true;
	if (!strcmp(pattern, "*"))
		return pointer;
	return !strcmp(pattern, "const *") && pointer && !strncmp(c_type, "const ", 6);
}

u8 syscall_arg_type_guess(const char *c_type, const char *name, const char **ret_set)
{
	static const struct {
		const char *c_type, *name, *set;
		u8 type;
	} rules[] = {
#define TYPE(c_type, name, type, set) { c_type, name, set, ARG_##type },
#include "common/syscalls_types.def"
#undef TYPE
	};
	_cleanup_free_ char *copy = xstrdup(c_type);
	char *star = strrchr(copy, '*'), *bare = copy;

	/* `const` of the argument itself, not of what it points to, means nothing to the caller. */
	if (star)
		star[1] = 0;
	else if (!strncmp(copy, "const ", 6))
		bare += 6;
	*ret_set = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (*rules[i].name && strcmp(rules[i].name, name))
			continue;
		if (!c_type_fits(rules[i].c_type, bare, star != NULL))
			continue;
		*ret_set = rules[i].set;
		return rules[i].type;
	}
	return ARG_UNKNOWN;
}

/* "\tfield:const char * filename;\toffset:…" of a format file. */
static void add_field(struct syscall_desc *call, char *declaration)
{
	struct syscall_arg *arg;
	const char *set;
	char *name;

	declaration[strcspn(declaration, ";")] = 0;
	name = declaration + strlen(declaration);
	while (name > declaration && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
		name--;
	if (!*name || name == declaration || !strncmp(name, "common_", 7) ||
	    !strcmp(name, "__syscall_nr") || call->arg_count == ARRAY_SIZE(call->args))
		return;
	arg = &call->args[call->arg_count++];
	arg->name = xstrdup(name);
	while (name > declaration && name[-1] == ' ')
		name--;
	*name = 0;
	arg->type = syscall_arg_type_guess(declaration, arg->name, &set);
	arg->set = set ? xstrdup(set) : NULL;
	switch (arg->type) {
	case ARG_TIMESPEC_IN:
		arg->aux = 16;
		break;
	case ARG_ITIMERSPEC_IN:
		arg->aux = 32;
		break;
	case ARG_SIGSET_IN:
		arg->aux = 8;
		break;
	case ARG_PATH:
		call->classes |= SYSCALL_FILE;
		break;
	case ARG_FD:
	case ARG_DIRFD:
		call->classes |= SYSCALL_DESC;
		break;
	}
}

static int read_signature(const char *tracefs, const char *name, struct syscall_desc *call)
{
	_cleanup_free_ char *path =
		xasprintf("%s/events/syscalls/" EVENT_PREFIX "%s/format", tracefs, name);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!file)
		return -errno;
	while (getline(&line, &room, file) >= 0) {
		if (!strncmp(line, "\tfield:", 7))
			add_field(call, line + 7);
	}
	return 0;
}

/* "#define __NR_name 470" in a header; alike in the architecture's own and in the generic one. */
static bool number_in_header(const char *path, const char *name, u32 *ret_nr)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0, len = strlen(name);

	while (file && getline(&line, &room, file) >= 0) {
		const char *s = line + strspn(line, "# \t");
		unsigned long nr;
		char *end;

		if (strncmp(s, "define", 6))
			continue;
		s += 6;
		s += strspn(s, " \t");
		if (strncmp(s, "__NR_", 5) || strncmp(s + 5, name, len) ||
		    !isspace((unsigned char)s[5 + len]))
			continue;
		s += 5 + len;
		s += strspn(s, " \t");
		if (!isdigit((unsigned char)*s))
			continue;
		nr = strtoul(s, &end, 10);
		if (isspace((unsigned char)*end) && nr <= UINT16_MAX) {
			*ret_nr = (u32)nr;
			return true;
		}
	}
	return false;
}

static bool number_of(u8 abi, const char *name, u32 *ret_nr)
{
	/* A header that is not the ABI's own counts only where all ABIs have the same numbers. */
	static const struct {
		u8 abi;
		const char *path; /* %s is the kernel's release */
	} headers[] = {
		{ SYSCALL_ABI_X86_64,
		  "/lib/modules/%s/build/arch/x86/include/generated/uapi/asm/unistd_64.h" },
		{ SYSCALL_ABI_ARM64,
		  "/lib/modules/%s/build/arch/arm64/include/generated/uapi/asm/unistd_64.h" },
		{ SYSCALL_ABI_RISCV64,
		  "/lib/modules/%s/build/arch/riscv/include/generated/uapi/asm/unistd_64.h" },
		{ SYSCALL_ABI_X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h" },
		{ SYSCALL_ABI_X86_64, "/usr/include/asm/unistd_64.h" },
		{ SYSCALL_ABI_ARM64, "/usr/include/aarch64-linux-gnu/asm/unistd_64.h" },
		{ SYSCALL_ABI_ARM64, "/usr/include/asm/unistd_64.h" },
		{ SYSCALL_ABI_RISCV64, "/usr/include/riscv64-linux-gnu/asm/unistd_64.h" },
		{ SYSCALL_ABI_RISCV64, "/usr/include/asm/unistd_64.h" },
		{ 0, "/usr/include/asm-generic/unistd.h" },
	};
	struct utsname uts;

	if (uname(&uts) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		_cleanup_free_ char *path = NULL;
		const char *release = strstr(headers[i].path, "%s");

		if (headers[i].abi && headers[i].abi != abi)
			continue;
		if (release)
			path = xasprintf("%.*s%s%s", (int)(release - headers[i].path),
					 headers[i].path, uts.release, release + 2);
		else
			path = xstrdup(headers[i].path);
		if (number_in_header(path, name, ret_nr) && (headers[i].abi || *ret_nr >= 424))
			return true;
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names under which the kernel may know the calls of the table, sorted. */
static size_t known_names(const struct syscall_table *table, const char ***ret_names)
{
	const char **names = xcalloc(table->count * 2, sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		const char *kernel_name = syscall_kernel_name(table->abi, table->calls[i].nr);

		names[count++] = table->calls[i].name;
		if (kernel_name)
			names[count++] = kernel_name;
	}
	qsort(names, count, sizeof(*names), compare_names);
	*ret_names = names;
	return count;
}

static void table_insert(struct syscall_table *table, const struct syscall_desc *call)
{
	struct syscall_desc *calls = (struct syscall_desc *)table->calls;
	size_t at = 0;

	calls = xreallocarray(calls, table->count + 1, sizeof(*calls));
	while (at < table->count && calls[at].nr < call->nr)
		at++;
	memmove(calls + at + 1, calls + at, (table->count - at) * sizeof(*calls));
	calls[at] = *call;
	table->calls = calls;
	table->count++;
}

int syscall_table_add_running(struct syscall_table *native, const char *tracefs)
{
	_cleanup_free_ char *path = xasprintf("%s/events/syscalls", tracefs);
	_cleanup_(closedirp) DIR *dir = opendir(path);
	_cleanup_free_ const char **known = NULL;
	struct dirent *entry;
	size_t known_count;
	int added = 0;

	if (!dir)
		return -errno;
	known_count = known_names(native, &known);
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name + strlen(EVENT_PREFIX);
		struct syscall_desc call = { 0 };

		if (strncmp(entry->d_name, EVENT_PREFIX, strlen(EVENT_PREFIX)) ||
		    bsearch(&name, known, known_count, sizeof(*known), compare_names))
			continue;
		if (!number_of(native->abi, name, &call.nr) || syscall_by_nr(native, call.nr) ||
		    read_signature(tracefs, name, &call) < 0)
			continue;
		call.name = xstrdup(name);
		table_insert(native, &call);
		added++;
	}
	return added;
}
