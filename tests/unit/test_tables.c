/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules behind the tables: which futex, who woke whom, who holds it, periods, whose bytes a reader gets. */
#include "analyze/metrics/channel.h"
#include "analyze/metrics/latency.h"
#include "analyze/metrics/series.h"
#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

enum { WAIT = 0, WAKE = 1, REQUEUE = 4, LOCK_PI = 6, WAITV = 128 };

#define US 1000ull
#define MS 1000000ull

struct op {
	u64 at, duration_ns; /* the end */
	u32 tid, tgid;
	u8 op, outcome, flags;
	s64 ret;
	u64 address, object, offset;
	u32 value;
};

static void put(struct scene *scene, struct op op)
{
	struct trc_futex record = { .head = SCENE_HEAD(futex, op.at, op.tid, op.tgid),
				    .op = op.op,
				    .outcome = op.outcome,
				    .flags = op.flags,
				    .ret = op.ret,
				    .value = op.value,
				    .duration_ns = op.duration_ns,
				    .address = op.address,
				    .object = op.object,
				    .offset = op.offset };

	scene_put(scene, TRC_CLASS_FUTEX, &record.head);
}

static void put_wait(struct scene *scene, u64 from, u64 to, u32 tid, u64 address)
{
	put(scene, (struct op){ .at = to,
				.duration_ns = to - from,
				.tid = tid,
				.tgid = 100,
				.op = WAIT,
				.outcome = TRC_FUTEX_WOKEN,
				.address = address,
				.object = 1 });
}

static void put_wake(struct scene *scene, u64 at, u32 tid, u64 address, s64 woken)
{
	put(scene, (struct op){ .at = at,
				.duration_ns = US,
				.tid = tid,
				.tgid = 100,
				.op = WAKE,
				.ret = woken,
				.value = 1,
				.address = address,
				.object = 1 });
}

/* The row of `t` whose columns are these numbers. */
static size_t find2(const struct table_sink *t, const char *a, s64 value_a, const char *b,
		    s64 value_b)
{
	for (size_t i = 0; i < t->rows.count; i++)
		if (table_int(t, i, a) == value_a && table_int(t, i, b) == value_b)
			return i;
	CHECK_FAIL("no row with %s = %lld, %s = %lld", a, (long long)value_a, b,
		   (long long)value_b);
	exit(1);
}

/* 101 holds a lock; 102 and 103 wait for it, get it one after the other. The scheduler is not there. */
static void test_lock(void)
{
	struct table_sink t;
	struct scene scene;
	size_t row;

	scene_begin(&scene, 9);
	put_wake(&scene, 30 * MS, 101, 64,
		 1); /* has it since it is not known when; 102 waits since 10 ms */
	put_wait(&scene, 10 * MS, 30 * MS + 5 * US, 102, 64);
	put_wake(&scene, 37 * MS, 102, 64, 1);
	put_wait(&scene, 20 * MS, 37 * MS + 5 * US, 103, 64);
	put_wake(&scene, 40 * MS, 103, 64, 0);
	scene_finish(&scene);

	table_fill(&t, scene.path, "futex", NULL);
	CHECK_EQ(t.rows.count, 1);
	CHECK_STR(table_text(&t, 0, "use"), "lock");
	CHECK_EQ(table_int(&t, 0, "waiters_max"), 2);
	CHECK_EQ(table_int(&t, 0, "thread_count"), 3);
	CHECK_EQ(table_int(&t, 0, "hold_count"), 3);
	/* From the wait's begin to the wake's begin; from a wake-up to the next wake's begin, twice. */
	CHECK_EQ(table_int(&t, 0, "hold_ns"),
		 (s64)(20 * MS - US + 7 * MS - 6 * US + 3 * MS - 6 * US));
	CHECK_EQ(table_int(&t, 0, "hold_max_tid"), 101);
	CHECK_EQ(table_int(&t, 0, "wake_success_count"), 2);
	table_release(&t);

	table_fill(&t, scene.path, "futex_edge", NULL);
	CHECK_EQ(t.rows.count, 2);
	row = find2(&t, "waker_tid", 101, "waiter_tid", 102);
	CHECK_EQ(table_int(&t, row, "wait_total_ns"), (s64)(20 * MS + 5 * US));
	row = find2(&t, "waker_tid", 102, "waiter_tid", 103);
	CHECK_EQ(table_int(&t, row, "wait_total_ns"), (s64)(17 * MS + 5 * US));
	table_release(&t);
	scene_release(&scene);
}

