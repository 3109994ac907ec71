/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the time of threads went when parts of the evidence are missing, or make no sense. */
#include "tests/unit/make_sched.h"
#include "tests/unit/make_tables.h"

#define PID   200
#define BORN  10000ull
#define DEATH 1000000ull

static void begin(struct scene *scene)
{
	scene_begin(scene, 9);
	scene_exec(scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(scene, BORN, 100, 100, PID, PID, "child");
	scene_come(scene, BORN + 1000, PID);
}

static void end(struct scene *scene)
{
	scene_exit(scene, DEATH, PID, PID, BORN, 0, true);
	scene_finish(scene);
}

static void read_call(struct scene *scene, u64 from, u64 to)
{
	scene_call(scene, (struct scene_call){ .at = to,
					       .tid = PID,
					       .tgid = PID,
					       .nr = NR_read,
					       .duration_ns = to - from });
}

/* The table's values of the child. */
static void check_times(const struct scene *scene, const char *what,
			const u64 expected[SPAN_STATE_COUNT])
{
	struct table_sink t;
	size_t row;

	table_fill(&t, scene->path, "thread_time", NULL);
	row = row_of(&t, "tid", PID);
	for (u8 state = 0; state < SPAN_STATE_COUNT; state++)
		if (table_int(&t, row, state_columns[state]) != (s64)expected[state])
			CHECK_FAIL("%s: %s is %lld, not %llu", what, state_columns[state],
				   (long long)table_int(&t, row, state_columns[state]),
				   (unsigned long long)expected[state]);
	CHECK_EQ(table_int(&t, row, "total_ns"), DEATH - BORN);
	table_release(&t);
}

/* It was seen to leave, but not to come back: it is back when it does something. */
static void test_unseen_return(void)
{
	struct scene scene;

	begin(&scene);
	scene_leave(&scene, 20000, PID, TRC_SCHED_RUNNABLE);
	read_call(&scene, 50000, 60000);
	scene_leave(&scene, 70000, PID, TRC_SCHED_SLEEP);
	read_call(&scene, 90000, 95000);
	end(&scene);
	check_times(&scene, "unseen return",
		    (u64[SPAN_STATE_COUNT]){
			    [SPAN_runnable] = 1000,
			    [SPAN_user] = 9000 + 10000 + (DEATH - 95000),
			    [SPAN_preempted] = 30000,
			    [SPAN_system] = 10000 + 5000,
			    [SPAN_sleep] = 20000,
		    });
	scene_release(&scene);
}

/* Its leaving is missing: what lies between the last sign of it and its return is not known. */
static void test_unseen_leave(void)
{
	struct scene scene;

	begin(&scene);
	read_call(&scene, 20000, 30000);
	scene_come(&scene, 50000, PID);
	end(&scene);
	check_times(&scene, "unseen leave",
		    (u64[SPAN_STATE_COUNT]){ [SPAN_runnable] = 1000,
					     [SPAN_user] = 9000 + (DEATH - 50000),
					     [SPAN_system] = 10000,
					     [SPAN_unknown] = 20000 });
	scene_release(&scene);
}

/* Two CPUs: the waker's event may come before the switch of whom it wakes. */
static void test_early_wakeup(void)
{
	struct table_sink t;
	struct scene scene;

	begin(&scene);
	scene_wake(&scene, 29990, 9999, PID);
	scene_leave(&scene, 30000, PID, TRC_SCHED_SLEEP);
	scene_come(&scene, 34000, PID);
	/* This one is no wake-up of the next sleep: there is another. */
	scene_wake(&scene, 39990, 9999, PID);
	scene_leave(&scene, 40000, PID, TRC_SCHED_SLEEP);
	scene_wake(&scene, 45000, 9999, PID);
	scene_come(&scene, 47000, PID);
	end(&scene);
	check_times(&scene, "early wake-up",
		    (u64[SPAN_STATE_COUNT]){
			    [SPAN_runnable] = 1000 + 4000 + 2000,
			    [SPAN_user] = 19000 + 6000 + (DEATH - 47000),
			    [SPAN_sleep] = 5000,
		    });
	table_fill(&t, scene.path, "thread_time", NULL);
	CHECK_EQ(table_int(&t, row_of(&t, "tid", PID), "voluntary_count"), 2);
	table_release(&t);
	scene_release(&scene);
}

/* More segments in a call than are held back. */
static void test_long_call(void)
{
	struct table_sink t;
	struct scene scene;
	u64 at = 20000;
	size_t row;

	begin(&scene);
	for (size_t i = 0; i < 2000; i++) {
		scene_leave(&scene, at += 10, PID, TRC_SCHED_UNINTERRUPTIBLE);
		scene_wake(&scene, at += 100, 9999, PID);
		scene_come(&scene, at += 3, PID);
	}
	read_call(&scene, 20000, at + 10);
	end(&scene);
	table_fill(&t, scene.path, "thread_time", NULL);
	row = row_of(&t, "tid", PID);
	CHECK_EQ(table_int(&t, row, "block_ns"), 2000 * 100);
	CHECK_EQ(table_int(&t, row, "runnable_ns"), 1000 + 2000 * 3);
	CHECK_EQ(table_int(&t, row, "voluntary_count"), 2000);
	CHECK_EQ(table_int(&t, row, "total_ns"), DEATH - BORN);
	/* The last ones at least lie in the call. */
	CHECK(table_int(&t, row, "run_system_ns") > 10 * 100);
	table_release(&t);
	scene_release(&scene);
}

/* A recording without the scheduler's events does not claim to know. */
static void test_without_sched(void)
{
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, BORN, 100, 100, PID, PID, "child");
	read_call(&scene, 20000, 30000);
	read_call(&scene, 40000, 70000);
	end(&scene);
	check_times(&scene, "no scheduler",
		    (u64[SPAN_STATE_COUNT]){
			    [SPAN_call] = 40000, [SPAN_outside] = DEATH - BORN - 40000 });
	scene_release(&scene);
}

