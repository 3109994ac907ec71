# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R12: -e chooses calls in the kernel; the calls that names depend on are kept, hidden."""
import os

from harness import cases, check, equal, hidden, nr, run, workload
import harness

# What may be there, hidden, whatever the filter says: it makes, closes or renames descriptors, tasks, directories.
STATE = {"execve", "openat", "close", "exit_group", "clone", "clone3", "vfork", "dup2", "fcntl", "pipe2", "mmap", "wait4"}


def names(events):
    by_number = {number: name for name, number in harness.syscall_numbers().items()}
    return {by_number.get(event["nr"], event["nr"]) for event in events}


@cases("openat", "openat,fsync", "trace=openat", "%file", "!%file", "/^f(sync|access)", "fsync", "all", "none", "nr")
def test_choice(t, expression):
    """Only the chosen calls are shown, all of them; the rest is hidden and needed."""
    everything = t.record(workload("failing"))
    number = str(nr("fsync"))
    trace = t.record(workload("failing"), options=["-e", number if expression == "nr" else expression])
    total = {name: sum(event["nr"] == nr(name) for event in everything.of("syscall"))
             for name in ("openat", "fsync", "faccessat", "munmap", "wait4", "unlinkat")}
    shown = [event for event in trace.of("syscall") if not hidden(event)]
    wanted = {"openat": {"openat"}, "openat,fsync": {"openat", "fsync"}, "trace=openat": {"openat"},
              "%file": {"openat", "faccessat", "unlinkat"}, "!%file": {"fsync", "munmap", "wait4"},
              "/^f(sync|access)": {"fsync", "faccessat"}, "fsync": {"fsync"}, "nr": {"fsync"},
              "all": set(total), "none": set()}[expression]
    for name, count in total.items():
        equal(sum(event["nr"] == nr(name) for event in shown), count if name in wanted else 0, f"{name} with {expression}")
    kept = [event for event in trace.of("syscall") if hidden(event)]
    check(names(kept) <= STATE, f"hidden calls that no name depends on: {names(kept) - STATE}")
    if expression in ("fsync", "nr", "none", "/^f(sync|access)"):
        equal(len(shown), sum(total[name] for name in wanted), "calls shown")
        equal(sum(event["nr"] == nr("openat") for event in kept), total["openat"], "openat calls kept for the names")
        check({"openat", "close", "execve"} <= names(kept), f"only {names(kept)} were kept for the names")
    # The tree does not depend on the filter.
    equal(len(trace.of("exec")), 1, "exec events")
    equal(len(trace.of("task_exit")), 1, "task_exit events")


def test_hidden_calls_are_not_counted(t):
    """Hidden calls are in no report."""
    trace = t.record(workload("failing"), options=["-e", "fsync"])
    rows = trace.sql("SELECT name, sum(count) FROM syscall_stats GROUP BY name")
    equal([tuple(row) for row in rows], [("fsync", 11)], "syscall_stats")
    shown = trace.analyze("replay").stdout
    equal(shown.count("fsync("), 11, "fsync lines of replay")
    check("openat(" not in shown and "munmap(" not in shown, "replay shows hidden calls")


def test_filter_saves(t):
    """A call that is filtered out is not in the file: the filter works in the kernel."""
    small = t.record(workload("storm"), "100003", options=["-e", "!getppid"])
    equal(len(small.calls("getppid")), 0, "getppid calls")
    check(len(small.of("syscall")) < 100, f"{len(small.of('syscall'))} calls are in the file")
    check(os.path.getsize(small.path) < 100_000, "the file holds what was filtered out")


def test_filter_of_compat_calls(t):
    """The filter goes by name in each ABI: number 20 is getpid there and writev here."""
    trace = t.record(workload("compat32"), options=["-e", "getpid"], code=None)
    if trace.result.returncode == 77:
        raise harness.Skip("this kernel has no 32-bit calls")
    shown = [(event["abi"], event["nr"]) for event in trace.of("syscall") if not hidden(event)]
    equal(shown.count((2, 20)), 19, "32-bit getpid calls")
    equal(shown.count((1, 39)), 19, "64-bit getpid calls")
    check(set(shown) <= {(2, 20), (1, 39), (3, 39)}, f"calls shown: {set(shown)}")


@cases("opneat", "%fiel", "/(/")
def test_mistake(t, expression):
    """A wrong name is refused before anything runs; the nearest right one is suggested."""
    result = run([harness.RECORD, "-o", t.path("x.trc"), "-e", expression, "--", "touch", t.path("ran")])
    equal(result.returncode, 2, "exit")
    equal(len(result.stderr.splitlines()), 1, "lines on stderr")
    check(expression in result.stderr, f"{expression} is not named: {result.stderr}")
    near = {"opneat": "openat", "%fiel": "%file"}.get(expression)
    if near:
        check(near in result.stderr, f"{near} is not suggested: {result.stderr}")
    check(not os.path.exists(t.path("ran")), "the command ran")
    check(not os.path.exists(t.path("x.trc")), "a trace was left")
