# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tests share: running programs, recording, reading a recording back, saying what differs."""
import contextlib
import ctypes
import functools
import importlib
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
LOST_BUSY, LOST_PAUSED = 6, 7  # causes of lost events
BUILD = SANITIZE = RECORD = ANALYZE = WORKLOADS = None
SLOWER = 1

MARKER = 0x7AC0  # samples/workloads/marker.h


class Failure(AssertionError):
    """The program under test is wrong."""


class Skip(Exception):
    """This machine cannot run the test."""


def configure(build, sanitize, slower):
    global BUILD, SANITIZE, RECORD, ANALYZE, WORKLOADS, SLOWER
    BUILD, SANITIZE, SLOWER = build, sanitize, slower
    RECORD = os.path.join(build, "record", "record")
    ANALYZE = os.path.join(build, "analyze")
    WORKLOADS = os.path.join(build, "workloads")


def cases(*values):
    """@cases("a", "b"): the function is a test for each value, which is its second argument."""

    def mark(function):
        function.cases = values
        return function

    return mark


def again(modules):
    """Tests of tests/bpf, {module: [name, ...]}, to be run in another way: {name of test and case: what does it, given t}."""
    path = os.path.join(ROOT, "tests", "bpf")
    if path not in sys.path:
        sys.path.insert(0, path)
    found = {}
    for module, names in modules.items():
        functions = importlib.import_module(f"test_{module}")
        for name in names:
            function = getattr(functions, f"test_{name}")
            for case in getattr(function, "cases", [None]):
                full = f"{module}.{name}" + ("" if case is None else f"={case}")
                found[full] = lambda t, function=function, case=case: function(t) if case is None else function(t, case)
    return found


@contextlib.contextmanager
def sanitized():
    """Meanwhile the recorder is the one with sanitizers: what they find ends it with a word and a code of their own."""
    global RECORD
    if not SANITIZE:
        raise Skip("there is no build with sanitizers")
    plain, RECORD = RECORD, os.path.join(SANITIZE, "record", "record")
    try:
        yield
    finally:
        RECORD = plain


def takes(seconds):
    """@takes(300): the test may take that long."""

    def mark(function):
        function.seconds = seconds
        return function

    return mark


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}: {shorten(actual)}, expected {shorten(expected)}")


def shorten(value):
    text = repr(value)
    return text if len(text) < 1500 else text[:1500] + "…"


# Programs



