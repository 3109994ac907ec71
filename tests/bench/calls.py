# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a system call, a thread's turn and a new process cost under each tracer."""
import os
import re
import statistics
import subprocess
import time

import tracers
from bench import ratio, table, times

BYSTANDER = "not recorded, while `record` records another process"
FLOOR = "floor: know the task, read the clock, twice"
FILTERED = "all calls of the loop filtered out: "

# What loop(1) is asked for: name in README, title, what one of them is, how many, with --quick.
LOOPS = {
    "getppid": ("getppid", "A cheap call (getppid)", "call", 500_000, 200_000),
    "open": ("open and close", "A call with a string (openat and close of /dev/null, mean of both)", "call", 150_000, 60_000),
    "rw": ("read and write of a byte", "Reads and writes of one byte", "call", 300_000, 60_000),
    "pipe": ("pipe ping-pong", "Two threads that send each other a byte through pipes", "call", 100_000, 30_000),
    "futex": ("futex ping-pong", "Two threads that wake each other by futexes", "call", 100_000, 30_000),
    "spawn": ("fork and exec", "Processes that fork, execute true and end", "process", 500, 150),
}
DETAILED = ("getppid", "open")  # these say what filters cost, too


def subjects_of(bench, loop):
    subjects = [tracers.Tracer(bench, "nothing"), tracers.empty(bench)]
    detailed = loop in DETAILED
    if detailed:
        subjects.append(tracers.Tracer(bench, FLOOR, [bench.tool("attach"), bench.tool("floor.bpf.o")]))
    subjects += tracers.ours(bench)
    if detailed:
        subjects.append(tracers.Tracer(bench, BYSTANDER))
        subjects.append(tracers.Perf(bench, "`perf record -e raw_syscalls:*`", "record", "-q", "-e", tracers.SYSCALL_EVENTS))
    subjects += tracers.peers(bench)
    if detailed and not bench.quick:
        subjects += [tracers.Record(bench, FILTERED + "`record -e getpid`", "-e", "getpid"),
                     tracers.PerfTrace(bench, FILTERED + "`perf trace -e getpid`", "-e", "getpid"),
                     tracers.Strace(bench, FILTERED + "`strace -f -e getpid`", "-e", "trace=getpid"),
                     tracers.Strace(bench, FILTERED + "`strace -f --seccomp-bpf -e getpid`", "--seccomp-bpf", "-e", "trace=getpid")]
    return tracers.installed(subjects)


def run_beside(bench, command):
    """Output of a command that runs beside a recording of `sleep`."""
    if os.path.exists(bench.path("before")):
        os.unlink(bench.path("before"))
    recorder = subprocess.Popen([*bench.recording(bench.path("beside.trc")), *bench.noting_tracer(["sleep", "60"])],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(bench.path("before")) and recorder.poll() is None:
            time.sleep(0.05)
        return bench.run(command)
    finally:
        recorder.terminate()  # is passed on to sleep
        recorder.wait(timeout=30)


def run_loop(bench, subject, loop, count, is_last):
    """ns of CPU and of wall time each, and what the tracer wrote (of the others in the last round, for it takes long)."""
    command = ["taskset", "-c", str(bench.cpu), bench.tool("loop"), loop, str(count)]
    is_ours = subject.name == tracers.RECORD
    if subject.name == BYSTANDER:
        out = run_beside(bench, command)
    else:
        out = bench.run(subject.wrap(bench.noting_tracer(command) if is_ours else command))
    cpu_ns, wall_ns = map(float, re.search(r"^loop: (\S+) (\S+)$", out, re.M).groups())
    found = subject.found() if is_last or isinstance(subject, tracers.Record) else {}
    if is_ours:
        found["user_ns"] = (bench.recorder_ns(found) - bench.idle_ns) / found["events"]
    subject.clean()
    return cpu_ns, wall_ns, found


def measure(bench, loop):
    quoted, title, each, count, quick_count = LOOPS[loop]
    count = quick_count if bench.quick else count
    subjects = subjects_of(bench, loop)
    ns, lost, user_ns = {subject.name: [] for subject in subjects}, {}, []
    for turn in range(bench.rounds):
        for subject in subjects:
            fewer = subject.fewer if each == "call" else min(subject.fewer, 5)
            cpu_ns, wall_ns, found = run_loop(bench, subject, loop, count // fewer, turn == bench.rounds - 1)
            ns[subject.name].append(wall_ns if subject.waits else cpu_ns)
            if found:
                lost[subject.name] = lost.get(subject.name, 0) + found["lost"]
            if "user_ns" in found:
                user_ns.append(found["user_ns"])
            bench.note(f"call {loop}", subject.name, turn, cpu_ns=cpu_ns, wall_ns=wall_ns, **found)
    least = {name: min(values) for name, values in ns.items()}
    bare, rows = least["nothing"], []
    for name, value in least.items():
        rows.append([name, f"{value:.0f}", f"{statistics.median(ns[name]):.0f}", f"{value - bare:+.0f}",
                     ratio(value - bare, least[tracers.EMPTY] - bare), ratio(value - bare, least[tracers.PERF_RECORD] - bare),
                     f"{lost[name]:,}" if name in lost else ""])
        added = f"{value - bare:+,.0f} ns" if each == "call" else f"{(value - bare) / 1e3:+,.0f} µs"
        bench.quote(quoted, name, f"{times(value / bare)} ({added})")
    table(f"{title}: ns per {each}", ["", "least", "median", "added", "added, × empty programs",
                                      "added, × `perf trace record`", "events lost"], rows)
    print(f"\nLeast of {bench.rounds} rounds of {count:,}, each the mean of one; CPU time of the loop, which is pinned to one CPU;"
          "\nunder strace, for which it waits, wall time; under strace, perf trace and bpftrace fewer."
          f"\nAt this rate `record` itself used {min(user_ns):.0f} ns of CPU per event.")
    if loop == "open" and not bench.quick:
        print("A filter of `record` still lets calls through that open and close files: the names of others depend on them.")
    for name in least:
        if loop == "getppid" and name.startswith(FILTERED):
            tool = name.removeprefix(FILTERED)
            column = (tracers.RECORD if "record" in tool else tracers.PERF_TRACE if "perf" in tool else
                      tracers.STRACE if "seccomp" in tool else None)
            bench.quote("getppid, filtered out", column, bench.quoted[quoted, name])


def question(bench):
    for loop in LOOPS:
        measure(bench, loop)
