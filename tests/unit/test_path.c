/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chains of a critical path: summed up early they are the same. */
#include "analyze/metrics/path.h"

#include <glob.h>

static size_t nodes_max;
/* In the place of the library's. */
#undef PATH_NODES_MAX
#define PATH_NODES_MAX nodes_max
#include "analyze/metrics/path_end.c"

#include "analyze/metrics/text_map.h"
#include "analyze/sinks/memory.h"
#include "analyze/summary.h"
#include "tests/unit/make_sched.h"
#include "tests/unit/make_tables.h"

static void add_cell(struct text *key, const struct table_sink *t, size_t row, const char *column)
{
	const struct value *value = table_cell(t, row, column);

	if (value->type == VALUE_TEXT)
		text_add(key, value->text, value->len);
	else if (value->type == VALUE_INTEGER)
		text_addf(key, "%lld", (long long)value->integer);
	text_addc(key, '|');
}

/* How long each thread did what on the path, `count` times as it is. */
static void add_times(struct text_map *times, const char *path, const char *window, s64 count)
{
	static const char *const columns[] = { "tid", "state", "reason", "object" };
	const struct selection_options selection = { .time = window };
	struct text key = {};
	struct table_sink t;

	table_fill(&t, path, "critical_path", &selection);
	for (size_t row = 0; row < t.rows.count; row++) {
		text_clear(&key);
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			add_cell(&key, &t, row, columns[i]);
		*(s64 *)text_map_get(times, key.data, key.len) +=
			count * table_int(&t, row, "duration_ns");
	}
	table_release(&t);
	text_release(&key);
}

static void check_none(struct text_map *times, const char *path)
{
	CHECK(times->count > 0);
	for (size_t i = 0; i < times->count; i++)
		if (*(s64 *)times->entries[i].value) {
			CHECK_FAIL("%s: %.*s is wrong by %lld ns", path,
				   (int)times->entries[i].key_len, times->entries[i].key,
				   -(long long)*(s64 *)times->entries[i].value);
			break;
		}
	text_map_release(times);
}

/* The same whatever is summed up, and in windows as in one. */
static void check_sample(const char *path)
{
	static const char *const windows[] = { "0,3ms",	     "3ms,3001us", "3001us,9ms",
					       "9ms,20ms",   "20ms,100ms", "100ms,345678us",
					       "345678us,1", "1,3600" };
	struct text_map times = { .value_size = sizeof(s64) };
	struct text_map parts = { .value_size = sizeof(s64) };

	nodes_max = 1u << 28;
	add_times(&times, path, NULL, 1);
	add_times(&parts, path, NULL, 1);
	nodes_max = 64;
	add_times(&times, path, NULL, -1);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
		add_times(&parts, path, windows[i], -1);
	check_none(&times, path);
	check_none(&parts, path);
}

/* The table by process tells the same as that of the segments. */
static void check_by_process(const char *path, const char *window)
{
	static const char *const sums[] = { "duration_ns", "count" };
	const struct selection_options selection = { .time = window };
	struct table_sink all, t;

	nodes_max = 64;
	table_fill(&all, path, "critical_path", &selection);
	table_fill(&t, path, "critical_path_by_process", &selection);
	for (size_t row = 0; row < t.rows.count; row++) {
		s64 id = table_int(&t, row, "process_id"), start_ns = INT64_MAX;
		s64 sum[ARRAY_SIZE(sums)] = {};

		for (size_t i = 0; i < all.rows.count; i++) {
			if (table_int(&all, i, "process_id") != id)
				continue;
			if (table_int(&all, i, "start_ns") < start_ns)
				start_ns = table_int(&all, i, "start_ns");
			for (size_t j = 0; j < ARRAY_SIZE(sums); j++)
				sum[j] += table_int(&all, i, sums[j]);
		}
		CHECK_EQ(table_int(&t, row, "start_ns"), start_ns);
		for (size_t j = 0; j < ARRAY_SIZE(sums); j++)
			CHECK_EQ(table_int(&t, row, sums[j]), sum[j]);
	}
	table_release(&all);
	table_release(&t);
}

