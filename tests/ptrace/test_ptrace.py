# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R29: --backend ptrace records what the BPF programs record of calls and processes, without any privilege.

Tests of tests/bpf that say what a recording of a command has to be are run again with the other backend and with the
sanitizers; the rest compares the backends, strace and what /proc says.
"""
import collections
import os
import re
import shutil
import signal
import struct
import time

import harness
from harness import Skip, cases, check, equal, run, succeed, takes, wait, workload

PTRACE = ("--backend", "ptrace")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")


class PtraceTest(harness.Test):
    """A test's hands, which record with ptrace."""

    backend = PTRACE


AGAIN = {
    "tree": ["first_act", "first_act_of_a_shell", "children", "exec_of_a_thread", "last_act", "execs", "shortlived",
             "reused_pid"],
    "calls": ["reads", "failing", "paths", "string_size", "absent_pages", "unreadable", "bytes", "sockets",
              "arguments_of_exec", "failed_exec", "killed_inside", "killed", "compat", "beyond"],
    "process": ["identity", "other_user", "exits", "leader_that_ends_first", "orphan", "tree_of_ps",
                "namespaces_of_pid"],
    "command": ["exit_code", "exit_signal", "standard_streams", "descriptors", "signal_state", "interrupt_of_the_group",
                "interrupt_of_the_recorder", "terminate", "ignored_child_signal", "own_activity", "ends_with_the_tree",
                "duration"],
    "payload": ["absent_pages", "totals", "private", "data_of_vectors", "compat"],
    "filter": ["choice", "hidden_calls_are_not_counted", "filter_of_compat_calls", "results", "min_duration"],
    "parity": ["two_runs"],
}


tests_again = harness.again(AGAIN)


@takes(100)
def test_unknown_calls(t):
    """Numbers beyond every table, which a thread is inside of while others of its process end."""
    with harness.sanitized():
        trace = PtraceTest(t.directory).record(workload("unknown"))
    # And who starts them.
    equal(len(trace.of("task_exit")), 2 + 1009 + 1, "ends of threads")
    equal({call["nr"] for call in trace.of("syscall") if call["nr"] >= 1024}, {3072, 65535}, "unknown calls")


@takes(300)
@cases(*tests_again)
def test_again(t, name):
    with harness.sanitized():
        tests_again[name](PtraceTest(t.directory))


# --- the same as BPF

# Of tasks, what both must say alike; times, accounts and the numbers of tasks differ from run to run.
ALIKE = {
    "task_new": ("comm",),
    "exec": ("uid", "gid", "euid", "egid", "pid_ns", "mnt_ns", "net_ns", "uts_ns", "ipc_ns", "cgroup_ns", "user_ns",
             "cgroup_id", "argc", "envc", "comm", "items"),
    "task_exit": ("exit_code", "comm"),
    "task_rename": ("comm",),
    "target_added": ("reason", "later"),
}


def both(t, *command, options=()):
    """The same command recorded by BPF and by ptrace, with addresses that do not change."""
    if not harness.bpf_works():
        raise Skip(harness.bpf_works().reason)
    fixed = ("setarch", "-R", *command)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": t.directory}
    return [t.record(*fixed, options=("--events", "task,syscall", *backend, *options), env=env, code=None)
            for backend in (("--backend", "bpf"), PTRACE)]


