/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <sys/syscall.h>

#include "common/syscalls.h"
#include "tests/unit/check.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ABI SYSCALL_ABI_X86_64
#elif defined(__aarch64__)
#define NATIVE_ABI SYSCALL_ABI_ARM64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ABI SYSCALL_ABI_RISCV64
#endif

#ifdef NATIVE_ABI
/* SYS_openat becomes "257"; a call that the C library's headers do not know stays "SYS_name". */
#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)
static const struct {
	u8 abi;
	u32 nr;
	const char *name, *libc;
} numbers[] = {
#define NUMBER(abi, nr, name, signature) { SYSCALL_ABI_##abi, nr, #name, TEXT(SYS_##name) },
#include "common/syscalls_numbers.def"
#undef NUMBER
};

static void test_libc_numbers(void)
{
	size_t compared = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		char *end;
		long nr = strtol(numbers[i].libc, &end, 10);

		if (numbers[i].abi != NATIVE_ABI || end == numbers[i].libc)
			continue;
		compared++;
		check_count++;
		if (nr != numbers[i].nr)
			CHECK_FAIL("%s is %u, the headers say %ld", numbers[i].name, numbers[i].nr,
				   nr);
	}
	CHECK(compared > 250);
#ifdef SYS_openat2
	CHECK_STR(syscall_by_nr(syscall_table_builtin(NATIVE_ABI), SYS_openat2)->name, "openat2");
#endif
	CHECK_STR(syscall_by_nr(syscall_table_builtin(NATIVE_ABI), SYS_execve)->name, "execve");
}
#endif

/* Every number that an installed header knows is in the table under that name. */
static void check_header(u8 abi, const char *path)
{
	const struct syscall_table *table = syscall_table_builtin(abi);
	FILE *file = fopen(path, "re");
	char line[256], name[64];
	size_t compared = 0;
	u32 nr;

	if (!file) {
		printf("skipped: no %s\n", path);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		const struct syscall_desc *call;

		if (sscanf(line, "#define __NR_%63s %u", name, &nr) != 2 &&
		    sscanf(line, "#define __NR_%63s (__X32_SYSCALL_BIT + %u)", name, &nr) != 2)
			continue;
		call = syscall_by_nr(table, nr);
		compared++;
		check_count++;
		if (!call || strcmp(call->name, name))
			CHECK_FAIL("%s %u is %s, %s says %s", syscall_abi_name(abi), nr,
				   call ? call->name : "unknown", path, name);
	}
	fclose(file);
	CHECK(compared > 300);
}

static bool refers_to_argument(u8 type)
{
	switch (type) {
	case ARG_BUF_IN:
	case ARG_BUF_OUT:
	case ARG_PATH_OUT:
	case ARG_SOCKADDR_IN:
	case ARG_SOCKADDR_OUT:
	case ARG_IOVEC_IN:
	case ARG_IOVEC_OUT:
	case ARG_MMSGHDR_IN:
	case ARG_MMSGHDR_OUT:
	case ARG_POLLFDS:
	case ARG_FDSET:
	case ARG_EPOLL_EVENTS_OUT:
	case ARG_OPT_IN:
	case ARG_OPT_OUT:
		return true;
	}
	return false;
}

