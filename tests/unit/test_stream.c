/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The merge: order, ties, layouts of other versions, records that are short, windows. */
#include "analyze/stream.h"

#include "tests/unit/make_scene.h"

#define CPUS   5
#define EVENTS 4999

static struct stream *open_stream(const char *path, const struct stream_options *options,
				  struct trace_reader **ret_reader)
{
	struct stream *stream;

	CHECK_FATAL(!trace_reader_open(path, ret_reader));
	CHECK_FATAL(!stream_open(*ret_reader, options, &stream));
	return stream;
}

/* Events of several CPUs, a tenth of them out of order, come out by time; equal times by class, then CPU. */
static void test_order(void)
{
	struct scene scene;
	struct trace_reader *reader;
	struct stream *stream;
	struct event event;
	u64 state = 1, last = 0, count = 0, at[CPUS] = {}, sum_in = 0, sum_out = 0;
	u32 last_class = 0, last_cpu = 0;

	scene_begin(&scene, 1);
	for (u64 i = 0; i < EVENTS; i++) {
		u16 cpu = (u16)(make_random(&state) % CPUS);
		u64 late = make_random(&state) % 10 ? 0 : make_random(&state) % 500;

		at[cpu] += make_random(&state) % 100;
		sum_in += i * i;
		scene_call(&scene, (struct scene_call){ .at = at[cpu] > late ? at[cpu] - late : 0,
							.tid = 1,
							.tgid = 1,
							.cpu = cpu,
							.nr = NR_getppid,
							.ret = (s64)(i * i) });
		if (i % 7 == 0)
			scene_new(&scene, at[cpu], 1, 1, (u32)(10 + i), (u32)(10 + i), "x");
	}
	scene_finish(&scene);
	stream = open_stream(scene.path, NULL, &reader);
	for (; stream_next(stream, &event); count++) {
		const struct trc_head *head = event.record;
		u32 class = event.kind_id == TRC_KIND_syscall;

		CHECK_FATAL(head->ts >= last);
		if (head->ts == last)
			CHECK(class > last_class || (class == last_class && head->cpu >= last_cpu));
		last = head->ts;
		last_class = class;
		last_cpu = head->cpu;
		if (class)
			sum_out += (u64)((const struct trc_syscall *)head)->ret;
	}
	CHECK_EQ(count, scene.events);
	CHECK_EQ(sum_in, sum_out);
	stream_close(stream);
	trace_reader_close(reader);
	scene_release(&scene);
}

static void test_window_and_classes(void)
{
	struct stream_options options = { .from_ns = SCENE_START + 300000,
					  .to_ns = SCENE_START + 310000 };
	struct trace_reader *reader;
	struct stream *stream;
	struct scene scene;
	struct event event;
	u64 calls = 0, inside = 0, tasks = 0;

	scene_begin(&scene, 1);
	for (u64 i = 0; i < EVENTS; i++)
		scene_call(&scene, (struct scene_call){
					   .at = i * 100, .tid = 1, .tgid = 1, .nr = NR_getppid });
	scene_new(&scene, 5, 1, 1, 2, 2, "x");
	scene_finish(&scene);

	stream = open_stream(scene.path, &options, &reader);
	while (stream_next(stream, &event)) {
		calls += event.kind_id == TRC_KIND_syscall;
		tasks += event.kind_id == TRC_KIND_task_new;
		inside += event.kind_id == TRC_KIND_syscall &&
			  event.record->ts >= options.from_ns && event.record->ts <= options.to_ns;
	}
	CHECK_EQ(inside, 101);
	CHECK(calls < EVENTS / 4); /* other chunks were not even decoded */
	CHECK_EQ(tasks, 1);	   /* the life cycle always comes */
	stream_close(stream);

	options = (struct stream_options){ .to_ns = UINT64_MAX, .classes = 1ull << TRC_CLASS_TASK };
	CHECK_FATAL(!stream_open(reader, &options, &stream));
	CHECK(stream_next(stream, &event));
	CHECK_EQ(event.kind_id, TRC_KIND_task_new);
	CHECK(!stream_next(stream, &event));
	stream_close(stream);
	trace_reader_close(reader);
	scene_release(&scene);
}

