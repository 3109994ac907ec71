/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "common/syscalls.h"
#include "tests/unit/check.h"

static struct syscall_table *tables;
static size_t table_count;

static u32 number(u8 abi, const char *name)
{
	const struct syscall_desc *call = syscall_by_name(syscall_table_builtin(abi), name);

	CHECK_FATAL(call);
	return call->nr;
}

/* Exactly the calls named, in that ABI, of all that its table has. */
static void check_set(int line, const char *text, u8 abi, const char *want)
{
	const struct syscall_table *table = syscall_table_builtin(abi);
	struct syscall_set *set = NULL;
	char *error = NULL, got[4096] = "";
	size_t n = 0;

	check_count++;
	if (syscall_set_parse(tables, table_count, text, &set, &error) < 0) {
		CHECK_FAIL("line %d: \"%s\": %s", line, text, error);
		free(error);
		return;
	}
	for (size_t i = 0; i < table->count && n < sizeof(got); i++) {
		if (syscall_set_has(set, abi, table->calls[i].nr))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", n ? " " : "",
					      table->calls[i].name);
	}
	if (strcmp(got, want))
		CHECK_FAIL("line %d: \"%s\" is %s", line, text, got);
	syscall_set_free(set);
}

#define SET(text, want)	     check_set(__LINE__, text, SYSCALL_ABI_X86_64, want)
#define SET_I386(text, want) check_set(__LINE__, text, SYSCALL_ABI_I386, want)
#define SET_X32(text, want)  check_set(__LINE__, text, SYSCALL_ABI_X32, want)

static void check_error(int line, const char *text, const char *want)
{
	struct syscall_set *set = NULL;
	char *error = NULL;

	check_count++;
	if (syscall_set_parse(tables, table_count, text, &set, &error) != -EINVAL || set ||
	    !error || strcmp(error, want))
		CHECK_FAIL("line %d: \"%s\": %s", line, text, error ? error : "no error");
	free(error);
	syscall_set_free(set);
}

#define ERROR(text, want) check_error(__LINE__, text, want)

static void test_items(void)
{
	SET("openat,close", "close openat");
	SET("trace=openat,close", "close openat");
	SET("t=openat", "openat");
	SET_I386("openat,close", "close openat");
	SET("none", "");
	SET("openat,openat,none", "openat");
	SET("/^mq_/", "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr");
	SET("/^mq_", "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr");
	SET("/^pread(64)?$/,close", "close pread64");
	SET("/^p.{3,4}64$/", "pread64"); /* pwrite64 is longer */
	SET("read,/^a{1,2}ccess$/,close", "read close access");
	SET("%pure", "getpid getuid getgid geteuid getegid getppid getpgrp gettid");
	SET("%lstat", "lstat");
	SET("%%stat", "stat fstat lstat newfstatat statx");
	SET("%%statfs", "ustat statfs fstatfs");
	SET("%clock", "gettimeofday adjtimex settimeofday time clock_settime clock_gettime "
		      "clock_getres clock_adjtime");
	SET("%ipc",
	    "shmget shmat shmctl semget semop semctl shmdt msgget msgsnd msgrcv msgctl semtimedop");
	SET("%futex", "futex futex_waitv futex_wake futex_wait futex_requeue");
	SET("futex", "futex"); /* the call, not the class */
	SET("pure", "getpid getuid getgid geteuid getegid getppid getpgrp gettid");
	SET_I386("ipc", "ipc");
	SET("waitpid", ""); /* i386 only */
	SET_I386("waitpid", "waitpid");
	SET("?nonsense,close", "close");
	SET("?%nonsense,?/nonsense/,close", "close");
}

static void test_numbers(void)
{
	SET("59", "execve");
	SET_I386("59", "oldolduname");
	SET("59@64", "execve");
	SET_I386("59@64", "");
	SET("0x3b@x86_64", "execve");
	SET_I386("11@32", "execve");
	SET("11@32", "");
	SET_X32("0x40000208", "execve"); /* 520 with x32's bit */
}

static void test_abis(void)
{
	SET("openat@64", "openat");
	SET_I386("openat@64", "");
	SET_I386("openat@32,close@i386", "close openat");
	SET("openat@32", "");
	SET_X32("openat@x32", "openat");
	SET("openat@x32", "");
	SET("?openat@arm,close", "close");
	SET("%pure@32", "");
	SET_I386("/^getpid$/@32", "getpid");
}

