/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Well-formed records of no sense at all: nothing above the reader may rely on more than that. Run with
 * sanitizers this is the test that they do not.
 */
#include "analyze/sinks/event_json.h"
#include "analyze/sinks/sinks.h"
#include "analyze/summary.h"
#include "analyze/tree.h"
#include "tests/unit/make_scene.h"
#include "tests/unit/make_tables.h"

#define SEEDS	60
#define RECORDS 400

/* Few numbers, so that the records meet: children of themselves, ends before beginnings, reuse. */
static u32 small(u64 *state)
{
	return make_random(state) % 16 ? (u32)(make_random(state) % 6) : (u32)make_number(state);
}

static void confuse(struct trc_head *record, u64 *state)
{
	record->tid = small(state);
	record->tgid = make_random(state) % 3 ? record->tid : small(state);
	record->cpu = (u16)(make_random(state) % 3);
	if (record->kind == TRC_KIND_task_new &&
	    record->words * 8u >= sizeof(struct trc_task_new)) {
		struct trc_task_new *new = (struct trc_task_new *)record;

		new->child_tid = small(state);
		new->child_tgid = make_random(state) % 2 ? new->child_tid : small(state);
		new->ppid = small(state);
	} else if (record->kind == TRC_KIND_exec && record->words * 8u >= sizeof(struct trc_exec)) {
		((struct trc_exec *)record)->old_tid = small(state);
	} else if (record->kind == TRC_KIND_task_rename &&
		   record->words * 8u >= sizeof(struct trc_task_rename)) {
		((struct trc_task_rename *)record)->renamed_tid = small(state);
		((struct trc_task_rename *)record)->renamed_tgid = small(state);
	} else if (record->kind == TRC_KIND_syscall && record->words >= SYSCALL_WORDS_MIN) {
		struct trc_syscall *call = (struct trc_syscall *)record;

		call->nr = make_random(state) % 4 ? (u32)(make_random(state) % 460) : call->nr;
		call->abi = make_random(state) % 4 ? SYSCALL_ABI_X86_64 : call->abi;
		call->state = make_random(state) % 4 ? 0 : call->state;
		call->flags &= 1;
		call->ret = make_random(state) % 2 ? -(s64)(make_random(state) % 600) : call->ret;
	}
}

/* Parents of each other, and of themselves. */
static void put_snapshot(struct scene *scene, u64 *state)
{
	struct trace_state_task tasks[8] = {};
	struct trace_state snapshot = { .ts = SCENE_START,
					.task_count = ARRAY_SIZE(tasks),
					.tasks = tasks };
	_cleanup_free_ u8 *data = NULL;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = (struct trace_state_task){ .tid = small(state),
						      .tgid = small(state),
						      .ppid = small(state),
						      .start_ns = make_number(state),
						      .comm = "\033[31m",
						      .exe = "",
						      .cwd = "",
						      .cgroup = "/" };
	trace_state_encode(&snapshot, &data, &len);
	CHECK_FATAL(!trace_writer_put(scene->writer, TRACE_STATE, SCENE_START, data, len));
}

static void make_nonsense(struct scene *scene, u64 seed)
{
	static u64 buffer[TRC_RECORD_MAX / 8 + 1];
	const struct schema *schema = schema_builtin();
	u64 state = seed;

	scene_begin(scene, (u8)seed);
	put_snapshot(scene, &state);
	for (size_t i = 0; i < RECORDS; i++) {
		const struct schema_kind *kind =
			&schema->kinds[make_random(&state) % schema->kind_count];
		u64 ts = make_random(&state) % 20
				 ? SCENE_START + i * (make_random(&state) % 100000000)
				 : make_number(&state);

		make_record((u8 *)buffer, kind, ts, &state);
		confuse((struct trc_head *)buffer, &state);
		scene_put(scene, kind->class, (struct trc_head *)buffer);
	}
	scene_finish(scene);
}

static void run_tables(const struct scene *scene, FILE *file,
		       const struct selection_options *selection)
{
	struct walk *walk = table_walk(scene->path, selection);
	struct sink *sink = sink_json_new(file, JSON_TAGGED_LINES);
	size_t count = 0;

	while (metrics[count])
		count++;
	CHECK_EQ(metrics_run(walk, metrics, count, sink, NULL, NULL), 0);
	CHECK(selection->time || walk->walked_count == scene->events);
	sink_free(sink);
	walk_close(walk);
}

static void run_pages(const struct scene *scene, FILE *file)
{
	static const struct selection_options all;
	const struct tree_options options = { .threads = true };
	const struct metric *list[SUMMARY_TABLES > TREE_TABLES ? SUMMARY_TABLES : TREE_TABLES];
	struct walk *walk = table_walk(scene->path, NULL);
	struct sink *memory = summary_sink();

	summary_metrics(list);
	CHECK_EQ(metrics_run(walk, list, SUMMARY_TABLES, memory, NULL, NULL), 0);
	summary_print(walk, memory, true, 80, &all, file);
	sink_free(memory);
	walk_close(walk);

	walk = table_walk(scene->path, NULL);
	memory = tree_sink();
	tree_metrics(list);
	CHECK_EQ(metrics_run(walk, list, TREE_TABLES, memory, NULL, NULL), 0);
	tree_print_text(walk, memory, &options, file);
	tree_print_json(memory, &options, file);
	sink_free(memory);
	walk_close(walk);
}

static void run_export(const struct scene *scene)
{
	struct walk *walk = table_walk(scene->path, NULL);
	struct text text = {};
	struct walk_step step;

	while (walk_next(walk, &step)) {
		event_add_json(&text, step.event.raw, step.event.kind);
		text_clear(&text);
	}
	text_release(&text);
	walk_close(walk);
}

/* Nothing that drives a terminal may come out, but for our own bold. */
static void check_harmless(const char *text)
{
	for (const char *at = text; (at = strchr(at, '\033')); at++)
		CHECK(!strncmp(at, "\033[1m", 4) || !strncmp(at, "\033[0m", 4));
}

int main(void)
{
	const char *pids[] = { "1,3" };
	const struct selection_options selection = {
		.time = "0.1,0.9", .pids = { 1, pids }, .comm = "n*", .calls = "read"
	};
	static const struct selection_options all;

	for (u64 seed = 1; seed <= SEEDS; seed++) {
		struct scene scene;
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		make_nonsense(&scene, seed);
		run_pages(&scene, file);
		fflush(file);
		check_harmless(text);
		run_tables(&scene, file, &all);
		run_tables(&scene, file, &selection);
		run_export(&scene);
		fclose(file);
		CHECK(size > 1000);
		free(text);
		scene_release(&scene);
	}
	return check_report();
}