static void check_call(u8 abi, const struct syscall_desc *call)
{
	u32 makes_fd = call->properties & SYSCALL_RETURNS_FD;

	CHECK(call->name && *call->name);
	CHECK(call->arg_count <= 6);
	for (u8 i = 0; i < call->arg_count; i++) {
		const struct syscall_arg *arg = &call->args[i];

		check_count++;
		if (!arg->name || !*arg->name || arg->type == ARG_UNKNOWN ||
		    arg->type >= ARG_TYPE_MAX)
			CHECK_FAIL("%s %s: argument %u", syscall_abi_name(abi), call->name, i);
		if (refers_to_argument(arg->type) && (arg->aux >= call->arg_count || arg->aux == i))
			CHECK_FAIL("%s %s: %s refers to argument %u", syscall_abi_name(abi),
				   call->name, arg->name, arg->aux);
		if ((arg->type == ARG_FLAGS || arg->type == ARG_ENUM ||
		     arg->type == ARG_STRUCT_IN || arg->type == ARG_STRUCT_OUT ||
		     arg->type == ARG_STAT_OUT) &&
		    (!arg->set || !*arg->set))
			CHECK_FAIL("%s %s: %s has no set", syscall_abi_name(abi), call->name,
				   arg->name);
		if (arg->type == ARG_LOW || arg->type == ARG_HIGH) {
			u8 other = arg->type == ARG_LOW ? ARG_HIGH : ARG_LOW;

			if ((!i || call->args[i - 1].type != other) &&
			    (i + 1 == call->arg_count || call->args[i + 1].type != other))
				CHECK_FAIL("%s %s: %s is half of nothing", syscall_abi_name(abi),
					   call->name, arg->name);
		}
		if (arg->type == ARG_PATH && !(call->classes & SYSCALL_FILE))
			CHECK_FAIL("%s %s has a path and is no %%file", syscall_abi_name(abi),
				   call->name);
		makes_fd |= arg->type == ARG_FDS_OUT;
	}
	if (makes_fd && !(call->properties & SYSCALL_STATE))
		CHECK_FAIL("%s %s makes descriptors and is not state", syscall_abi_name(abi),
			   call->name);
}

static void test_tables(void)
{
	for (u8 abi = 1; abi < SYSCALL_ABI_MAX; abi++) {
		const struct syscall_table *table = syscall_table_builtin(abi);

		CHECK_FATAL(table && table->count > 300);
		CHECK_EQ(table->abi, abi);
		for (size_t i = 0; i < table->count; i++) {
			const struct syscall_desc *call = &table->calls[i];

			check_call(abi, call);
			CHECK(!i || call->nr > call[-1].nr);
			CHECK(syscall_by_nr(table, call->nr) == call);
			CHECK(syscall_by_name(table, call->name) == call ||
			      (abi == SYSCALL_ABI_X32 && call->nr >= 512));
		}
		CHECK(!syscall_by_nr(table, 999));
		CHECK(!syscall_by_nr(table, UINT32_MAX));
		CHECK(!syscall_by_name(table, "opneat"));
		CHECK(syscall_by_name(table, "file_setattr"));
	}
	CHECK(!syscall_table_builtin(0));
	CHECK(!syscall_table_builtin(SYSCALL_ABI_MAX));
}

/* name(arg:type:aux:set, …) classes properties */
static void describe(const struct syscall_desc *call, char *out, size_t room)
{
	size_t n = (size_t)snprintf(out, room, "%s(", call->name);

	for (u8 i = 0; i < call->arg_count && n < room; i++) {
		const struct syscall_arg *arg = &call->args[i];

		n += (size_t)snprintf(out + n, room - n, "%s%s:%s", i ? " " : "", arg->name,
				      syscall_arg_type_name(arg->type));
		if (arg->aux && n < room)
			n += (size_t)snprintf(out + n, room - n, ":%u", arg->aux);
		if (arg->set && n < room)
			n += (size_t)snprintf(out + n, room - n, ":%s", arg->set);
	}
	if (n < room)
		n += (size_t)snprintf(out + n, room - n, ")");
	for (u32 bit = 1; bit && n < room; bit <<= 1) {
		if (call->classes & bit)
			n += (size_t)snprintf(out + n, room - n, " %%%s", syscall_class_name(bit));
	}
	if (n < room)
		snprintf(out + n, room - n, " %x", call->properties);
}

static void check_signature(int line, u8 abi, u32 nr, const char *want)
{
	const struct syscall_desc *call = syscall_by_nr(syscall_table_builtin(abi), nr);
	char got[1024] = "";

	check_count++;
	if (call)
		describe(call, got, sizeof(got));
	if (strcmp(got, want))
		CHECK_FAIL("line %d: %s", line, got);
}

#define SIGNATURE(abi, nr, want) check_signature(__LINE__, SYSCALL_ABI_##abi, nr, want)

