# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R11: groups of events can be chosen; what is off is not loaded."""
from harness import cases, check, equal, workload


def test_task_alone(t):
    """The tree is whole without a system call; no program looks at them."""
    trace = t.record(workload("children"), "fork", "101", options=["--events", "task"])
    equal(trace.of("syscall"), [], "syscall events")
    equal(len(trace.of("task_new")), 101, "births")
    equal(len(trace.of("task_exit")), 102, "deaths")
    equal(len(trace.of("exec")), 1, "execs")
    programs = [row["name"] for row in trace.sql("SELECT name FROM probe")]
    check(programs and not [name for name in programs if name.startswith("syscall_")], f"programs: {programs}")


@cases("task,sycall", "-block2", "all,nonesuch")
def test_mistake(t, groups):
    """Bad input: an unknown group is named, nothing is recorded."""
    trace = t.record("/bin/true", options=["--events", groups], code=2)
    check(trace.result.stderr.count("\n") == 1 and "no group of events" in trace.result.stderr, trace.result.stderr)


def test_in_the_file(t):
    """The groups are in the file."""
    said = t.record("/bin/true", options=["--events", "task"]).analyze("info").stdout
    check("--events task" in said, said)
