# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One more kind of event costs two edits: a block in events.def and a BPF program; one more table a file and a line in a
list. Tried in a scratch copy."""
import collections
import json
import os
import re
import sqlite3

import harness
from harness import check, copy_tree, equal, run, succeed, takes, workload

BLOCK = '''
EVENT(%d, scratch_wait, TASK, "a process begins to wait for a child",
	F(u64, waited_pid, "pid", "the child that it waits for; 0 for any")
	F(u64, magic, "hex", "always 0x7ac0")
	C(waiter, 16, "name", "name of the process that waits"))
'''

PROGRAM = '''/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpf/core.bpf.h"

SEC("tp_btf/sched_process_wait")
int BPF_PROG(scratch_waits, struct pid *pid)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_scratch_wait event = {};
	u64 now = bpf_ktime_get_ns();

	if (!task_state(task))
		return 0;
	head_fill(&event.head, task, TRC_KIND_scratch_wait, sizeof(event) / 8, now);
	event.magic = 0x7ac0;
	__builtin_memcpy(event.waiter, task->comm, sizeof(event.waiter));
	record_send(&event, sizeof(event), TRC_KIND_scratch_wait, now);
	return 0;
}

/* One of them is enough. */
SEC("tp_btf/scratch_wait_renamed")
int BPF_PROG(scratch_waits___new, struct pid *pid)
{
	return 0;
}

SEC("tp_btf/scratch_of_no_kernel")
int BPF_PROG(scratch_missing, u64 anything)
{
	return 0;
}
'''

TABLE = '''/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table scratch_wait: how often each thread begins to wait for a child. */
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \\
	C(tid, INTEGER, NUMBER, "the thread")                                                      \\
	C(count, INTEGER, COUNT, "how often it began to wait")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static void event(struct fold *fold, const struct walk_step *step)
{
	u64 *count;

	if (step->event.kind_id != TRC_KIND_scratch_wait || !step->thread)
		return;
	count = step->thread->slots[fold->slot];
	if (!count)
		count = step->thread->slots[fold->slot] = xcalloc(1, sizeof(*count));
	++*count;
}

static void thread_gone(struct fold *fold, struct thread *thread, bool shown)
{
	u64 *count = thread->slots[fold->slot];
	struct value row[COLUMN_COUNT] = {};

	if (!count)
		return;
	row[COLUMN_tid] = value_int(thread->tid);
	row[COLUMN_count] = value_int((s64)*count);
	fold_row(fold, row);
	free(count);
	thread->slots[fold->slot] = NULL;
}

const struct metric metric_scratch_wait = {
	.table = { .name = "scratch_wait",
		   .doc = "what the test adds",
		   .columns = columns,
		   .column_count = COLUMN_COUNT },
	.classes = 1ull << TRC_CLASS_TASK,
	.event = event,
	.thread_gone = thread_gone,
};
'''

LINE = "\tM(scratch_wait)                                                                            \\\n"

GROUP = 'GROUP(scratch, true, false, "what the test adds")\n'


def only_what_changed(tree, build):
    """A second build has nothing to do; a change of a shared header makes every BPF object again."""
    make = ["cmake", "--build", build, "-j2"]
    said = succeed(make).stdout
    check("no work to do" in said, f"a second build does something:\n{said}")
    os.utime(os.path.join(tree, "bpf", "vmlinux.h"))
    said = succeed(make).stdout
    for name in ("syscall.bpf.o", "task.bpf.o", "scratch.bpf.o"):
        check(f"Building BPF object {name}" in said, f"{name} does not depend on vmlinux.h:\n{said}")
        with open(os.path.join(build, "bpf", name[:-1] + "d")) as known:
            check("common/events.def" in known.read(), f"{name} does not depend on events.def")
    check("Building C object CMakeFiles/trc_common" not in said, f"more than the BPF part was made again:\n{said}")


def table_is_everywhere(analyze, t, trace):
    """As a report, in every form, in SQL, and in the list of all: with what the events say."""
    events = collections.Counter(event["tid"] for event in harness.Trace(trace).of("scratch_wait"))
    rows = json.loads(succeed([analyze, "report", "--format", "json", "scratch_wait", trace]).stdout)
    equal({row["tid"]: row["count"] for row in rows}, dict(events), "rows of the report")
    check("how often it began to wait" in succeed([analyze, "report", "--schema", "scratch_wait"]).stdout, "no description")
    database = t.path("x.db")
    succeed([analyze, "load", trace, database])
    with sqlite3.connect(database) as opened:
        equal(dict(opened.execute("SELECT tid, count FROM scratch_wait")), dict(events), "rows of the database")
        equal(opened.execute("SELECT count(*) FROM doc WHERE table_name = 'scratch_wait'").fetchone(), (4,),
              "documented: the table, its key and two columns")


@takes(400)
def test_two_edits(t):
    tree, build = t.path("tree"), t.path("build")
    copy_tree(tree)

    # Edit one: the block, behind the last one.
    list_path = os.path.join(tree, "common", "events.def")
    with open(list_path) as file:
        events = file.read()
    number = max(int(found) for found in re.findall(r"^EVENT\((\d+),", events, re.M)) + 1
    with open(list_path, "a") as file:
        file.write(BLOCK % number)
    # Edit two: the program.
    with open(os.path.join(tree, "bpf", "scratch.bpf.c"), "w") as file:
        file.write(PROGRAM)
    # A row, if it is to be chosen with --events.
    with open(os.path.join(tree, "bpf", "groups.def"), "a") as file:
        file.write(GROUP)
    # The table: its file, and its line before the first one's.
    with open(os.path.join(tree, "analyze", "metrics", "scratch_wait.c"), "w") as file:
        file.write(TABLE)
    metrics = os.path.join(tree, "analyze", "metrics", "metrics.c")
    with open(metrics) as file:
        lines = file.readlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("\tM("))
    with open(metrics, "w") as file:
        file.writelines(lines[:first] + [LINE] + lines[first:])

    succeed(["cmake", "-G", "Ninja", "-S", tree, "-B", build, "-DTRC_TESTS=OFF", "-DTRC_WERROR=ON", "-DCMAKE_BUILD_TYPE=Debug"])
    succeed(["cmake", "--build", build, "-j2"], timeout=300)
    only_what_changed(tree, build)
    record, analyze = os.path.join(build, "record", "record"), os.path.join(build, "analyze")
    trace = t.path("x.trc")
    said = succeed([record, "-o", trace, "--", workload("shortlived"), "17"]).stderr
    # R28: a hook that the kernel lacks is named, once, here and in the file, and the rest goes on.
    missing = re.findall(r"scratch_\w+ \(\w+\)", said)
    equal(missing, ["scratch_of_no_kernel (scratch)"], f"hooks named as missing in {said}")
    said = succeed([analyze, "info", trace]).stdout
    check(re.search(r"missing_hooks +scratch_of_no_kernel \(scratch\)", said), f"info names no missing hook: {said}")

    schema = succeed([analyze, "export", "--schema", trace]).stdout
    check("scratch_wait" in schema and "waited_pid" in schema, "the new kind is not in the schema")
    csv = succeed([analyze, "export", "--format", "csv", "--kind", "scratch_wait", trace]).stdout.splitlines()
    check("waited_pid,magic,waiter" in csv[0], f"heading of the CSV: {csv[0]}")
    check(len(csv) > 17, f"lines of CSV: {len(csv)}")
    for program in (analyze, harness.ANALYZE):
        # The second of them has never heard of the kind: it reads it by the file's own description.
        harness.ANALYZE, old = program, harness.ANALYZE
        try:
            found = harness.Trace(trace).of("scratch_wait")
        finally:
            harness.ANALYZE = old
        check(len(found) >= 17, f"{len(found)} events of the new kind, as {program} sees them")
        equal({(event["magic"], event["waiter"]) for event in found}, {(0x7AC0, "shortlived")}, "their fields")
    table_is_everywhere(analyze, t, trace)
    result = run([harness.ANALYZE, "report", trace])
    equal(result.returncode, 0, f"exit of report with an unknown kind ({result.stderr})")