/* One call wakes two; the scheduler says of one of them that it was another. */
static void test_wakers(void)
{
	struct trc_sched_wakeup wakeup = { .head = SCENE_HEAD(sched_wakeup, 20 * MS, 105, 100),
					   .woken_tid = 103,
					   .woken_tgid = 100 };
	struct table_sink t;
	struct scene scene;

	scene_begin(&scene, 9);
	scene_new(&scene, 500, 100, 100, 103, 100, "waiter");
	put_wait(&scene, 1 * MS, 2 * MS, 105, 8); /* it is somebody */
	put_wake(&scene, 19 * MS, 101, 64, 2);
	scene_put(&scene, TRC_CLASS_SCHED, &wakeup.head);
	put_wait(&scene, 10 * MS, 21 * MS, 102, 64);
	put_wait(&scene, 11 * MS, 22 * MS, 103, 64);
	put_wait(&scene, 12 * MS, 23 * MS, 104, 64);
	put_wait(&scene, 13 * MS, 24 * MS, 106, 64); /* nobody is left who could have woken it */
	scene_finish(&scene);
	table_fill(&t, scene.path, "futex_edge", NULL);
	CHECK_EQ(t.rows.count, 5);
	find2(&t, "waker_tid", 101, "waiter_tid", 102);
	find2(&t, "waker_tid", 105, "waiter_tid", 103);
	find2(&t, "waker_tid", 101, "waiter_tid", 104);
	find2(&t, "waker_tid", TABLE_NULL, "waiter_tid", 106);
	table_release(&t);
	table_fill(&t, scene.path, "futex", NULL);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 1, "waiters_max"), 4);
	CHECK_STR(table_text(&t, 1, "use"), "scheduling");
	CHECK_EQ(table_int(&t, 1, "hold_ns"), TABLE_NULL);
	table_release(&t);
	scene_release(&scene);
}

/* A futex is its address space and address; in a file its inode and offset; after an exec all are new. */
static void test_identity(void)
{
	struct table_sink t;
	struct scene scene;
	struct op op = { .duration_ns = US, .tid = 100, .tgid = 100, .op = WAKE };

	scene_begin(&scene, 9);
	scene_new(&scene, 500, 100, 100, 101, 101, "child");
	op.address = 4096;
	op.object = 7;
	op.at = 1 * MS;
	put(&scene, op);
	op.tid = op.tgid = 101; /* a child of fork: the same address, another space */
	op.object = 8;
	op.at = 2 * MS;
	put(&scene, op);
	op.flags = TRC_FUTEX_IN_FILE; /* the same place in a file, at two addresses */
	op.object = 77;
	op.offset = 64;
	op.at = 3 * MS;
	put(&scene, op);
	op.tid = op.tgid = 100;
	op.address = 8192;
	op.at = 4 * MS;
	put(&scene, op);
	op = (struct op){ .at = 5 * MS,
			  .duration_ns = US,
			  .tid = 100,
			  .tgid = 100,
			  .op = WAKE,
			  .address = 4096,
			  .flags = TRC_FUTEX_UNKNOWN };
	put(&scene, op); /* where it lies is not known: taken for that of its process */
	scene_exec(&scene, 6 * MS, 101, 101, 500, "/bin/cc", "cc", 2);
	op = (struct op){ .at = 7 * MS,
			  .duration_ns = US,
			  .tid = 101,
			  .tgid = 101,
			  .op = WAKE,
			  .address = 4096,
			  .object = 9 };
	put(&scene, op);
	scene_finish(&scene);
	table_fill(&t, scene.path, "futex", NULL);
	CHECK_EQ(t.rows.count, 4);
	rows_sort(&t.rows, 0, false);
	CHECK_EQ(table_int(&t, 0, "wake_count"), 2);
	CHECK_STR(table_text(&t, 0, "place"), "memory");
	CHECK_EQ(table_int(&t, 1, "wake_count"), 1);
	CHECK_EQ(table_int(&t, 1, "pid"), 101);
	CHECK_STR(table_text(&t, 2, "place"), "file");
	CHECK_EQ(table_int(&t, 2, "wake_count"), 2);
	CHECK_EQ(table_int(&t, 2, "thread_count"), 2);
	CHECK_STR(table_text(&t, 2, "futex"), "futex +0x40 of inode 77 on 0:0");
	CHECK_STR(table_text(&t, 3, "futex"), "futex 0x1000 of cc[101]");
	table_release(&t);
	scene_release(&scene);
}