/* A call's trailing arguments are left out, and its path follows right after. */
static void test_short_call(void)
{
	struct trace_reader *reader;
	struct stream *stream;
	struct scene scene;
	struct event event;
	const struct trc_syscall *call;
	const struct trc_item *item;

	scene_begin(&scene, 1);
	scene_call(&scene,
		   (struct scene_call){
			   .at = 1, .tid = 1, .tgid = 1, .nr = NR_openat, .path = "/etc/passwd" });
	scene_finish(&scene);
	stream = open_stream(scene.path, NULL, &reader);
	CHECK_FATAL(stream_next(stream, &event));
	call = (const struct trc_syscall *)event.record;
	CHECK_EQ(syscall_arg_count(call), 4);
	CHECK_EQ(syscall_arg(call, 0), 60);
	CHECK_EQ(syscall_arg(call, 3), 90);
	CHECK_EQ(syscall_arg(call, 4), 0);
	CHECK(event_has(&event, offsetof(struct trc_syscall, arg3)));
	CHECK(!event_has(&event, offsetof(struct trc_syscall, arg4)));
	CHECK(event.record == event.raw); /* not copied */
	item = record_item(event.record, 1);
	CHECK_FATAL(item != NULL);
	CHECK_EQ(item->len, 11);
	CHECK_MEM(trc_item_data(item), "/etc/passwd", 11);
	stream_close(stream);
	trace_reader_close(reader);
	scene_release(&scene);
}

/* ---- a file of another version: fields moved, widened, gone, and some we do not know ---- */

static const struct schema_field other_fields[] = {
	{ "new_one", "count", "", 24, 8, TRC_TYPE_u64 },
	{ "abi", "abi", "", 32, 4, TRC_TYPE_u32 },
	{ "nr", "syscall", "", 36, 2, TRC_TYPE_u16 },
	{ "items", "count", "", 38, 1, TRC_TYPE_u8 },
	{ "state", "enum", "", 39, 1, TRC_TYPE_u8 },
	{ "ret", "errno_ret", "", 40, 4, TRC_TYPE_s32 },
	{ "comm", "name", "", 48, 8, TRC_TYPE_chars },
	{ "duration_ns", "ns", "", 56, 8, TRC_TYPE_u64 },
	{ "arg0", "hex", "", 64, 8, TRC_TYPE_u64 },
	{ "arg1", "hex", "", 72, 8, TRC_TYPE_u64 },
};
static const struct schema_item other_items[] = {
	{ "unheard_of", "", TRC_TYPE_str },
	{ "data1", "", TRC_TYPE_any },
};
static const struct schema_field strange_fields[] = { { "x", "", "", 24, 8, TRC_TYPE_u64 } };
static const struct schema_kind other_kinds[] = {
	{ 33, 80, TRC_CLASS_SYSCALL, ARRAY_SIZE(other_fields), ARRAY_SIZE(other_items), "syscall",
	  "", other_fields, other_items },
	{ 34, 32, TRC_CLASS_SYSCALL, 1, 0, "strange", "", strange_fields, NULL },
};

static void put_other_calls(struct trace_writer *writer)
{
	struct trace_stream *stream = trace_writer_stream(writer, TRC_CLASS_SYSCALL, 0);
	u64 buffer[64] = {};
	struct trc_head *head = (struct trc_head *)buffer;
	u8 *end, *base = (u8 *)buffer;

	*head = (struct trc_head){ .ts = 10, .tid = 5, .tgid = 5, .kind = 33, .words = 10 };
	buffer[3] = 4242;
	*(u32 *)(base + 32) = SYSCALL_ABI_X86_64;
	*(u16 *)(base + 36) = NR_openat;
	base[38] = 2;
	*(s32 *)(base + 40) = -13;
	memcpy(base + 48, "unused", 6);
	buffer[7] = 777;
	buffer[8] = 88;
	buffer[9] = 99;
	end = scene_item(base + 80, 0, TRC_TYPE_str, "?", 1);
	end = scene_item(end, 1, TRC_TYPE_str, "/x", 2);
	head->len = (u16)(end - base);
	CHECK_FATAL(!trace_stream_append(stream, head));

	*head = (struct trc_head){
		.ts = 20, .tid = 5, .tgid = 5, .kind = 34, .words = 4, .len = 32
	};
	CHECK_FATAL(!trace_stream_append(stream, head));
	*head = (struct trc_head){
		.ts = 30, .tid = 5, .tgid = 5, .kind = 35, .words = 4, .len = 32
	};
	CHECK_FATAL(!trace_stream_append(stream, head));
}

