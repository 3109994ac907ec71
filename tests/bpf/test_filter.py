# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R12, R32: which calls are recorded is decided in the kernel; those that names depend on are kept, hidden."""
import collections
import errno
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


def shown(trace):
    return [event for event in trace.of("syscall") if not hidden(event)]


def counts_of(events):
    return collections.Counter((event["nr"], event["ret"]) for event in events)


FAILED = {"openat": {errno.ENOENT: 7, errno.ENOTDIR: 3}, "fsync": {errno.EBADF: 11}, "munmap": {errno.EINVAL: 5},
          "faccessat": {errno.EFAULT: 13}, "wait4": {errno.ECHILD: 17}, "unlinkat": {errno.EISDIR: 19}}


@cases("-Z", "--failed", "--errno=ENOENT", "--errno=EBADF,20", "--errno=ECHILD,EISDIR", "--successful", "-Z --errno=EINVAL")
def test_results(t, options):
    """Only calls with those results are shown, every one of them; what names depend on is hidden, the rest is not there."""
    trace = t.record(workload("failing"), options=options.split())
    numbers = {name: {number: -number in {e["ret"] for e in shown(trace) if e["nr"] == nr(name)} for number in errnos}
               for name, errnos in FAILED.items()}
    wanted = {"ENOENT": {errno.ENOENT}, "EBADF,20": {errno.EBADF, errno.ENOTDIR}, "ECHILD,EISDIR": {errno.ECHILD, errno.EISDIR},
              "EINVAL": {errno.EINVAL}}.get(options.rpartition("errno=")[2]) if "errno" in options else None
    counted = counts_of(shown(trace))
    for name, errnos in FAILED.items():
        for number, count in errnos.items():
            is_wanted = options != "--successful" and (wanted is None or number in wanted)
            equal(counted[nr(name), -number], count if is_wanted else 0, f"{name} with {errno.errorcode[number]} ({numbers})")
    check(all((event["ret"] < 0) == (options != "--successful") for event in shown(trace)), "calls with other results are shown")
    if wanted:
        check({-event["ret"] for event in shown(trace)} <= wanted, "other errors are shown")
    check(names([e for e in trace.of("syscall") if hidden(e)]) <= STATE, "hidden calls that no name depends on")
    equal(len(trace.of("task_exit")), 1, "task_exit events")


def test_min_duration(t):
    """Of 23 short and 3 long sleeps the long ones are shown."""
    script = "import time\nfor i in range(26): time.sleep(0.05 if i % 11 == 3 else 0.001)"
    trace = t.record("/usr/bin/python3", "-c", script, options=["--min-duration", "40ms", "-e", "clock_nanosleep,read"])
    sleeps = [event for event in shown(trace) if event["nr"] == nr("clock_nanosleep")]
    equal(len(sleeps), 3, "long sleeps")
    check(all(event["duration_ns"] >= 40_000_000 for event in shown(trace)), "a shorter call is shown")
    said = trace.analyze("report").stdout
    check("only calls that took at least so long were recorded: 40.0 ms" in said, said)


def path_tree(t):
    os.makedirs(t.path("in/deep"))
    os.makedirs(t.path("in2"))
    for name in ("in/file", "in/deep/file", "in2/file"):
        t.write(name, b"text")


def named(trace, name):
    """The paths that the shown calls of that name were given."""
    return sorted(i["data"] for event in shown(trace) if event["nr"] == nr(name) for i in event["items"] if i["type"] == "str")


