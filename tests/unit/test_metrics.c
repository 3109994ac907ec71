/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables of a known world: instances, counts, times, what a selection leaves. */
#include "analyze/metrics/histogram.h"
#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

static struct scene world;

static void test_processes(void)
{
	struct table_sink t;
	size_t cc, sh, again;

	table_fill(&t, world.path, "process", NULL);
	CHECK_EQ(t.rows.count, 3);
	rows_sort(&t.rows, 0, false);
	sh = 0;
	cc = 1;
	again = 2;

	CHECK_EQ(table_int(&t, sh, "pid"), 100);
	CHECK_EQ(table_int(&t, sh, "process_id"), 1);
	CHECK_EQ(table_int(&t, sh, "parent_process_id"), TABLE_NULL);
	CHECK_EQ(table_int(&t, sh, "start_ns"),
		 SCENE_START); /* told by its exec's start time, on the boot clock */
	CHECK_EQ(table_int(&t, sh, "exit_code"), 3);
	CHECK_EQ(table_int(&t, sh, "exit_signal"), TABLE_NULL);
	CHECK_STR(table_text(&t, sh, "cmdline"), "sh -c 'cc x'");
	CHECK_STR(table_text(&t, sh, "cgroup"), "/user");
	CHECK_EQ(table_int(&t, sh, "uid"), 1000);

	CHECK_EQ(table_int(&t, cc, "pid"), 101);
	CHECK_EQ(table_int(&t, cc, "parent_process_id"), 1);
	CHECK_EQ(table_int(&t, cc, "start_ns"), SCENE_START + 2000);
	CHECK_STR(table_text(&t, cc, "exe"), "/usr/bin/cc");
	CHECK_STR(table_text(&t, cc, "cmdline"), "cc -c 'x y.c'");
	CHECK_EQ(table_int(&t, cc, "exit_signal"), 11);
	CHECK_EQ(table_int(&t, cc, "exit_code"), TABLE_NULL);
	CHECK_EQ(table_int(&t, cc, "thread_count"), 2);
	CHECK_EQ(table_int(&t, cc, "exec_count"), 1);
	/* Sums over its two threads; the ticks' proportion of 3:1 on the exact time. */
	CHECK_EQ(table_int(&t, cc, "cpu_ns"), 20000038);
	CHECK_EQ(table_int(&t, cc, "stime_ns"), 5000009);
	CHECK_EQ(table_int(&t, cc, "utime_ns"), 15000029);
	CHECK_EQ(table_int(&t, cc, "minor_faults"), 22);
	CHECK_EQ(table_int(&t, cc, "voluntary_switches"), 26);
	CHECK_EQ(table_int(&t, cc, "read_bytes"), 34);
	CHECK_EQ(table_int(&t, cc, "max_rss_bytes"), 4096 * 102);
	CHECK_EQ(table_int(&t, cc, "last_ppid"), 1);

	/* The same pid, another instance; forked by the shell, so that it had its program until the exec. */
	CHECK_EQ(table_int(&t, again, "pid"), 101);
	CHECK_EQ(table_int(&t, again, "process_id"), 3);
	CHECK_EQ(table_int(&t, again, "parent_process_id"), 1);
	CHECK_STR(table_text(&t, again, "exe"), "/bin/true");
	CHECK_EQ(table_int(&t, again, "exit_code"), 5);
	CHECK_EQ(table_int(&t, again, "thread_count"), 2);
	CHECK_EQ(table_int(&t, again, "lossy"), 0);
	table_release(&t);
}

static void test_threads(void)
{
	struct table_sink t;

	table_fill(&t, world.path, "thread", NULL);
	CHECK_EQ(t.rows.count, 5);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 2, "tid"), 102);
	CHECK_EQ(table_int(&t, 2, "process_id"), 2);
	CHECK_EQ(table_int(&t, 2, "start_ns"), SCENE_START + 4000);
	CHECK_EQ(table_int(&t, 2, "cpu_ns"), 10000019);
	CHECK_STR(table_text(&t, 2, "comm"), "ended");
	/* The old leader ended at the exec; the thread that called bears its number. */
	CHECK_EQ(table_int(&t, 3, "tid"), 101);
	CHECK_EQ(table_int(&t, 3, "process_id"), 3);
	CHECK(table_int(&t, 3, "end_ns") != TABLE_NULL);
	CHECK_EQ(table_int(&t, 4, "tid"), 101);
	CHECK_EQ(table_int(&t, 4, "old_tid"), 103);
	CHECK_EQ(table_int(&t, 4, "process_id"), 3);
	CHECK(table_int(&t, 4, "start_ns") > table_int(&t, 3, "start_ns"));
	CHECK(table_int(&t, 4, "end_ns") > table_int(&t, 3, "end_ns"));
	table_release(&t);
}

