# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The recorder when its writes fail, when it is killed, when it lacks a privilege: what was written stays readable, one
line says cause and remedy, and the command goes on unharmed."""
import os
import random
import signal
import subprocess
import time

import harness
from harness import cases, check, equal, run, succeed, takes, wait, workload
from reader_records import EVENTS, HEAD_BYTES, LABEL, Head
from span_sums import runs_fit

HERE = os.path.dirname(os.path.abspath(__file__))


def preload(t, fault):
    library = t.path("faults.so")
    if not os.path.exists(library):
        succeed(["gcc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "faults.c"), "-ldl"])
    return dict(os.environ, LD_PRELOAD=library, FAULT=fault)


def record(t, fault, *command, options=()):
    path = t.new_trace()
    result = run([harness.RECORD, "-o", path, *options, "--", *command], env=preload(t, fault), cwd=t.directory)
    return harness.Trace(path, result)


@takes(300)
@cases("ENOSPC", "EIO")
def test_failed_write(t, error):
    """After N bytes nothing can be written: the command ends as it would, 125 and one line tell, all whole records are read."""
    words = {"ENOSPC": "No space left", "EIO": "Input/output error"}[error]
    sizes = []
    for left in (0, 5, 12, 100, 177, 30000, 45000, 60000, 90000):
        command = ["/bin/sh", "-c", f"{workload('storm')} 50021; {workload('children')} fork 11; echo done >went-on; exit 3"]
        trace = record(t, f"{error}:{left}", *command)
        said = trace.result.stderr
        check(words in said, f"{error} after {left}: {said}")
        errors = [line for line in said.splitlines() if words in line]
        equal(len(errors), 1, f"lines that tell of it ({said})")
        check(os.path.basename(trace.path) in said, f"the file is not named: {said}")
        equal(trace.result.returncode, 125, f"exit after {left} ({said})")
        if os.path.exists(t.path("went-on")):  # what fails before the command starts may keep it from starting
            os.unlink(t.path("went-on"))
        else:
            check(left < 45000, f"the command did not come to its end with {left}")
        if not os.path.exists(trace.path):
            continue
        size = os.path.getsize(trace.path)
        check(size <= left, f"{size} bytes after {left}")
        sizes.append(size)
        info = trace.analyze("info")
        equal(info.returncode, 3, f"exit of info after {left} ({info.stderr})")
        check("damaged" not in info.stderr, f"half a record was left behind after {left}: {info.stderr}")
    check(sizes and max(sizes) > 40000, f"nothing was written: {sizes}")


@cases("short", "eintr")
def test_interrupted_writes(t, fault):
    """Writes that take 7 bytes at a time, or are interrupted: the trace is as whole as any."""
    trace = record(t, fault, workload("children"), "fork", "13")
    equal(trace.result.returncode, 0, f"exit ({trace.result.stderr})")
    equal(trace.analyze("info").returncode, 0, "exit of info")
    equal(len(trace.of("task_new")), 13, "children in the trace")


MOMENTS = int(os.environ.get("TRC_MOMENTS", 24))


@takes(100 + 10 * MOMENTS)
def test_killed_at_any_moment(t):
    """kill -9 at random moments, TRC_MOMENTS of them: what is there is a prefix of a trace, and never half a truth."""
    dice = random.Random(7)
    seen = 0
    for turn in range(MOMENTS):
        begun = t.path("begun")
        if os.path.exists(begun):
            os.unlink(begun)
        trace, recorder = t.start("/bin/sh", "-c", f"touch {begun}; {workload('children')} fork 23; exec {workload('storm')} 3000017",
                                  start_new_session=True)
        if turn % 4:  # not while it is being made ready
            deadline = time.monotonic() + 20
            while not os.path.exists(begun) and time.monotonic() < deadline:
                time.sleep(0.01)
        time.sleep(dice.random())
        recorder.kill()
        wait(recorder)
        try:
            os.killpg(recorder.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        harness.end_children()
        if not os.path.exists(trace.path) or os.path.getsize(trace.path) == 0:
            continue
        size = os.path.getsize(trace.path)
        info = trace.analyze("info")
        equal(info.returncode, 3, f"exit of info with {size} bytes ({info.stderr})")
        if "no readable header" in info.stderr or "not a trace" in info.stderr:
            check(size < 60000, f"{size} bytes and no header")
            continue
        events = run([harness.ANALYZE, "export", trace.path], stdout=subprocess.DEVNULL)
        equal(events.returncode, 3, f"exit of export ({events.stderr})")
        whole = trace.path + ".whole.trc"
        succeed([harness.ANALYZE, "repair", trace.path, "-o", whole])
        equal(run([harness.ANALYZE, "info", whole]).returncode, 0, "exit of info, repaired")
        seen += 1
        os.unlink(trace.path)
        os.unlink(whole)
    check(seen > MOMENTS // 4, f"only {seen} of {MOMENTS} had a header: nothing was tested")


STORM = "for i in 1 2 3 4 5 6; do (while :; do sleep 0.02; ls / >/dev/null; done) & done; wait"


@takes(60)
def test_killed_before_the_scheduler(t):
    """Of the end of a killed recording more calls are there than switches and exits: who ran is then not known."""
    trace, recorder = t.start("timeout", "20", "sh", "-c", STORM, start_new_session=True)
    deadline = time.monotonic() + 20
    said = ""
    while not (" sched: events, from" in said and " syscall: events, from" in said) and time.monotonic() < deadline:
        time.sleep(0.1)
        said = trace.analyze("info").stdout
    recorder.kill()
    wait(recorder)
    harness.end_children()
    times = runs_fit(trace.path, "killed")
    check(times["unknown_ns"] > 0, f"all is known: {times}")
    said = trace.analyze("info").stdout
    for ring in ("all CPUs, task", "sched", "syscall"):
        check(f" {ring}: events, from +" in said, f"nothing is said of {ring}: {said}")
    rows = {row.split(",")[0] for row in trace.analyze("report", "loss", "--columns", "class,cause", "--format", "csv").stdout.splitlines()
            if row.endswith("file has no end")}
    check({"task", "sched", "syscall"} <= rows, f"classes in the table loss: {rows}")
    whole = trace.path + ".whole.trc"
    succeed([harness.ANALYZE, "repair", trace.path, "-o", whole])
    equal(runs_fit(whole, "killed, repaired"), times, "times of the repaired file")


def records_of(data):
    """(offset, end, head) of each."""
    at, found = len(LABEL), []
    while at < len(data):
        head = Head(data[at:at + HEAD_BYTES])
        found.append((at, at + HEAD_BYTES + head.payload_len, head))
        at = found[-1][1]
    return found


@takes(200)
def test_parts_of_a_file(t):
    """A prefix of any length, or any chunk of the scheduler or of tasks missing: no time on a CPU is made up."""
    trace = t.record("timeout", "3", "sh", "-c", STORM, code=124)
    with open(trace.path, "rb") as file:
        data = file.read()
    whole = runs_fit(trace.path, "whole")
    equal(whole["unknown_ns"], 0, "unknown of the whole file")
    ran = whole["run_user_ns"] + whole["run_system_ns"]
    for percent in (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99):
        times = runs_fit(t.write("cut.trc", data[:len(data) * percent // 100]), f"{percent} % of it")
        check(times["run_user_ns"] + times["run_system_ns"] <= ran * 1.01, f"{percent} % of it ran longer than all: {times}, {whole}")
    records = records_of(data)
    chunks = [(at, end, head) for at, end, head in records if head.type == EVENTS and head.stream >> 16 in (0, 4)]
    check(len({head.stream for *_, head in chunks}) < len(chunks), "no chunk has another behind it")
    for at, end, head in chunks:
        what = f"without the chunk of {head.stream:#x} at {at}"
        times = runs_fit(t.write("hole.trc", data[:at] + data[end:]), what)
        check(times["run_user_ns"] + times["run_system_ns"] <= ran * 1.01, f"{what}: ran longer than all: {times}, {whole}")
        if head.event_count > 100:
            check(times["unknown_ns"] > 0, f"{what}: all is known")


def as_somebody(*words):
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]


def refused(t, how, expected):
    """One line with cause and remedy, 125, no file, and the command did not run."""
    os.chmod(t.directory, 0o777)
    path = t.new_trace()
    ran = t.path("ran")
    result = run([*how, harness.RECORD, "--backend", "bpf", "-o", path, "--", "touch", ran], cwd=t.directory)
    equal(result.returncode, 125, f"exit ({result.stderr})")
    equal(len(result.stderr.splitlines()), 1, f"lines on stderr ({result.stderr})")
    for words in expected:
        check(words in result.stderr, f"no {words!r} in {result.stderr}")
    check(not os.path.exists(ran), "the command ran")
    check(not os.path.exists(path), "a file was left behind")


def test_nobody(t):
    refused(t, as_somebody("--inh-caps=-all"), ["root", "CAP_BPF", "CAP_PERFMON", "sudo"])


def test_user_namespace(t):
    """Root of a user namespace is not root: the capabilities that count are those of the first one."""
    refused(t, ["unshare", "--user", "--map-root-user"], ["CAP_BPF"])


def test_one_capability(t):
    """CAP_PERFMON without CAP_BPF, and the other way round."""
    for one in ("perfmon", "bpf"):
        refused(t, as_somebody(f"--inh-caps=-all,+{one}", f"--ambient-caps=-all,+{one}", f"--bounding-set=-all,+{one}"), ["CAP_BPF", "CAP_PERFMON"])


def test_two_capabilities(t):
    """CAP_BPF and CAP_PERFMON are enough, as README says, for one's own commands."""
    os.chmod(t.directory, 0o777)
    path = t.new_trace()
    result = run([*as_somebody("--inh-caps=-all,+bpf,+perfmon", "--ambient-caps=-all,+bpf,+perfmon"), harness.RECORD, "-o", path, "--",
                  workload("children"), "fork", "7"], cwd=t.directory)
    equal(result.returncode, 0, f"exit ({result.stderr})")
    equal(len(harness.Trace(path).of("task_new")), 7, "children in the trace")
    equal(os.stat(path).st_uid, 65534, "owner of the trace")


