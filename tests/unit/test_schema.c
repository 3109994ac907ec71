/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The schema: that it describes the structs, that it survives the HEADER, that it only ever grows.
 *
 * tests/golden/schema.txt holds what files in the world rely on. A new kind or field needs no line
 * there until it is released; `test_schema --print` makes the file anew.
 */
#include <errno.h>

#include "tests/unit/make_trace.h"

static void print_schema(FILE *f)
{
	const struct schema *schema = schema_builtin();

	for (u32 type = 0; type < 256; type++)
		if (strcmp(schema_type_name(type), "unknown"))
			fprintf(f, "type %u %s\n", type, schema_type_name(type));
	for (u32 class = 0; class < 256; class ++)
		if (schema_class_name(class))
			fprintf(f, "class %u %s\n", class, schema_class_name(class));
	for (u32 abi = 0; abi < SYSCALL_ABI_MAX; abi++)
		if (syscall_abi_name(abi))
			fprintf(f, "abi %u %s\n", abi, syscall_abi_name(abi));
	for (u32 bit = 0; bit < 32; bit++)
		if (syscall_class_name(1u << bit))
			fprintf(f, "syscall-class %u %s\n", 1u << bit,
				syscall_class_name(1u << bit));
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];

		fprintf(f, "kind %u %s %s\n", kind->id, kind->name, schema_class_name(kind->class));
		for (size_t j = 0; j < kind->field_count; j++) {
			const struct schema_field *field = &kind->fields[j];

			fprintf(f, "field %s %s %u %u %s %s\n", kind->name, field->name,
				field->offset, field->size, schema_type_name(field->type),
				field->unit);
		}
		for (size_t j = 0; j < kind->item_count; j++)
			fprintf(f, "item %s %zu %s %s\n", kind->name, j, kind->items[j].name,
				schema_type_name(kind->items[j].type));
	}
}

/* Every line of the golden file must still be said. */
static void test_append_only(void)
{
	_cleanup_fclose_ FILE *golden = fopen(SOURCE_DIR "/tests/golden/schema.txt", "re");
	_cleanup_free_ char *now = NULL;
	size_t now_len = 0, lines = 0;
	char line[512];
	FILE *f = open_memstream(&now, &now_len);

	CHECK_FATAL(golden && f);
	fputc('\n', f);
	print_schema(f);
	fclose(f);
	for (; fgets(line + 1, sizeof(line) - 1, golden); lines++) {
		line[0] = '\n';
		CHECK_FATAL(strchr(line + 1, '\n'));
		if (!strstr(now, line))
			CHECK_FAIL("a promise of tests/golden/schema.txt is broken: %s", line + 1);
	}
	CHECK(lines > 50);
}

/* Fields lie one behind the other and fill the struct; names are unique. */
static void test_layout(void)
{
	const struct schema *schema = schema_builtin();

	CHECK(schema->kind_count > 0);
	for (size_t i = 0; i < schema->kind_count; i++) {
		const struct schema_kind *kind = &schema->kinds[i];
		size_t at = sizeof(struct trc_head);

		CHECK(schema_kind_by_id(schema, kind->id) == kind);
		CHECK(schema_kind_by_name(schema, kind->name) == kind);
		CHECK(schema_class_name(kind->class) != NULL);
		CHECK(kind->fixed_len <= SCHEMA_FIXED_MAX && kind->fixed_len % 8 == 0);
		CHECK(kind->field_count <= SCHEMA_FIELDS_MAX);
		for (size_t j = 0; j < kind->field_count; j++) {
			const struct schema_field *field = &kind->fields[j];

			CHECK_EQ(field->offset, at);
			CHECK(schema_field_by_name(kind, field->name) == field);
			CHECK(strlen(field->name) <= SCHEMA_NAME_MAX);
			CHECK(*field->unit && *field->doc);
			at += field->size;
		}
		CHECK_EQ(at, kind->fixed_len);
	}
	CHECK(!schema_kind_by_id(schema, 0));
	CHECK(!schema_kind_by_id(schema, 65535));
	CHECK(!schema_kind_by_name(schema, "nothing"));
	CHECK_EQ(schema_kind_by_name(schema, "syscall")->fixed_len, sizeof(struct trc_syscall));
	CHECK_EQ(schema_kind_by_name(schema, "task_exit")->fixed_len, sizeof(struct trc_task_exit));
}

