/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the time of threads went: against what a made-up world did with it, and with parts of the evidence missing.
 * Over 500 lines because the world, what it tells of itself and the checks share their structs.
 */
#include "tests/unit/make_sched.h"
#include "tests/unit/make_tables.h"

/* ---- a random world ---- */

#define THREADS	 11
#define BIRTH_NS 1000000ull
#define LIFE_NS	 3000000ull

struct world {
	u64 state; /* of the random numbers */
	bool flags;
	u64 spent[THREADS][SPAN_STATE_COUNT];
	u64 waits[THREADS], wakeups[THREADS];
};

struct life {
	struct scene *scene;
	struct world *world;
	u32 thread;
	u64 at;
	bool in_call;
};

static u64 some(struct life *life, u64 most)
{
	return 1 + make_random(&life->world->state) % most;
}

static void spend(struct life *life, u8 state, u64 ns)
{
	life->world->spent[life->thread][state] += ns;
	life->at += ns;
}

static void run(struct life *life)
{
	spend(life, life->in_call ? SPAN_system : SPAN_user, some(life, 5000));
}

static void leave(struct life *life, u8 state, u8 flags)
{
	u32 tid = 200 + life->thread;

	flags |= TRC_SWITCH_FROM_TARGET;
	if (life->world->flags)
		flags |= life->in_call ? TRC_SWITCH_IN_CALL : TRC_SWITCH_NOT_IN_CALL;
	scene_switch(life->scene, (struct scene_switch){ .at = life->at,
							 .tid = tid,
							 .next_tid = 7,
							 .cpu = (u16)life->thread,
							 .state = state,
							 .flags = flags });
}

static void come(struct life *life)
{
	scene_switch(life->scene, (struct scene_switch){ .at = life->at,
							 .tid = 7,
							 .next_tid = 200 + life->thread,
							 .cpu = (u16)life->thread,
							 .flags = TRC_SWITCH_TO_TARGET });
}

static void lose_cpu(struct life *life)
{
	leave(life, TRC_SCHED_RUNNABLE, 0);
	spend(life, SPAN_preempted, some(life, 3000));
	come(life);
}

static void wait(struct life *life)
{
	u64 kind = make_random(&life->world->state) % 3;

	leave(life, kind ? TRC_SCHED_UNINTERRUPTIBLE : TRC_SCHED_SLEEP,
	      kind == 2 ? TRC_SWITCH_IOWAIT : 0);
	spend(life, kind == 2 ? SPAN_iowait : kind ? SPAN_block : SPAN_sleep, some(life, 20000));
	scene_wakeup(life->scene, (struct scene_wakeup){ .at = life->at,
							 .tid = 9999,
							 .woken_tid = 200 + life->thread,
							 .cpu = (u16)life->thread,
							 .flags = TRC_WAKEUP_TARGET });
	spend(life, SPAN_runnable, some(life, 2000));
	come(life);
	life->world->waits[life->thread]++;
	life->world->wakeups[life->thread]++;
}

static void something(struct life *life)
{
	u64 entry = life->at;

	switch (make_random(&life->world->state) % 4) {
	case 0:
		lose_cpu(life);
		break;
	case 1: /* a page fault */
		wait(life);
		break;
	default:
		life->in_call = true;
		run(life);
		for (u64 n = make_random(&life->world->state) % 4; n; n--) {
			if (make_random(&life->world->state) % 2)
				wait(life);
			else
				lose_cpu(life);
			run(life);
		}
		life->in_call = false;
		scene_call(life->scene, (struct scene_call){ .at = life->at,
							     .tid = 200 + life->thread,
							     .tgid = 200 + life->thread,
							     .cpu = (u16)life->thread,
							     .nr = NR_read,
							     .duration_ns = life->at - entry });
	}
}

static void live(struct scene *scene, struct world *world, u32 thread)
{
	struct life life = { .scene = scene, .world = world, .thread = thread };
	u32 tid = 200 + thread;
	u64 born = BIRTH_NS + thread * 1000;

	life.at = born;
	spend(&life, SPAN_runnable, some(&life, 100000));
	come(&life);
	run(&life);
	while (life.at < born + LIFE_NS) {
		something(&life);
		run(&life);
	}
	/* It dies inside a call that never returns. */
	life.in_call = true;
	spend(&life, SPAN_system, 777);
	scene_call(scene, (struct scene_call){ .at = life.at,
					       .tid = tid,
					       .tgid = tid,
					       .cpu = (u16)thread,
					       .nr = NR_exit_group,
					       .state = TRC_SYSCALL_UNFINISHED,
					       .duration_ns = 777 });
	scene_exit(scene, life.at, tid, tid, born, 0, true);
	leave(&life, TRC_SCHED_DEAD, 0);
}

