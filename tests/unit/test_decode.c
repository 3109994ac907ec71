/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decoding of calls. tests/golden/replay_calls.txt has one case per line, as make_call.h reads it.
 * "<" in the expected text marks where the part that is known at entry ends.
 */
#include "analyze/decode/decoder.h"
#include "common/alloc.h"
#include "tests/unit/make_call.h"

#include <time.h>

#define CASES_MIN 120

static struct syscall_table tables[SYSCALL_ABI_MAX];

static void make_meta(struct trace_meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	for (u8 abi = 1; abi < SYSCALL_ABI_MAX; abi++)
		if (syscall_table_builtin(abi))
			tables[meta->table_count++] = *syscall_table_builtin(abi);
	meta->tables = tables;
	meta->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

static void write_call(struct decoder *decoder, const struct trc_syscall *record, bool mark,
		       struct text *out)
{
	size_t start, entry_len;
	struct text args = { 0 };

	text_adds(out, decoder_syscall_name(decoder, record->abi, record->nr));
	text_addc(out, '(');
	start = out->len;
	text_adds(&args, "");
	decode_args_split(decoder, record, &args, &entry_len);
	CHECK(entry_len <= args.len);
	text_add(out, args.data, mark ? entry_len : args.len);
	if (mark) {
		text_addc(out, '<');
		text_adds(out, args.data + entry_len);
	}
	text_adds(out, ") = ");
	decode_result(decoder, record, out);
	/* The plain form gives the same words. */
	text_clear(&args);
	decode_args(decoder, record, &args);
	if (!mark && args.len)
		CHECK(!memcmp(out->data + start, args.data, args.len));
	text_release(&args);
}

static void check_golden(struct decoder *decoder, const char *path)
{
	static union call_buffer buffer;
	FILE *file = fopen(path, "r");
	size_t count = 0, number = 0, capacity = 0;
	char *line = NULL;

	CHECK_FATAL(file);
	for (ssize_t len; (len = getline(&line, &capacity, file)) >= 0;) {
		struct text out = { 0 };
		const char *expected;

		number++;
		if (len && line[len - 1] == '\n')
			line[len - 1] = 0;
		if (!line[0] || (line[0] == '#' && line[1] == ' '))
			continue;
		expected = read_case(line, &buffer);
		write_call(decoder, &buffer.record,
			   strchr(expected, '<') && !strstr(expected, "<<"), &out);
		check_count++;
		if (strcmp(out.data, expected))
			CHECK_FAIL("%s:%zu:\n  want %s\n  have %s", path, number, expected,
				   out.data);
		text_release(&out);
		count++;
	}
	CHECK(count >= CASES_MIN);
	free(line);
	fclose(file);
}

/* ---- the sets ---- */

static void check_set(const struct value_set *set)
{
	for (u16 i = 0; i < set->count; i++) {
		const struct value_name *name = &set->values[i];

		CHECK_EQ(name->len, strlen(name->name));
		if (set->kind == SET_VALUES && i && set->values[i - 1].value >= name->value)
			CHECK_FAIL("%s: %s is out of order", set->name, name->name);
		if (set->kind == SET_VALUES)
			CHECK(value_set_name(set, name->value) == name);
		if (set->field && name->value & set->field)
			CHECK_FAIL("%s: %s lies in the field", set->name, name->name);
		/* A name whose bits all stand in an earlier one would never be written. */
		for (u16 k = 0; set->kind == SET_FLAGS && k < i; k++)
			if (name->value &&
			    (set->values[k].value & name->value) == set->values[k].value &&
			    set->values[k].value && set->values[k].value != name->value)
				CHECK_FAIL("%s: %s behind its part %s", set->name, name->name,
					   set->values[k].name);
	}
}

static void check_sets(void)
{
#define SET(id) check_set(&set_##id);
#include "analyze/decode/sets.def"
#undef SET
}

/* Every set that a table names is there. */
static void check_tables(void)
{
	for (u8 abi = 1; abi < SYSCALL_ABI_MAX; abi++) {
		const struct syscall_table *table = syscall_table_builtin(abi);

		for (size_t i = 0; table && i < table->count; i++) {
			const struct syscall_desc *desc = &table->calls[i];

			for (u8 a = 0; a < desc->arg_count; a++)
				if (desc->args[a].type == ARG_FLAGS ||
				    desc->args[a].type == ARG_ENUM)
					if (!value_set_find(desc->args[a].set, abi))
						CHECK_FAIL("%s: no set %s", desc->name,
							   desc->args[a].set);
		}
	}
}

/* ---- anything that can stand in a record ---- */

static u64 random_state = 1;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Random calls, with items of any type behind any argument: nothing but printable bytes may come
 * out. */
static void check_random(struct decoder *decoder)
{
	static union call_buffer buffer;
	struct text out = { 0 };

	for (int round = 0; round < 200000; round++) {
		struct trc_syscall *record = &buffer.record;
		unsigned count = (unsigned)(random_u64() % 7);
		size_t at;

		memset(&buffer, 0, sizeof(struct trc_syscall) + 512);
		record->head.kind = TRC_KIND_syscall;
		record->head.words = (u8)(SYSCALL_WORDS_MIN + count);
		record->abi = (u8)(random_u64() % 9);
		record->nr = (u32)(random_u64() % 500);
		record->state = (u8)(random_u64() % 4);
		record->ret =
			random_u64() % 2 ? (s64)random_u64() : (s64)(random_u64() % 600) - 540;
		for (unsigned i = 0; i < count; i++)
			(&record->arg0)[i] = random_u64() >> (random_u64() % 64);
		at = record->head.words * 8u;
		for (record->items = 0; record->items < random_u64() % 4; record->items++) {
			struct trc_item item = { .field = (u8)(random_u64() % 7),
						 .type = (u8)(17 + random_u64() % 7),
						 .state = (u8)(random_u64() % 3),
						 .len = (u16)(random_u64() % 100) };

			memcpy(buffer.bytes + at, &item, sizeof(item));
			for (size_t i = 0; i < item.len; i++)
				buffer.bytes[at + 8 + i] =
					(u8)(random_u64() % 3 ? random_u64() : random_u64() % 50);
			at += (sizeof(item) + item.len + 7u) & ~7u;
		}
		record->head.len = (u16)at;
		text_clear(&out);
		write_call(decoder, record, false, &out);
		for (size_t i = 0; i < out.len; i++)
			if (out.data[i] < ' ' || out.data[i] > '~') {
				CHECK_FAIL("byte %#x in %s", (u8)out.data[i], out.data);
				break;
			}
	}
	check_count++;
	text_release(&out);
}

/* ---- the rest of decode.h ---- */

static void check_short_address(struct decoder *decoder, const void *data, size_t len,
				const char *want)
{
	struct text out = { 0 };

	decode_sockaddr(decoder, data, len, &out);
	CHECK_STR(out.data ? out.data : "", want);
	text_release(&out);
}

static void check_sockaddrs(struct decoder *decoder)
{
	check_short_address(decoder, "\x02\0\0\x50\x01\x02\x03\x04\0\0\0\0\0\0\0\0", 16,
			    "1.2.3.4:80");
	check_short_address(decoder, "\x02\0\0\x50", 4, "AF_INET");
	check_short_address(decoder, "\x0a\0\0\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0",
			    28, "[::1]:80");
	check_short_address(decoder,
			    "\x0a\0\x1f\x90\0\0\0\0\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\0\0\0",
			    28, "[fe80::1%2]:8080");
	check_short_address(decoder,
			    "\x0a\0\x1f\x90\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1\0\0\0\0",
			    28, "10.0.0.1:8080");
	check_short_address(decoder, "\1\0/run/x\0junk", 13, "unix:/run/x");
	check_short_address(decoder, "\1\0\0abstract", 11, "unix:@abstract");
	check_short_address(decoder, "\1\0", 2, "unix:");
	check_short_address(decoder, "\1\0/a\033[2J", 8, "unix:/a\\33[2J");
	check_short_address(decoder, "\x10\0\0\0\x2a\0\0\0\0\0\0\0", 12, "netlink:42");
	check_short_address(decoder, "\x28\0\0\0\0\4\0\0\2\0\0\0\0\0\0\0", 16, "vsock:2:1024");
	check_short_address(decoder, "\x11\0\x08\0\3\0\0\0\1\0\0\6", 12, "packet:3");
	check_short_address(decoder, "\0\0", 2, "unspec");
	check_short_address(decoder, "", 0, "unspec");
	check_short_address(decoder, "\x63\0ab", 4, "0x63 /* AF_??? */");
}

static void check_names(struct decoder *decoder)
{
	struct trc_syscall record = { .abi = SYSCALL_ABI_X86_64, .ret = -2 };

	CHECK_EQ(decoder_errno(&record), 2);
	record.ret = -4096;
	CHECK_EQ(decoder_errno(&record), 0);
	record.ret = -4095;
	CHECK_EQ(decoder_errno(&record), 4095);
	record.ret = -512;
	CHECK_EQ(decoder_errno(&record), 512);
	record.state = TRC_SYSCALL_UNFINISHED;
	CHECK_EQ(decoder_errno(&record), 0);
	record.state = TRC_SYSCALL_COMPLETE;
	record.ret = 0xfffffffe;
	CHECK_EQ(decoder_errno(&record), 0);
	record.abi = SYSCALL_ABI_I386;
	CHECK_EQ(decoder_errno(&record), 2);

	CHECK_STR(decoder_errno_name(decoder, 2), "ENOENT");
	CHECK_STR(decoder_errno_name(decoder, 4095), NULL);
	CHECK_STR(decoder_errno_text(2), "No such file or directory");
	CHECK_STR(decoder_errno_text(40), "Too many levels of symbolic links");
	CHECK_STR(decoder_errno_text(133), "Memory page has hardware error");
	CHECK_STR(decoder_errno_text(516), "Interrupted by signal");
	CHECK_STR(decoder_errno_text(4000), "Unknown error");
	CHECK_STR(decoder_signal_name(decoder, 15), "SIGTERM");
	CHECK_STR(decoder_signal_name(decoder, 64), "SIGRT_32");
	CHECK_STR(decoder_signal_name(decoder, 0), NULL);
	CHECK_STR(decoder_signal_name(decoder, 65), NULL);

	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, 0), "read");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_I386, 3), "read");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X32, 0x40000000), "read");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, 500), "syscall_0x1f4");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, UINT32_MAX),
		  "syscall_0xffffffff");
	CHECK_STR(decoder_syscall_name(decoder, 200, 7), "syscall_0x7");
	CHECK(decoder_syscall_name(decoder, 200, 7) == decoder_syscall_name(decoder, 200, 7));
	for (u32 nr = 0; nr < 70000; nr++)
		decoder_syscall_name(decoder, 100, nr);
	CHECK_STR(decoder_syscall_name(decoder, 200, 7), "syscall_0x7");
	CHECK_STR(decoder_syscall_name(decoder, 101, 1), "syscall_unknown");
}