static void check_other_call(const struct event *event)
{
	const struct trc_syscall *call = (const struct trc_syscall *)event->record;
	const struct trc_item *cursor = NULL, *item;

	CHECK_EQ(event->kind_id, TRC_KIND_syscall);
	CHECK_EQ(call->head.kind, TRC_KIND_syscall);
	CHECK_EQ(call->head.ts, 10);
	CHECK_EQ(call->nr, NR_openat);
	CHECK_EQ(call->abi, SYSCALL_ABI_X86_64);
	CHECK_EQ(call->ret, -13);
	CHECK_EQ(call->duration_ns, 777);
	CHECK_EQ(syscall_arg_count(call), 2);
	CHECK_EQ(syscall_arg(call, 1), 99);
	CHECK(!event_has(event, offsetof(struct trc_syscall, flags)));
	CHECK(event_has(event, offsetof(struct trc_syscall, ret)));
	CHECK(!event_has(event, offsetof(struct trc_syscall, arg2)));
	item = record_item_next(event->record, &cursor);
	CHECK_FATAL(item != NULL);
	CHECK_EQ(item->field, 1);
	CHECK_MEM(trc_item_data(item), "/x", 2);
	CHECK(!record_item_next(event->record, &cursor));
	CHECK_EQ(event->raw->kind, 33);
}

static void test_other_version(void)
{
	const struct schema schema = { ARRAY_SIZE(other_kinds), other_kinds };
	struct trace_meta meta = make_meta(&schema);
	struct trace_writer_options options = { .level = 1, .chunk_bytes = 4096 };
	struct trace_writer *writer;
	struct trace_reader *reader;
	struct stream *stream;
	struct event event;
	char path[64];

	options.fd = make_file(path);
	memcpy(options.uuid, meta.uuid, sizeof(options.uuid));
	CHECK_FATAL(!trace_writer_open(&options, &writer));
	CHECK_FATAL(!make_put_meta(writer, &meta));
	put_other_calls(writer);
	CHECK_FATAL(!trace_writer_close(writer));

	stream = open_stream(path, NULL, &reader);
	CHECK_FATAL(stream_next(stream, &event));
	check_other_call(&event);
	CHECK_FATAL(stream_next(stream, &event));
	CHECK_EQ(event.kind_id, TRC_KIND_none);
	CHECK_FATAL(event.kind != NULL);
	CHECK_STR(event.kind->name, "strange");
	CHECK_FATAL(stream_next(stream, &event));
	CHECK_EQ(event.kind_id, TRC_KIND_none);
	CHECK(event.kind == NULL);
	CHECK(!stream_next(stream, &event));
	stream_close(stream);
	trace_reader_close(reader);
	close(options.fd);
}

/* A life-cycle record that ends early, as an older recorder of the same layout could write it. */
static void test_short_task(void)
{
	struct trc_task_rename record = { .head = SCENE_HEAD(task_rename, 1, 3, 3),
					  .renamed_tid = 3 };
	struct trace_reader *reader;
	struct stream *stream;
	struct scene scene;
	struct event event;

	record.head.words = 4;
	record.head.len = 32;
	scene_begin(&scene, 1);
	scene_put(&scene, TRC_CLASS_TASK, &record.head);
	scene_finish(&scene);
	stream = open_stream(scene.path, NULL, &reader);
	CHECK_FATAL(stream_next(stream, &event));
	CHECK_EQ(((const struct trc_task_rename *)event.record)->renamed_tid, 3);
	CHECK_EQ(((const struct trc_task_rename *)event.record)->comm[0], 0);
	CHECK(!event_has(&event, offsetof(struct trc_task_rename, comm)));
	CHECK(event_has(&event, offsetof(struct trc_task_rename, renamed_tgid)));
	stream_close(stream);
	trace_reader_close(reader);
	scene_release(&scene);
}

