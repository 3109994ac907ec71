/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replay: the order and the splitting of lines, the forms of times, and that memory stays bounded.
 */
#include "analyze/replay.h"
#include "analyze/replay_order.h"
#include "tests/unit/make_scene.h"

#include <errno.h>

#define ALL_EVENTS (1ull << 40) /* a window that holds everything: one pass */

static char *replay_text(const struct scene *scene, struct replay_options options,
			 const struct selection_options *selection)
{
	static const struct selection_options all;
	struct walk *walk;
	char *error = NULL, *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!options.window_events)
		options.window_events = REPLAY_WINDOW_EVENTS;
	CHECK_FATAL(!walk_open(scene->path, selection ? selection : &all, 0, &walk, &error));
	CHECK_EQ(replay_write(walk, &options, out), 0);
	walk_close(walk);
	fclose(out);
	return text;
}

static void check_text(const char *have, const char *want)
{
	check_count++;
	if (strcmp(have, want))
		CHECK_FAIL("want:\n%shave:\n%s", want, have);
}

static void check_replay(const struct scene *scene, struct replay_options options, const char *want)
{
	char *have = replay_text(scene, options, NULL);

	check_text(have, want);
	free(have);
}

#define CALL(a_tid, a_nr, from, to, ...)                                                           \
	scene_call(&scene, (struct scene_call){ .at = (to),                                        \
						.tid = (a_tid),                                    \
						.tgid = 100,                                       \
						.nr = NR_##a_nr,                                   \
						.duration_ns = (to) - (from),                      \
						__VA_ARGS__ })

static const struct replay_options since_start = { .time = REPLAY_TIME_START };

/* ---- order and splitting ---- */

static void test_order(void)
{
	struct scene scene;

	scene_begin(&scene, 1);
	CALL(100, getppid, 1000, 2000, .ret = 1);
	/* within one another */
	CALL(102, write, 4000, 5000, .ret = 7);
	CALL(101, read, 3000, 6000, .ret = 5);
	/* overlapping, the first to begin ends first */
	CALL(101, read, 7000, 9000, .ret = 0);
	CALL(102, close, 8000, 10000, .ret = 0);
	/* one ends when the other begins */
	CALL(101, close, 11000, 12000, .ret = 0);
	CALL(102, close, 12000, 13000, .ret = 0);
	/* no time at all, twice */
	CALL(101, getppid, 14000, 14000, .ret = 1);
	CALL(101, getppid, 14000, 14000, .ret = 2);
	/* the end of everything: the other thread is killed in its call */
	CALL(102, read, 15000, 17000, .state = TRC_SYSCALL_UNFINISHED);
	CALL(101, exit_group, 16000, 17500, .state = TRC_SYSCALL_UNFINISHED);
	scene_exit(&scene, 18000, 102, 100, 0, 3 << 8, false);
	scene_exit(&scene, 19000, 101, 100, 0, 3 << 8, true);
	scene_finish(&scene);
	check_replay(&scene, since_start,
		     "100   0.000001 getppid() = 1 <0.000001>\n"
		     "101   0.000003 read(60,  <unfinished ...>\n"
		     "102   0.000004 write(60, 0x46, 80) = 7 <0.000001>\n"
		     "101   0.000006 <... read resumed>0x46, 80) = 5 <0.000003>\n"
		     "101   0.000007 read(60,  <unfinished ...>\n"
		     "102   0.000008 close(60 <unfinished ...>\n"
		     "101   0.000009 <... read resumed>\"\", 80) = 0 <0.000002>\n"
		     "102   0.000010 <... close resumed>) = 0 <0.000002>\n"
		     "101   0.000011 close(60) = 0 <0.000001>\n"
		     "102   0.000012 close(60) = 0 <0.000001>\n"
		     "101   0.000014 getppid() = 1 <0.000000>\n"
		     "101   0.000014 getppid() = 2 <0.000000>\n"
		     "102   0.000015 read(60,  <unfinished ...>\n"
		     "101   0.000016 exit_group(60 <unfinished ...>\n"
		     "102   0.000017 <... read resumed> <unfinished ...>) = ?\n"
		     "101   0.000017 <... exit_group resumed>) = ?\n"
		     "102   0.000018 +++ exited with 3 +++\n"
		     "101   0.000019 +++ exited with 3 +++\n");
	check_replay(&scene,
		     (struct replay_options){ .time = REPLAY_TIME_NONE,
					      .whole = true,
					      .no_durations = true,
					      .column = 24 },
		     "100   getppid()         = 1\n"
		     "102   write(60, 0x46, 80) = 7\n"
		     "101   read(60, 0x46, 80) = 5\n"
		     "101   read(60, \"\", 80)  = 0\n"
		     "102   close(60)         = 0\n"
		     "101   close(60)         = 0\n"
		     "102   close(60)         = 0\n"
		     "101   getppid()         = 1\n"
		     "101   getppid()         = 2\n"
		     "102   read(60,  <unfinished ...>) = ?\n"
		     "101   exit_group(60)    = ?\n"
		     "102   +++ exited with 3 +++\n"
		     "101   +++ exited with 3 +++\n");
	scene_release(&scene);
}