/* In a pause nothing is known but a wait that began before it and ended after it; losses mark what they touch. */
static void test_gaps(void)
{
	static const char *const waits[] = { "wait", "wait_by_object", "wait_edge" };
	struct trc_lost pause = { .head = SCENE_HEAD(lost, 60000, 0, 0),
				  .cause = TRC_LOST_PAUSED,
				  .first_ns = SCENE_START + 40000,
				  .last_ns = SCENE_START + 60000 };
	struct table_sink t;
	struct scene scene;

	begin(&scene);
	scene_leave(&scene, 50000, 777, TRC_SCHED_SLEEP);
	scene_put(&scene, TRC_CLASS_TASK, &pause.head);
	scene_lost(&scene, 995000, 996000, 1); /* makes it look for such records */
	end(&scene);
	check_times(&scene, "pause",
		    (u64[SPAN_STATE_COUNT]){ [SPAN_runnable] = 1000,
					     [SPAN_user] = DEATH - BORN - 21000,
					     [SPAN_unknown] = 20000 });
	table_fill(&t, scene.path, "thread_time", NULL);
	CHECK_EQ(table_int(&t, row_of(&t, "tid", PID), "complete"), 0);
	table_release(&t);
	scene_release(&scene);

	begin(&scene);
	scene_leave(&scene, 30000, PID, TRC_SCHED_SLEEP);
	scene_put(&scene, TRC_CLASS_TASK, &pause.head);
	scene_lost(&scene, 995000, 996000, 1);
	scene_wake(&scene, 80000, 9999, PID);
	scene_come(&scene, 81000, PID);
	end(&scene);
	check_times(&scene, "wait over a pause",
		    (u64[SPAN_STATE_COUNT]){ [SPAN_runnable] = 2000,
					     [SPAN_user] = 19000 + DEATH - 81000,
					     [SPAN_sleep] = 50000 });
	/* It is one, and has its end. */
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		table_fill(&t, scene.path, waits[i], NULL);
		CHECK_EQ(t.rows.count, 1);
		CHECK_EQ(table_int(&t, 0, "count"), 1);
		CHECK_EQ(table_int(&t, 0, "max_ns"), 50000);
		CHECK_EQ(table_int(&t, 0, i < 2 ? "max_waker_tid" : "waker_pid"), 9999);
		table_release(&t);
	}
	scene_release(&scene);

	begin(&scene);
	scene_lost(&scene, 200000, 300000, 5);
	end(&scene);
	table_fill(&t, scene.path, "thread_time_series", NULL);
	CHECK_EQ(table_int(&t, row_of(&t, "tid", PID), "complete"), 0);
	table_release(&t);
	table_fill(&t, scene.path, "thread_time",
		   &(struct selection_options){ .time = "400us,1s" });
	CHECK_EQ(table_int(&t, row_of(&t, "tid", PID), "complete"), 1);
	table_release(&t);
	scene_release(&scene);
}

/* What woke it while the call went on was no signal, though nobody saw the call end. */
static void test_unfinished(void)
{
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, BORN, 100, 100, PID, PID, "child");
	for (u64 at = 20000; at < 50000; at += 10000) {
		scene_leave(&scene, at, 100, TRC_SCHED_SLEEP);
		scene_wake(&scene, at + 5000, PID, 100);
		scene_come(&scene, at + 6000, 100);
	}
	scene_leave(&scene, 60000, 100, TRC_SCHED_SLEEP);
	scene_call(&scene, (struct scene_call){ .at = DEATH,
						.tid = 100,
						.tgid = 100,
						.nr = NR_wait4,
						.state = TRC_SYSCALL_UNFINISHED,
						.duration_ns = DEATH - 15000 });
	scene_finish(&scene);
	table_fill(&t, scene.path, "communication",
		   &(struct selection_options){ .pids = { 1, (const char *[]){ "100" } } });
	for (size_t i = 0; i < t.rows.count; i++)
		CHECK_STR(table_text(&t, i, "via"), "child");
	CHECK_EQ(table_int(&t, row_of(&t, "from_pid", PID), "wait_count"), 3);
	table_release(&t);
	scene_release(&scene);
}