static void test_execs(void)
{
	struct table_sink t;

	table_fill(&t, world.path, "exec", NULL);
	CHECK_EQ(t.rows.count, 3);
	CHECK_STR(table_text(&t, 0, "filename"), "/bin/sh");
	CHECK_STR(table_text(&t, 1, "cmdline"), "cc -c 'x y.c'");
	CHECK_EQ(table_int(&t, 1, "from_tid"), TABLE_NULL);
	CHECK_EQ(table_int(&t, 2, "process_id"), 3);
	CHECK_EQ(table_int(&t, 2, "from_tid"), 103);
	CHECK_STR(table_text(&t, 2, "cwd"), "/home");
	table_release(&t);
}

#define ALL_CALLS (SCENE_READS + SCENE_FAILURES + SCENE_WRITES + SCENE_THREAD_WRITES + 4)

static void test_calls(void)
{
	struct table_sink t;
	size_t row;

	table_fill(&t, world.path, "syscall", NULL);
	CHECK_EQ(t.rows.count, ALL_CALLS); /* the hidden close is not there */
	row = table_find(&t, "name", "openat");
	CHECK_EQ(table_int(&t, row, "ret"), -2);
	CHECK_EQ(table_int(&t, row, "errno"), 2);
	CHECK_EQ(table_int(&t, row, "duration_ns"), 1000);
	CHECK_EQ(table_int(&t, row, "ts_ns"),
		 SCENE_START + 4000 + (SCENE_READS + 1) * 100000 - 1000);
	CHECK_STR(table_text(&t, row, "path"), "/opt/y.h");
	CHECK_STR(table_text(&t, row, "abi"), "x86_64");
	CHECK_STR(table_text(&t, row, "state"), "complete");
	CHECK(strstr(table_text(&t, row, "args"), "\"/opt/y.h\"") != NULL);
	row = table_find(&t, "state", "unfinished");
	CHECK_STR(table_text(&t, row, "name"), "nanosleep");
	CHECK_EQ(table_int(&t, row, "duration_ns"), TABLE_NULL);
	CHECK_EQ(table_int(&t, row, "ret"), TABLE_NULL);
	CHECK_EQ(table_int(&t, row, "errno"), TABLE_NULL);
	row = table_find(&t, "state", "no_enter");
	CHECK_EQ(table_int(&t, row, "ret"), 5);
	CHECK_EQ(table_int(&t, row, "duration_ns"), TABLE_NULL);
	CHECK(table_text(&t, row, "args") == NULL);
	table_release(&t);
}

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* What the sums say against the same calls one by one. */
static void test_stats(void)
{
	struct table_sink stats, calls;
	u64 durations[SCENE_READS], total = 0;
	size_t count = 0, row;

	table_fill(&stats, world.path, "syscall_stats", NULL);
	table_fill(&calls, world.path, "syscall", NULL);
	for (size_t i = 0; i < calls.rows.count; i++) {
		if (strcmp(table_text(&calls, i, "name"), "read") ||
		    table_int(&calls, i, "duration_ns") == TABLE_NULL)
			continue;
		CHECK_FATAL(count < ARRAY_SIZE(durations));
		durations[count] = (u64)table_int(&calls, i, "duration_ns");
		total += durations[count++];
	}
	qsort(durations, count, sizeof(u64), compare_u64);
	rows_sort(&stats.rows, 0, true); /* process 2 before 1 */
	row = table_find(&stats, "name", "read");
	CHECK_EQ(table_int(&stats, row, "process_id"), 2);
	CHECK_EQ(table_int(&stats, row, "count"), SCENE_READS);
	CHECK_EQ(count, SCENE_READS);
	CHECK_EQ(table_int(&stats, row, "total_ns"), total);
	CHECK_EQ(table_int(&stats, row, "mean_ns"), total / count);
	CHECK_EQ(table_int(&stats, row, "min_ns"), durations[0]);
	CHECK_EQ(table_int(&stats, row, "max_ns"), durations[count - 1]);
	CHECK(llabs(table_int(&stats, row, "p50_ns") - (s64)durations[(count + 1) / 2 - 1]) * 100 <
	      (s64)durations[count / 2]);
	row = table_find(&stats, "name", "write");
	CHECK_EQ(table_int(&stats, row, "count"), SCENE_WRITES + SCENE_THREAD_WRITES);
	CHECK_EQ(table_int(&stats, row, "error_count"), SCENE_THREAD_WRITES);
	CHECK_EQ(table_int(&stats, row, "p50_ns"), 700);
	row = table_find(&stats, "name", "nanosleep");
	CHECK_EQ(table_int(&stats, row, "count"), 1);
	CHECK_EQ(table_int(&stats, row, "total_ns"), TABLE_NULL);
	table_release(&stats);
	table_release(&calls);
}