static void make_world(struct scene *scene, struct world *world)
{
	scene_begin(scene, 9);
	scene_exec(scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	for (u32 i = 0; i < THREADS; i++)
		scene_new(scene, BIRTH_NS + i * 1000, 100, 100, 200 + i, 200 + i, "child");
	for (u32 i = 0; i < THREADS; i++)
		live(scene, world, i);
	scene_exit(scene, 10000000, 100, 100, 0, 0, true);
	scene->end_ns = SCENE_START + 20000000;
	scene_finish(scene);
}

/* Every nanosecond is where it was spent. */
static void test_world(bool flags)
{
	struct world world = { .state = 42 + flags, .flags = flags };
	struct table_sink t;
	struct scene scene;

	make_world(&scene, &world);
	table_fill(&t, scene.path, "thread_time", NULL);
	CHECK_EQ(t.rows.count, THREADS + 1);
	for (u32 i = 0; i < THREADS; i++) {
		size_t row = row_of(&t, "tid", 200 + i);
		u64 total = 0;

		for (u8 state = 0; state < SPAN_STATE_COUNT; state++) {
			CHECK_EQ(table_int(&t, row, state_columns[state]), world.spent[i][state]);
			total += world.spent[i][state];
		}
		CHECK_EQ(table_int(&t, row, "total_ns"), total);
		CHECK_EQ(table_int(&t, row, "voluntary_count"), world.waits[i]);
		CHECK_EQ(table_int(&t, row, "wakeup_count"), world.wakeups[i]);
		CHECK_EQ(table_int(&t, row, "complete"), 1);
	}
	table_release(&t);
	scene_release(&scene);
}

static void add_states(struct table_sink *t, u64 sums[SPAN_STATE_COUNT])
{
	for (size_t row = 0; row < t->rows.count; row++)
		for (u8 state = 0; state < SPAN_STATE_COUNT; state++)
			sums[state] += (u64)table_int(t, row, state_columns[state]);
}

/* Windows that follow each other, periods, processes: each has its part, and the parts make the whole. */
static void test_parts(void)
{
	static const char *const windows[] = { "0,700us", "700us,1500us", "1500us,2ms",
					       "2ms,2003us", "2003us,4s" };
	static const char *const tables[] = { "thread_time_series", "process_time", "cgroup_time" };
	u64 whole[SPAN_STATE_COUNT] = {}, parts[SPAN_STATE_COUNT] = {}, waited = 0, in_rows = 0;
	struct world world = { .state = 5, .flags = true };
	struct table_sink t;
	struct scene scene;

	make_world(&scene, &world);
	table_fill(&t, scene.path, "thread_time", NULL);
	add_states(&t, whole);
	table_release(&t);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		table_fill(&t, scene.path, "thread_time",
			   &(struct selection_options){ .time = windows[i] });
		add_states(&t, parts);
		table_release(&t);
	}
	CHECK_MEM(whole, parts, sizeof(whole));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		memset(parts, 0, sizeof(parts));
		table_fill(&t, scene.path, tables[i], NULL);
		add_states(&t, parts);
		table_release(&t);
		CHECK_MEM(whole, parts, sizeof(whole));
	}
	waited = whole[SPAN_sleep] + whole[SPAN_block] + whole[SPAN_iowait];
	for (size_t i = 0; i < 3; i++) {
		in_rows = 0;
		table_fill(&t, scene.path,
			   (const char *[]){ "wait", "wait_edge", "wait_by_object" }[i], NULL);
		for (size_t row = 0; row < t.rows.count; row++)
			in_rows += (u64)table_int(&t, row, "total_ns");
		table_release(&t);
		CHECK_EQ(in_rows, waited);
	}
	in_rows = 0;
	for (u8 state = 0; state < SPAN_STATE_COUNT; state++)
		in_rows += whole[state];
	table_fill(&t, scene.path, "time_spent", NULL);
	for (size_t row = 0; row < t.rows.count; row++)
		in_rows -= (u64)table_int(&t, row, "time_ns");
	table_release(&t);
	CHECK_EQ(in_rows, 0);
	scene_release(&scene);
}

/* ---- the critical path ---- */

struct segment {
	u64 start_ns, duration_ns;
	u32 tid;
	const char *state, *via;
};

static void check_path(const struct table_sink *t, const struct segment *segments, size_t count)
{
	CHECK_EQ(t->rows.count, count);
	for (size_t i = 0; i < count && i < t->rows.count; i++) {
		CHECK_EQ(table_int(t, i, "segment"), i + 1);
		CHECK_EQ(table_int(t, i, "start_ns"), SCENE_START + segments[i].start_ns);
		CHECK_EQ(table_int(t, i, "duration_ns"), segments[i].duration_ns);
		CHECK_EQ(table_int(t, i, "tid"), segments[i].tid);
		CHECK_STR(table_text(t, i, "state"), segments[i].state);
		CHECK_STR(table_text(t, i, "via"), segments[i].via);
	}
}

