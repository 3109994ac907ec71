# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A9, A10, A11: where every nanosecond went, what named thing was waited for and who ended it, why it took so long."""
import bisect
import collections
import os
import re
import shutil
import time

import harness
from harness import Skip, cases, check, equal, items, run, start, stolen_ns, succeed, takes, workload
from span_sums import STATES, sums_are_lives

IN_CALL, NOT_IN_CALL, FROM_TARGET = 16, 32, 4  # flags of sched_switch
RUNNABLE = 0  # its state


WAYS = {  # reason, object, call, may the waker be missing now and then?
    "pipe": ("pipe", r"pipe:\[\d+\]", "read"),
    "lock": ("futex", r"futex 0x[0-9a-f]+ of waits\[\d+\]", "futex"),
    "socket": ("socket", r"tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+", "recvfrom"),
    "poll": ("poll", r"pipe:\[\d+\]", "poll"),
    "epoll": ("poll", r"pipe:\[\d+\]", "epoll_wait"),
    "child": ("child", r"child waits\[\d+\]", "wait4"),
    "vfork": ("vfork", r"child waits\[\d+\]", "vfork"),
    "timer": ("timer", None, "clock_nanosleep"),
}


@cases(*WAYS)
def test_waits(t, way):
    """Each wait has its reason, its object by name and who ended it; times are those that the program measured."""
    trace = t.record(workload("waits"), way)
    count, measured, tid, other, _ = map(int, trace.result.stdout.split())
    reason, name, call = WAYS[way]
    call = harness.made_as(call)
    rows = [row for row in trace.sql("SELECT * FROM wait WHERE tid = ? AND call = ?", tid, call) if row["reason"] == reason]
    if way == "lock":  # its barriers are others
        rows = [max(rows, key=lambda row: row["total_ns"])]
    found = sum(row["count"] for row in rows)
    # What it waited for may have come before it went to sleep.
    check(count * 0.9 <= found <= count + 3, f"{found} waits of {count}: {[dict(row) for row in rows]}")
    names = {row["object"] for row in rows}
    check(all(name and re.fullmatch(name, each) if each else not name for each in names), f"waited for {names}")
    waited = sum(row["total_ns"] for row in rows)
    (times,) = trace.sql("SELECT * FROM thread_time WHERE tid = ?", tid)
    rest = times["run_user_ns"] + times["run_system_ns"] + times["preempted_ns"] + times["runnable_ns"]
    check(measured - rest <= waited <= measured + 3000000, f"waited {waited} ns, measured {measured} of which {rest} not waiting")
    longest = max(rows, key=lambda row: row["max_ns"])
    if way == "timer":
        equal({row["max_waker_tid"] for row in rows}, {None}, "wakers")
        check(sum(row["by_interrupt_count"] for row in rows) >= 0.8 * found, "timers are interrupts")
    elif way in ("child", "vfork"):
        equal({row["object"] == f"child waits[{row['max_waker_tid']}]" for row in rows}, {True}, "wakers")
    else:
        equal(longest["max_waker_tid"], other, "who ended the longest")
        edges = trace.sql("SELECT e.* FROM wait_edge e JOIN process w ON w.trace_id = e.trace_id AND w.process_id = e.waker_process_id"
                          " WHERE e.reason = ? AND e.object IN (SELECT object FROM wait WHERE tid = ?)", reason, tid)
        check(sum(edge["count"] for edge in edges) >= 0.8 * found, f"edges to who ended the waits: {[dict(edge) for edge in edges]}")
    sums_are_lives(trace)


WAITID = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for kind in 1, 0:  # P_PID, P_ALL
    pid = os.fork()
    if not pid:
        os.execvp("sleep", ["sleep", "0.1"])
    libc.waitid(kind, pid if kind else 0, None, 4)  # WEXITED, and no siginfo that would name the child