/* A file's own names are taken, but only if they are words. */
static void check_foreign_names(void)
{
	struct trace_constant errnos[] = { { 2, (char *)"EOTHER" }, { 3, (char *)"E\033[2J" } };
	struct trace_constant signals[] = { { 9, (char *)"SIGOTHER" }, { 500, (char *)"SIGX" } };
	static const struct syscall_desc calls[] = {
		{ .name = "good", .nr = 0 },
		{ .name = "b\033d", .nr = 1 },
		{ .name = "odd",
		  .nr = 5000,
		  .arg_count = 1,
		  .args = { { "x", 200, 200, "nowhere" } } },
	};
	struct syscall_table table = { SYSCALL_ABI_X86_64, 3, calls };
	struct trace_meta meta = { .table_count = 1,
				   .tables = &table,
				   .errno_count = 2,
				   .signal_count = 2,
				   .errnos = errnos,
				   .signals = signals };
	struct decoder *decoder = decoder_new(&meta);
	struct trc_syscall record = {
		.head = { .words = 7, .len = 56 }, .nr = 5000, .abi = SYSCALL_ABI_X86_64, .arg0 = 7
	};
	struct text out = { 0 };

	CHECK_STR(decoder_errno_name(decoder, 2), "EOTHER");
	CHECK_STR(decoder_errno_name(decoder, 3), "ESRCH");
	CHECK_STR(decoder_signal_name(decoder, 9), "SIGOTHER");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, 0), "good");
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, 1), "syscall_0x1");
	CHECK(!decoder_syscall(decoder, SYSCALL_ABI_X86_64, 1));
	CHECK_STR(decoder_syscall_name(decoder, SYSCALL_ABI_X86_64, 5000), "odd");
	decode_args(decoder, &record, &out);
	CHECK_STR(out.data, "0x7");
	text_release(&out);
	decoder_free(decoder);
}