static void test_signatures(void)
{
	SIGNATURE(X86_64, 0, "read(fd:fd buf:buf_out:2 count:size) %desc 20");
	SIGNATURE(X86_64, 4, "stat(filename:path statbuf:stat_out:stat) %file %stat %%stat 0");
	SIGNATURE(X86_64, 9,
		  "mmap(addr:ptr len:size prot:flags:mmap_prot flags:flags:mmap_flags fd:fd "
		  "off:hex) %desc "
		  "%memory 8");
	SIGNATURE(X86_64, 42, "connect(fd:fd uservaddr:sockaddr_in:2 addrlen:int) %network 30");
	SIGNATURE(X86_64, 56,
		  "clone(clone_flags:flags:clone_flags newsp:ptr parent_tidptr:int_out "
		  "child_tidptr:ptr "
		  "tls:hex) %process 32");
	SIGNATURE(X86_64, 59, "execve(filename:path argv:strv envp:strv) %file %process 10");
	SIGNATURE(X86_64, 231, "exit_group(error_code:int) %process 14");
	SIGNATURE(
		X86_64, 257,
		"openat(dfd:dirfd filename:path flags:flags:open_flags mode:mode) %file %desc 31");
	SIGNATURE(X86_64, 293, "pipe2(fildes:fds_out flags:flags:pipe_flags) %desc 10");
	SIGNATURE(X86_64, 39, "getpid() %pure 2");
	SIGNATURE(X86_64, 462, "mseal(start:ptr len:size flags:hex) %memory 0");

	/* The same call by registers of another width or order. */
	SIGNATURE(ARM64, 220,
		  "clone(clone_flags:flags:clone_flags newsp:ptr parent_tidptr:int_out tls:hex "
		  "child_tidptr:ptr) %process 32");
	SIGNATURE(
		ARM64, 56,
		"openat(dfd:dirfd filename:path flags:flags:open_flags mode:mode) %file %desc 31");
	SIGNATURE(ARM64, 80, "fstat(fd:fd statbuf:stat_out:stat) %desc %fstat %%stat 0");
	SIGNATURE(X86_64, 17, "pread64(fd:fd buf:buf_out:2 count:size pos:off) %desc 20");
	SIGNATURE(I386, 180,
		  "pread64(fd:fd buf:buf_out:2 count:size pos_low:low pos_high:high) %desc 20");
	SIGNATURE(ARM, 180,
		  "pread64(fd:fd buf:buf_out:2 count:size pad:pad pos_low:low pos_high:high) %desc "
		  "20");
	SIGNATURE(I386, 140,
		  "_llseek(fd:fd offset_high:high offset_low:low result:off_inout "
		  "whence:enum:seek_whence) "
		  "%desc 0");
	SIGNATURE(X32, 534, "preadv(fd:fd vec:iovec_out:2 vlen:ulong pos:off) %desc 20");
	SIGNATURE(X86_64, 295,
		  "preadv(fd:fd vec:iovec_out:2 vlen:ulong pos_l:off pos_h:pad) %desc 20");
	SIGNATURE(I386, 333,
		  "preadv(fd:fd vec:iovec_out:2 vlen:ulong pos_l:low pos_h:high) %desc 20");
	SIGNATURE(I386, 102, "socketcall(call:enum:socketcall_op args:ptr) %network 30");
	SIGNATURE(I386, 90, "mmap(arg:struct_in:24:mmap_arg_struct) %desc %memory 8");
	SIGNATURE(I386, 192,
		  "mmap2(addr:ptr len:size prot:flags:mmap_prot flags:flags:mmap_flags fd:fd "
		  "pgoff:hex) "
		  "%desc %memory 8");
	SIGNATURE(I386, 195, "stat64(filename:path statbuf:stat_out:stat64) %file %stat %%stat 0");

	/* Times are half as wide in the old 32-bit calls. */
	SIGNATURE(X86_64, 35, "nanosleep(rqtp:timespec_in:16 rmtp:timespec_out:16) %time 20");
	SIGNATURE(I386, 162, "nanosleep(rqtp:timespec_in:8 rmtp:timespec_out:8) %time 20");
	SIGNATURE(X32, 35, "nanosleep(rqtp:timespec_in:16 rmtp:timespec_out:16) %time 20");
	SIGNATURE(ARM, 403,
		  "clock_gettime64(which_clock:enum:clockid tp:timespec_out:16) %time %clock 0");
	SIGNATURE(ARM, 263,
		  "clock_gettime(which_clock:enum:clockid tp:timespec_out:8) %time %clock 0");
	SIGNATURE(ARM, 0xf0002, "cacheflush(start:ptr end:ptr flags:hex) 0");
}