static void test_samples(void)
{
	glob_t found;

	CHECK_FATAL(!glob(SOURCE_DIR "/samples/traces/*.trc", 0, NULL, &found));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		check_sample(found.gl_pathv[i]);
		check_by_process(found.gl_pathv[i], NULL);
		check_by_process(found.gl_pathv[i], "2ms,12ms");
	}
	globfree(&found);
}

/* A thread that is not told of wakes another, which goes on without: that is not kept for ever. */
static void test_waiting_jumps(void)
{
	struct process process = {};
	struct thread threads[] = { { .process = &process }, { .process = &process } };
	struct paths paths = { .node_max = SIZE_MAX, .to_ns = UINT64_MAX };
	void *slots[2] = {};
	struct path *woken = path_of(&paths, &threads[0], &slots[0]);
	struct path *waker = path_of(&paths, &threads[1], &slots[1]);

	for (u64 at = 1; at < 100000; at++)
		path_woken(woken, waker, at);
	CHECK(paths.node_count < 10000);
	path_free(waker);
	path_free(woken);
	CHECK_EQ(paths.node_count, 0);
}

static void go_on_until(struct path *path, u64 at_ns, u8 state, bool by_thread)
{
	const struct span span = {
		.start_ns = path->told_ns, .end_ns = at_ns, .state = state, .nr = SPAN_NO_CALL
	};

	path_span(path, &span, by_thread);
}

/*
 * One thread is told of now and then only, when what followed its wake-ups has been summed up already: what it had
 * done is summed up all the same, though the threads that it led to do nothing more.
 */
static void test_late_jumps(void)
{
	enum { ROUNDS = 100, OTHERS = 100, TURNS = 10000, WAKER = ROUNDS + OTHERS, BUSY, COUNT };
	static struct thread threads[COUNT];
	static void *slots[COUNT];
	struct process process = {};
	struct paths paths = { .node_max = 2000, .to_ns = UINT64_MAX };
	struct path *path[COUNT];
	u64 at = 1;

	for (size_t i = 0; i < COUNT; i++) {
		threads[i].process = &process;
		path[i] = path_of(&paths, &threads[i], &slots[i]);
	}
	for (size_t i = 0; i < ROUNDS; i++) {
		for (size_t j = 0; j < OTHERS; j++) {
			path_woken(path[ROUNDS + j], path[WAKER], ++at);
			go_on_until(path[ROUNDS + j], at, SPAN_sleep, true);
		}
		path_woken(path[i], path[WAKER], ++at);
		go_on_until(path[i], at, SPAN_sleep, true);
		for (size_t j = 0; j < 3; j++)
			go_on_until(path[i], ++at, SPAN_runnable, false);
		for (size_t j = 0; j < TURNS; j++)
			go_on_until(path[BUSY], ++at, j % 2 ? SPAN_user : SPAN_sleep, false);
		go_on_until(path[WAKER], ++at, SPAN_sleep, false);
	}
	CHECK(paths.node_count < 5000);
	for (size_t i = 0; i < COUNT; i++)
		path_free(path[i]);
	CHECK_EQ(paths.node_count, 0);
	free(paths.young);
	free(paths.old);
}

static u64 wait_in(struct scene *scene, u64 at, u64 wait_ns, u32 nr, const char *path)
{
	scene_leave(scene, at + 100, 100, TRC_SCHED_SLEEP);
	scene_come(scene, at += 100 + wait_ns, 100);
	scene_call(scene, (struct scene_call){ .at = at += 100,
					       .tid = 100,
					       .tgid = 100,
					       .nr = nr,
					       .path = path,
					       .duration_ns = wait_ns + 150 });
	return at;
}

/* The heading and what follows it; the caller's. */
static char *summary_of_path(const char *trace, const struct selection_options *selection)
{
	const struct metric *list[SUMMARY_TABLES];
	char *text = NULL, *error = NULL, *path, *end;
	struct sink *memory = summary_sink();
	struct walk *walk;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	summary_metrics(list);
	CHECK_FATAL(
		!walk_open(trace, selection, metrics_classes(list, SUMMARY_TABLES), &walk, &error));
	CHECK_EQ(metrics_run(walk, list, SUMMARY_TABLES, memory, NULL, NULL), 0);
	summary_print(walk, memory, false, 200, selection, file);
	sink_free(memory);
	walk_close(walk);
	fclose(file);
	path = strstr(text, "Critical path");
	CHECK_FATAL(path != NULL);
	end = strstr(path, "\n\n");
	path = xasprintf("%.*s", (int)(end ? end - path : (ptrdiff_t)strlen(path)), path);
	free(text);
	return path;
}