/* Payloads of a machine with the other byte order; the fixed fields have been turned by the reader. */
static void check_swapped(void)
{
	struct trace_meta meta;
	struct decoder *decoder;

	make_meta(&meta);
	meta.big_endian = !meta.big_endian;
	decoder = decoder_new(&meta);
	check_short_address(decoder,
			    "\0\x0a\0\x50\0\0\0\0\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2", 28,
			    "[fe80::1%2]:80");
	check_short_address(decoder, "\0\2\0\x50\x01\x02\x03\x04\0\0\0\0\0\0\0\0", 16,
			    "1.2.3.4:80");
	decoder_free(decoder);
}

static void check_path(struct decoder *decoder)
{
	static union call_buffer buffer;
	const char *path;
	size_t len;

	read_case("renameat 3 0x1 4 0x2 1:str:\"a\\x01b\" 3:str:\"c\" => ", &buffer);
	CHECK(decode_path(decoder, &buffer.record, &path, &len));
	CHECK_EQ(len, 3);
	CHECK(!memcmp(path, "a\001b", 3));
	read_case("renameat 3 0x1 4 0x2 1:str:\"\"? 3:str:\"c\" => ", &buffer);
	CHECK(decode_path(decoder, &buffer.record, &path, &len));
	CHECK_EQ(len, 1);
	read_case("read 3 0x1 5 1:bytes:\"abc\" => ", &buffer);
	CHECK(!decode_path(decoder, &buffer.record, &path, &len));
	read_case("open 0x1 0 => ", &buffer);
	CHECK(!decode_path(decoder, &buffer.record, &path, &len));
}