static void test_negation(void)
{
	struct syscall_set *set = NULL;
	char *error = NULL;

	CHECK_EQ(syscall_set_parse(tables, table_count, "!openat,close", &set, &error), 0);
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, number(SYSCALL_ABI_X86_64, "openat")));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_I386, number(SYSCALL_ABI_I386, "close")));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, number(SYSCALL_ABI_X86_64, "read")));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 1000)); /* what has no name too */
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 0xf0002));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, UINT32_MAX));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_MAX, 0));
	syscall_set_free(set);

	CHECK_EQ(syscall_set_parse(tables, table_count, "all", &set, &error), 0);
	CHECK(syscall_set_has(set, SYSCALL_ABI_X32, 520));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X32, 0x40000000 + 520));
	CHECK(syscall_set_has(set, SYSCALL_ABI_I386, 1000000));
	syscall_set_free(set);

	CHECK_EQ(syscall_set_parse(tables, table_count, "trace=!all", &set, &error), 0);
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 0));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 1000000));
	syscall_set_free(set);

	CHECK_EQ(syscall_set_parse(tables, table_count, "!2000000,1023,1024", &set, &error), 0);
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 2000000));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 1023));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 1024));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 1022));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 1025));
	syscall_set_free(set);

	CHECK_EQ(syscall_set_parse(tables, table_count, "5000,all,5000", &set, &error), 0);
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 5000));
	CHECK(syscall_set_has(set, SYSCALL_ABI_X86_64, 5001));
	syscall_set_free(set);
	syscall_set_free(NULL);
}

static void test_errors(void)
{
	ERROR("opneat", "unknown system call 'opneat'; did you mean 'openat'?");
	ERROR("read,opneat", "unknown system call 'opneat'; did you mean 'openat'?");
	ERROR("zzzzzzzzz", "unknown system call 'zzzzzzzzz'");
	ERROR("riscv_flush_icache", "this machine has no system call 'riscv_flush_icache'; "
				    "?riscv_flush_icache would pass over it");
	ERROR("waitpid@64", "the x86_64 ABI has no system call 'waitpid'");
	ERROR("%flie", "unknown class of system calls '%flie'; did you mean '%file'?");
	ERROR("%nonsense", "unknown class of system calls '%nonsense'");
	ERROR("openat@arm", "this machine has no ABI 'arm'");
	ERROR("openat@", "this machine has no ABI ''");
	ERROR("", "a name is missing in the set of system calls");
	ERROR("!", "a name is missing in the set of system calls");
	ERROR("read,,write", "a name is missing in the set of system calls");
	ERROR("read,", "a name is missing in the set of system calls");
	ERROR("?", "a name is missing in the set of system calls");
	ERROR("/nothing_like_it/", "no system call matches '/nothing_like_it/'");
	ERROR("12abc", "'12abc' is not the number of a system call");
	ERROR("99999999999", "'99999999999' is not the number of a system call");
	ERROR("!!read", "unknown system call '!read'; did you mean 'read'?");
	ERROR("/a++++++++++++++++++++++++++++++++++++/",
	      "'/a++++++++++++++++++++++++++++++++++++/' is not a regular expression: too long, or "
	      "it repeats repetitions too often");
	ERROR("/((a{200}){200}){200}/", "'/((a{200}){200}){200}/' is not a regular expression: too "
					"long, or it repeats repetitions too often");
	ERROR("/(/", "'/(/' is not a regular expression: Unmatched ( or \\(");
}

/* A table as a file may bring it: numbers and names of its own. */
static void test_foreign_table(void)
{
	static const struct syscall_desc calls[] = {
		{ .name = "alpha", .nr = 7, .classes = SYSCALL_FILE },
		{ .name = "omega", .nr = 4000000000, .classes = SYSCALL_FILE },
	};
	const struct syscall_table table = { SYSCALL_ABI_ARM64, ARRAY_SIZE(calls), calls };
	const struct syscall_table strange = { 200, ARRAY_SIZE(calls), calls };
	struct syscall_set *set = NULL;
	char *error = NULL;

	CHECK_EQ(syscall_set_parse(&table, 1, "%file", &set, &error), 0);
	CHECK(syscall_set_has(set, SYSCALL_ABI_ARM64, 7));
	CHECK(syscall_set_has(set, SYSCALL_ABI_ARM64, 4000000000));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_ARM64, 8));
	CHECK(!syscall_set_has(set, SYSCALL_ABI_X86_64, 7));
	syscall_set_free(set);
	CHECK_EQ(syscall_set_parse(&strange, 1, "alpha,%file,5,all", &set, &error), 0);
	CHECK(!syscall_set_has(set, 200, 7));
	syscall_set_free(set);
	CHECK_EQ(syscall_set_parse(&table, 1, "aplha", &set, &error), -EINVAL);
	CHECK_STR(error, "unknown system call 'aplha'; did you mean 'alpha'?");
	free(error);
}

int main(void)
{
	CHECK_FATAL(syscall_tables_for_machine("x86_64", &tables, &table_count) == 0);
	test_items();
	test_numbers();
	test_abis();
	test_negation();
	test_errors();
	test_foreign_table();
	syscall_tables_free(tables, table_count);
	return check_report();
}
