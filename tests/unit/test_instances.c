/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is who, and since when: births not seen, a command that was held, several recordings in a file. */
#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

/* A child whose birth was not recorded is known by what it does. */
static void test_evidence(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_call(&scene,
		   (struct scene_call){ .at = 1000, .tid = 201, .tgid = 200, .nr = NR_read });
	scene_exit(&scene, 2000, 201, 200, 500, 0, false);
	/* Here its end and its successor's birth are missing; the start time tells them apart. */
	scene_call(&scene,
		   (struct scene_call){ .at = 300000000, .tid = 200, .tgid = 200, .nr = NR_read });
	scene_exit(&scene, 300001000, 200, 200, 299000000, 0, true);
	scene_finish(&scene);
	table_fill(&t, scene.path, "process", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_int(&t, 0, "thread_count"), 2);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START + 299000000);
	table_release(&t);
	table_fill(&t, scene.path, "thread", NULL);
	CHECK_EQ(t.rows.count, 2);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START + 500);
	table_release(&t);
	scene_release(&scene);
}

#define HELD_NS 114000000ull

/* The command was forked and held before the recording began; its life begins with that. */
static void test_held_command(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, -HELD_NS, "/bin/sh", "sh", 2);
	scene_exit(&scene, 10001000, 100, 100, -HELD_NS, 0, true);
	/* Nobody held this one. */
	scene_exit(&scene, 10002000, 200, 200, -HELD_NS, 0, true);
	scene_finish(&scene);
	table_fill(&t, scene.path, "process", NULL);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START);
	CHECK_EQ(table_int(&t, 0, "end_ns"), SCENE_START + 10001000);
	CHECK_EQ(table_int(&t, 1, "start_ns"), SCENE_START - HELD_NS);
	table_release(&t);
	table_fill(&t, scene.path, "thread", NULL);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START);
	CHECK_EQ(table_int(&t, 1, "start_ns"), SCENE_START - HELD_NS);
	table_release(&t);
	table_fill(&t, scene.path, "time_use",
		   &(struct selection_options){ .pids = { 1, (const char *[]){ "100" } } });
	CHECK_EQ(table_int(&t, 0, "time_ns"), 10001000);
	table_release(&t);
	scene_release(&scene);
}

/* All that was saved of it is the snapshot, which cannot say when it was forked. */
static void test_snapshot_only(void)
{
	struct trace_state_task task = {
		.tid = 100, .tgid = 100, .comm = "record", .exe = "", .cwd = "", .cgroup = ""
	};
	struct trace_state state = { .ts = SCENE_START, .task_count = 1, .tasks = &task };
	_cleanup_free_ u8 *data = NULL;
	struct table_sink t;
	struct scene scene;
	size_t len;

	scene_begin(&scene, 9);
	trace_state_encode(&state, &data, &len);
	CHECK_FATAL(!trace_writer_put(scene.writer, TRACE_STATE, SCENE_START, data, len));
	scene_call(&scene, (struct scene_call){ .at = 9, .tid = 100, .tgid = 100, .nr = NR_read });
	scene_finish(&scene);
	table_fill(&t, scene.path, "process", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START);
	table_release(&t);
	scene_release(&scene);
}

#define AGO_NS 500000000ull

/* A recording of the same boot behind a later one: the trace begins when the earlier one began. */
static void test_recordings(void)
{
	struct scene scene, older;
	struct table_sink t;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, -HELD_NS, "/bin/later", "later", 5);
	scene_exit(&scene, 2000, 100, 100, -HELD_NS, 0, true);
	scene_finish(&scene);
	scene_begin(&older, 10);
	scene_exec(&older, -AGO_NS, 100, 100, -AGO_NS - HELD_NS, "/bin/older", "older", 5);
	scene_exit(&older, -AGO_NS + 3000, 100, 100, -AGO_NS - HELD_NS, 0, true);
	scene_finish(&older);
	scene_append(&scene, &older);
	table_fill(&t, scene.path, "process", NULL);
	CHECK_EQ(t.rows.count, 2);
	rows_sort(&t.rows, 6, false); /* by start */
	CHECK_STR(table_text(&t, 0, "exe"), "/bin/older");
	CHECK_EQ(table_int(&t, 0, "start_ns"), SCENE_START - AGO_NS);
	CHECK_EQ(table_int(&t, 1, "start_ns"), SCENE_START);
	table_release(&t);
	table_fill(&t, scene.path, "trace", NULL);
	CHECK_EQ(table_int(&t, 0, "start_mono_ns"), SCENE_START - AGO_NS);
	CHECK_EQ(table_int(&t, 0, "event_count"), 4);
	table_release(&t);
	scene_release(&older);
	scene_release(&scene);
}

int main(void)
{
	test_evidence();
	test_held_command();
	test_snapshot_only();
	test_recordings();
	return check_report();
}