def test_path(t):
    """--path: calls that name something under it, as they spell it, and calls on descriptors of files under it."""
    path_tree(t)
    script = """import os
for name in ("in/file", "in/deep/file", "in2/file", "in", "in2", "inside"):
    try: os.stat(name)
    except OSError: pass
    try: os.stat(os.path.abspath(name))
    except OSError: pass
fd = os.open("in/deep/file", os.O_RDWR)
other = os.open("in2/file", os.O_RDWR)
copy = os.dup2(fd, 77)
os.close(fd)
for i in range(7): os.pread(77, 3, 0)
for i in range(11): os.pread(other, 3, 0)
os.chdir("in/deep")
again = os.open("file", os.O_RDONLY)
for i in range(13): os.pwrite(copy, b"x", 0)
"""
    absolute = t.record("/usr/bin/python3", "-c", script, options=["--path", t.path("in")])
    equal(named(absolute, "newfstatat")[-3:], [t.path("in"), t.path("in/deep/file"), t.path("in/file")], "paths of stat")
    check(all(path == "" or path.startswith(t.path("in") + "/") or path == t.path("in") for path in named(absolute, "newfstatat")),
          "stat of other paths")
    check({"in/deep/file", "file"} <= set(named(absolute, "openat")), "an open by a relative path is not shown")
    counted = collections.Counter(event["nr"] for event in shown(absolute))
    equal((counted[nr("pread64")], counted[nr("pwrite64")]), (7, 13), "calls on the descriptor and its copy")
    equal(sum(counted[number] for number in {nr(harness.made_as("dup2")), nr("dup3")}), 1, "calls of dup2 shown")
    kept = names([event for event in absolute.of("syscall") if hidden(event)])
    check(kept <= STATE | {"dup3", "ioctl", "socket", "connect", "chdir", "fchdir", "rt_sigaction"} and "openat" in kept, f"hidden: {kept}")
    relative = t.record("/usr/bin/python3", "-c", script, options=["--path", "in/"])
    equal(named(relative, "newfstatat"), ["in", "in/deep/file", "in/file"], "relative paths of stat")
    equal(counts_of(shown(relative))[nr("pread64"), 3], 0, "pread64 calls: a relative prefix names no file")


@cases("worker", "w*r", "?orker,nobody", "nobody", "*", "worke", "w*q", "main*,*ker", "worker?")
def test_comm(t, names_wanted):
    """--comm: calls of threads with these names; * and ? stand for others."""
    script = "exec python3 -c 'open(\"/proc/self/comm\", \"w\").write(\"worker\"); import os; [os.getppid() for i in range(17)]'"
    trace = t.record("sh", "-c", script, options=["--comm", names_wanted])
    calls = [event for event in shown(trace) if event["nr"] == nr("getppid")]
    wanted = names_wanted in ("worker", "w*r", "?orker,nobody", "*", "main*,*ker")
    check(len(calls) >= 17 if wanted else not calls, f"{len(calls)} getppid calls with {names_wanted}")
    if names_wanted == "worker":
        check(not any(event["nr"] == nr("brk") and event["ret"] == 0 for event in calls), "calls under another name")
    equal(len(trace.of("task_rename")) >= 1, True, "task_rename events do not depend on the filter")


@cases("--errno=ENOTENT", "--comm=averyverylongname", "--sample=0", "--sample=raed=10", "--path=", "--failed --successful",
       "--sample=70000", "--successful --errno=1")
def test_wrong_filter(t, options):
    """A filter that cannot be is refused before anything runs."""
    result = run([harness.RECORD, "-o", t.path("x.trc"), *options.split(), "--", "touch", t.path("ran")])
    equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"exit and lines: {result.stderr}")
    check(options.split()[0].split("=")[0] in result.stderr, f"the option is not named: {result.stderr}")
    near = {"--errno=ENOTENT": "ENOENT", "--sample=raed=10": "read"}.get(options)
    check(not near or near in result.stderr, f"{near} is not suggested: {result.stderr}")
    check(not os.path.exists(t.path("ran")) and not os.path.exists(t.path("x.trc")), "something was done")