static void test_fields(void)
{
	const struct schema_kind *kind = schema_kind_by_name(schema_builtin(), "syscall");
	const struct schema_kind *lost = schema_kind_by_name(schema_builtin(), "lost");
	struct trc_syscall record = {
		.head = { .kind = TRC_KIND_syscall, .len = 72, .words = 9 },
		.nr = 0xfffffff0,
		.abi = 7,
		.ret = -2,
		.arg2 = 42,
	};
	struct trc_lost lost_record = {
		.head = { .kind = TRC_KIND_lost,
			  .len = sizeof(lost_record),
			  .words = sizeof(lost_record) / 8 },
		.cause = 0xabcd,
	};
	u64 v = 99;

	CHECK(record_field(&record.head, schema_field_by_name(kind, "nr"), &v));
	CHECK_EQ(v, 0xfffffff0);
	CHECK(record_field(&record.head, schema_field_by_name(kind, "abi"), &v));
	CHECK_EQ(v, 7);
	CHECK(record_field(&record.head, schema_field_by_name(kind, "ret"), &v));
	CHECK_EQ((s64)v, -2);
	CHECK(record_field(&record.head, schema_field_by_name(kind, "arg2"), &v));
	CHECK_EQ(v, 42);
	/* Left out: unknown, not 0. */
	CHECK(!record_field(&record.head, schema_field_by_name(kind, "arg3"), &v));
	CHECK_EQ(v, 42);
	CHECK(record_field(&lost_record.head, schema_field_by_name(lost, "cause"), &v));
	CHECK_EQ(v, 0xabcd);
}

static void test_items(void)
{
	struct {
		struct trc_lost fixed;
		struct trc_item a;
		char a_data[8];
		struct trc_item b;
		struct trc_item c;
		char c_data[16];
	} r = {
		.fixed.head = { .kind = TRC_KIND_lost,
				.len = sizeof(r),
				.words = sizeof(r.fixed) / 8 },
		.a = { .field = 3, .type = TRC_TYPE_str, .len = 5 },
		.a_data = "hello",
		.b = { .field = 1, .type = TRC_TYPE_str, .state = TRC_ITEM_UNREADABLE },
		.c = { .field = 3, .type = TRC_TYPE_str, .len = 9 },
	};
	const struct trc_item *cursor = NULL;

	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), 0);
	CHECK(record_item_next(&r.fixed.head, &cursor) == &r.a);
	CHECK(record_item_next(&r.fixed.head, &cursor) == &r.b);
	CHECK(record_item_next(&r.fixed.head, &cursor) == &r.c);
	CHECK(!record_item_next(&r.fixed.head, &cursor));
	CHECK(record_item(&r.fixed.head, 1) == &r.b);
	CHECK(record_item(&r.fixed.head, 3) == &r.a);
	CHECK(!record_item(&r.fixed.head, 0));
	CHECK_MEM(trc_item_data(&r.a), "hello", 5);

	CHECK_EQ(record_check(&r.fixed.head, sizeof(r) - 1), -EBADMSG);
	r.c.len = 17; /* one byte too many */
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), -EBADMSG);
	r.c.len = 8; /* leaves a word that reads as an item of its own */
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), 0);
	r.c.len = 9;
	r.b.len = 1; /* an unreadable item has no bytes */
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), -EBADMSG);
	r.b.len = 0;
	r.fixed.head.words = 2;
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), -EBADMSG);
	r.fixed.head.words = 255;
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), -EBADMSG);
	r.fixed.head.words = sizeof(r.fixed) / 8;
	r.fixed.head.len = sizeof(r) - 4;
	CHECK_EQ(record_check(&r.fixed.head, sizeof(r)), -EBADMSG);
	CHECK_EQ(record_check(&r.fixed.head, 8), -EBADMSG);
}

static void check_schema(const struct schema *a, const struct schema *b)
{
	CHECK_EQ(a->kind_count, b->kind_count);
	for (size_t i = 0; i < a->kind_count && i < b->kind_count; i++) {
		const struct schema_kind *ka = &a->kinds[i], *kb = &b->kinds[i];

		CHECK_EQ(ka->id, kb->id);
		CHECK_EQ(ka->fixed_len, kb->fixed_len);
		CHECK_EQ(ka->class, kb->class);
		CHECK_STR(ka->name, kb->name);
		CHECK_STR(ka->doc, kb->doc);
		CHECK_EQ(ka->field_count, kb->field_count);
		for (size_t j = 0; j < ka->field_count && j < kb->field_count; j++) {
			CHECK_STR(ka->fields[j].name, kb->fields[j].name);
			CHECK_STR(ka->fields[j].unit, kb->fields[j].unit);
			CHECK_STR(ka->fields[j].doc, kb->fields[j].doc);
			CHECK_EQ(ka->fields[j].offset, kb->fields[j].offset);
			CHECK_EQ(ka->fields[j].size, kb->fields[j].size);
			CHECK_EQ(ka->fields[j].type, kb->fields[j].type);
		}
		CHECK_EQ(ka->item_count, kb->item_count);
		for (size_t j = 0; j < ka->item_count && j < kb->item_count; j++) {
			CHECK_STR(ka->items[j].name, kb->items[j].name);
			CHECK_STR(ka->items[j].doc, kb->items[j].doc);
			CHECK_EQ(ka->items[j].type, kb->items[j].type);
		}
	}
}