/* Thread 101 ends, which wakes its parent in a wait4 of so long; the parent ends, and so does the scene. */
static void end_child(struct scene *scene, u64 wait_ns)
{
	scene_exit(scene, 60000, 101, 101, 10000, 0, true);
	scene_wake(scene, 60500, 101, 100);
	scene_come(scene, 63000, 100);
	scene_call(scene, (struct scene_call){ .at = 64000,
					       .tid = 100,
					       .tgid = 100,
					       .nr = NR_wait4,
					       .ret = 101,
					       .duration_ns = wait_ns });
	scene_exit(scene, 70000, 100, 100, 0, 0, true);
	scene_finish(scene);
}

/* A shell waits for a child, which waits for a timer: the path goes through the child, and the timer. */
static void test_path(void)
{
	static const struct segment path[] = {
		{ 0, 1000, 100, "stopped", NULL },	   { 1000, 9000, 100, "run", NULL },
		{ 10000, 2000, 101, "runnable", "birth" }, { 12000, 8000, 101, "run", NULL },
		{ 20000, 30000, 101, "sleep", NULL },	   { 50000, 1000, 101, "runnable", NULL },
		{ 51000, 9500, 101, "run", NULL },	   { 60500, 2500, 100, "runnable", "wake" },
		{ 63000, 7000, 100, "run", NULL },
	};
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 10000, 100, 100, 101, 101, "child");
	scene_come(&scene, 12000, 101);
	scene_leave(&scene, 15000, 100, TRC_SCHED_SLEEP);
	scene_leave(&scene, 20000, 101, TRC_SCHED_SLEEP);
	scene_wakeup(&scene, (struct scene_wakeup){ .at = 50000,
						    .woken_tid = 101,
						    .context = TRC_CONTEXT_HARDIRQ,
						    .flags = TRC_WAKEUP_TARGET });
	scene_come(&scene, 51000, 101);
	/* It ends, and wakes its parent while it is ending. */
	end_child(&scene, 50000);
	table_fill(&t, scene.path, "critical_path", NULL);
	check_path(&t, path, ARRAY_SIZE(path));
	CHECK_STR(table_text(&t, 7, "via_reason"), "child");
	table_release(&t);
	table_fill(&t, scene.path, "wait", NULL);
	CHECK_EQ(t.rows.count, 2);
	CHECK_STR(table_text(&t, row_of(&t, "tid", 100), "reason"), "child");
	CHECK_STR(table_text(&t, row_of(&t, "tid", 100), "object"), "child ended[101]");
	CHECK_EQ(table_int(&t, row_of(&t, "tid", 100), "max_waker_tid"), 101);
	CHECK_EQ(table_int(&t, row_of(&t, "tid", 100), "total_ns"), 45500);
	table_release(&t);
	table_fill(&t, scene.path, "critical_path_by_process", NULL);
	CHECK_EQ(t.rows.count, 2);
	CHECK_EQ(table_int(&t, 0, "duration_ns") + table_int(&t, 1, "duration_ns"), 70000);
	CHECK_EQ(table_int(&t, 1, "wait_ns"), 30000);
	table_release(&t);
	/* Of a window the part that lies in it; of a process its own path. */
	table_fill(&t, scene.path, "critical_path",
		   &(struct selection_options){ .time = "30us,61us" });
	CHECK_EQ(t.rows.count, 4);
	CHECK_EQ(table_int(&t, 0, "duration_ns"), 20000);
	CHECK_EQ(table_int(&t, 3, "duration_ns"), 500);
	table_release(&t);
	table_fill(&t, scene.path, "critical_path",
		   &(struct selection_options){ .pids = { 1, (const char *[]){ "101" } } });
	CHECK_EQ(table_int(&t, t.rows.count - 1, "end_ns"), SCENE_START + 60000);
	table_release(&t);
	scene_release(&scene);
}

#define TURNS 400000

/* A path longer than what is held: what is long ago is summed up, and the sum is still that of the life. */
/* What was waited for has the name that it had in the end, though vfork had seen it before its exec. */
static void test_child(void)
{
	struct scene scene;
	struct table_sink t;

	scene_begin(&scene, 1);
	scene_new(&scene, 0, 1, 1, 100, 100, "shell");
	scene_come(&scene, 1000, 100);
	scene_new(&scene, 10000, 100, 100, 101, 101, "shell");
	scene_leave(&scene, 11000, 100, TRC_SCHED_UNINTERRUPTIBLE);
	scene_come(&scene, 12000, 101);
	scene_wake(&scene, 20000, 101, 100);
	scene_come(&scene, 21000, 100);
	scene_call(&scene, (struct scene_call){ .at = 22000,
						.tid = 100,
						.tgid = 100,
						.nr = NR_vfork,
						.ret = 101,
						.duration_ns = 12500 });
	scene_exec(&scene, 23000, 101, 0, 10000, "/bin/true", "true", 4);
	scene_leave(&scene, 30000, 100, TRC_SCHED_SLEEP);
	end_child(&scene, 40000);
	table_fill(&t, scene.path, "wait", NULL);
	CHECK_EQ(t.rows.count, 2);
	for (size_t i = 0; i < t.rows.count; i++)
		CHECK_STR(table_text(&t, i, "object"), "child ended[101]");
	table_release(&t);
	table_fill(&t, scene.path, "wait_by_object", NULL);
	CHECK_EQ(t.rows.count, 2);
	CHECK_STR(table_text(&t, 0, "object"), "child ended");
	CHECK_STR(table_text(&t, 1, "object"), "child ended");
	table_release(&t);
	scene_release(&scene);
}