@cases("100", "getppid=1000", "2", "%process=7,getppid=13", "1")
def test_sample(t, rates):
    """--sample: what is sent and what is counted make up every call that was made, with errors and times."""
    count = 100_003
    trace = t.record(workload("storm"), str(count), options=["--sample", rates])
    rate = int(rates.rpartition("=")[2])
    sent = [event for event in shown(trace) if event["nr"] == nr("getppid")]
    counted = [event for event in trace.of("call_count") if event["nr"] == nr("getppid")]
    threads = len({event["tid"] for event in sent})
    equal(threads, 2, "threads that call")
    equal(len(sent), threads * -(-count // rate), "calls sent")
    equal(len(sent) + sum(event["count"] for event in counted), threads * count, "calls sent and counted")
    check(all(event["abi"] == harness.NATIVE_ABI and event["one_of"] == rate and event["error_count"] == 0 for event in counted), "call_count events")
    rows = trace.sql("SELECT sum(count), sum(counted_count), sum(total_ns) FROM syscall_stats WHERE name = 'getppid'")
    equal(tuple(rows[0][:2]), (threads * count, threads * count - len(sent)), "syscall_stats")
    duration = sum(event["duration_ns"] for event in sent) + sum(event["total_ns"] for event in counted)
    equal(rows[0][2], duration, "total_ns of syscall_stats")
    check(f"the sample): {rates}\n" in trace.analyze("report").stdout, "the report does not say that it shows a sample")
    mean = duration / (threads * count)
    check(20 < mean < 20_000 * harness.SLOWER, f"mean of {mean} ns")


def test_sample_later(t):
    """With --delay nothing is counted before recording begins."""
    script = f"timeout -s KILL 1.5 {workload('storm')} 1000000007; sleep 3; {workload('storm')} 30013"
    trace = t.record("/bin/sh", "-c", script, options=["--sample", "getppid=1000", "--delay", "3s"])
    sent = [event for event in shown(trace) if event["nr"] == nr("getppid")]
    counted = [event for event in trace.of("call_count") if event["nr"] == nr("getppid")]
    equal(len(sent) + sum(event["count"] for event in counted), 2 * 30013, "calls sent and counted")


def test_sample_errors(t):
    """Counted calls tell their errors; what a name depends on is in the file, hidden."""
    every, trace = t.record(workload("failing")), t.record(workload("failing"), options=["--sample", "3"])
    for name in FAILED:
        all_calls = [event for event in every.of("syscall") if event["nr"] == nr(name)]
        sent = [event for event in shown(trace) if event["nr"] == nr(name)]
        counted = [event for event in trace.of("call_count") if event["nr"] == nr(name)]
        equal(len(sent), -(-len(all_calls) // 3), f"{name} sent")
        equal(len(sent) + sum(event["count"] for event in counted), len(all_calls), f"{name} in all")
        equal(sum(event["ret"] < 0 for event in sent) + sum(event["error_count"] for event in counted),
              sum(event["ret"] < 0 for event in all_calls), f"errors of {name}")
    opened = [event for event in trace.of("syscall") if event["nr"] == nr("openat")]
    equal(len(opened), len([event for event in every.of("syscall") if event["nr"] == nr("openat")]), "openat calls, hidden ones too")
    equal(len([event for event in trace.of("syscall") if hidden(event) and event["nr"] == nr("fsync")]), 0, "hidden fsync calls")


def test_sample_of_failed(t):
    """A sample is one of those that the filter lets through, and so are the counts."""
    trace = t.record(workload("failing"), options=["--sample", "2", "-Z", "-e", "fsync,unlinkat,openat"])
    for name, errnos in FAILED.items():
        if name not in ("fsync", "unlinkat"):
            continue
        found = sum(event["nr"] == nr(name) for event in shown(trace)) + sum(
            event["count"] for event in trace.of("call_count") if event["nr"] == nr(name))
        equal(found, sum(errnos.values()), f"failed {name} calls")
    opened = [event for event in trace.of("call_count") if event["nr"] == nr("openat")]
    check(all(event["count"] == event["error_count"] for event in opened), "successful calls are counted")