static void check_tables(const struct trace_meta *a, const struct trace_meta *b)
{
	CHECK_EQ(a->table_count, b->table_count);
	for (size_t i = 0; i < a->table_count && i < b->table_count; i++) {
		CHECK_EQ(a->tables[i].abi, b->tables[i].abi);
		CHECK_EQ(a->tables[i].count, b->tables[i].count);
		for (size_t j = 0; j < a->tables[i].count && j < b->tables[i].count; j++) {
			const struct syscall_desc *ca = &a->tables[i].calls[j];
			const struct syscall_desc *cb = &b->tables[i].calls[j];

			CHECK_STR(ca->name, cb->name);
			CHECK_EQ(ca->nr, cb->nr);
			CHECK_EQ(ca->classes, cb->classes);
			CHECK_EQ(ca->properties, cb->properties);
			CHECK_EQ(ca->arg_count, cb->arg_count);
			for (size_t k = 0; k < ca->arg_count && k < cb->arg_count; k++) {
				CHECK_STR(ca->args[k].name, cb->args[k].name);
				CHECK_STR(ca->args[k].set, cb->args[k].set);
				CHECK_EQ(ca->args[k].type, cb->args[k].type);
				CHECK_EQ(ca->args[k].aux, cb->args[k].aux);
			}
		}
	}
}

static void test_header(void)
{
	struct trace_meta meta = make_meta(schema_builtin()), *copy = NULL;
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	/* All of a real machine's tables. */
	struct syscall_table tables[SYSCALL_ABI_MAX];
	size_t count = 0;

	for (u8 abi = 0; abi < SYSCALL_ABI_MAX; abi++)
		if (syscall_table_builtin(abi))
			tables[count++] = *syscall_table_builtin(abi);
	if (count) {
		meta.tables = tables;
		meta.table_count = count;
	}
	trace_meta_encode(&meta, &data, &len);
	CHECK(len < TRACE_HEADER_MAX / 4);
	CHECK_FATAL(!trace_meta_decode(data, len, &copy));
	CHECK_EQ(copy->major, meta.major);
	CHECK_EQ(copy->minor, meta.minor);
	CHECK_MEM(copy->uuid, meta.uuid, sizeof(meta.uuid));
	CHECK_STR(copy->producer, meta.producer);
	CHECK_EQ(copy->created_wall_ns, meta.created_wall_ns);
	CHECK_STR(copy->machine, meta.machine);
	CHECK_EQ(copy->big_endian, meta.big_endian);
	CHECK_EQ(copy->pointer_size, meta.pointer_size);
	CHECK_EQ(copy->page_size, meta.page_size);
	CHECK_EQ(copy->cpu_count, meta.cpu_count);
	CHECK_STR(copy->hostname, meta.hostname);
	CHECK_STR(copy->kernel_release, meta.kernel_release);
	CHECK_STR(copy->kernel_version, meta.kernel_version);
	CHECK_STR(copy->machine_id, meta.machine_id);
	CHECK_STR(copy->boot_id, meta.boot_id);
	CHECK_STR(copy->distribution, meta.distribution);
	CHECK_EQ(copy->utc_offset_s, meta.utc_offset_s);
	CHECK_STR(copy->trace_clock, meta.trace_clock);
	CHECK_EQ(copy->argc, meta.argc);
	for (size_t i = 0; i < meta.argc; i++)
		CHECK_STR(copy->argv[i], meta.argv[i]);
	CHECK_STR(copy->cwd, meta.cwd);
	CHECK_EQ(copy->command_pid, meta.command_pid);
	CHECK_EQ(copy->option_count, meta.option_count);
	for (size_t i = 0; i < meta.option_count; i++) {
		CHECK_STR(copy->options[i].name, meta.options[i].name);
		CHECK_STR(copy->options[i].value, meta.options[i].value);
	}
	CHECK_EQ(copy->errno_count, meta.errno_count);
	CHECK_STR(copy->errnos[1].name, "ENOENT");
	CHECK_EQ(copy->errnos[1].value, 2);
	CHECK_EQ(copy->signal_count, meta.signal_count);
	CHECK_STR(copy->signals[0].name, "SIGKILL");
	check_schema(&copy->schema, &meta.schema);
	check_tables(copy, &meta);
	trace_meta_free(copy);
	trace_meta_free(NULL);
}

