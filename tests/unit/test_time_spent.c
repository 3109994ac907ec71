/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tables of all threads' time say of waits, and of time of which nothing is known. */
#include "tests/unit/make_sched.h"
#include "tests/unit/make_tables.h"

/* A thread of its own process sleeps in a call from `at` until another ends that. */
static void wait_in(struct scene *scene, u32 tid, u32 nr, u64 at, u64 until, u32 waker, s64 ret)
{
	scene_leave(scene, at, tid, TRC_SCHED_SLEEP);
	scene_wake(scene, until, waker, tid);
	scene_come(scene, until + 1000, tid);
	scene_call(scene, (struct scene_call){ .at = until + 2000,
					       .tid = tid,
					       .tgid = tid,
					       .nr = nr,
					       .ret = ret,
					       .duration_ns = until + 2000 - at + 1000 });
}

/* A child of vfork has its name only when its parent has waited for it. */
static void test_child_name(void)
{
	struct table_sink t;
	struct scene scene;
	size_t row;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 10000, 100, 100, 101, 101, "sh");
	wait_in(&scene, 100, NR_vfork, 20000, 50000, 101, 101);
	scene_exec(&scene, 60000, 101, 101, 10000, "/bin/first", "first", 5);
	scene_new(&scene, 110000, 100, 100, 102, 102, "sh");
	wait_in(&scene, 100, NR_vfork, 120000, 130000, 102, 102);
	scene_exec(&scene, 160000, 102, 102, 110000, "/bin/first", "first", 5);
	scene_finish(&scene);
	table_fill(&t, scene.path, "time_spent", NULL);
	row = table_find(&t, "reason", "vfork");
	CHECK_STR(table_text(&t, row, "most_object"), "child first");
	CHECK_EQ(table_int(&t, row, "most_object_ns"), 40000);
	table_release(&t);
	scene_release(&scene);
}

/* A page fault is told at its end: all waits since it began are its own, also of a thread that lost the CPU in it. */
static void test_fault(void)
{
	struct {
		struct trc_page_fault record;
		u8 items[sizeof(struct trc_item) + 8];
	} fault = { .record = { .head = SCENE_HEAD(page_fault, 19000, 100, 100),
				.major = 1,
				.duration_ns = 17000,
				.inode = 5,
				.device = 1 } };
	struct scene scene;
	struct table_sink t;

	scene_item(fault.items, 0, TRC_TYPE_str, "/mapped", 7);
	fault.record.head.len = sizeof(fault);
	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	for (u64 at = 3000; at <= 13000; at += 5000) {
		scene_switch(&scene,
			     (struct scene_switch){
				     .at = at,
				     .tid = 100,
				     .state = at == 13000 ? TRC_SCHED_RUNNABLE
							  : TRC_SCHED_UNINTERRUPTIBLE,
				     .flags = TRC_SWITCH_FROM_TARGET | TRC_SWITCH_NOT_IN_CALL });
		if (at < 13000)
			scene_wake(&scene, at + 3000, 9, 100);
		scene_come(&scene, at + 4000, 100);
	}
	scene_put(&scene, TRC_CLASS_MEMORY, &fault.record.head);
	scene_finish(&scene);
	table_fill(&t, scene.path, "wait", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_int(&t, 0, "count"), 2);
	CHECK_EQ(table_int(&t, 0, "total_ns"), 6000);
	CHECK_STR(table_text(&t, 0, "reason"), "fault");
	CHECK_STR(table_text(&t, 0, "object"), "/mapped");
	table_release(&t);
	scene_release(&scene);
}