def start(command, **options):
    """A program that goes on in the background, ended with the test at the latest."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    return subprocess.Popen(command, **options)


def adopt_orphans():
    """Processes that a test leaves behind become children of this one."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children():
    """Ends whatever a test has left running."""
    while True:
        with open("/proc/thread-self/children") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def run(command, timeout=100, **options):
    """Runs to the end; stdout and stderr are text in the result."""
    timeout *= SLOWER
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("text", True)
    options.setdefault("errors", "backslashreplace")
    try:
        return subprocess.run(command, timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise Failure(f"{shorten(command)} did not end within {timeout} s") from None


def succeed(command, **options):
    result = run(command, **options)
    if result.returncode:
        raise Failure(f"{shorten(command)}: exit {result.returncode}\n{result.stdout or ''}{result.stderr or ''}")
    return result


def workload(name):
    return os.path.join(WORKLOADS, name)


def tree_files():
    """The files that git tracks or would track, as paths from the root."""
    listed = succeed(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT).stdout.split("\0")
    return [path for path in listed if path and os.path.exists(os.path.join(ROOT, path))]


def copy_tree(destination):
    """As a fresh clone would have it, with what is not committed yet."""
    for path in tree_files():
        os.makedirs(os.path.dirname(os.path.join(destination, path)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, path), os.path.join(destination, path))


class BpfWorks:
    def __init__(self, reason):
        self.reason = reason

    def __bool__(self):
        return not self.reason


@functools.cache
def bpf_works():
    """Can this process load a BPF program and does the kernel describe its types? Asked without trc."""
    if os.geteuid():
        return BpfWorks("not root")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return BpfWorks("no /sys/kernel/btf/vmlinux")
    calls = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(struct.pack("<QQ", 0xB7, 0x95))  # r0 = 0; exit
    license_text = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("=IIQQ", 17, 2, ctypes.addressof(code), ctypes.addressof(license_text))
    attributes = ctypes.create_string_buffer(attributes.ljust(120, b"\0"), 120)  # raw tracepoint
    fd = libc.syscall(calls[os.uname().machine], 5, attributes, 120)
    if fd < 0:
        return BpfWorks("the kernel loads no BPF program: " + os.strerror(ctypes.get_errno()))
    os.close(fd)
    return BpfWorks("")


@functools.cache
def syscall_numbers():
    """Name to number of this machine's own ABI, from the C library's headers: not from trc."""
    source = "#include <sys/syscall.h>\n"
    text = succeed(["cpp", "-dM", "-"], input=source, stdin=None).stdout
    # Some are other macros: __NR3264_mmap, where 32 and 64 bits have one list.
    defined = dict(re.findall(r"#define (__NR\w+) (\w+)", text))
    return {name[5:]: int(defined.get(value, value)) for name, value in defined.items()
            if name.startswith("__NR_") and defined.get(value, value).isdigit()}


def made_as(name):
    """The call that is made instead where only its successor is there."""
    if os.uname().machine != "aarch64":
        return name
    return {"pause": "ppoll", "poll": "ppoll", "select": "pselect6", "epoll_wait": "epoll_pwait",
            "rename": "renameat", "dup2": "dup3", "vfork": "clone"}.get(name, name)


def stolen_ns():
    """What the host took from this machine's CPUs so far: the kernel does not count it as time on a CPU."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[8]) * 10**9 // os.sysconf("SC_CLK_TCK")


NATIVE_ABI = {"x86_64": 1, "aarch64": 4, "riscv64": 6}[os.uname().machine]


def nr(name):
    return syscall_numbers()[name]


# Recordings


class Trace:
    """A recording and what analyze makes of it."""

    def __init__(self, path, result=None):
        self.path, self.result = path, result
        self.directory = os.path.dirname(path)

    def analyze(self, *arguments, **options):
        return run([ANALYZE, *arguments, self.path], **options)

    @functools.cached_property
    def events(self):
        """Every event, as `analyze export --format jsonl` has it."""
        out = self.path + ".jsonl"
        with open(out, "wb") as file:
            succeed([ANALYZE, "export", "--format", "jsonl", self.path], stdout=file, stderr=subprocess.PIPE)
        with open(out, "rb") as file:
            return [flat(json.loads(line)) for line in file]

    @property
    def own_events(self):
        """Those whose head names a target: not the scheduler's, which also name whoever ran beside one, nor losses."""
        return [event for event in self.events if not event["kind"].startswith("sched_") and event["kind"] != "lost"]

    def of(self, kind):
        return [event for event in self.events if event["kind"] == kind]

    def losses(self):
        """What was lost, without pauses. Before Linux 6.2 a CPU that looks up a task misses what interrupts it: that is counted."""
        harmless = (LOST_PAUSED, LOST_BUSY) if KERNEL < (6, 2) else (LOST_PAUSED,)
        return [event for event in self.of("lost") if event["cause"] not in harmless]

    def calls(self, name):
        """The syscall events of a call of this machine's own ABI."""
        number = nr(name)
        return [event for event in self.of("syscall") if event["nr"] == number and event["abi"] == NATIVE_ABI]

    def markers(self):
        return [call for call in self.calls("getpriority") if call["arg0"] == MARKER]

    @functools.cached_property
    def db(self):
        path = self.path + ".db"
        succeed([ANALYZE, "load", self.path, path])
        return sqlite3.connect(path)

    def sql(self, query, *values):
        cursor = self.db.execute(query, values)
        cursor.row_factory = sqlite3.Row
        return cursor.fetchall()

    def one(self, query, *values):
        """The only value of the only row."""
        rows = self.sql(query, *values)
        equal(len(rows), 1, f"rows of {query}")
        return rows[0][0]


def flat(event):
    """The fields beside those of the head, whose own flags become head_flags."""
    fields, listed = event.pop("fields"), event.pop("items")
    event["head_flags"] = event.pop("flags")
    return event | fields | {"items": listed}


def hidden(event):
    """Is this call only there for the names, filtered out by the user?"""
    return bool(event["flags"] & 1)


def items(event, field):
    return [item for item in event["items"] if item["field"] == field]


def item(event, field):
    found = items(event, field)
    equal(len(found), 1, f"items {field} of {shorten(event)}")
    return found[0]


class Test:
    """What a test function is given: a directory of its own, and recording into it."""

    # Never `auto`: programs that the kernel refuses would leave their tests to ptrace.
    backend = ("--backend", "bpf")

    def __init__(self, directory):
        self.directory = directory
        self.counter = itertools.count(1)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def new_trace(self):
        return self.path(f"{next(self.counter)}.trc")

    def record(self, *command, options=(), code=0, **run_options):
        """Records the command to its end; it must end with `code`."""
        path = self.new_trace()
        run_options.setdefault("cwd", self.directory)
        result = run([RECORD, "-q", *self.backend, "-o", path, *options, "--", *command], **run_options)
        if code is not None and result.returncode != code:
            raise Failure(f"recording {shorten(command)}: exit {result.returncode}, expected {code}\n{result.stderr}")
        return Trace(path, result)

    def start(self, *command, options=(), **popen_options):
        """A recording in the background: (trace, the recorder's process)."""
        path = self.new_trace()
        popen_options.setdefault("cwd", self.directory)
        recorder = start([RECORD, "-q", *self.backend, "-o", path, *options, "--", *command], **popen_options)
        return Trace(path), recorder


def wait(process, timeout=60):
    timeout *= SLOWER
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failure(f"process {process.args} did not end within {timeout} s") from None


def signal_name(number):
    return signal.Signals(number).name


def during(t, *options, act):
    """What `act` does while a recording goes on, and the recording, ended with a signal."""
    path = t.new_trace()
    recorder = start([RECORD, "-o", path, *options], cwd=t.directory, stderr=subprocess.PIPE)
    for _ in range(500 * SLOWER):
        if os.path.exists(path) and os.path.getsize(path) and attached(recorder.pid):
            break
        time.sleep(0.02)
    time.sleep(0.3)
    result = act()
    time.sleep(0.4)
    recorder.send_signal(signal.SIGINT)
    equal(wait(recorder), 0, "exit of a recording that SIGINT ended")
    return result, Trace(path)


def attached(pid):
    with open(f"/proc/{pid}/wchan") as file:
        return "epoll" in file.read()
