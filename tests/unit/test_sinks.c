/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows as text, CSV and JSON; views of tables; events as JSON; whole pages against golden files. */
#include "analyze/sinks/cell.h"
#include "analyze/sinks/event_json.h"
#include "analyze/sinks/sinks.h"
#include "analyze/sinks/view.h"
#include "analyze/summary.h"
#include "analyze/tree.h"
#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

static const struct column columns[] = {
	{ "id", "the key", COLUMN_INTEGER, UNIT_ID },
	{ "name", "a text", COLUMN_TEXT, UNIT_NONE },
	{ "time_ns", "a time", COLUMN_INTEGER, UNIT_NS },
	{ "ts_ns", "a moment", COLUMN_INTEGER, UNIT_TS },
	{ "share", "a part", COLUMN_REAL, UNIT_NONE },
};
static const struct table table = { .name = "things",
				    .doc = "what is tested",
				    .columns = columns,
				    .column_count = 5,
				    .sort = "time_ns",
				    .brief = "name,time_ns" };
static const struct table unsorted = {
	.name = "others", .doc = "no order", .columns = columns, .column_count = 5
};

static void put_row(struct sink *sink, const struct table *to, s64 id, const char *name,
		    s64 time_ns)
{
	struct value row[5] = { value_int(id), value_text(name), value_known((u64)time_ns, 0),
				value_int(1000000000 + id), value_real(0.25) };

	CHECK_EQ(sink->row(sink, to, row), 0);
}

static void put_rows(struct sink *sink, const struct table *to)
{
	CHECK_EQ(sink->begin(sink, to), 0);
	put_row(sink, to, 1, "a,\"b\"\n\033[31m", 1500);
	put_row(sink, to, 2, "\xff caf\xc3\xa9", 0);
	put_row(sink, to, 3, "", 2000000);
	put_row(sink, to, 4, NULL, 1500);
	CHECK_EQ(sink->end(sink, to), 0);
}

/* What a sink writes. The sink is closed and freed. */
static char *written(struct sink *(*make)(FILE *, void *), void *context, const struct table *one,
		     const struct table *two)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct sink *sink = make(file, context);

	put_rows(sink, one);
	if (two)
		put_rows(sink, two);
	CHECK_EQ(sink->close(sink), 0);
	sink_free(sink);
	fclose(file);
	return text;
}

static void check_written(struct sink *(*make)(FILE *, void *), void *context,
			  const struct table *one, const struct table *two, const char *expected)
{
	char *text = written(make, context, one, two);

	CHECK_STR(text, expected);
	free(text);
}

static struct sink *make_csv(FILE *file, void *context)
{
	return sink_csv_new(file);
}

static struct sink *make_json(FILE *file, void *context)
{
	return sink_json_new(file, *(enum json_form *)context);
}

static struct sink *make_text(FILE *file, void *context)
{
	return sink_text_new(file, &(struct text_sink_options){ .start_ns = 1000000000 });
}

static struct sink *make_view(FILE *file, void *context)
{
	return sink_view_new(context, sink_csv_new(file));
}

static void test_forms(void)
{
	enum json_form form = JSON_LINES;

	check_written(make_csv, NULL, &table, NULL,
		      "id,name,time_ns,ts_ns,share\n"
		      "1,\"a,\"\"b\"\"\n\033[31m\",1500,1000000001,0.25\n"
		      "2,\xff caf\xc3\xa9,,1000000002,0.25\n"
		      "3,\"\",2000000,1000000003,0.25\n"
		      "4,,1500,1000000004,0.25\n");
	check_written(
		make_json, &form, &unsorted, NULL,
		"{\"id\":1,\"name\":\"a,\\\"b\\\"\\n\\u001b[31m\",\"time_ns\":1500,\"ts_ns\":"
		"1000000001,\"share\":0.25}\n"
		"{\"id\":2,\"name\":\"\\udcff "
		"caf\xc3\xa9\",\"time_ns\":null,\"ts_ns\":1000000002,\"share\":0.25}\n"
		"{\"id\":3,\"name\":\"\",\"time_ns\":2000000,\"ts_ns\":1000000003,\"share\":0.25}\n"
		"{\"id\":4,\"name\":null,\"time_ns\":1500,\"ts_ns\":1000000004,\"share\":0.25}\n");
	/* No escape sequence gets through; numbers to the right; moments relative. */
	check_written(make_text, NULL, &table, NULL,
		      "id  name                 time           ts  share\n"
		      " 1  a,\"b\"\\x0a\\x1b[31m  1.5 µs  +0.000000 s   0.25\n"
		      " 2  \\xff café               -  +0.000000 s   0.25\n"
		      " 3                     2.0 ms  +0.000000 s   0.25\n"
		      " 4  -                  1.5 µs  +0.000000 s   0.25\n");
}