def hidden(directory):
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none {directory} && exec "$@"', "sh"]


def test_no_btf(t):
    refused(t, hidden("/sys/kernel/btf"), ["BTF"])


def test_no_tracefs(t):
    """Names of newer calls come from tracefs; without it everything else is as ever."""
    hide = ["unshare", "-m", "sh", "-c",
            'for d in /sys/kernel/tracing /sys/kernel/debug; do mount -t tmpfs none $d; done; exec "$@"', "sh"]
    path = t.new_trace()
    result = run([*hide, harness.RECORD, "-q", "-o", path, "--", workload("children"), "fork", "7"], cwd=t.directory)
    equal(result.returncode, 0, f"exit ({result.stderr})")
    equal(len(harness.Trace(path).of("task_new")), 7, "children in the trace")


def test_planted_link(t):
    """In a directory where everybody may write: a link that somebody has put there is not followed."""
    shared = t.path("shared")
    os.mkdir(shared)
    os.chmod(shared, 0o1777)
    target = t.write("target", b"precious")
    os.symlink(target, os.path.join(shared, "x.trc"))
    os.lchown(os.path.join(shared, "x.trc"), 65534, 65534)
    for force in ([], ["--force"]):
        result = run([harness.RECORD, "-q", *force, "-o", os.path.join(shared, "x.trc"), "--", "true"])
        equal(result.returncode, 125, f"exit ({result.stderr})")
    with open(target, "rb") as file:
        equal(file.read(), b"precious", "what the link points to")