/* ---- events beside calls ---- */

static void test_events(void)
{
	struct scene scene;

	scene_begin(&scene, 1);
	CALL(100, read, 1000, 1000, .state = TRC_SYSCALL_NO_ENTER, .ret = 5);
	/* 103 executes and becomes 100; 100 itself was waiting */
	CALL(100, read, 2000, 4500, .state = TRC_SYSCALL_UNFINISHED);
	scene_exit(&scene, 4600, 100, 100, 0, 9, false);
	scene_exec(&scene, 5000, 100, 103, 0, "/bin/true", "true", 5);
	scene_call(&scene,
		   (struct scene_call){
			   .at = 6000, .tid = 100, .tgid = 100, .nr = 59, .duration_ns = 3000 });
	/* an exec by the leader writes no line and splits none */
	scene_exec(&scene, 7000, 100, 100, 0, "/bin/true", "true", 5);
	scene_call(&scene,
		   (struct scene_call){
			   .at = 7500, .tid = 100, .tgid = 100, .nr = 59, .duration_ns = 1000 });
	scene_lost(&scene, 8000, 9000, 123);
	CALL(100, read, 9500, 9600, .ret = -4);
	CALL(100, read, 9700, 9800, .ret = -512);
	CALL(100, read, 9850, 9860, .flags = 1);
	scene_exit(&scene, 10000, 100, 100, 0, 6 | 0x80, true);
	scene_exit(&scene, 11000, 123456, 123456, 0, 40, true);
	scene_finish(&scene);
	check_replay(&scene, since_start,
		     "100   0.000001 <... read resumed> /* entered before it was watched */) = 5\n"
		     "100   0.000002 read(60,  <unfinished ...>\n"
		     "103   0.000003 execve(0x3c, 0x46, 0x50 <unfinished ...>\n"
		     "100   0.000004 <... read resumed> <unfinished ...>) = ?\n"
		     "100   0.000004 +++ killed by SIGKILL +++\n"
		     "100   0.000005 +++ superseded by execve in pid 103 +++\n"
		     "100   0.000006 <... execve resumed>) = 0 <0.000003>\n"
		     "100   0.000006 execve(0x3c, 0x46, 0x50) = 0 <0.000001>\n"
		     "0     0.000008 --- lost 123 syscall events (ring full) between "
		     "1700000000.000008 and "
		     "1700000000.000009 ---\n"
		     "100   0.000009 read(60, 0x46, 80) = -1 EINTR (Interrupted system call) "
		     "<0.000000>\n"
		     "100   0.000009 read(60, 0x46, 80) = ? ERESTARTSYS (To be restarted if "
		     "SA_RESTART is set) "
		     "<0.000000>\n"
		     "100   0.000010 +++ killed by SIGABRT (core dumped) +++\n"
		     "123456 0.000011 +++ killed by SIGRT_8 +++\n");
	scene_release(&scene);
}

/* Other numbers, other structs: said once before, also when the line is split, and for each thread. */
static void test_modes(void)
{
	struct scene scene;

	scene_begin(&scene, 1);
	CALL(100, getppid, 1000, 2000, .ret = 1);
	CALL(100, close, 3000, 8000, .abi = SYSCALL_ABI_I386);
	CALL(102, close, 4000, 5000);
	CALL(102, close, 6000, 7000, .abi = SYSCALL_ABI_X32);
	CALL(100, close, 9000, 9000, .abi = SYSCALL_ABI_I386);
	CALL(100, getppid, 10000, 11000, .ret = 1);
	scene_finish(&scene);
	check_replay(&scene,
		     (struct replay_options){ .no_durations = true, .time = REPLAY_TIME_NONE },
		     "100   getppid() = 1\n"
		     "100   [ Process PID=100 runs in 32 bit mode. ]\n"
		     "100   syscall_0x3(0x3c <unfinished ...>\n"
		     "102   close(60) = 0\n"
		     "102   [ Process PID=102 runs in x32 mode. ]\n"
		     "102   syscall_0x3(0x3c) = 0\n"
		     "100   <... syscall_0x3 resumed>) = 0\n"
		     "100   syscall_0x3(0x3c) = 0\n"
		     "100   [ Process PID=100 runs in 64 bit mode. ]\n"
		     "100   getppid() = 1\n");
	scene_release(&scene);
}

