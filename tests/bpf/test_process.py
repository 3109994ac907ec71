# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R17: what the trace says of a process is what the kernel's other interfaces say."""
import collections
import os
import re

import harness
from harness import check, equal, run, succeed, workload


def row_of(trace, pid):
    rows = trace.sql("SELECT * FROM process WHERE pid = ?", pid)
    equal(len(rows), 1, f"rows of the process {pid}")
    return rows[0]


def near(actual, expected, share, what, at_least=0):
    check(abs(actual - expected) <= max(at_least, share * expected), f"{what}: {actual}, the kernel says {expected}")


def test_accounts(t):
    """Times, memory, faults, switches, bytes: as wait4 and /proc have them after the end."""
    trace = t.record(workload("usage"))
    seen = dict(re.findall(r"^(\w+): (.*)$", trace.result.stdout, re.M))
    stat = seen["stat"][seen["stat"].rindex(")") + 2:].split()  # from field 3 on
    row = row_of(trace, int(seen["pid"]))
    equal(row["exit_code"], 53, "exit code")
    equal(row["exit_signal"] or 0, 0, "exit signal")
    cpu_ns = (int(seen["utime_us"]) + int(seen["stime_us"])) * 1000
    near(row["utime_ns"] + row["stime_ns"], cpu_ns, 0.05, "CPU time", at_least=20_000_000)
    near(row["utime_ns"], int(seen["utime_us"]) * 1000, 0.1, "user time", at_least=30_000_000)
    equal(row["max_rss_bytes"], int(seen["max_rss_kib"]) * 1024, "largest resident set")
    near(row["minor_faults"], int(seen["minor_faults"]), 0, "minor faults", at_least=2)
    near(row["major_faults"], int(seen["major_faults"]), 0, "major faults", at_least=1)
    (end,) = [event for event in trace.of("task_exit") if event["tgid"] == int(seen["pid"])]
    # Its last switches come after the event.
    later = [bool(event["state"]) for event in trace.of("sched_switch") if event["tid"] == end["tid"] and event["ts"] > end["ts"]]
    for kind, voluntary in (("voluntary_switches", True), ("involuntary_switches", False)):
        equal(row[kind] + later.count(voluntary), int(seen[kind]), kind)
    # A slow machine's timer rings before the sleeper has left the CPU.
    check(row["voluntary_switches"] >= 43 - 5, f"{row['voluntary_switches']} voluntary switches in 43 sleeps")
    equal(row["write_bytes"], int(seen["write_bytes"]), "bytes written to storage")
    equal(row["read_bytes"], int(seen["read_bytes"]), "bytes read from storage")
    equal((end["rchar_bytes"], end["wchar_bytes"]), (int(seen["rchar"]), int(seen["wchar"])), "bytes of reads and writes")
    # Field 22 of stat counts the start in ticks of the boot clock.
    tick = os.sysconf("SC_CLK_TCK")
    equal(end["start_ns"] * tick // 10**9, int(stat[22 - 3]), "start time in ticks")
    equal(row["parent_process_id"], row_of(trace, int(stat[4 - 3]))["process_id"], "parent")


def test_identity(t):
    """Who and where: ids, directory, program, arguments, cgroup, namespaces."""
    directory = t.path("some where")
    os.mkdir(directory)
    os.chmod(t.directory, 0o755)
    os.chmod(directory, 0o755)
    script = "cat /proc/self/cgroup; for n in mnt net uts ipc pid cgroup user; do readlink /proc/self/ns/$n; done; exit 3"
    trace = t.record("/bin/sh", "-c", script, "name of argv 2", code=3, cwd=directory)
    row = row_of(trace, trace.of("exec")[0]["tgid"])
    equal((row["uid"], row["gid"]), (os.getuid(), os.getgid()), "user and group")
    equal(row["cwd"], directory, "directory")
    equal(row["exe"], os.path.realpath("/bin/sh"), "program")
    equal(row["comm"], "sh", "name")
    check(row["cmdline"].startswith("/bin/sh -c "), f"command line {row['cmdline']}")
    check("name of argv 2" in row["cmdline"], f"command line {row['cmdline']}")
    lines = trace.result.stdout.splitlines()
    unified = [line[3:] for line in lines if line.startswith("0::")]
    if unified:
        equal(row["cgroup"], unified[0], "cgroup")
    spaces = dict(re.findall(r"^(\w+):\[(\d+)\]$", trace.result.stdout, re.M))
    event = trace.of("exec")[0]
    for name in ("mnt", "net", "uts", "ipc", "pid", "cgroup", "user"):
        field = "pid_ns" if name == "pid" else f"{name}_ns"
        equal(event[field], int(spaces[name]), f"{name} namespace")


def test_other_user(t):
    """A process that gives root away is seen with its new ids at its next exec."""
    trace = t.record("setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "/bin/true")
    before, after = trace.of("exec")
    equal((before["uid"], before["gid"]), (os.getuid(), os.getgid()), "ids before")
    equal((after["uid"], after["gid"], after["euid"], after["egid"]), (65534, 65533, 65534, 65533), "ids after")
    equal(tuple(row_of(trace, after["tgid"])[key] for key in ("uid", "gid")), (65534, 65533), "ids in the table")


def test_renames(t):
    """Each change of name, by the thread itself and by another."""
    trace = t.record(workload("renames"))
    events = trace.of("task_rename")[1:]  # the first is the execve's own
    leader = events[0]["renamed_tid"]
    own = [event["comm"] for event in events if event["renamed_tid"] == leader]
    other = [event["comm"] for event in events if event["renamed_tid"] != leader]
    equal(own, [f"name-{i}" for i in range(13)], "names of the first thread")
    equal(other, ["other-0", "other-1", "other-2", "other-self"], "names of the second")
    equal({event["tid"] for event in events[13:16]}, {leader}, "who named the second thread")
    names = [row["comm"] for row in trace.sql("SELECT comm FROM thread ORDER BY start_ns")]
    equal(names, ["name-12", "other-self"], "names in the table of threads")


def test_exits(t):
    """Exit codes and signals of a tree."""
    trace = t.record(workload("exits"), "tree")
    rows = trace.sql("SELECT exit_code, exit_signal FROM process WHERE parent_process_id IS NOT NULL ORDER BY start_ns")
    codes = [row["exit_code"] for row in rows[:9]]
    equal(codes, [0, 2, 3, 5, 7, 11, 13, 127, 251], "exit codes")
    equal([row["exit_signal"] for row in rows[9:]], [1, 2, 6, 9, 15], "signals")


def test_leader_that_ends_first(t):
    """A process whose first thread ends first lives until its last thread does, with that one's code."""
    trace = t.record(workload("exits"), "leader", "41", code=41)
    rows = trace.sql("SELECT exit_code, end_ns FROM process")
    equal([row["exit_code"] for row in rows], [41], "exit code")
    ends = [row["end_ns"] for row in trace.sql("SELECT end_ns FROM thread ORDER BY end_ns")]
    equal(len(ends), 2, "threads")
    check(ends[1] - ends[0] > 30_000_000 // harness.SLOWER, f"the leader ended {ends[1] - ends[0]} ns before the other")
    equal(rows[0]["end_ns"], ends[1], "end of the process")


def test_last_thread(t):
    """Of the threads of a process one is the last, even when they end at the same moment on several CPUs."""
    trace = t.record(workload("exits"), "threads", "307", options=["--events", "task"])
    ends = trace.of("task_exit")
    last = collections.Counter(event["tgid"] for event in ends if event["signal_flags"] & 1)
    equal(set(last), {event["tgid"] for event in ends}, "processes with a last thread")
    equal({tgid: count for tgid, count in last.items() if count > 1}, {}, "processes with several last threads")
    check(len(last) == 308, f"{len(last)} processes")


def test_orphan(t):
    """A process whose parent ends first keeps the parent that made it, and is seen to its end."""
    trace = t.record("/bin/sh", "-c", "(sh -c 'sleep 0.2; exit 17' & exit 0); sleep 0.4")
    late = trace.sql("SELECT parent_process_id FROM process WHERE exit_code = 17")
    equal(len(late), 1, "the orphan")
    check(late[0]["parent_process_id"] is not None, "the orphan has no parent")


def test_tree_of_ps(t):
    """Pids and parents are those that the processes see themselves."""
    script = "import os\nfor i in range(5):\n    if os.fork(): os.wait(); break\n    print(os.getpid(), os.getppid(), flush=True)\n"
    trace = t.record("/usr/bin/python3", "-c", script)
    pairs = [tuple(map(int, line.split())) for line in trace.result.stdout.splitlines()]
    equal(len(pairs), 5, "processes that spoke")
    rows = trace.sql("""SELECT c.pid, p.pid FROM process c JOIN process p
        ON p.trace_id = c.trace_id AND p.process_id = c.parent_process_id ORDER BY c.start_ns""")
    equal([tuple(row) for row in rows], pairs, "pids and parents")


def test_namespaces_of_pid(t):
    """unshare -fp: the pid in the process's own namespace."""
    trace = t.record("unshare", "-fp", "/bin/sh", "-c", "echo $$")
    equal(trace.result.stdout, "1\n", "what the shell sees")
    equal(trace.one("SELECT ns_pid FROM process WHERE comm = 'sh'"), 1, "ns_pid")


def test_kernel_state_is_left(t):
    """S3: after a recording no BPF program, map or link of it is left."""
    def ids():
        text = "".join(run(["bpftool", what, "show"]).stdout for what in ("prog", "map", "link"))
        return len(re.findall(r"^\d+:", text, re.M))

    succeed(["bpftool", "prog", "show"])
    before = ids()
    t.record(workload("children"), "fork", "211")
    for _ in range(100):
        if ids() <= before:
            return
        run(["sleep", "0.05"])
    equal(ids(), before, "BPF objects")