static void test_names(void)
{
	for (u8 type = 0; type < ARG_TYPE_MAX; type++) {
		CHECK_FATAL(syscall_arg_type_name(type));
		CHECK_EQ(syscall_arg_type_by_name(syscall_arg_type_name(type)), type);
	}
	CHECK(!syscall_arg_type_name(ARG_TYPE_MAX));
	CHECK_EQ(syscall_arg_type_by_name("nonsense"), ARG_UNKNOWN);
	for (u32 bit = 1; bit <= SYSCALL_STATFSS; bit <<= 1)
		CHECK_EQ(syscall_class_by_name(syscall_class_name(bit)), bit);
	CHECK(!syscall_class_name(1u << 31));
	CHECK_EQ(syscall_class_by_name("nonsense"), 0);
	CHECK_STR(syscall_abi_name(SYSCALL_ABI_X32), "x32");
	CHECK(!syscall_abi_name(0));
	CHECK(!syscall_abi_name(SYSCALL_ABI_MAX));
	CHECK_STR(syscall_kernel_name(SYSCALL_ABI_X86_64, 4), "newstat");
	CHECK_STR(syscall_kernel_name(SYSCALL_ABI_X86_64, 257), "openat");
	CHECK(!syscall_kernel_name(SYSCALL_ABI_X86_64, 999));
	CHECK_STR(syscall_by_nr(syscall_table_builtin(SYSCALL_ABI_X32), 0x40000000 + 514)->name,
		  "ioctl");
	CHECK(!syscall_by_nr(syscall_table_builtin(SYSCALL_ABI_X86_64), 0x40000000));
}

static void test_machines(void)
{
	struct syscall_table *tables = NULL;
	size_t count = 0;
	u8 abis[4] = { 0 };

	CHECK_EQ(syscall_abis_of_machine("x86_64", abis), 3);
	CHECK(abis[0] == SYSCALL_ABI_X86_64 && abis[1] == SYSCALL_ABI_I386 &&
	      abis[2] == SYSCALL_ABI_X32);
	CHECK_EQ(syscall_abis_of_machine("aarch64", abis), 2);
	CHECK(abis[0] == SYSCALL_ABI_ARM64 && abis[1] == SYSCALL_ABI_ARM);
	CHECK_EQ(syscall_abis_of_machine("riscv64", abis), 1);
	CHECK_EQ(syscall_abis_of_machine("i686", abis), 1);
	CHECK_EQ(syscall_abis_of_machine("armv7l", abis), 1);
	CHECK_EQ(abis[0], SYSCALL_ABI_ARM);
	CHECK_EQ(syscall_abis_of_machine("vax", abis), 0);
	CHECK_EQ(syscall_abis_of_machine("", abis), 0);

	CHECK_EQ(syscall_tables_for_machine("vax", &tables, &count), -ENOENT);
	CHECK(!tables && !count);
	CHECK_EQ(syscall_tables_for_machine("x86_64", &tables, &count), 0);
	CHECK_EQ(count, 3);
	for (size_t t = 0; t < count; t++) {
		const struct syscall_table *builtin = syscall_table_builtin(tables[t].abi);

		CHECK_EQ(tables[t].count, builtin->count);
		for (size_t i = 0; i < builtin->count; i++) {
			char a[1024], b[1024];

			describe(&builtin->calls[i], a, sizeof(a));
			describe(&tables[t].calls[i], b, sizeof(b));
			CHECK_STR(a, b);
			CHECK(builtin->calls[i].name != tables[t].calls[i].name);
		}
	}
	syscall_tables_free(tables, count);
	syscall_tables_free(NULL, 0);
}

int main(void)
{
	test_tables();
	test_signatures();
	test_names();
	test_machines();
	check_header(SYSCALL_ABI_X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
	check_header(SYSCALL_ABI_I386, "/usr/include/x86_64-linux-gnu/asm/unistd_32.h");
	check_header(SYSCALL_ABI_X32, "/usr/include/x86_64-linux-gnu/asm/unistd_x32.h");
#ifdef NATIVE_ABI
	test_libc_numbers();
#endif
	return check_report();
}