/* Every way to group the calls has the same sum. */
static void test_parts_add_up(void)
{
	static const char *const tables[] = { "syscall_stats",	    "syscall_by_name",
					      "syscall_by_process", "syscall_by_thread",
					      "syscall_by_cgroup",  "syscall_per_second" };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct table_sink t;
		s64 count = 0, errors = 0;

		table_fill(&t, world.path, tables[i], NULL);
		for (size_t row = 0; row < t.rows.count; row++) {
			count += table_int(&t, row, "count");
			errors += table_int(&t, row, "error_count");
		}
		CHECK_EQ(count, ALL_CALLS);
		CHECK_EQ(errors, SCENE_FAILURES + SCENE_THREAD_WRITES);
		table_release(&t);
	}
}

static void test_failures(void)
{
	struct table_sink t;
	size_t row;

	table_fill(&t, world.path, "failure", NULL);
	CHECK_EQ(t.rows.count, 3);
	row = table_find(&t, "directory", "/opt");
	CHECK_EQ(table_int(&t, row, "count"), (SCENE_FAILURES + 1) / 2);
	CHECK_STR(table_text(&t, row, "errno_name"), "ENOENT");
	CHECK_STR(table_text(&t, row, "first_path"), "/opt/y.h");
	row = table_find(&t, "name", "write");
	CHECK_EQ(table_int(&t, row, "errno"), 9);
	CHECK_EQ(table_int(&t, row, "count"), SCENE_THREAD_WRITES);
	CHECK(table_text(&t, row, "directory") == NULL);
	table_release(&t);
}

/* Each moment of a thread is somewhere, and nowhere twice. */
static void test_time(void)
{
	struct table_sink use, threads;
	s64 total = 0, lives = 0;
	double share = 0;

	table_fill(&use, world.path, "time_use", NULL);
	table_fill(&threads, world.path, "thread", NULL);
	for (size_t i = 0; i < use.rows.count; i++) {
		total += table_int(&use, i, "time_ns");
		share += table_cell(&use, i, "share")->real;
	}
	for (size_t i = 0; i < threads.rows.count; i++)
		lives += table_int(&threads, i, "end_ns") - table_int(&threads, i, "start_ns");
	CHECK_EQ(total, lives);
	CHECK(share > 0.999999 && share < 1.000001);
	CHECK_EQ(table_int(&use, table_find(&use, "activity", "waiting for a child"), "count"), 1);
	CHECK_EQ(table_int(&use, table_find(&use, "activity", "sleeping until a time"), "time_ns"),
		 900);
	table_release(&use);
	table_release(&threads);
}

/* The shell waits for its child before, in and after the window: no call ends in it. */
static void test_time_window(void)
{
	struct selection_options selection = { .time = "0.5,0.6" };
	struct table_sink t;

	table_fill(&t, world.path, "time_use", &selection);
	CHECK_EQ(t.rows.count, 1);
	CHECK_STR(table_text(&t, 0, "activity"), "waiting for a child");
	CHECK_EQ(table_int(&t, 0, "time_ns"), 100000000);
	CHECK_EQ(table_int(&t, 0, "count"), 0);
	table_release(&t);
	selection.comm = "nobody";
	table_fill(&t, world.path, "time_use", &selection);
	CHECK_EQ(t.rows.count, 0);
	table_release(&t);
}