/* `test_decode --bench`: ns per call. */
static void bench(struct decoder *decoder)
{
	static const char *const lines[] = {
		("openat -100 0x7ffd12345678 0x80000 0 "
		 "1:str:\"/usr/lib/x86_64-linux-gnu/libc.so.6\" ret=3 => "),
		"read 3 0x7ffd12345678 832 ret=832 => ",
		"mmap 0 8192 3 0x22 -1 0 ret=0x7f0000001000 => ",
		"futex 0x7ffd12345678 0x189 2 0 0 0xffffffff ret=0 => ",
		"newfstatat -100 0x7ffd12345678 0x7ffd12345679 0 ret=-2 => ",
	};
	static union call_buffer buffer;
	struct text out = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct timespec start, end;
		int rounds = 2000000;

		read_case(lines[i], &buffer);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		for (int n = 0; n < rounds; n++) {
			text_clear(&out);
			decode_args(decoder, &buffer.record, &out);
		}
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		printf("%5.0f ns  %s\n",
		       ((double)(end.tv_sec - start.tv_sec) * 1e9 +
			(double)(end.tv_nsec - start.tv_nsec)) /
			       rounds,
		       out.data);
	}
	text_release(&out);
}

int main(int argc, char **argv)
{
	struct decoder *decoder;
	struct trace_meta meta;

	make_meta(&meta);
	decoder = decoder_new(&meta);
	if (argc > 1 && !strcmp(argv[1], "--bench")) {
		bench(decoder);
		decoder_free(decoder);
		return 0;
	}
	check_sets();
	check_tables();
	check_golden(decoder, SOURCE_DIR "/tests/golden/replay_calls.txt");
	check_sockaddrs(decoder);
	check_names(decoder);
	check_foreign_names();
	check_swapped();
	check_path(decoder);
	check_random(decoder);
	decoder_free(decoder);
	decoder_free(NULL);
	return check_report();
}