/* That of a file is no wait for its contents; who had it ended the wait, unless that was the kernel's own thread. */
static void test_file_lock(void)
{
	struct table_sink t;
	struct scene scene;
	size_t row;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 10000, 100, 100, 101, 101, "sh");
	scene_new(&scene, 11000, 2, 2, 102, 102, "kworker");
	wait_in(&scene, 100, NR_flock, 20000, 50000, 101, 0);
	wait_in(&scene, 100, NR_flock, 60000, 65000, 102, 0);
	wait_in(&scene, 100, NR_flock, 70000, 77000, 101, 0);
	scene_finish(&scene);
	table_fill(&t, scene.path, "time_spent", NULL);
	row = table_find(&t, "reason", "lock");
	CHECK_STR(table_text(&t, row, "activity"), "waiting for file locks");
	CHECK_EQ(table_int(&t, row, "time_ns"), 42000);
	table_release(&t);
	table_fill(&t, scene.path, "communication", NULL);
	row = table_find(&t, "via", "lock");
	CHECK_EQ(table_int(&t, row, "from_pid"), 101);
	CHECK_EQ(table_int(&t, row, "to_pid"), 100);
	CHECK_EQ(table_int(&t, row, "count"), 0);
	CHECK_EQ(table_int(&t, row, "wait_count"), 2);
	CHECK_EQ(table_int(&t, row, "wait_ns"), 37000);
	for (size_t i = 0; i < t.rows.count; i++)
		CHECK(i == row || table_int(&t, i, "wait_count") == 0);
	table_release(&t);
	scene_release(&scene);
}

static void put_pause(struct scene *scene, u64 from, u64 to)
{
	struct trc_lost pause = { .head = SCENE_HEAD(lost, to, 0, 0),
				  .cause = TRC_LOST_PAUSED,
				  .first_ns = SCENE_START + from,
				  .last_ns = SCENE_START + to };

	scene_put(scene, TRC_CLASS_TASK, &pause.head);
}

static void read_call(struct scene *scene, u64 from, u64 to)
{
	scene_call(scene, (struct scene_call){ .at = to,
					       .tid = 100,
					       .tgid = 100,
					       .nr = NR_read,
					       .duration_ns = to - from });
}

static void check_time(const struct table_sink *t, const char *activity, s64 ns)
{
	size_t row = table_find(t, "activity", activity);

	if (table_int(t, row, "time_ns") != ns)
		CHECK_FAIL("%s: %lld, not %lld", activity, (long long)table_int(t, row, "time_ns"),
			   (long long)ns);
}

/* Outside of the calls that are there a thread is in its own code only where none can be missing. */
static void test_missing_calls(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	read_call(&scene, 20000, 30000);
	scene_lost(&scene, 300000, 400000, 3);
	read_call(&scene, 350000, 450000);
	put_pause(&scene, 600000, 700000);
	read_call(&scene, 690000, 800000);
	scene_exit(&scene, 1000000, 100, 100, 0, 0, true);
	scene_finish(&scene);
	table_fill(&t, scene.path, "time_use", NULL);
	CHECK_EQ(t.rows.count, 4);
	check_time(&t, "reading (files, pipes, sockets)", 220000);
	check_time(&t, "not known: events are missing", 50000);
	check_time(&t, "not recorded: paused", 90000);
	check_time(&t, "outside system calls: own code", 640000);
	table_release(&t);
	table_fill(&t, scene.path, "time_use",
		   &(struct selection_options){ .time = "380us,650us" });
	CHECK_EQ(t.rows.count, 3);
	check_time(&t, "reading (files, pipes, sockets)", 70000);
	check_time(&t, "not recorded: paused", 50000);
	check_time(&t, "outside system calls: own code", 150000);
	table_release(&t);
	scene_release(&scene);
}

/* Of what is not known that in a pause is told apart. */
static void test_pause(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 10000, 100, 100, 101, 101, "sh");
	scene_leave(&scene, 15000, 100, TRC_SCHED_SLEEP);
	scene_come(&scene, 20000, 101);
	put_pause(&scene, 300000, 400000);
	scene_lost(&scene, 995000, 996000, 1); /* makes it look for such records */
	/* Nobody saw it leave. */
	scene_come(&scene, 500000, 101);
	scene_exit(&scene, 1000000, 101, 101, 10000, 0, true);
	scene_finish(&scene);
	table_fill(&t, scene.path, "time_spent",
		   &(struct selection_options){ .pids = { 1, (const char *[]){ "101" } } });
	check_time(&t, "on CPU, user code", 280000 + 500000);
	check_time(&t, "ready, waiting for a CPU", 10000 + 100000);
	check_time(&t, "not recorded: paused", 100000);
	CHECK_STR(table_text(&t, table_find(&t, "state", "paused"), "most_comm"), "ended");
	CHECK_EQ(t.rows.count, 3);
	table_release(&t);
	scene_release(&scene);
}

int main(void)
{
	test_child_name();
	test_fault();
	test_file_lock();
	test_missing_calls();
	test_pause();
	return check_report();
}