static void test_unfinished(void)
{
	struct table_sink t;
	size_t row;

	table_fill(&t, world.path, "syscall_by_name", NULL);
	row = table_find(&t, "name", "nanosleep");
	CHECK_EQ(table_int(&t, row, "unfinished_count"), 1);
	CHECK_EQ(table_int(&t, row, "unfinished_ns"), 900);
	CHECK_EQ(table_int(&t, table_find(&t, "name", "read"), "unfinished_count"), 0);
	table_release(&t);
}

static void test_trace(void)
{
	struct table_sink t;

	table_fill(&t, world.path, "trace", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_STR(table_text(&t, 0, "command"), "cc -c 'a b.c' \xff\xfe");
	CHECK_EQ(table_int(&t, 0, "exit_code"), 3);
	CHECK_EQ(table_int(&t, 0, "event_count"), world.events);
	CHECK_EQ(table_int(&t, 0, "lost_count"), 0);
	CHECK_EQ(table_int(&t, 0, "start_mono_ns"), SCENE_START);
	CHECK_EQ(table_int(&t, 0, "start_wall_ns"), SCENE_WALL);
	CHECK_EQ(table_int(&t, 0, "recorder_cpu_ns"), 5000000);
	CHECK_STR(table_text(&t, 0, "uuid"), "01010101-0101-0101-0101-010101010101");
	CHECK(!table_text(&t, 0, "selection"));
	table_release(&t);
	table_fill(&t, world.path, "trace",
		   &(struct selection_options){ .time = "1,", .comm = "c*", .calls = "read" });
	CHECK_STR(table_text(&t, 0, "selection"), "--time 1, --comm 'c*' --syscall read");
	CHECK_EQ(table_int(&t, 0, "event_count"), world.events);
	table_release(&t);
	table_fill(&t, world.path, "syscall_name", NULL);
	CHECK_STR(table_text(&t, table_find(&t, "name", "openat"), "classes"), "file,desc");
	table_release(&t);
}

static s64 calls_with(const struct selection_options *selection)
{
	struct table_sink t;
	s64 count;

	table_fill(&t, world.path, "syscall", selection);
	count = (s64)t.rows.count;
	/* Whoever is shown has the number that it has in the whole trace. */
	for (size_t i = 0; i < t.rows.count; i++)
		if (!strcmp(table_text(&t, i, "name"), "openat"))
			CHECK_EQ(table_int(&t, i, "thread_id"), 2);
	table_release(&t);
	return count;
}

static void test_selection(void)
{
	const char *pids[] = { "102", "100,9" };
	struct table_sink t;

	CHECK_EQ(calls_with(&(struct selection_options){ .calls = "openat" }), SCENE_FAILURES);
	CHECK_EQ(calls_with(&(struct selection_options){ .calls = "!read,write" }),
		 ALL_CALLS - SCENE_READS - 1 - SCENE_WRITES - SCENE_THREAD_WRITES);
	CHECK_EQ(calls_with(&(struct selection_options){ .pids = { 1, pids } }),
		 SCENE_THREAD_WRITES + 1);
	CHECK_EQ(calls_with(&(struct selection_options){ .pids = { 2, pids } }),
		 SCENE_THREAD_WRITES + 3);
	CHECK_EQ(calls_with(&(struct selection_options){ .comm = "c?" }), ALL_CALLS - 3);
	CHECK_EQ(calls_with(&(struct selection_options){ .comm = "cc", .calls = "read" }),
		 SCENE_READS);
	CHECK_EQ(calls_with(&(struct selection_options){ .time = "1," }), 2);
	CHECK_EQ(calls_with(&(struct selection_options){ .time = ",1" }), ALL_CALLS - 2);
	/* The clock of the world began at 2023-11-14 22:13:20 UTC; its machine's zone is an hour west. */
	CHECK_EQ(calls_with(&(struct selection_options){ .time = "2023-11-14T22:13:21Z," }), 2);
	CHECK_EQ(calls_with(&(struct selection_options){ .time = "2023-11-14 21:13:21," }), 2);
	CHECK_EQ(calls_with(&(struct selection_options){ .time = ",2023-11-14T23:13:21.0+01:00" }),
		 ALL_CALLS - 2);

	table_fill(&t, world.path, "process", &(struct selection_options){ .comm = "cc" });
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_int(&t, 0, "process_id"), 2);
	table_release(&t);
	table_fill(&t, world.path, "process", &(struct selection_options){ .time = "0.5,0.6" });
	CHECK_EQ(t.rows.count, 1); /* only the shell lived then */
	CHECK_EQ(table_int(&t, 0, "process_id"), 1);
	table_release(&t);
}