"""


def test_children(t):
    """A child has the name that it had in the end, whatever it was waited for with, also from another pid namespace."""
    trace = t.record("/usr/bin/python3", "-c", WAITID)
    names = "SELECT DISTINCT call, object FROM wait WHERE reason = 'child' AND max_ns > 50000000 ORDER BY object_id"
    rows = [(row["call"], row["object"]) for row in trace.sql(names)]
    equal([(call, str(name)[:12]) for call, name in rows], [("waitid", "child sleep[")] * 2, "children")
    trace = t.record("unshare", "-pf", "--mount-proc", "bash", "-c", "sleep 0.1; sleep 0.1; true")
    equal(sorted(str(row["object"]).split("[")[0] for row in trace.sql(names)), ["child bash", "child sleep", "child sleep"],
          "children in another pid namespace")


@cases("sync", "direct")
def test_disk(t, way):
    """Writes that must be on the disk and reads past the page cache wait for block I/O, of that file, and for little else."""
    if run(["stat", "-f", "-c", "%T", t.directory]).stdout.strip() in ("tmpfs", "ramfs"):
        raise Skip("no disk here")
    trace = t.record(workload("waits"), way)
    count, _, tid, _, switches = map(int, trace.result.stdout.split())
    call = {"sync": "write", "direct": "read"}[way]
    rows = trace.sql("SELECT * FROM wait WHERE tid = ? AND call = ? AND object LIKE '%/waits.data%'", tid, call)
    waited, disk = sum(row["total_ns"] for row in rows), sum(row["iowait_ns"] for row in rows)
    check(disk >= 0.9 * waited, f"{disk} ns for block I/O of {waited} ns")
    # One that is done before the thread leaves the CPU waits for nothing: a fast disk may leave no wait at all.
    found = sum(row["count"] for row in rows if row["reason"] == "disk")
    check(min(count, switches) - 3 <= found <= switches + 3, f"{switches} times off the CPU: {[dict(row) for row in rows]}")
    sums_are_lives(trace)


NAMES = """
import os, sys
os.chdir(sys.argv[1])
here = os.open(".", os.O_RDONLY)
for i in range(23):
    os.mkdir("made")
    os.rename("made", "./moved", src_dir_fd=here)
    os.rmdir(sys.argv[1] + "/moved")
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY))
    os.unlink("file", dir_fd=here)