/* Whom a soft interrupt interrupts has ended no timer. */
static void test_interrupted(void)
{
	static const char *const tables[] = { "wait", "wait_by_object" };
	struct scene scene;
	struct table_sink t;

	scene_begin(&scene, 1);
	scene_new(&scene, 0, 1, 1, 100, 100, "sleeper");
	scene_new(&scene, 500, 1, 1, 101, 101, "busy");
	scene_come(&scene, 1000, 100);
	scene_leave(&scene, 11000, 100, TRC_SCHED_SLEEP);
	scene_come(&scene, 12000, 101);
	scene_wakeup(&scene,
		     (struct scene_wakeup){ .at = 60000,
					    .tid = 101,
					    .woken_tid = 100,
					    .context = TRC_CONTEXT_SOFTIRQ,
					    .flags = TRC_WAKEUP_TARGET | TRC_WAKEUP_BY_TARGET });
	scene_come(&scene, 61000, 100);
	scene_call(&scene, (struct scene_call){ .at = 62000,
						.tid = 100,
						.tgid = 100,
						.nr = NR_nanosleep,
						.duration_ns = 52000 });
	scene_exit(&scene, 70000, 100, 100, 0, 0, true);
	scene_finish(&scene);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		table_fill(&t, scene.path, tables[i], NULL);
		CHECK_EQ(t.rows.count, 1);
		CHECK_EQ(table_cell(&t, 0, "max_waker_tid")->type, VALUE_NULL);
		CHECK_EQ(table_cell(&t, 0, "max_waker_comm")->type, VALUE_NULL);
		table_release(&t);
	}
	table_fill(&t, scene.path, "wait", NULL);
	CHECK_STR(table_text(&t, 0, "max_context"), "softirq");
	CHECK_EQ(table_int(&t, 0, "by_interrupt_count"), 1);
	table_release(&t);
	table_fill(&t, scene.path, "wait_edge", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_EQ(table_cell(&t, 0, "waker_process_id")->type, VALUE_NULL);
	CHECK_EQ(table_cell(&t, 0, "waker_pid")->type, VALUE_NULL);
	CHECK_STR(table_text(&t, 0, "context"), "softirq");
	table_release(&t);
	scene_release(&scene);
}

static void test_long_path(void)
{
	u64 at = 20000, sum = 0, summed = 0;
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_exec(&scene, 1000, 100, 100, 0, "/bin/sh", "sh", 2);
	scene_new(&scene, 10000, 100, 100, 101, 101, "child");
	scene_leave(&scene, at, 100, TRC_SCHED_SLEEP);
	scene_come(&scene, at, 101);
	for (u32 i = 0; i < TURNS; i++) {
		u32 from = 100 + !(i % 2), to = 100 + i % 2;

		scene_wake(&scene, at += 100, from, to);
		scene_leave(&scene, at += 10, from, TRC_SCHED_SLEEP);
		scene_come(&scene, at, to);
	}
	scene_exit(&scene, at += 50, 101, 101, 10000, 0, true);
	scene_wake(&scene, at += 10, 101, 100);
	scene_come(&scene, at += 10, 100);
	scene_exit(&scene, at += 50, 100, 100, 0, 0, true);
	scene.end_ns = SCENE_START + at;
	scene_finish(&scene);
	table_fill(&t, scene.path, "critical_path", NULL);
	CHECK(t.rows.count > 1000 && t.rows.count < 300000);
	for (size_t row = 0; row < t.rows.count; row++) {
		sum += (u64)table_int(&t, row, "duration_ns");
		summed += table_int(&t, row, "count") > 1 ? (u64)table_int(&t, row, "count") : 0;
	}
	CHECK_EQ(sum, at);
	CHECK(summed > TURNS / 4);
	table_release(&t);
	scene_release(&scene);
}

int main(void)
{
	test_world(true);
	test_world(false);
	test_parts();
	test_path();
	test_child();
	test_interrupted();
	test_long_path();
	return check_report();
}