static void test_wrong_selection(void)
{
	static const char *pid[] = { "12x" };
	static const struct {
		struct selection_options options;
		const char *word;
	} wrong[] = {
		{ { .time = "1" }, "--time" },	      { { .time = "2,1" }, "ends before" },
		{ { .time = "x,1" }, "--time" },      { { .time = "2023-13-14," }, "--time" },
		{ { .calls = "opennat" }, "openat" }, { { .pids = { 1, pid } }, "12x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct walk *walk = NULL;
		char *error = NULL;

		CHECK(walk_open(world.path, &wrong[i].options, 0, &walk, &error) < 0);
		CHECK(error && strstr(error, wrong[i].word));
		free(error);
	}
}

/* Rows that touch a lossy time say so; the others do not. */
static void test_loss(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 2000, 100, 100, 101, 101, "early");
	scene_exit(&scene, 3000, 101, 101, 2000, 0, true);
	scene_call(&scene,
		   (struct scene_call){
			   .at = 4000, .tid = 100, .tgid = 100, .nr = NR_read, .duration_ns = 1 });
	scene_lost(&scene, 5000, 6000, 19);
	scene_exit(&scene, 9000, 100, 100, 0, 0, true);
	scene_finish(&scene);

	table_fill(&t, scene.path, "loss", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_int(&t, 0, "ring"), 1);
	CHECK_EQ(table_int(&t, 0, "count"), 19);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START + 5000);
	CHECK_STR(table_text(&t, 0, "class"), "syscall");
	CHECK_STR(table_text(&t, 0, "kind"), "syscall");
	CHECK_STR(table_text(&t, 0, "cause"), "ring full");
	table_release(&t);
	table_fill(&t, scene.path, "process", NULL);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 0, "lossy"), 1);
	CHECK_EQ(table_int(&t, 1, "lossy"), 0);
	table_release(&t);
	table_fill(&t, scene.path, "syscall_stats", NULL);
	CHECK_EQ(table_int(&t, 0, "lossy"), 1);
	table_release(&t);
	scene_release(&scene);
}

static void check_percentiles(const struct histogram *histogram, u64 *values, size_t count)
{
	static const unsigned per_mille[] = { 1, 500, 900, 990, 999, 1000 };

	qsort(values, count, sizeof(u64), compare_u64);
	for (size_t i = 0; i < ARRAY_SIZE(per_mille); i++) {
		u64 exact = values[(count * per_mille[i] + 999) / 1000 - 1];
		u64 told = histogram_percentile(histogram, per_mille[i]);
		u64 off = told > exact ? told - exact : exact - told;

		if (count <= HISTOGRAM_EXACT)
			CHECK_EQ(told, exact);
		CHECK(off <= exact / 100);
	}
}

static void test_histogram(void)
{
	static u64 values[20011];
	u64 state = 5, octaves = 0;

	for (size_t count = 1; count <= ARRAY_SIZE(values); count = count * 3 + 1) {
		struct histogram whole = {}, half = {}, other = {};

		for (size_t i = 0; i < count; i++) {
			values[i] = i % 97 ? make_random(&state) >> (make_random(&state) % 64)
					   : UINT64_MAX - i % 2;
			histogram_add(&whole, values[i]);
			histogram_add(i % 3 ? &half : &other, values[i]);
		}
		histogram_merge(&half, &other);
		check_percentiles(&whole, values, count);
		check_percentiles(&half, values, count);
		CHECK_EQ(whole.min, values[0]);
		CHECK_EQ(half.max, values[count - 1]);
		octaves = 0;
		for (unsigned power = 0; power < 64; power++)
			octaves += histogram_octave_count(&whole, power);
		CHECK_EQ(octaves, count);
		histogram_release(&whole);
		histogram_release(&half);
		histogram_release(&other);
	}
}

int main(void)
{
	scene_world(&world, 1);
	test_processes();
	test_threads();
	test_execs();
	test_calls();
	test_stats();
	test_parts_add_up();
	test_failures();
	test_time();
	test_time_window();
	test_unfinished();
	test_trace();
	test_selection();
	test_wrong_selection();
	test_loss();
	test_histogram();
	scene_release(&world);
	return check_report();
}