/* ---- times ---- */

static void test_times(void)
{
	struct replay_options options = { .column = 40 };
	struct scene scene;

	scene_begin(&scene, 1);
	CALL(100, getppid, 1234567890, 1234567999, .ret = 1);
	CALL(100, getppid, 3600000000000, 3600000000001, .ret = 2);
	scene.end_ns = SCENE_START + 3600000000001;
	scene_finish(&scene);
	check_replay(&scene, options,
		     "100   1700000001.234567 getppid()       = 1 <0.000000>\n"
		     "100   1700003600.000000 getppid()       = 2 <0.000000>\n");
	options.nanoseconds = true;
	check_replay(&scene, options,
		     "100   1700000001.234567890 getppid()    = 1 <0.000000109>\n"
		     "100   1700003600.000000000 getppid()    = 2 <0.000000001>\n");
	options.nanoseconds = false;
	/* 22:13:20 UTC, in a zone one hour west */
	options.time = REPLAY_TIME_CLOCK;
	check_replay(&scene, options,
		     "100   21:13:21.234567 getppid()         = 1 <0.000000>\n"
		     "100   22:13:20.000000 getppid()         = 2 <0.000000>\n");
	options.time = REPLAY_TIME_CLOCK_SECONDS;
	check_replay(&scene, options,
		     "100   21:13:21 getppid()                = 1 <0.000000>\n"
		     "100   22:13:20 getppid()                = 2 <0.000000>\n");
	options.time = REPLAY_TIME_DELTA;
	check_replay(&scene, options,
		     "100        0.000000 getppid()           = 1 <0.000000>\n"
		     "100     3598.765432 getppid()           = 2 <0.000000>\n");
	scene_release(&scene);
}

/* ---- many events ---- */

#define THREADS 20
#define ROUNDS	2000

/* Threads in calls of all lengths, from nothing to most of the trace. */
static void make_crowd(struct scene *scene)
{
	struct crowd {
		u64 at[THREADS]; /* where the thread's next call ends */
		u64 duration[THREADS];
	} crowd;
	u64 state = 5;

	scene_begin(scene, 1);
	for (u32 i = 0; i < THREADS; i++)
		crowd.at[i] = crowd.duration[i] = 1 + make_random(&state) % 1000;
	for (u32 n = 0; n < THREADS * ROUNDS; n++) {
		u32 i = 0;

		for (u32 k = 1; k < THREADS; k++)
			if (crowd.at[k] < crowd.at[i])
				i = k;
		scene_call(scene, (struct scene_call){ .at = crowd.at[i],
						       .tid = 200 + i,
						       .tgid = 200,
						       .cpu = (u16)(i % 4),
						       .nr = NR_read,
						       .ret = n,
						       .duration_ns = crowd.duration[i] });
		crowd.duration[i] = make_random(&state) >> (27 + make_random(&state) % 32);
		crowd.at[i] += crowd.duration[i] + make_random(&state) % 1000;
	}
	scene->end_ns = SCENE_START + crowd.at[0];
	scene_finish(scene);
}

/* Every line belongs: a thread is in one call at a time, times never go back, what is unfinished
 * resumes. */
static void check_lines(const char *text)
{
	bool inside[THREADS] = { false };
	double last = 0;
	size_t calls = 0, splits = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		size_t len = (size_t)(strchr(line, '\n') - line);
		unsigned tid;
		double at;
		bool unfinished = !strncmp(line + len - 16, "<unfinished ...>", 16);

		CHECK_FATAL(sscanf(line, "%u %lf", &tid, &at) == 2 && tid >= 200 &&
			    tid < 200 + THREADS);
		CHECK(at >= last);
		last = at;
		if (memmem(line, len, " resumed>", 9)) {
			CHECK(inside[tid - 200]);
			inside[tid - 200] = false;
			calls++;
		} else {
			CHECK(!inside[tid - 200]);
			inside[tid - 200] = unfinished;
			calls += !unfinished;
			splits += unfinished;
		}
	}
	CHECK_EQ(calls, THREADS * ROUNDS);
	CHECK(splits > calls / 10 && splits < calls);
}