struct waits {
	u64 longest_ns, nap_ns; /* of one file; the others take 1000 each */
	const char *reason, *object;
	s64 ns, object_ns;
	const char *words; /* of the summary */
};

/* Waits for many files, and then for a timer. */
static void check_waits(const struct waits *waits)
{
	static const struct selection_options all;
	struct table_sink t;
	struct scene scene;
	u64 at = 1000;
	char path[16], *words;

	scene_begin(&scene, 9);
	nodes_max = 1u << 18;
	scene_exec(&scene, at, 100, 100, 0, "/bin/sh", "sh", 2);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/f/%u", i);
		at = wait_in(&scene, at, i == 38 ? waits->longest_ns : 1000, NR_openat, path);
	}
	at = wait_in(&scene, at, waits->nap_ns, NR_nanosleep, NULL);
	scene_exit(&scene, at + 100, 100, 100, 0, 0, true);
	scene_finish(&scene);
	table_fill(&t, scene.path, "critical_path_by_process", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_STR(table_text(&t, 0, "most_reason"), waits->reason);
	CHECK_STR(table_text(&t, 0, "most_object"), waits->object);
	CHECK_EQ(table_int(&t, 0, "most_ns"), waits->ns);
	CHECK_EQ(table_int(&t, 0, "most_object_ns"), waits->object_ns);
	table_release(&t);
	words = summary_of_path(scene.path, &all);
	if (!strstr(words, waits->words))
		CHECK_FAIL("not \"%s\" in \"%s\"", waits->words, words);
	free(words);
	scene_release(&scene);
}

static void test_many_waits(void)
{
	static const struct waits cases[] = {
		{ 1500, 10, "file", "/f/38", 40500, 1500, "% file)" },
		{ 50000, 10, "file", "/f/38", 89000, 50000, "% file, mostly /f/38)" },
		{ 9000000, 10, "file", "/f/38", 9039000, 9000000, "% for /f/38)" },
		{ 1000, 50000, "timer", NULL, 50000, TABLE_NULL, "% timer)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_waits(&cases[i]);
}

/* The path of what? */
static void test_headings(void)
{
	static const struct {
		const char *pid, *comm, *time, *heading;
	} cases[] = {
		{ NULL, NULL, NULL, "Critical path of 13.1 ms\n" },
		{ "31982", NULL, NULL, "Critical path of 5.4 ms until the end of sort[31982]\n" },
		{ "31981,31982", NULL, NULL,
		  "Critical path of 5.4 ms until the end of the last of them\n" },
		{ NULL, "head", NULL, "Critical path of 10.9 ms until the end of head[31984]\n" },
		{ NULL, NULL, "2ms,4ms", "Critical path, 2.0 ms of it in the window\n" },
		{ "31982", NULL, "2ms,4ms",
		  "Critical path until the end of sort[31982], 2.0 ms of it in the window\n" },
		{ NULL, "sort", "2ms,4ms",
		  "Critical path until the end of the last of them, 2.0 ms of it in the window\n" },
	};

	nodes_max = 1u << 18;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct selection_options selection = {
			.time = cases[i].time,
			.comm = cases[i].comm,
			.pids = { cases[i].pid != NULL, (const char *[]){ cases[i].pid } }
		};
		char *words = summary_of_path(SOURCE_DIR "/samples/traces/shell.trc", &selection);

		if (strncmp(words, cases[i].heading, strlen(cases[i].heading)))
			CHECK_FAIL("not \"%s\" but \"%s\"", cases[i].heading, words);
		free(words);
	}
}

int main(void)
{
	test_headings();
	test_many_waits();
	test_late_jumps();
	test_waiting_jumps();
	test_samples();
	return check_report();
}
