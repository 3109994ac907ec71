# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tracers that are compared: how each is called, and how one counts what it wrote."""
import os
import re
import shlex
import shutil
import subprocess

from bench import BENCH

SYSCALL_EVENTS = "raw_syscalls:*"


class Tracer:
    """Stands in front of a command. `fewer`: it is so slow that it gets so many times less to do."""

    needs = None
    fewer = 1
    has_strings = True  # it writes down what the arguments point to
    waits = False  # the traced stops and waits for it, so that only wall time says what it costs

    def __init__(self, bench, name, words=(), file=""):
        self.bench, self.name, self.words, self.file = bench, name, list(words), file

    def wrap(self, command):
        return [*self.words, *command]

    def path(self):
        return self.bench.path(self.file)

    def found(self):
        """Events, calls among them, lost events and bytes of what it wrote last; {} if it writes nothing."""
        return {}

    def clean(self):
        if self.file:
            self.bench.remove(self.file)


class Record(Tracer):
    def __init__(self, bench, name, *options):
        super().__init__(bench, name, bench.recording(bench.path("tracer.trc"), *options), "tracer.trc")

    def found(self):
        return self.bench.summary(self.path())


class Perf(Tracer):
    needs, has_strings = "perf", False

    def __init__(self, bench, name, *words):
        super().__init__(bench, name, ["perf", *words, "-o", bench.path("tracer.data"), "--"], "tracer.data")

    def found(self):
        events, lost = self.bench.perf_stats(self.path())
        return {"events": events, "calls": events // 2, "lost": lost, "bytes": os.path.getsize(self.path())}


class Text(Tracer):
    """Writes a line of text for each call."""

    call = lost = None

    def found(self):
        with open(self.path(), errors="replace") as file:
            lines = list(file)
        calls = sum(1 for line in lines if re.search(self.call, line))
        lost = sum(int(found[1]) for found in (re.search(self.lost, line) for line in lines) if found) if self.lost else 0
        return {"events": calls, "calls": calls, "lost": lost, "bytes": os.path.getsize(self.path())}


class PerfTrace(Text):
    needs, fewer = "perf", 20
    call, lost = r"^[^(]*\( *[\d.]+ ms\): ", r"LOST (\d+) events"

    def __init__(self, bench, name, *options):
        super().__init__(bench, name, ["perf", "trace", *options, "-o", bench.path("tracer.txt"), "--"], "tracer.txt")


class Strace(Text):
    needs, fewer, waits = "strace", 50, True
    call = r"^\d+ +\w+\("  # not "<... resumed>"

    def __init__(self, bench, name, *options):
        super().__init__(bench, name, ["strace", "-f", *options, "-o", bench.path("tracer.txt")], "tracer.txt")


class Bpftrace(Text):
    needs, fewer, has_strings = "bpftrace", 10, False
    call, lost = r"\) = ", r"^Lost (\d+) events"

    def __init__(self, bench, name):
        super().__init__(bench, name, file="tracer.txt")

    def wrap(self, command):
        script = self.bench.path("command.sh")  # -c splits its text at blanks, quoted or not
        with open(script, "w") as file:
            file.write("exec " + shlex.join(command) + "\n")
        return ["bpftrace", "-q", "-B", "full", "-o", self.path(), "-c", f"/bin/sh {script}", os.path.join(BENCH, "syscalls.bt")]


RECORD, RECORD_CALLS = "**`record`**", "`record --events task,syscall`"
BPFTRACE, PERF_RECORD, PERF_TRACE, STRACE = "`bpftrace`", "`perf trace record`", "`perf trace`", "`strace -f`"
EMPTY = "empty programs"


def empty(bench):
    return Tracer(bench, EMPTY, [bench.tool("attach"), bench.tool("empty.bpf.o")])


def ours(bench):
    return [Record(bench, RECORD), Record(bench, RECORD_CALLS, "--events", "task,syscall")]


def peers(bench):
    """Those that write down each call with arguments and result, as `record --events task,syscall` does at least."""
    return installed([Bpftrace(bench, BPFTRACE), Perf(bench, PERF_RECORD, "trace", "record"), PerfTrace(bench, PERF_TRACE),
                      Strace(bench, STRACE)])


def installed(tracers):
    return [tracer for tracer in tracers if not tracer.needs or shutil.which(tracer.needs)]


def say_missing():
    """Names the peers that are left out, and why."""
    if not shutil.which("bpftrace"):
        yield "bpftrace is left out: it is not installed (apt-get install bpftrace)."
    if not shutil.which("syscount-bpfcc"):
        yield "bcc is left out: it is not installed (apt-get install bpfcc-tools)."
        return
    tried = subprocess.run(["syscount-bpfcc", "-d", "1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=120, check=False)
    reason = re.search(r"Unable to find kernel headers|\w*(?:Error|Exception): .*", tried.stdout + tried.stderr)
    if tried.returncode == 0 and not reason:
        yield "bcc is left out: its tools count calls or print those of one process; none follows a command and its children."
    else:
        yield f"bcc is left out: it does not run here ({reason[0] if reason else 'exit ' + str(tried.returncode)})."