/* `cat new old other-machine`: what has one clock comes in its order, the rest not at all. */
static void test_recordings(void)
{
	static const u64 at[] = { 9000, 5000, 7000 };
	static char *const boots[] = { "b", "b", "another" };
	struct trace_reader *reader;
	struct stream *stream;
	struct scene scenes[3];
	struct event event;

	for (u8 i = 0; i < 3; i++) {
		scene_begin_in(&scenes[i], i, boots[i]);
		scene_call(&scenes[i],
			   (struct scene_call){
				   .at = at[i], .tid = 1, .tgid = 1, .nr = NR_getppid, .ret = i });
		scene_finish(&scenes[i]);
	}
	scene_append(&scenes[0], &scenes[1]);
	scene_append(&scenes[0], &scenes[2]);
	stream = open_stream(scenes[0].path, NULL, &reader);
	CHECK(trace_reader_has_clock(reader, 1));
	CHECK(!trace_reader_has_clock(reader, 2));
	for (u32 section = 2; section-- > 0;) {
		CHECK_FATAL(stream_next(stream, &event));
		CHECK_EQ(event.section, section);
		CHECK_EQ(((const struct trc_syscall *)event.record)->ret, section);
	}
	CHECK(!stream_next(stream, &event));
	stream_close(stream);
	trace_reader_close(reader);
	for (size_t i = 0; i < 3; i++)
		scene_release(&scenes[i]);
}

/* A recorder whose classes have other numbers: what a chunk holds is told by the kinds in the file. */
static void test_other_classes(void)
{
	const struct stream_options options = { .to_ns = UINT64_MAX,
						.classes = 1ull << TRC_CLASS_SYSCALL };
	struct schema_kind kinds[2] = { *schema_kind_by_id(schema_builtin(), TRC_KIND_syscall),
					*schema_kind_by_id(schema_builtin(),
							   TRC_KIND_task_rename) };
	const struct schema schema = { ARRAY_SIZE(kinds), kinds };
	struct trace_meta meta = make_meta(&schema);
	struct trace_writer_options writing = { .level = 1, .chunk_bytes = 4096 };
	struct trc_syscall call = { .head = SCENE_HEAD(syscall, 1, 3, 3) };
	struct trc_task_rename rename = { .head = SCENE_HEAD(task_rename, 2, 3, 3) };
	struct trace_writer *writer;
	struct trace_reader *reader;
	struct stream *stream;
	struct event event;
	char path[64];

	kinds[0].class = 61;
	kinds[1].class = TRC_CLASS_SYSCALL;
	writing.fd = make_file(path);
	memcpy(writing.uuid, meta.uuid, sizeof(writing.uuid));
	CHECK_FATAL(!trace_writer_open(&writing, &writer));
	CHECK_FATAL(!make_put_meta(writer, &meta));
	CHECK_FATAL(!trace_stream_append(trace_writer_stream(writer, 61, 0), &call.head));
	CHECK_FATAL(!trace_stream_append(trace_writer_stream(writer, TRC_CLASS_SYSCALL, 0),
					 &rename.head));
	CHECK_FATAL(!trace_writer_close(writer));
	stream = open_stream(path, &options, &reader);
	CHECK_FATAL(stream_next(stream, &event));
	CHECK_EQ(event.kind_id, TRC_KIND_syscall);
	CHECK(!stream_next(stream, &event));
	stream_close(stream);
	trace_reader_close(reader);
	close(writing.fd);
}

int main(void)
{
	test_order();
	test_window_and_classes();
	test_short_call();
	test_other_version();
	test_short_task();
	test_recordings();
	test_other_classes();
	return check_report();
}
