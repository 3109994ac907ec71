# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R11: groups of events can be chosen; what is off is not loaded."""
import glob
import os

from harness import ROOT, Skip, cases, check, equal, workload


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


OFF = ("signal", "fault", "block", "pagecache", "memory", "capability", "cgroup", "uring", "tcp")


def programs_of(trace):
    return [row["name"] for row in trace.sql("SELECT name FROM probe")]


def test_off_by_default(t):
    """What is off is not in the kernel: the trace lists what was loaded."""
    trace = t.record("/bin/true")
    ours = programs_of(trace)
    for group in OFF:
        equal([name for name in ours if name.startswith(group + "_")], [], f"programs of {group}")
    check("task_exec" in ours and "syscall_enter" in ours, f"programs: {ours}")


@cases(*OFF)
def test_alone(t, group):
    """Each group works without any other; only its own programs and those of tasks and targets are loaded."""
    trace = t.record(workload("children"), "fork", "11", options=["--events", "task," + group])
    programs = programs_of(trace)
    own = [name for name in programs if name.startswith(group + "_")]
    if not own and "missing_hooks" in trace.analyze("info").stdout:
        raise Skip(trace.result.stderr)
    check(own, f"programs: {programs}")
    rest = {name.split("_")[0] for name in programs} - {group, "task", "target"}
    equal(rest, {"syscall"} if group == "memory" else set(), "groups of the other programs")
    equal(len(trace.of("task_exit")), 12, "deaths")


def test_everything(t):
    """All groups at once, on a build: nothing is lost, every tool can read it."""
    sources = sorted(glob.glob(os.path.join(ROOT, "samples", "workloads", "[a-m]*.c")))
    lines = "".join(f"{i}.o: {source}\n\tgcc -O1 -D_GNU_SOURCE -c -o $@ {source}\n" for i, source in enumerate(sources))
    objects = " ".join(f"{i}.o" for i in range(len(sources)))
    t.write("Makefile", f"all: {objects}\n{lines}".encode())
    trace = t.record("make", "-j2", options=["--events", "all"])
    equal(trace.one("SELECT lost_count FROM trace"), 0, "lost events")
    kinds = {event["kind"] for event in trace.events}
    wanted = {"signal_generate", "signal_deliver", "page_fault", "pagecache_add", "memory_resident", "memory_mapped",
              "capability_check", "syscall", "exec"}
    check(wanted <= kinds, f"kinds of events: {sorted(kinds)}")
    said = trace.analyze("report")
    equal((said.returncode, said.stderr), (0, ""), "report")
    equal(trace.one("SELECT count(*) FROM process WHERE comm = 'cc1'"), len(sources), "compilers")