/* However small the window, the same lines come out, and little is held. */
static void test_windows(void)
{
	static const u64 windows[] = { 4, 64, 1000, 16384 };
	static const struct selection_options all;
	struct replay_options options = { .time = REPLAY_TIME_START,
					  .nanoseconds = true,
					  .window_events = ALL_EVENTS };
	struct replay_order *order;
	struct scene scene;
	struct walk *walk;
	char *whole, *error = NULL;

	make_crowd(&scene);
	whole = replay_text(&scene, options, NULL);
	check_lines(whole);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		char *text;

		options.window_events = windows[i];
		text = replay_text(&scene, options, NULL);
		CHECK(!strcmp(text, whole));
		free(text);
	}
	free(whole);

	CHECK_FATAL(!walk_open(scene.path, &all, 0, &walk, &error));
	CHECK_FATAL(!replay_order_new(walk, 64, &order));
	CHECK(replay_order_pass_count(order) > 1);
	for (u64 last = 0;;) {
		struct replay_item *item = replay_order_next(order);

		if (!item)
			break;
		CHECK(item->begin_ns >= last);
		last = item->begin_ns;
		free(item);
	}
	/* A window and what lies above it, not 40,000. */
	CHECK(replay_order_held_max(order) <
	      64 * 10 + 65 * THREADS * replay_order_pass_count(order));
	CHECK(replay_order_held_max(order) > 64);
	replay_order_free(order);
	walk_close(walk);
	scene_release(&scene);
}

static void test_queue(void)
{
	struct item_queue queue = { 0 };
	u64 state = 3, last = 0, count = 0;

	CHECK(!item_queue_pop(&queue));
	for (int i = 0; i < 20000; i++) {
		struct replay_item *item;

		if (make_random(&state) % 3) {
			item = xcalloc(1, sizeof(*item));
			/* mostly close to the end, now and then anywhere behind what was popped */
			item->key =
				last + make_random(&state) % (make_random(&state) % 10 ? 5 : 2000);
			item->seq = (u64)i;
			item_queue_push(&queue, item);
			count++;
		} else if (count) {
			item = item_queue_pop(&queue);
			CHECK_FATAL(item != NULL);
			CHECK(item->key >= last);
			if (item_queue_first(&queue) && item_queue_first(&queue)->key == item->key)
				CHECK(item_queue_first(&queue)->seq > item->seq);
			last = item->key;
			count--;
			free(item);
		}
	}
	CHECK_EQ(queue.end - queue.first + queue.heap_count, count);
	item_queue_release(&queue);
}

/* ---- selection, output ---- */

static void test_selection(void)
{
	const char *pids[] = { "102" };
	struct selection_options selection = { .pids = { 1, pids }, .calls = "close" };
	struct scene scene;
	char *text;

	scene_begin(&scene, 1);
	scene_new(&scene, 100, 100, 100, 102, 100, "x");
	CALL(102, close, 1000, 4000, .ret = 0);
	CALL(101, close, 2000, 3000, .ret = 0);
	CALL(102, read, 5000, 6000, .ret = 0);
	scene_exit(&scene, 7000, 102, 100, 0, 0, false);
	scene_finish(&scene);
	/* What is not shown does not split what is. */
	text = replay_text(&scene, since_start, &selection);
	check_text(text, "102   0.000001 close(60) = 0 <0.000003>\n");
	free(text);
	selection.calls = NULL;
	selection.time = "0.000005,";
	text = replay_text(&scene, since_start, &selection);
	check_text(text, "102   0.000005 read(60, \"\", 80) = 0 <0.000001>\n"
			 "102   0.000007 +++ exited with 0 +++\n");
	free(text);
	scene_release(&scene);
}

static void test_full_disk(void)
{
	static const struct selection_options all;
	struct replay_options options = { .window_events = REPLAY_WINDOW_EVENTS };
	FILE *full = fopen("/dev/full", "w");
	struct scene scene;
	struct walk *walk;
	char *error = NULL;

	CHECK_FATAL(full);
	setvbuf(full, NULL, _IONBF, 0);
	make_crowd(&scene);
	for (int whole = 0; whole < 2; whole++) {
		options.whole = whole;
		CHECK_FATAL(!walk_open(scene.path, &all, 0, &walk, &error));
		CHECK_EQ(replay_write(walk, &options, full), -EIO);
		walk_close(walk);
	}
	fclose(full);
	scene_release(&scene);
}

int main(void)
{
	test_queue();
	test_order();
	test_events();
	test_times();
	test_modes();
	test_selection();
	test_windows();
	test_full_disk();
	return check_report();
}