/* Look-ups by number search: a table out of order must not get in. */
static void test_hostile_table(void)
{
	struct syscall_desc calls[] = { { .name = "b", .nr = 2 }, { .name = "a", .nr = 2 } };
	struct syscall_table table = { SYSCALL_ABI_X86_64, 2, calls };
	struct trace_meta meta = make_meta(schema_builtin()), *copy = NULL;

	meta.tables = &table;
	for (u32 nr = 1; nr <= 3; nr++) {
		_cleanup_free_ u8 *data = NULL;
		size_t len;

		calls[1].nr = nr;
		trace_meta_encode(&meta, &data, &len);
		CHECK_EQ(trace_meta_decode(data, len, &copy), nr == 3 ? 0 : -EBADMSG);
	}
	trace_meta_free(copy);
}

/* Whatever is recorded, the HEADER stays small enough to be written. */
static void test_long_command(void)
{
	static char argument[100000];
	struct trace_meta meta = make_meta(schema_builtin()), *copy = NULL;
	char *argv[100];
	size_t len;
	u8 *data;

	memset(argument, 'x', sizeof(argument) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		argv[i] = argument;
	meta.argc = ARRAY_SIZE(argv);
	meta.argv = argv;
	trace_meta_encode(&meta, &data, &len);
	CHECK(len < TRACE_HEADER_MAX);
	CHECK_FATAL(!trace_meta_decode(data, len, &copy));
	CHECK_EQ(copy->argc, 10);
	CHECK_STR(copy->argv[9], argument);
	trace_meta_free(copy);
	free(data);
}

/* A schema that lies about where its fields are must not get in. */
static void test_hostile_schema(void)
{
	static const struct {
		const char *what;
		struct schema_field field;
		u16 id, fixed_len;
	} cases[] = {
		{ "in the head", { "f", "", "", 16, 8, TRC_TYPE_u64 }, 1, 32 },
		{ "beyond the end", { "f", "", "", 28, 8, TRC_TYPE_u64 }, 1, 32 },
		{ "far beyond", { "f", "", "", 65535, 65535, TRC_TYPE_chars }, 1, 32 },
		{ "of another size", { "f", "", "", 24, 4, TRC_TYPE_u64 }, 1, 32 },
		{ "empty", { "f", "", "", 24, 0, TRC_TYPE_chars }, 1, 32 },
		{ "nameless", { "", "", "", 24, 8, TRC_TYPE_u64 }, 1, 32 },
		{ "no whole words", { "f", "", "", 24, 4, TRC_TYPE_u32 }, 1, 28 },
		{ "too short", { "f", "", "", 24, 4, TRC_TYPE_u32 }, 1, 16 },
		{ "too long", { "f", "", "", 24, 4, TRC_TYPE_u32 }, 1, 2048 },
		{ "kind 0", { "f", "", "", 24, 4, TRC_TYPE_u32 }, 0, 32 },
	};

	for (size_t i = 0; i <= ARRAY_SIZE(cases); i++) {
		struct schema_field good = { "f", "", "", 24, 8, TRC_TYPE_u64 };
		struct schema_kind kinds[2] = {
			{ 1, 32, 0, 1, 0, "k", "", &good, NULL },
			{ 1, 32, 0, 1, 0, "l", "", &good, NULL },
		};
		struct schema schema = { 1, kinds };
		struct trace_meta meta, *copy = NULL;
		_cleanup_free_ u8 *data = NULL;
		size_t len;
		int err;

		if (i < ARRAY_SIZE(cases)) {
			kinds[0].fields = &cases[i].field;
			kinds[0].id = cases[i].id;
			kinds[0].fixed_len = cases[i].fixed_len;
		} else {
			schema.kind_count = 2; /* the same id twice */
		}
		meta = make_meta(&schema);
		trace_meta_encode(&meta, &data, &len);
		err = trace_meta_decode(data, len, &copy);
		if (err != -EBADMSG)
			CHECK_FAIL("case %zu: %d", i, err);
		CHECK(!copy);
		kinds[0] = (struct schema_kind){ 1, 32, 0, 1, 0, "k", "", &good, NULL };
		schema.kind_count = 1;
		meta = make_meta(&schema);
		free(data);
		trace_meta_encode(&meta, &data, &len);
		CHECK_EQ(trace_meta_decode(data, len, &copy), 0);
		trace_meta_free(copy);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		print_schema(stdout);
		return 0;
	}
	test_append_only();
	test_layout();
	test_fields();
	test_items();
	test_header();
	test_hostile_table();
	test_long_command();
	test_hostile_schema();
	return check_report();
}