/* A wait counts in each period that it touches, for the time that it was in it. */
static void test_periods(void)
{
	static const s64 times[] = { 250, 1000, 1000, 500 };
	struct table_sink t;
	struct scene scene;
	s64 calls = 0;

	scene_begin(&scene, 9);
	scene.end_ns = SCENE_START + 10000 * MS;
	put_wait(&scene, 750 * MS, 3500 * MS, 101, 64);
	put_wake(&scene, 3600 * MS, 101, 64, 0);
	scene_finish(&scene);
	table_fill(&t, scene.path, "futex_series", NULL);
	CHECK_EQ(t.rows.count, 4);
	for (size_t i = 0; i < 4; i++) {
		CHECK_EQ(table_int(&t, i, "period"), (s64)i);
		CHECK_EQ(table_int(&t, i, "from_ns"), (s64)(SCENE_START + i * 1000 * MS));
		CHECK_EQ(table_int(&t, i, "wait_ns"), times[i] * (s64)MS);
		calls += table_int(&t, i, "wait_count") + table_int(&t, i, "wake_count");
	}
	CHECK_EQ(calls, 2);
	CHECK_EQ(table_int(&t, 3, "wait_count"), 1);
	table_release(&t);
	scene_release(&scene);
}

/* ---- whose bytes ---- */

struct passed {
	char text[512];
};

static void note(void *context, u32 from, u32 to, u64 bytes)
{
	struct passed *passed = context;
	size_t len = strlen(passed->text);

	snprintf(passed->text + len, sizeof(passed->text) - len, "%u>%u:%llu ", from, to,
		 (unsigned long long)bytes);
}

static void test_channel(void)
{
	struct channel channel = {};
	struct passed passed = {};

	channel_write(&channel, 1, 10, note, &passed);
	channel_write(&channel, 2, 5, note, &passed);
	channel_read(&channel, 3, 12, note, &passed);
	CHECK_STR(passed.text, "1>3:10 2>3:2 ");
	passed.text[0] = 0;
	/* Read before the write's call returned. */
	channel_read(&channel, 3, 4, note, &passed);
	channel_read(&channel, 4, 6, note, &passed);
	channel_write(&channel, 1, 9, note, &passed);
	CHECK_STR(passed.text, "2>3:3 1>3:1 1>4:6 ");
	passed.text[0] = 0;
	channel_end(&channel, note, &passed);
	CHECK_STR(passed.text, "1>0:2 ");
	passed.text[0] = 0;
	channel_read(&channel, 7, 8, note, &passed);
	channel_end(&channel, note, &passed);
	CHECK_STR(passed.text, "0>7:8 ");
	/* Very many writers at once: their bytes are counted, if not as theirs. */
	passed.text[0] = 0;
	for (u32 i = 0; i < 2 * CHANNEL_PARTS_MAX; i++)
		channel_write(&channel, i + 1, 1, note, &passed);
	CHECK_EQ(channel.count, CHANNEL_PARTS_MAX);
	for (u32 i = 0; i < CHANNEL_PARTS_MAX - 1; i++) {
		passed.text[0] = 0;
		channel_read(&channel, 9000, 1, note, &passed);
	}
	passed.text[0] = 0;
	channel_read(&channel, 9000, CHANNEL_PARTS_MAX + 1, note, &passed);
	CHECK_STR(passed.text, "256>9000:257 ");
	channel_end(&channel, note, &passed);
}

int main(void)
{
	test_lock();
	test_wakers();
	test_identity();
	test_periods();
	test_channel();
	return check_report();
}