"""


def test_paths(t):
    """A wait in a call that was given a path is for the file of that path, whole, though nobody opened it."""
    os.mkdir(t.path("sync"))
    if not shutil.which("chattr") or run(["chattr", "+D", t.path("sync")]).returncode:
        raise Skip("no directory here of which changes are on the disk at once")
    trace = t.record("/usr/bin/python3", "-c", NAMES, t.path("sync"))
    calls = {"mkdir": "made", "renameat": "made", "rmdir": "moved", "unlinkat": "file"}
    rows = trace.sql("SELECT call, object_type, object FROM wait WHERE object LIKE ? || '/sync/%' OR call IN"
                     " ('mkdir', 'mkdirat', 'rmdir', 'renameat', 'renameat2', 'unlinkat')", t.directory)
    names = {call: t.path("sync/" + name) for call, name in calls.items()}
    found = {row["call"]: (row["object_type"], row["object"]) for row in rows if row["call"] in names}
    if not found:
        raise Skip("a disk too fast to wait for")
    equal(found, {call: ("file", names[call]) for call in found}, "what was waited for")


def test_page_fault(t):
    """A wait for a page of a mapped file names the file, in a call of another kind and in none."""
    trace = t.record(workload("faults"), options=["--events", "+fault"])
    major = int(trace.result.stdout.split()[-1])
    if major < 101:
        raise Skip("page faults with I/O need a file on a disk")
    (end,) = trace.of("task_exit")
    events = [event for event in trace.of("page_fault") if event["major"]]
    named = [event for event in events if items(event, "path")[0]["data"] == t.path("faults.data")]
    equal(sorted(event["file_page"] for event in named), list(range(101)), "pages of the file")
    equal({(event["inode"], event["device"]) for event in named},
          {(os.stat(t.path("faults.data")).st_ino, named[0]["device"])}, "the file")
    equal(end["major_faults"], len(events), "major faults")
    # Off the CPU meanwhile, as the events tell: a fast disk may leave none.
    times = [(event["ts"] - event["duration_ns"], event["ts"]) for event in named]
    left = [event["ts"] for event in trace.of("sched_switch") if event["tid"] == end["tid"] and event["state"] != RUNNABLE]
    off = sum(any(start <= ts <= stop for start, stop in times) for ts in left)
    rows = trace.sql("SELECT * FROM wait WHERE reason = 'fault' AND object = ?", t.path("faults.data"))
    # Who is woken before it has left waits for nothing.
    found = sum(row["count"] for row in rows)
    check(off // 20 <= found <= off, f"{found} waits for it, {off} times it left the CPU")
    others = trace.sql("SELECT * FROM wait WHERE tid = ? AND call IS NULL AND iowait_ns > 0 AND object IS NULL", end["tid"])
    equal([dict(row) for row in others], [], "waits for the disk outside of calls without a file")


def test_times_are_those_of_the_kernel(t):
    """Two that compete for a CPU: on it, ready for it, times it was given, as /proc/PID/schedstat has them at their ends."""
    stolen = stolen_ns()
    trace = t.record(workload("scheduling"), "pair")
    stolen = stolen_ns() - stolen
    known = collections.defaultdict(dict)
    for line in trace.result.stdout.splitlines():
        pid, key, *numbers = line.split()
        known[int(pid)][key.rstrip(":")] = [int(number) for number in numbers]
    equal(len(known), 2, "children")
    for pid, values in known.items():
        run_ns, ready_ns, slices = values["schedstat"]
        (row,) = trace.sql("SELECT *, run_user_ns + run_system_ns AS run_ns, preempted_ns + runnable_ns AS ready_ns"
                           " FROM thread_time WHERE tid = ?", pid)
        unseen = max(0, 1 - row["run_count"] / slices)  # a switch may have no tracepoint: see tests/bpf/test_sched.py
        check(unseen < 0.1, f"{unseen:.0%} of the times that it came to the CPU unseen")
        more = row["run_ns"] - run_ns
        check(-(0.03 + 2 * unseen) * run_ns < more < (0.03 + 2 * unseen) * run_ns + stolen,
              f"on the CPU {row['run_ns']} ns, /proc says {run_ns}, and {stolen} were stolen from all")
        check(abs(row["ready_ns"] - ready_ns) < (0.05 + 2 * unseen) * ready_ns + stolen, f"ready {row['ready_ns']} ns, /proc says {ready_ns}")
        check(row["preempted_ns"] > 0.5 * ready_ns, "they hardly took the CPU from each other: the test shows nothing")
        left = values["voluntary_ctxt_switches"][0]
        check(abs(row["voluntary_count"] - left) <= 2, f"{row['voluntary_count']} waits, /proc says {left}")
        taken = values["nonvoluntary_ctxt_switches"][0]
        check(abs(row["involuntary_count"] - taken) <= 2, f"{row['involuntary_count']} times taken off, /proc says {taken}")
    sums_are_lives(trace)


@takes(300)
def test_times_are_those_of_perf(t):
    """The same run seen by perf sched: time on the CPU and waiting of each thread."""
    perf = shutil.which("perf")
    if not perf or run([perf, "sched", "record", "-o", t.path("probe.data"), "--", "true"]).returncode:
        raise Skip("no perf sched")
    path, data = t.new_trace(), t.path("perf.data")
    succeed([perf, "sched", "record", "-o", data, "--", harness.RECORD, "-q", "-o", path, "--", workload("scheduling"), "pair"],
            cwd=t.directory)
    trace = harness.Trace(path)
    tids = ",".join(str(row["tid"]) for row in trace.sql("SELECT tid FROM thread"))
    listed = succeed([perf, "sched", "timehist", "-i", data, "--tid", tids]).stdout
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for line in listed.splitlines():
        found = re.search(r"\[(\d+)(?:/\d+)?\]\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s*$", line)
        for i in range(3 if found else 0):
            sums[int(found[1])][i] += float(found[2 + i]) * 1e6
    # Of the command itself perf has seen more: before it was recorded.
    rows = trace.sql("SELECT *, run_user_ns + run_system_ns AS run_ns FROM thread_time WHERE stopped_ns = 0")
    equal(len(rows), 2, "threads that were made while it was recorded")
    for row in rows:
        waited, delayed, ran = sums[row["tid"]]
        check(abs(row["run_ns"] - ran) < 0.05 * ran, f"{row['tid']}: on the CPU {row['run_ns']} ns, perf says {ran}")
        off, told = row["total_ns"] - row["run_ns"], waited + delayed
        check(abs(off - told) < 0.05 * told, f"{row['tid']}: off the CPU {off} ns, perf says {told}")


def test_path_of_equals(t):
    """On the first screen the waits of several processes of one name are a share of all their time."""
    trace = t.record("bash", "-c", "for i in 1 2 3 4 5; do sleep 0.2; done")
    said = trace.analyze("report").stdout
    share = re.search(r"sleep ×5 [^(]*\([^)]*?(\d+) % timer", said)
    check(share and int(share[1]) > 60, f"the path goes through five sleeps: {said}")


def test_critical_path(t):
    """A pipeline of which one part takes long: the path goes through that."""
    trace = t.record("sh", "-c", "sleep 0.05; (sleep 0.3; echo x) | cat | (read x; sleep 0.2); sleep 0.02 & sleep 0.1; wait")
    sums_are_lives(trace)
    waits = trace.sql("SELECT * FROM critical_path WHERE reason = 'timer'")
    check(all(row["comm"] == "sleep" for row in waits), f"{[dict(row) for row in waits]}")
    long = sorted(row["duration_ns"] for row in waits)[-4:]
    for slept, expected in zip(long, (50e6, 100e6, 200e6, 300e6)):
        check(abs(slept - expected) < 20e6, f"sleeps on the path: {long}")
    through = {row[0] for row in trace.sql("SELECT comm FROM critical_path_by_process")}
    check({"sh", "sleep", "cat"} <= through, f"the path goes through {through}")
    wakes = {(row["comm"], row["via_reason"]) for row in trace.sql("SELECT * FROM critical_path WHERE via = 'wake'")}
    check({("cat", "pipe"), ("sleep", "pipe"), ("sh", "child")} <= wakes, f"{wakes}")


def test_where_a_switch_happened(t):
    """A switch tells whether its thread is in a system call: waits are, a burner that is taken off the CPU is not."""
    trace = t.record(workload("scheduling"), "pair")
    burners = {int(line.split()[0]) for line in trace.result.stdout.splitlines()}
    left = [event for event in trace.of("sched_switch") if event["flags"] & FROM_TARGET and event["tid"] in burners]
    naps = [event for event in left if event["state"] == 1]
    equal({event["flags"] & (IN_CALL | NOT_IN_CALL) for event in naps}, {IN_CALL}, "naps")
    calls = {tid: sorted((call["ts"], call["ts"] - call["duration_ns"]) for call in trace.of("syscall") if call["tid"] == tid)
             for tid in burners}
    for event in left:
        ended = calls[event["tid"]]
        at = bisect.bisect(ended, (event["ts"], 2**64))  # the first call that ends later
        inside = at < len(ended) and ended[at][1] < event["ts"]
        if event["flags"] & NOT_IN_CALL:
            check(not inside, f"it is said to be in no call: {event}")
    check(sum(bool(event["flags"] & NOT_IN_CALL) for event in left) > 100, "hardly a switch outside calls")


def test_without_the_scheduler(t):
    """Without its events the time is in calls or not, and no more is claimed."""
    trace = t.record(workload("waits"), "pipe", options=["--events", "task,syscall"])
    sums_are_lives(trace)
    for row in trace.sql("SELECT * FROM thread_time"):
        equal(row["call_ns"] + row["outside_ns"], row["total_ns"], f"time of {row['tid']}")
    tid, call_ns = int(trace.result.stdout.split()[2]), 0
    call_ns = sum(call["duration_ns"] for call in trace.of("syscall") if call["tid"] == tid)
    equal(trace.one("SELECT call_ns FROM thread_time WHERE tid = ?", tid), call_ns, "time in calls")
    check("Critical path" not in trace.analyze("report").stdout, "a critical path without the scheduler")


def test_attached(t):
    """Of one that was there before, the time from the beginning of the recording on."""
    process = start(["python3", "-c", "import time\nwhile True: time.sleep(0.002)"])
    sleeper = start(["sleep", "60"])
    path = t.new_trace()
    time.sleep(0.3)
    succeed([harness.RECORD, "-q", "-o", path, "-d", "0.2", "-p", str(process.pid), "-p", str(sleeper.pid)])
    for each in (process, sleeper):
        each.kill()
        each.wait()
    trace = harness.Trace(path)
    sums_are_lives(trace)
    (row,) = trace.sql("SELECT * FROM thread_time WHERE tid = ?", process.pid)
    check(row["sleep_ns"] > 0.3 * row["total_ns"], f"it naps most of the time: {dict(row)}")
    (row,) = trace.sql("SELECT * FROM thread_time WHERE tid = ?", sleeper.pid)
    equal(row["sleep_ns"], row["total_ns"], "one that sleeps all the time")


def test_named_waits(t):
    """A shell's pipeline with files, pipes, children and threads: less than 1 % of the waiting is for nobody knows what."""
    script = ("for i in 1 2 3 4 5 6 7; do find /usr/include -name '*.h' | sort | tail -n 1; done; python3 -c 'import threading, time;"
              " [threading.Thread(target=time.sleep, args=(0.1,)).start() for i in range(5)]'; tar c /usr/include/linux | gzip | wc -c")
    trace = t.record("sh", "-c", script, cwd="/")
    sums_are_lives(trace)
    waited = trace.one("SELECT sum(total_ns) FROM wait")
    unknown = trace.sql("SELECT reason, call, sum(total_ns) AS ns FROM wait WHERE reason IN ('unknown', 'none', 'kernel')"
                        " OR (object IS NULL AND reason IN ('pipe', 'socket', 'file', 'child', 'futex')) GROUP BY reason, call")
    check(sum(row["ns"] for row in unknown) < 0.01 * waited, f"of {waited} ns: {[dict(row) for row in unknown]}")