/* Tasks ran on two CPUs; of what the scheduler told of the second nothing is left in a file without its end. */
static void test_unseen_cpu(u16 second)
{
	struct trc_task_new record = { .head = SCENE_HEAD(task_new, 30000, PID, PID),
				       .child_tid = PID + 1,
				       .child_tgid = PID + 1,
				       .child_start_ns = SCENE_START + SCENE_BOOT + 30000,
				       .comm = "other" };
	struct table_sink t;
	struct scene scene;
	off_t size;

	begin(&scene);
	record.head.cpu = 1;
	CHECK_FATAL(!trace_stream_append(
		trace_writer_stream(scene.writer, TRC_CLASS_TASK, TRACE_CPU_MIXED), &record.head));
	scene_switch(&scene, (struct scene_switch){ .at = 40000, .tid = 777, .cpu = second });
	end(&scene);
	size = lseek(scene.fd, 0, SEEK_END);
	CHECK_FATAL(size > 1 && !ftruncate(scene.fd, size - 1));
	table_fill(&t, scene.path, "thread_time", NULL);
	CHECK_EQ(table_int(&t, row_of(&t, "tid", PID), "run_user_ns") > 0, second == 1);
	table_release(&t);
	scene_release(&scene);
}

/* ---- no sense at all ---- */

static void put_nonsense(struct scene *scene, u64 *state, u64 at)
{
	u32 one = 100 + make_random(state) % 7, other = 100 + make_random(state) % 7;

	switch (make_random(state) % 12) {
	case 0:
		scene_new(scene, at, one, one, other, other, "x");
		break;
	case 1:
		scene_new(scene, at, one, one, other, one, "x");
		break;
	case 2:
		scene_exit(scene, at, one, one, at - make_random(state) % 100000, 0,
			   make_random(state) % 2);
		break;
	case 3:
		scene_exec(scene, at, one, make_random(state) % 4 ? one : other,
			   at - make_random(state) % 100000, "/bin/x", "x", 1);
		break;
	case 4:
	case 5:
	case 6:
		scene_switch(scene, (struct scene_switch){ .at = at,
							   .tid = one,
							   .next_tid = other,
							   .state = (u8)(make_random(state) % 13),
							   .flags = (u8)make_random(state) });
		break;
	case 7:
	case 8:
		scene_wakeup(scene, (struct scene_wakeup){ .at = at,
							   .tid = one,
							   .woken_tid = other,
							   .context = (u8)(make_random(state) % 5),
							   .flags = (u8)make_random(state) });
		break;
	default:
		scene_call(scene, (struct scene_call){ .at = at,
						       .tid = one,
						       .tgid = make_random(state) % 3 ? one : other,
						       .nr = (u32)(make_random(state) % 300),
						       .state = (u8)(make_random(state) % 3),
						       .ret = (s64)(make_random(state) % 5),
						       .duration_ns = make_random(state) % 20000 });
	}
}

/* Tables of a world without sense: they end, and each moment still counts once. */
static void test_nonsense(u64 seed)
{
	static const char *const sums[] = { "process_time", "cgroup_time", "thread_time_series" };
	struct table_sink t;
	struct scene scene;
	u64 at = 1000, state = seed, total = 0, life = 0, sum;

	scene_begin(&scene, 9);
	for (size_t i = 0; i < 3000; i++)
		put_nonsense(&scene, &state, at += make_random(&state) % 3 * 1000);
	scene.end_ns = SCENE_START + at;
	scene_finish(&scene);
	table_fill(&t, scene.path, "thread_time", NULL);
	for (size_t row = 0; row < t.rows.count; row++) {
		u64 of_thread = 0;

		for (u8 each = 0; each < SPAN_STATE_COUNT; each++) {
			CHECK(table_int(&t, row, state_columns[each]) >= 0);
			of_thread += (u64)table_int(&t, row, state_columns[each]);
		}
		CHECK_EQ(table_int(&t, row, "total_ns"), of_thread);
		total += of_thread;
	}
	table_release(&t);
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		sum = 0;
		table_fill(&t, scene.path, sums[i], NULL);
		for (size_t row = 0; row < t.rows.count; row++)
			sum += (u64)table_int(&t, row, "total_ns");
		table_release(&t);
		CHECK_EQ(sum, total);
	}
	table_fill(&t, scene.path, "critical_path", NULL);
	for (size_t row = 0; row < t.rows.count; row++) {
		CHECK(table_int(&t, row, "duration_ns") > 0);
		if (row)
			CHECK_EQ(table_int(&t, row, "start_ns"), table_int(&t, row - 1, "end_ns"));
		life += (u64)table_int(&t, row, "duration_ns");
	}
	if (t.rows.count)
		CHECK_EQ(life,
			 table_int(&t, t.rows.count - 1, "end_ns") - table_int(&t, 0, "start_ns"));
	table_release(&t);
	scene_release(&scene);
}

int main(void)
{
	test_unseen_return();
	test_unseen_leave();
	test_early_wakeup();
	test_long_call();
	test_without_sched();
	test_gaps();
	test_unfinished();
	test_unseen_cpu(0);
	test_unseen_cpu(1);
	for (u64 seed = 1; seed <= 20; seed++)
		test_nonsense(seed);
	return check_report();
}