static void test_json_forms(void)
{
	enum json_form form = JSON_TAGGED_LINES;
	char *text = written(make_json, &form, &table, &unsorted);

	CHECK(!strncmp(text, "{\"table\":\"things\",\"id\":1,", 25));
	CHECK(strstr(text, "\n{\"table\":\"others\",\"id\":4,") != NULL);
	free(text);
	form = JSON_ARRAY;
	text = written(make_json, &form, &table, NULL);
	CHECK(!strncmp(text, "[\n{\"id\":1,", 10));
	CHECK(strstr(text, "},\n{\"id\":4,") != NULL);
	CHECK(!strcmp(text + strlen(text) - 4, "}\n]\n"));
	free(text);
	form = JSON_OBJECT;
	text = written(make_json, &form, &table, &unsorted);
	CHECK(!strncmp(text, "{\"things\":[\n{\"id\":1,", 20));
	CHECK(strstr(text, "\n],\n\"others\":[\n{") != NULL);
	CHECK(!strcmp(text + strlen(text) - 4, "\n]}\n"));
	free(text);
}

static void test_view(void)
{
	struct view_options options = { .columns = "id" };

	/* The table's own order: times, the greatest first, equal ones as they came, the unknown last. */
	check_written(make_view, &options, &table, NULL, "id\n3\n1\n4\n2\n");
	check_written(make_view, &options, &unsorted, NULL, "id\n1\n2\n3\n4\n");
	options.sort = "time:asc";
	check_written(make_view, &options, &table, NULL, "id\n1\n4\n3\n2\n");
	options.sort = "name";
	check_written(make_view, &options, &table, NULL, "id\n3\n1\n2\n4\n");
	options.sort = "id:desc";
	options.top = 3;
	check_written(make_view, &options, &table, NULL, "id\n4\n3\n2\n");
	options = (struct view_options){ .top = 2, .columns = "share,id" };
	check_written(make_view, &options, &unsorted, NULL, "share,id\n0.25,1\n0.25,2\n");
	options = (struct view_options){ .top = 1, .brief = true };
	check_written(make_view, &options, &table, NULL, "name,time_ns\n\"\",2000000\n");
}

/* With --top only as many rows are held as are asked for, and some; the result is that of a whole sort. */
static void test_view_top(void)
{
	struct view_options options = { .top = 5, .columns = "id", .sort = "id:desc" };
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct sink *sink = sink_view_new(&options, sink_csv_new(file));

	CHECK_EQ(sink->begin(sink, &unsorted), 0);
	for (s64 i = 0; i < 20011; i++)
		put_row(sink, &unsorted, i * 7919 % 20011, "x", 1);
	CHECK_EQ(sink->end(sink, &unsorted), 0);
	CHECK_EQ(sink->close(sink), 0);
	sink_free(sink);
	fclose(file);
	CHECK_STR(text, "id\n20010\n20009\n20008\n20007\n20006\n");
	free(text);
}