def test_windows_make_the_whole(t):
    """The tables of windows that follow each other add up to those of the whole."""
    trace = t.record(workload("waits"), "lock")
    edges = ["0", "0.01", "0.0123", "0.05", "0.0501", "1000"]
    whole = [trace.one(f"SELECT sum({state}) FROM thread_time") for state in STATES]
    parts = [0] * len(STATES)
    for begin, end in zip(edges, edges[1:]):
        out = trace.analyze("report", "thread_time", "--time", f"{begin},{end}", "--columns", ",".join(STATES), "--format", "csv").stdout
        for line in out.splitlines()[1:]:
            parts = [part + int(value) for part, value in zip(parts, line.split(","))]
    equal(parts, whole, "sums of states")


def test_replay(t):
    """Behind each call what it waited for and who ended that; without --waits the same lines without."""
    trace = t.record(workload("waits"), "pipe")
    count, _, tid, other, _ = map(int, trace.result.stdout.split())
    lines = trace.analyze("replay", "--waits", "--no-split").stdout.splitlines()
    waits = [line for line in lines if re.search(rf" waiting for pipe:\[\d+\], ended by waits\[{other}\]>$", line)]
    check(count * 0.9 <= len(waits) <= count, f"{len(waits)} waits of {count}")
    equal({line.split()[0] for line in waits}, {str(tid)}, "who waited")
    equal([re.sub(r"> <[^<>]* waiting .*$", ">", line) for line in lines],
          trace.analyze("replay", "--no-split").stdout.splitlines(), "lines without the waits")
    split = trace.analyze("replay", "-w").stdout.splitlines()
    equal(sum("waiting for pipe:" in line for line in split), sum("waiting for pipe:" in line for line in lines), "waits of split lines")