@cases("strings", "reads", "failing", "descriptors")
def test_same_records(t, name):
    """Every call with its arguments, its result and what the arguments point to."""
    command = [workload(name)] if name != "descriptors" else ["/bin/sh", "-c", "exec 5</dev/null; cat <&5; cat /etc/passwd"]

    def calls(trace):
        main, since = trace.of("exec")[1]["tid"], trace.of("exec")[1]["ts"]
        return [(call["nr"], call["abi"], call["state"], call["ret"], [call.get(f"arg{i}") for i in range(6)], lasting(call))
                for call in trace.of("syscall") if call["tid"] == main and call["ts"] > since][1:]  # the exec itself

    bpf, ptrace = map(calls, both(t, *command, options=("-s", "100")))
    pids = {"getpid", "gettid", "set_tid_address", "clone", "fork", "vfork", "wait4", "getppid", "kill", "tgkill", "rt_sigreturn"}
    numbers = {harness.nr(name) for name in pids}
    equal(len(ptrace), len(bpf), "calls")
    check(len(bpf) > 20, f"{len(bpf)} calls only")
    for i, (expected, actual) in enumerate(zip(bpf, ptrace)):
        if expected[0] not in numbers and not differs_by_itself(expected):
            equal(actual, expected, f"call {i}")


def lasting(call):
    """What the arguments point to, but for the inode number that stat tells: a file made anew has another."""
    if call["nr"] not in {harness.nr(name) for name in ("newfstatat", "fstat", "stat", "lstat")}:
        return call["items"]
    return [{**item, "data": item["data"][:3] + item["data"][4:]} if item["type"] == "u64s" and item["state"] == "whole" else item
            for item in call["items"]]


def differs_by_itself(call):
    """Random bytes, times, and what a call was told of them."""
    return call[0] in {harness.nr(name) for name in ("getrandom", "clock_gettime", "gettimeofday", "times", "sysinfo")}


@cases("exits", "threads", "shell", "renames")
def test_same_tasks(t, name):
    """The life cycle: what does not depend on the run."""
    command = {"exits": [workload("exits"), "tree"], "threads": [workload("children"), "pthread", "13"],
               "shell": ["/bin/sh", "-c", "(sleep 0; exit 3) & ls / | wc >/dev/null; wait; exit 7"],
               "renames": [workload("exec_thread")]}[name]

    def tasks(trace):
        return collections.Counter((event["kind"], *(repr(event[field]) for field in ALIKE[event["kind"]]))
                                   for event in trace.events if event["kind"] in ALIKE)

    bpf, ptrace = map(tasks, both(t, *command))
    equal(ptrace - bpf, collections.Counter(), "told by ptrace alone")
    equal(bpf - ptrace, collections.Counter(), "told by BPF alone")