static void test_view_words(void)
{
	static const struct {
		struct view_options options;
		const char *word;
	} wrong[] = {
		{ { .columns = "id,nam" }, "'name'" },
		{ { .sort = "tme_ns" }, "'time_ns'" },
		{ { .sort = "id:down" }, "id:down" },
		{ { .columns = "" }, "no column" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char *error = NULL;

		CHECK(view_check(&wrong[i].options, &table, &error) < 0);
		CHECK(error && strstr(error, wrong[i].word));
		free(error);
	}
	CHECK_EQ(view_check(&(struct view_options){ .columns = "all", .sort = "time" }, &table,
			    NULL),
		 0);
}

/* ---- events ---- */

static void check_event(const struct trc_head *record, const struct schema_kind *kind,
			const char *expected)
{
	struct text text = {};

	event_add_json(&text, record, kind);
	CHECK_STR(text.data, expected);
	text_release(&text);
}

static void test_event_json(void)
{
	const struct schema_kind *syscall = schema_kind_by_id(schema_builtin(), TRC_KIND_syscall);
	const struct schema_kind *rename =
		schema_kind_by_id(schema_builtin(), TRC_KIND_task_rename);
	struct trc_task_rename renamed = { .head = SCENE_HEAD(task_rename, 5, 6, 7),
					   .renamed_tid = 8,
					   .renamed_tgid = 9 };
	struct trc_item unreadable = {
		.field = 9, .type = 99, .state = TRC_ITEM_UNREADABLE, .more = 65535
	};
	s32 fds[] = { 3, -1 };
	u64 buffer[64] = {};
	struct trc_syscall *call = (struct trc_syscall *)buffer;
	u8 *end = (u8 *)(buffer + 7);

	memcpy(renamed.comm, "\"\n\xff", 3);
	check_event(&renamed.head, rename,
		    "{\"ts\":1000000005,\"tid\":6,\"tgid\":7,\"kind\":\"task_rename\",\"cpu\":0,"
		    "\"flags\":0,"
		    "\"fields\":{\"renamed_tid\":8,\"renamed_tgid\":9,\"comm\":\"\\\"\\n\\udcff\"},"
		    "\"items\":[]}");
	check_event(&renamed.head, NULL,
		    "{\"ts\":1000000005,\"tid\":6,\"tgid\":7,\"kind\":5,\"cpu\":0,\"flags\":0,"
		    "\"data\":\"0800000009000000220aff00000000000000000000000000\"}");

	call->head = (struct trc_head){ .ts = 1,
					.tid = 2,
					.tgid = 3,
					.kind = TRC_KIND_syscall,
					.cpu = 4,
					.words = 7,
					.flags = TRC_FLAG_TRUNCATED };
	call->nr = 22;
	call->abi = 1;
	call->ret = -14;
	call->arg0 = UINT64_MAX;
	end = scene_item(end, 0, TRC_TYPE_fds, fds, sizeof(fds));
	end = scene_item(end, 1, TRC_TYPE_strv, "a\0\0b", 4);
	end = scene_item(end, 2, TRC_TYPE_sockaddr, "\x01\x00/x", 4);
	memcpy(end, &unreadable, sizeof(unreadable));
	end += sizeof(unreadable);
	call->head.len = (u16)(end - (u8 *)buffer);
	check_event(&call->head, syscall,
		    "{\"ts\":1,\"tid\":2,\"tgid\":3,\"kind\":\"syscall\",\"cpu\":4,\"flags\":1,"
		    "\"fields\":{\"nr\":22,\"abi\":1,\"state\":0,\"flags\":0,\"items\":0,\"ret\":-"
		    "14,\"duration_ns\":0,"
		    "\"arg0\":18446744073709551615},\"items\":["
		    "{\"field\":\"data0\",\"type\":\"fds\",\"state\":\"whole\",\"more\":0,\"data\":"
		    "[3,-1]},"
		    "{\"field\":\"data1\",\"type\":\"strv\",\"state\":\"whole\",\"more\":0,"
		    "\"data\":[\"a\",\"\",\"b\"]},"
		    "{\"field\":\"data2\",\"type\":\"sockaddr\",\"state\":\"whole\",\"more\":0,"
		    "\"data\":\"01002f78\"},"
		    "{\"field\":9,\"type\":99,\"state\":\"unreadable\",\"more\":65535,\"data\":"
		    "null}]}");
}

/* ---- golden pages: TRC_UPDATE_GOLDEN=1 writes them anew ---- */

/* "in 23.5 kB" becomes "in #": the size grows with every event that the header describes. */
static void hide_size(char *text)
{
	char *from = strstr(text, " events in "), *to = from ? strstr(from, " kB, ") : NULL;

	if (!to)
		return;
	from += strlen(" events in ");
	*from++ = '#';
	memmove(from, to + strlen(" kB"), strlen(to + strlen(" kB")) + 1);
}

static void check_golden(const char *name, char *text)
{
	char path[512];
	char *golden = NULL;
	size_t size = 0;
	FILE *file;

	hide_size(text);
	snprintf(path, sizeof(path), "%s/tests/golden/%s", SOURCE_DIR, name);
	if (getenv("TRC_UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		CHECK_FATAL(file != NULL);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "r");
	CHECK_FATAL(file != NULL);
	if (getdelim(&golden, &size, 0, file) < 0)
		CHECK_FAIL("%s is empty", path);
	fclose(file);
	CHECK_STR(text, golden);
	free(golden);
	free(text);
}

/* The path of a memory file differs from run to run. */
static struct walk *walk_world(const struct scene *scene)
{
	struct walk *walk = table_walk(scene->path, NULL);

	walk->path = "world.trc";
	return walk;
}

static char *summary_page(const struct scene *scene, unsigned width)
{
	static const struct selection_options all;
	const struct metric *list[SUMMARY_TABLES];
	struct walk *walk = walk_world(scene);
	struct sink *memory = summary_sink();
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	summary_metrics(list);
	CHECK_EQ(metrics_run(walk, list, SUMMARY_TABLES, memory, NULL, NULL), 0);
	summary_print(walk, memory, false, width, &all, file);
	sink_free(memory);
	walk_close(walk);
	fclose(file);
	return text;
}

static char *tree_page(const struct scene *scene, bool json)
{
	const struct tree_options options = { .threads = true };
	const struct metric *list[TREE_TABLES];
	struct walk *walk = walk_world(scene);
	struct sink *memory = tree_sink();
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	tree_metrics(list);
	CHECK_EQ(metrics_run(walk, list, TREE_TABLES, memory, NULL, NULL), 0);
	if (json)
		tree_print_json(memory, &options, file);
	else
		tree_print_text(walk, memory, &options, file);
	sink_free(memory);
	walk_close(walk);
	fclose(file);
	return text;
}

/* The names of tables and columns are a promise to everyone's queries. */
static char *schema_page(void)
{
	struct text text = {};

	for (size_t i = 0; metrics[i]; i++) {
		const struct table *t = &metrics[i]->table;

		text_addf(&text, "%s\n", t->name);
		for (size_t j = 0; j < t->column_count; j++)
			text_addf(&text, "\t%s %s %s\n", t->columns[j].name,
				  column_type_name(t->columns[j].type),
				  column_unit_name(t->columns[j].unit));
		CHECK(t->column_count <= TABLE_COLUMNS_MAX);
		CHECK_EQ(view_check(&(struct view_options){ .brief = true, .sort = t->sort }, t,
				    NULL),
			 0);
	}
	return text.data;
}

/* Nothing wraps on a small terminal but a command that is to be typed. */
static void check_narrow(char *page)
{
	size_t lines = 0;

	for (char *rest = page, *line; (line = strsep(&rest, "\n")); lines++) {
		struct text text = {};

		text_adds(&text, line);
		if (cell_width(&text) > 80)
			CHECK_FAIL("%s", line);
		text_release(&text);
	}
	CHECK(lines > 20);
	free(page);
}

/* What the probes cost is ours only if they hardly ran for others. */
static void test_probe_cost(void)
{
	static const char
		all[] = " in probes (of all processes)\n",
		part[] = "of the time outside calls about 1.0 µs is that of the recorder's";
	char *page;

	for (u64 runs_per_call = 2; runs_per_call < 5; runs_per_call += 2) {
		bool ours = runs_per_call == 2;
		struct scene scene;

		scene_begin(&scene, 1);
		for (u64 i = 1; i < 100; i++)
			scene_call(&scene, (struct scene_call){ .at = i * 1000,
								.tid = 100,
								.tgid = 100,
								.nr = NR_getppid,
								.duration_ns = 1 });
		scene.probe_runs = scene.events * runs_per_call;
		scene_finish(&scene);
		page = summary_page(&scene, 120);
		CHECK(strstr(page, " and 1.0 µs in probes") != NULL);
		CHECK_EQ(strstr(page, all) == NULL, ours);
		CHECK_EQ(strstr(page, part) != NULL, ours);
		free(page);
		scene_release(&scene);
	}
}

/* Moments that no clock says. */
static void test_far_moments(void)
{
	static const struct column column = { .name = "at_ns", .unit = UNIT_TS };
	static const struct {
		s64 at_ns;
		u64 start_ns;
		const char *text;
	} cases[] = { { -2, INT64_MAX, "+9223372036.854775 s" },
		      { INT64_MIN, 1000, "+9223372036.854774 s" },
		      { INT64_MAX, UINT64_MAX, "-9223372036.854775 s" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct value value = value_int(cases[i].at_ns);
		struct text text = { 0 };

		cell_add(&text, &column, &value, cases[i].start_ns, 0);
		text_add(&text, "", 1);
		CHECK_STR(text.data, cases[i].text);
		text_release(&text);
	}
}

static void test_golden(void)
{
	struct scene world;

	scene_world(&world, 1);
	check_golden("tables.txt", schema_page());
	check_golden("summary.txt", summary_page(&world, 120));
	check_narrow(summary_page(&world, 80));
	check_golden("tree.txt", tree_page(&world, false));
	check_golden("tree.json", tree_page(&world, true));
	scene_release(&world);
}

int main(void)
{
	test_forms();
	test_json_forms();
	test_view();
	test_view_top();
	test_view_words();
	test_event_json();
	test_probe_cost();
	test_far_moments();
	test_golden();
	return check_report();
}
