# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Nothing of the tree is missed: first acts, last acts, every way to make a child, exec from a thread."""
import os

from harness import MARKER, cases, check, equal, made_as, nr, takes, workload

CHILDREN = 1000


def program(event):
    """The file that an exec event names."""
    return [item["data"] for item in event["items"] if item["field"] == "filename"][0]


def assert_first_act(trace):
    """first_act makes three calls: the execve that starts it, the marker, exit_group. All must be there."""
    calls = trace.of("syscall")
    equal([call["nr"] for call in calls], [nr("execve"), nr("getpriority"), nr("exit_group")], "calls of first_act")
    equal([call["state"] for call in calls], [0, 0, 1], "states of the calls")
    equal(calls[0]["ret"], 0, "result of execve")
    equal(calls[1]["arg0"], MARKER, "argument of the marker")
    equal([program(event) for event in trace.of("exec")], [workload("first_act")], "exec events")
    equal(len(trace.of("task_exit")), 1, "task_exit events")
    equal(len({event["tid"] for event in calls}), 1, "threads")


@takes(300)
def test_first_act(t):
    """R1: alone in a recording, many times: no race between the start and the first act."""
    for _ in range(100):
        trace = t.record(workload("first_act"))
        assert_first_act(trace)
        os.unlink(trace.path)


@takes(300)
def test_first_act_of_a_shell(t):
    """R1: 1000 starts inside one recording, each with its execve, its marker and its exit_group."""
    loop = f'i=0; while [ $i -lt 1000 ]; do {workload("first_act")} $i; i=$((i+1)); done'
    trace = t.record("/bin/sh", "-c", loop)
    equal(sorted(call["arg1"] for call in trace.markers()), list(range(1000)), "markers")
    started = [event["tid"] for event in trace.of("exec") if program(event) == workload("first_act")]
    equal(len(started), 1000, "exec events")
    for event in trace.markers():
        check(event["tid"] in started, f"marker of {event['tid']}, which has no exec event")
    whole = [call for call in trace.calls("execve") if call["ret"] == 0]
    equal(len(whole), 1001, "execve calls")
    equal(len(trace.calls("exit_group")), 1001, "exit_group calls")


@takes(300)
@cases("fork", "vfork", "clone", "clone3", "spawn", "pthread", "unshare")
def test_children(t, way):
    """R2: the first act of each child of each kind."""
    trace = t.record(workload("children"), way, str(CHILDREN))
    markers = trace.markers()
    equal(sorted(call["arg1"] for call in markers), list(range(CHILDREN)), "markers")
    equal(len({call["tid"] for call in markers}), CHILDREN, "threads that made a marker")
    equal(len({call["tgid"] for call in markers}), 1 if way == "pthread" else CHILDREN, "processes that did")
    births = trace.of("task_new")
    equal(len(births), 2 * CHILDREN if way == "unshare" else CHILDREN, "task_new events")
    equal(len(trace.of("task_exit")), len(births) + 1, "task_exit events")
    born = {event["child_tid"]: event for event in births}
    for call in markers:
        check(call["tid"] in born, f"marker of {call['tid']}, which was never born")
        birth = born[call["tid"]]
        check(birth["ts"] <= call["ts"] - call["duration_ns"], "a marker before the birth of its thread")
        equal(birth["child_tgid"], call["tgid"], "process of the new thread")
        if way == "unshare":
            equal((birth["ns_tid"], birth["ns_tgid"]), (1, 1), "pid in its own namespace")


def test_exec_of_a_thread(t):
    """R3: one process all along, the markers before and after are its own, no thread is left over."""
    trace = t.record(workload("exec_thread"))
    equal([call["arg1"] for call in trace.markers()], [17, 19], "markers")
    equal({call["tgid"] for call in trace.markers()}, {trace.of("exec")[0]["tgid"]}, "process of the markers")
    before, after = trace.markers()
    check(before["tid"] != before["tgid"], "the thread that replaces the program is the leader")
    equal(after["tid"], after["tgid"], "thread of the new program")
    execs = trace.of("exec")
    equal(len(execs), 2, "exec events")
    equal(execs[1]["old_tid"], before["tid"], "the thread that called execve")
    rows = trace.sql("SELECT process_id, exit_code, exe FROM process")
    equal([(row["exit_code"], row["exe"]) for row in rows], [(0, workload("first_act"))], "processes")
    equal(trace.one("SELECT count(*) FROM thread WHERE end_ns IS NULL"), 0, "threads without an end")
    # What was chosen is the process, whichever thread it goes on with.
    for kind in ("target_added", "target_removed"):
        equal([(event["tid"], event["reason"]) for event in trace.of(kind)], [(after["tid"], 1)], kind)
    # The leader and six sleepers were in pause, and no pause ever returned.
    pauses = trace.calls(made_as("pause"))
    equal([call["state"] for call in pauses], [1] * 7, "states of the pause calls")


def test_last_act(t):
    """R6: the last exit_group and the exit of every process of a pipeline are in the file."""
    trace = t.record("/bin/sh", "-c", "echo one | cat | cat; (exit 3)", code=3)
    births, exits = trace.of("task_new"), trace.of("task_exit")
    equal(len(exits), len(births) + 1, "task_exit events")
    for event in exits:
        last = [call for call in trace.of("syscall") if call["tid"] == event["tid"]][-1]
        equal((last["nr"], last["state"]), (nr("exit_group"), 1), f"last call of {event['tid']}")
    main = trace.one("SELECT pid FROM process WHERE parent_process_id IS NULL")
    equal([event["tid"] for event in trace.events if event["kind"] == "task_exit"][-1], main, "the last to exit")


def test_execs(t):
    """23 execs in one process, each with the arguments that it was given."""
    trace = t.record(workload("execs"))
    execs = trace.of("exec")
    equal(len(execs), 24, "exec events")
    equal(len({event["tgid"] for event in execs}), 1, "processes")
    equal(trace.one("SELECT count(*) FROM process"), 1, "rows of process")
    lines = [row["cmdline"] for row in trace.sql("SELECT cmdline FROM exec ORDER BY ts_ns")]
    equal(lines, [workload("execs")] + [f"execs {left}" for left in range(22, -1, -1)], "command lines")


@takes(300)
def test_shortlived(t):
    """S3: 10007 processes that end at once; each is in the tree with its own exit code."""
    trace = t.record(workload("shortlived"))
    rows = trace.sql("SELECT exit_code, start_ns, end_ns FROM process WHERE parent_process_id IS NOT NULL ORDER BY start_ns")
    equal(len(rows), 10007, "processes")
    equal([row["exit_code"] for row in rows], [i % 251 for i in range(10007)], "exit codes in the order of birth")
    check(all(row["start_ns"] <= row["end_ns"] for row in rows), "a process that ends before it starts")


def test_reused_pid(t):
    """R17: five processes in a row have one pid; they are five processes."""
    trace = t.record(workload("reuse"))
    rows = trace.sql("SELECT pid, process_id, exit_code FROM process WHERE parent_process_id IS NOT NULL ORDER BY start_ns")
    equal(len({row["pid"] for row in rows}), 1, "pids")
    equal(len({row["process_id"] for row in rows}), 5, "processes")
    equal([row["exit_code"] for row in rows], [1, 2, 3, 4, 5], "exit codes")
    markers = trace.sql("""SELECT t.process_id, count(*) AS n FROM syscall s JOIN thread t USING (trace_id, thread_id)
        WHERE s.name = 'getpriority' GROUP BY t.process_id""")
    equal([row["n"] for row in markers], [1] * 5, "markers of each process")