def test_same_failed_exec(t):
    """An exec of a thread that fails when its old memory is gone: it ends by a signal, under its leader's number."""
    with open("/bin/true", "rb") as file:
        head = file.read(20)
    unmappable = struct.pack("=16sHHIQQQIHHHHHH", head[:16], 2, *struct.unpack("=H", head[18:]), 1, 1 << 62, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    unmappable += struct.pack("=IIQQQQQQ", 1, 5, 0, 1 << 62, 1 << 62, 4096, 4096, 4096)
    t.write("unmappable", unmappable.ljust(4096, b"\0"))
    os.chmod(t.path("unmappable"), 0o755)

    def ends(trace):
        equal(trace.result.returncode, -signal.SIGSEGV, trace.result.stderr)
        first = trace.of("task_found")[0]["tid"]
        return sorted((event["tid"] == first, event["exit_code"], event["comm"]) for event in trace.of("task_exit"))

    bpf, ptrace = map(ends, both(t, workload("exec_thread"), t.path("unmappable")))
    equal(ptrace, bpf, "ends")
    equal(len(ptrace), 8, "ends of threads")


def test_same_descriptors(t):
    """What the command had open: as BPF finds it."""
    t.write("open", b"text")
    fields = ("fd", "device", "inode", "mode", "flags", "offset", "rdev", "traits", "items")
    with open(t.path("open"), "rb") as file:
        file.seek(2)
        traces = [t.record("/bin/true", options=("--events", "task,syscall", *backend), stdin=file)
                  for backend in (("--backend", "bpf"), PTRACE)] if harness.bpf_works() else []
    if not traces:
        raise Skip(harness.bpf_works().reason)
    bpf, ptrace = [{event["fd"]: [event[field] for field in fields] for event in trace.of("fd_found")} for trace in traces]
    equal(ptrace[0], bpf[0], "standard input")
    equal(sorted(ptrace), sorted(bpf), "descriptors")


# --- without privilege


def public(t):
    """A place where nobody may write, and the recorder where nobody may read it."""
    os.chmod(t.directory, 0o777)
    for name in (harness.RECORD, workload("storm"), workload("children")):
        shutil.copy(name, t.directory)
        os.chmod(t.path(os.path.basename(name)), 0o755)
    return t.path("record")


def as_nobody(t, *arguments):
    record = public(t)
    path = t.new_trace()
    result = run([*NOBODY, record, "-o", path, *arguments], cwd=t.directory)
    return harness.Trace(path, result)


@cases("all", "chosen")
def test_nobody(t, what):
    """Chosen by itself, said in one line and in the header; exit code, counts and the tree are right."""
    if os.geteuid():
        raise Skip("not root")
    chosen = ("-e", "openat,read,getdents64") if what == "chosen" else ()
    command = ["/bin/sh", "-c", "ls / | cat >/dev/null; exit 41"]
    trace = as_nobody(t, *chosen, "--", *command)
    equal(trace.result.returncode, 41, "exit code")
    lines = [line for line in trace.result.stderr.splitlines() if "with ptrace" in line]
    equal(len(lines), 1, "lines that tell of ptrace")
    check("CAP_BPF" in lines[0] and "sched" in lines[0], f"cause and what is left out: {lines[0]}")
    check("--backend ptrace" in trace.analyze("info").stdout, "the header's options")
    result = run([*NOBODY, "strace", "-f", "-o", t.path("strace"), "--", *command], cwd=t.directory)
    equal(result.returncode, 41, "exit code under strace")
    with open(t.path("strace")) as file:
        text = file.read()
    for name in ("openat", "read", "getdents64") + (() if chosen else ("mmap", "close", "wait4", "execve", "dup2")):
        expected = len(re.findall(rf"^\d+ +{name}\(", text, re.M))
        calls = [call for call in trace.calls(name) if not harness.hidden(call)]
        equal(len(calls), expected, f"calls of {name}")
    equal(len(trace.of("exec")), 3, "execs")
    equal(len(trace.of("task_exit")), 3, "ends")
    for report in (["tree"], ["report"], ["replay"]):
        equal(trace.analyze(*report).returncode, 0, f"exit of {report}")
    equal(trace.one("SELECT count(*) FROM process WHERE exit_code IS NOT NULL"), 3, "processes with an exit code")


def test_nobody_wants_bpf(t):
    """--backend bpf does not fall back, nor does what only BPF can do."""
    if os.geteuid():
        raise Skip("not root")
    for options in (["--backend", "bpf"], ["-a"], ["--comm", "x"], ["--sample", "3"], ["--path", "/x"]):
        trace = as_nobody(t, *options, "--", "/bin/true")
        equal(trace.result.returncode, 125, f"exit with {options}: {trace.result.stderr}")
        check("CAP_BPF" in trace.result.stderr, trace.result.stderr)
        check(not os.path.exists(trace.path), "a trace is left")


@cases("-p 1", "--path /etc", "--comm sh", "--sample 2", "--events +signal", "--events sched,task", "-g all",
       "--counters cycles")
def test_refused(t, options):
    """One line says what ptrace cannot do."""
    option = options.split()[0]
    result = run([harness.RECORD, *PTRACE, "-o", t.new_trace(), *options.split(), "--", "/bin/true"])
    equal((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
    check("--backend ptrace" in result.stderr and "BPF" in result.stderr, result.stderr)
    named = {"-p": "targets", "--events": options.split()[1].split(",")[0].lstrip("+")}.get(option, option)
    check(named in result.stderr, f"{named} in {result.stderr}")


# --- seccomp

# Installs a program that lets one call fail with EPERM, then runs what follows.
DENY = r"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, int(sys.argv[1])) \
    + struct.pack("=HBBI", 0x06, 0, 0, 0x00050001) + struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
code = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(code)))
if libc.prctl(22, 2, program, 0, 0):
    raise OSError(ctypes.get_errno(), "seccomp")
os.execv(sys.argv[2], sys.argv[2:])
"""

STATUS = "import os; print(open('/proc/self/status').read()); [open('/dev/null').close() for i in range(19)]"


def status_of(text):
    return {name: value.strip() for name, value in re.findall(r"^(\w+):\t(.*)$", text, re.M)}


def opens(trace):
    """Which openat of /dev/null there are."""
    return [call for call in trace.calls("openat")
            if any(part["data"] == "/dev/null" for part in call["items"] if part["field"] == "data1")]


@cases("chosen", "all", "denied", "nobody")
def test_seccomp(t, how):
    """A program decides which calls stop where -e chooses, no right is given up for it where that can be; else all stop."""
    options = [] if how == "all" else ["-e", "openat"]
    command = ["/usr/bin/python3", "-I", "-c", STATUS]
    if how == "nobody":
        trace = as_nobody(t, *options, "--", *command)
    elif how == "denied":
        path = t.new_trace()
        trace = harness.Trace(path, run(["/usr/bin/python3", "-c", DENY, str(harness.nr("seccomp")), harness.RECORD, "-q",
                                         *PTRACE, *options, "-o", path, "--", *command]))
    else:
        trace = t.record(*command, options=[*PTRACE, *options])
    equal(trace.result.returncode, 0, trace.result.stderr)
    status = status_of(trace.result.stdout)
    equal(len(opens(trace)), 19, "opens that are recorded")
    equal(status["Seccomp_filters"], {"chosen": "1", "all": "0", "denied": "1", "nobody": "1"}[how], "programs")
    equal(status["NoNewPrivs"], "1" if how == "nobody" else "0", "rights given up")
    check(status["TracerPid"] != "0", "it is not traced")


@cases("ptrace", "chosen")
def test_no_ptrace(t, how):
    """Where ptrace cannot be had: one line, 125, and the command has not run."""
    path = t.new_trace()
    options = ["-e", "openat"] if how == "chosen" else []
    result = run(["/usr/bin/python3", "-c", DENY, str(harness.nr("ptrace")), harness.RECORD, *PTRACE, "-o", path, *options, "--",
                  "touch", t.path("ran")])
    equal(result.returncode, 125, result.stderr)
    check("ptrace cannot be had" in result.stderr, result.stderr)
    check(not os.path.exists(t.path("ran")), "the command has run")
    check(not os.path.exists(path), "a trace is left")


def test_speed(t):
    """Printed only: what a call costs when it is recorded, and when -e leaves it out."""
    def ns(*before):
        start = time.monotonic()
        succeed([*before, workload("storm"), "20011"])
        return (time.monotonic() - start) * 1e9 / 40022

    bare = ns()
    for name, options in (("recorded", []), ("left out by -e", ["-e", "openat"])):
        print(f"{name}: {ns(harness.RECORD, '-q', *PTRACE, '--force', '-o', t.path('x.trc'), *options, '--') - bare:.0f} ns a call")


# --- the command is left alone


@cases("all", "chosen")
def test_outlived(t, how):
    """After -d the command goes on, untraced where that can be, and what it does then is not recorded."""
    script = "sleep 0.8; grep TracerPid /proc/self/status; cat /dev/null; (sleep 0.3; touch late) & exit 19"
    trace = t.record("/bin/sh", "-c", script, code=19,
                     options=[*PTRACE, "-d", "300ms", *(["-e", "openat"] if how == "chosen" else [])])
    tracer = int(trace.result.stdout.split()[1])
    check((tracer != 0) == (how == "chosen"), f"traced by {tracer} after the recording")
    equal(opens(trace), [], "opens after the recording")
    if how == "chosen":
        check(os.path.exists(t.path("late")), "the recorder has ended before those who need it")
    else:
        (call,) = [call for call in trace.of("syscall") if call["state"] == 1 and call["tid"] != trace.of("exec")[0]["tid"]]
        check(call["nr"] in (harness.nr("clock_nanosleep"), harness.nr("nanosleep")), f"call {call} is unfinished")
        check(100e6 < call["duration_ns"] < 1000e6, f"duration {call['duration_ns']}")


def test_stop_and_continue(t):
    """A stop is a stop, for the command and for who looks at it; SIGCONT ends it."""
    trace, recorder = t.start("/bin/sh", "-c", "kill -STOP $$; exit 23", options=PTRACE)
    state, stopped, deadline = "", 0, time.monotonic() + 20
    while stopped < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
        with open(f"/proc/{recorder.pid}/task/{recorder.pid}/children") as file:
            children = file.read().split()
        if children:
            with open(f"/proc/{children[0]}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        stopped = stopped + 1 if state == "t" else 0
    equal(state, "t", "state of the stopped command")
    equal(recorder.poll(), None, "the recorder's end before SIGCONT")
    os.kill(int(children[0]), signal.SIGCONT)
    equal(wait(recorder), 23, "exit code")
    equal(len(trace.calls("kill")), 1, "calls of kill")


def test_recorder_killed(t):
    """The recorder's death is not the command's, and what was written until then can be read."""
    trace, recorder = t.start("/bin/sh", "-c", "sleep 1.5; sleep 0.5; touch went-on", options=PTRACE)
    time.sleep(1.2)
    recorder.kill()
    wait(recorder)
    for _ in range(100):
        if os.path.exists(t.path("went-on")):
            break
        time.sleep(0.05)
    check(os.path.exists(t.path("went-on")), "the command has not gone on")
    info = trace.analyze("info").stdout
    check(int(re.search(r"event_count +([\d,]+)", info)[1].replace(",", "")) > 50, info)


KILLS = """
import os, random, signal, sys, time
random.seed(int(sys.argv[1]))
for i in range(150):
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        while True:
            if not os.fork():
                os._exit(0)
    time.sleep(random.random() / 200)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


@takes(300)
@cases("all", "chosen")
def test_killed_while_forking(t, how):
    """Creators that are killed before they tell of a birth: each task still has its birth and its end, and there is one."""
    trace = t.record("/usr/bin/python3", "-I", "-c", KILLS, "7", options=[*PTRACE, *(["-e", "openat"] if how == "chosen" else [])])
    check(once_each(trace) > 160, "births")


@takes(300)
@cases("all", "chosen")
def test_killed_while_ending(t, how):
    """Threads whose leader ends the process while their own end is looked at: it is not told again when they are gone."""
    trace = t.record(workload("exits"), "threads", "307",
                     options=[*PTRACE, "--events", "task,syscall", *(["-e", "openat"] if how == "chosen" else [])])
    equal(once_each(trace), 307 * 6, "births")
    equal({event["tgid"] for event in trace.of("task_exit")} & {0}, set(), "ends of no process")
    equal(sum(event["child_tid"] == event["child_tgid"] for event in trace.of("task_new")), 307, "processes")


def once_each(trace):
    """Each birth and each end is told once, and of the same tasks. Returns how many were born."""
    born = [(event["child_tid"], event["child_start_ns"]) for event in trace.of("task_new")]
    ended = [(event["tid"], event["start_ns"]) for event in trace.of("task_exit")]
    equal(len(set(born)), len(born), "births that are told once")
    first = trace.of("task_found")[0]
    equal(sorted(ended), sorted([*born, (first["tid"], first["start_ns"])]), "ends")
    return len(born)
