# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R25: stacks on request, once each, with what it takes to read them anywhere."""
import bisect
import collections
import csv
import os
import re
import shutil
import time

import harness
from harness import Skip, cases, check, equal, item, items, nr, succeed, wait, workload

OFF_CPU, FUTEX, SYSCALL = 1, 2, 4
UNASKED = 1


class Program:
    """What a file's own tables say of it: the independent observer of user frames."""

    def __init__(self, path):
        self.path = path
        if not shutil.which("readelf"):
            raise Skip("no readelf here")
        segments = re.findall(r"LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+)", succeed(["readelf", "-lW", path]).stdout)
        self.segments = [[int(word, 16) for word in segment] for segment in segments]
        named = re.findall(r"^(\w+) [tTwW] (\w+)$", succeed(["nm", "-n", path]).stdout, re.M)
        self.starts = [int(start, 16) for start, _ in named]
        self.names = [name for _, name in named]

    def name(self, offset):
        for file_offset, address, size in self.segments:
            if file_offset <= offset < file_offset + size:
                return self.names[bisect.bisect_right(self.starts, offset - file_offset + address) - 1]
        return None


class Stacks:
    """The stacks of a trace, and their frames as names of one program; others as the file's name."""

    def __init__(self, trace, path):
        self.trace, self.program = trace, Program(path)
        self.frames = {}
        for event in trace.of("stack"):
            check(event["id"] not in self.frames, f"stack {event['id']} is there twice")
            self.frames[event["id"]] = item(event, "frames")["data"]
            equal(len(self.frames[event["id"]]), event["frame_count"], "frames")
        self.uses = trace.of("stack_use")

    def user(self, use):
        modules = [event for event in self.trace.of("module") if event["tgid"] == use["tgid"] and event["ts"] <= use["ts"]]
        return [self.name(address, modules) for address in self.frames[use["user_stack"]]]

    def name(self, address, modules):
        for module in reversed(modules):
            if module["start"] <= address < module["end"]:
                path = item(module, "path")["data"]
                if os.path.realpath(path) != os.path.realpath(self.program.path):
                    return os.path.basename(path)
                return self.program.name(address - module["start"] + module["offset"])
        return None

    def kernel(self, use):
        symbols = {event["address"]: event for event in self.trace.of("kernel_symbol")}
        return [item(symbols[address], "name")["data"] if address in symbols else None
                for address in self.frames[use["kernel_stack"]]]


def outside_of(frames):
    """Without what the C library does before main."""
    return frames[:frames.index("main") + 1] if "main" in frames else frames


def of_thread(stacks, why, names):
    """The uses for this reason whose frames are these."""
    return [use for use in stacks.uses if use["why"] == why and use["user_stack"] and outside_of(stacks.user(use)) == names]


SLEEP = ["sleep_inner", "sleep_middle", "sleep_outer", "main"]


ASLEEP = 1  # of sched_switch: its state
FUTEX_WAIT_PRIVATE = 128


def assert_waits(count, calls, trace, expected):
    """All these calls were waits but those that, by the scheduler's events, were over before their thread had left the CPU."""
    left = [(event["tid"], event["ts"]) for event in trace.of("sched_switch") if event["state"] == ASLEEP]
    stayed = [call for call in calls
              if not any(tid == call["tid"] and call["ts"] - call["duration_ns"] <= ts <= call["ts"] for tid, ts in left)]
    equal(count + len(stayed), expected, "waits, and calls that did not wait")
    check(len(stayed) <= 5, f"{len(stayed)} calls did not wait")


def futex_waits(trace):
    return [call for call in trace.calls("futex") if call["arg1"] == FUTEX_WAIT_PRIVATE]


def test_off_cpu(t):
    """43 naps are 43 uses of one stack, which is in the trace once."""
    stacks = Stacks(t.record(workload("stacks"), "sleep", "43", options=["-g", "off-cpu"]), workload("stacks"))
    naps = of_thread(stacks, OFF_CPU, SLEEP)
    assert_waits(len(naps), stacks.trace.calls("nanosleep"), stacks.trace, 43)
    equal(len({use["user_stack"] for use in naps}), 1, "user stacks of the naps")
    equal({use["nr"] for use in naps}, {nr("nanosleep")}, "calls that they are in")
    calls = stacks.trace.calls("nanosleep")
    for use in naps:
        check(any(call["ts"] - call["duration_ns"] <= use["ts"] <= call["ts"] for call in calls), f"outside of a nap: {use}")
        kernel = stacks.kernel(use)
        check("do_nanosleep" in kernel and "schedule" in kernel[1], f"kernel stack {kernel}")
        check(not [name for name in kernel if name and "bpf" in name], f"our own frames: {kernel}")


def test_futex(t):
    """Waits for a futex have stacks, other waits and the wakes have none."""
    stacks = Stacks(t.record(workload("stacks"), "futex", "23", options=["-g", "futex"]), workload("stacks"))
    waits = of_thread(stacks, FUTEX, ["futex_inner", "futex_outer", "main"])
    assert_waits(len(waits), futex_waits(stacks.trace), stacks.trace, 23)
    equal(len(stacks.uses), len(waits), "uses")
    both = Stacks(t.record(workload("stacks"), "futex", "23", options=["-g", "futex", "-g", "off-cpu"]), workload("stacks"))
    assert_waits(len(of_thread(both, FUTEX | OFF_CPU, ["futex_inner", "futex_outer", "main"])), futex_waits(both.trace), both.trace, 23)


def test_calls(t):
    """The chosen calls have a user stack each, at the time of the call's own record; no other call has."""
    stacks = Stacks(t.record(workload("stacks"), "call", "17", options=["-g", "syscall=getpriority"]), workload("stacks"))
    equal(len(of_thread(stacks, SYSCALL, ["call_inner", "call_outer", "main"])), 17, "calls by call_inner")
    equal(len(of_thread(stacks, SYSCALL, ["call_other", "main"])), 17, "calls by call_other")
    equal(sorted(use["ts"] for use in stacks.uses), sorted(call["ts"] for call in stacks.trace.calls("getpriority")), "times")
    equal(len(stacks.frames), 2, "stacks")
    equal({use["kernel_state"] for use in stacks.uses}, {UNASKED}, "kernel stacks")
    programs = {row["name"] for row in stacks.trace.sql("SELECT name FROM probe")}
    check("stack_switch" not in programs, f"loaded: {programs}")


def test_every_call(t):
    """-g syscall: every call that is recorded has one; also the exec, of the program that it replaced, and the last."""
    stacks = Stacks(t.record(workload("stacks"), "exec", "3", options=["-g", "syscall"]), workload("stacks"))
    shown = [call for call in stacks.trace.of("syscall")]
    equal(collections.Counter((use["nr"], use["abi"]) for use in stacks.uses),
          collections.Counter((call["nr"], call["abi"]) for call in shown), "calls and stacks")
    execs = [use for use in stacks.uses if use["nr"] == nr("execve")]
    equal(outside_of(stacks.user(execs[1])), ["exec_inner", "main"], "stack of the second exec")
    equal(len(of_thread(stacks, SYSCALL, SLEEP)), 3, "naps")
    check([use for use in stacks.uses if use["nr"] == nr("exit_group") and use["user_stack"]], "no stack of the exit")


def test_without_syscalls(t):
    """Stacks need no other group; what is filtered out is not sent for their sake."""
    stacks = Stacks(t.record(workload("stacks"), "futex", "23", options=["-g", "futex", "--events", "task"]), workload("stacks"))
    equal(stacks.trace.of("syscall"), [], "calls")
    check("-g futex" in stacks.trace.analyze("info").stdout, "the file does not say what it has stacks of")
    waits = len(of_thread(stacks, FUTEX, ["futex_inner", "futex_outer", "main"]))
    # A slow machine's timer rings before the thread has left the CPU.
    check(23 - (5 if harness.SLOWER > 1 else 0) <= waits <= 23, f"{waits} waits")


def test_deep(t):
    """A stack that is too deep says so, and has its inner end."""
    stacks = Stacks(t.record(workload("stacks"), "deep", "150", options=["-g", "off-cpu"]), workload("stacks"))
    cut = [event for event in stacks.trace.of("stack") if event["cut"]]
    equal(len(cut), 1, "stacks that are cut")
    uses = [use for use in stacks.uses if use["user_stack"] == cut[0]["id"]]
    equal(stacks.user(uses[0]), ["sleep_inner"] + ["deep"] * 126, "its frames")


def kernel_stack(pid):
    """The kernel's own account of where a task sleeps: names and offsets, without the scheduler."""
    with open(f"/proc/{pid}/stack") as file:
        return [re.search(r"(\w+)\+(0x\w+)/", line).groups() for line in file]


def device_of_mount(path):
    """Major and minor number. What maps says of overlayfs is the device below on older kernels, what stat says one of its own."""
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split() for line in file]
    _, _, device = max((len(mount[4]), i, mount[2]) for i, mount in enumerate(mounts) if os.path.commonpath([mount[4], path]) == mount[4])
    return map(int, device.split(":"))


def test_kernel_agrees(t):
    """The kernel's own view of a sleeping process: its kernel stack, its maps, its files' build ids."""
    trace, recorder = t.start(workload("stacks"), "stay", options=["-g", "off-cpu"], stdout=open(t.path("said"), "w"))
    for _ in range(200):
        time.sleep(0.05)
        with open(t.path("said")) as file:
            if "ready" in file.read():
                break
    time.sleep(0.2)
    with open(f"/proc/{recorder.pid}/task/{recorder.pid}/children") as file:
        pid = int(file.read().split()[0])
    expected = kernel_stack(pid)
    with open(f"/proc/{pid}/maps") as file:
        maps = file.read()
    os.kill(pid, 9)
    wait(recorder)

    stacks = Stacks(trace, workload("stacks"))
    use = [use for use in stacks.uses if use["tid"] == pid][-1]
    symbols = {event["address"]: event for event in trace.of("kernel_symbol")}
    frames = stacks.frames[use["kernel_stack"]]
    found = [(item(symbols[frame], "name")["data"], hex(symbols[frame]["offset"])) for frame in frames]
    equal(found[-len(expected):], expected, "kernel stack")
    code = re.findall(r"^(\w+)-(\w+) ..x. (\w+) \w+:\w+ (\d+) +(/.*)$", maps, re.M)
    check(len(code) >= 3, f"code that is mapped: {code}")
    for start, end, offset, inode, path in code:
        module = [event for event in trace.of("module") if event["start"] == int(start, 16)]
        equal(len(module), 1, f"modules at {start}")
        module = module[0]
        equal((module["end"], module["offset"], module["dev_major"], module["dev_minor"], module["inode"], item(module, "path")["data"]),
              (int(end, 16), int(offset, 16), *device_of_mount(path), int(inode), path), "module")
        build_id = re.search(r"Build ID: (\w+)", succeed(["readelf", "-nW", path]).stdout)
        equal([found["data"] for found in items(module, "build_id")], [build_id[1]] if build_id else [], f"build id of {path}")


def rows(trace, *options):
    """Table stack as dicts."""
    return list(csv.DictReader(trace.analyze("report", *options, "--format", "csv", "stack").stdout.splitlines()))


def test_report(t):
    """The table folds them: names of functions; counts and times."""
    trace = t.record(workload("stacks"), "sleep", "43", options=["-g", "off-cpu"])
    naps = [row for row in rows(trace) if row["syscall"] == "nanosleep"]
    assert_waits(sum(int(row["count"]) for row in naps), trace.calls("nanosleep"), trace, 43)
    for row in naps:
        frames = row["stack"].split(";")
        equal([frame for frame in frames if frame in SLEEP], SLEEP[::-1], f"user frames of {row}")
        check("do_nanosleep" in frames and frames[-1] == "__schedule", f"kernel frames of {row}")
    slept = sum(call["duration_ns"] for call in trace.calls("nanosleep"))
    time_ns = sum(int(row["time_ns"]) for row in naps)
    check(38 * 200_000 <= time_ns <= slept, f"time of the naps: {time_ns}, the calls took {slept}")
    equal(sum(int(row["count"]) for row in rows(trace)), len(trace.of("stack_use")), "all counts")
    # What the numbers stand for was told before the window.
    calls = trace.calls("nanosleep")
    first = trace.sql("SELECT min(start_ns) FROM process")[0][0]
    late = [row for row in rows(trace, "--time", f"{(calls[30]['ts'] - first) / 1e9:.9f}s,") if row["syscall"] == "nanosleep"]
    check(late and all("do_nanosleep" in row["stack"] and "sleep_outer" in row["stack"] for row in late), f"in a window: {late}")


@cases("gone", "another", "a pipe")
def test_elsewhere(t, now):
    """Where the very file is not to be had a frame is the file's name and a place in it; nothing else is opened for names."""
    path = t.path("program")
    shutil.copy(workload("stacks"), path)
    trace = t.record(path, "sleep", "43", options=["-g", "off-cpu"])
    program = Program(workload("stacks"))
    os.unlink(path)
    if now == "another":
        shutil.copy(workload("children"), path)
    elif now == "a pipe":
        os.mkfifo(path)
    naps = [row for row in rows(trace) if row["syscall"] == "nanosleep"]
    assert_waits(sum(int(row["count"]) for row in naps), trace.calls("nanosleep"), trace, 43)
    for row in naps:
        frames = [frame.rpartition("+") for frame in row["stack"].split(";")]
        equal([program.name(int(place, 16)) for file, _, place in frames if file == "program"], SLEEP[::-1], f"user frames of {row}")


ID_NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"


@cases("the same", "changed", "of another machine")
def test_without_build_id(t, now):
    """A file without a build id, as Go and clang make them, is read if nobody has changed it and it is this machine's."""
    path, other = t.path("program"), t.path("machine-id")
    if not os.path.exists("/etc/machine-id"):
        raise Skip("a machine without an identity")
    with open(workload("stacks"), "rb") as file:
        t.write("program", file.read().replace(ID_NOTE, ID_NOTE.replace(b"GNU", b"TRC")))
    os.chmod(path, 0o755)
    trace = t.record(path, "sleep", "43", options=["-g", "off-cpu"])
    command = [harness.ANALYZE, "report", "--format", "csv", "stack", trace.path]
    if now == "changed":
        with open(path, "ab") as file:
            file.write(b"\0")
    elif now == "of another machine":
        t.write("machine-id", b"0123456789abcdef0123456789abcdef\n")
        command = ["unshare", "--mount", "/bin/sh", "-c", f'mount --bind {other} /etc/machine-id && exec "$@"', "sh"] + command
    naps = [row for row in csv.DictReader(succeed(command).stdout.splitlines()) if row["syscall"] == "nanosleep"]
    assert_waits(sum(int(row["count"]) for row in naps), trace.calls("nanosleep"), trace, 43)
    for row in naps:
        frames = row["stack"].split(";")
        named, placed = [frame for frame in frames if frame in SLEEP], [frame for frame in frames if frame.startswith("program+")]
        check((named == SLEEP[::-1] and not placed) if now == "the same" else (not named and len(placed) >= len(SLEEP)), row["stack"])


def test_maps_in_threads(t):
    """What is mapped without code is not looked at, which would fail while another thread maps."""
    trace = t.record(workload("stacks"), "map", "2003", options=["-g", "off-cpu"])
    equal(trace.losses(), [], "lost events")
    check(len(trace.calls("mmap")) >= 3 * 2003, "calls")


def test_report_calls(t):
    """The time of a call's stack is that of the call; a child has the code that its parent mapped."""
    trace = t.record(workload("stacks"), "call", "17", options=["-g", "syscall=getpriority"])
    told = rows(trace)
    equal(sorted(int(row["count"]) for row in told), [17, 17], "counts")
    equal(sum(int(row["time_ns"]) for row in told), sum(call["duration_ns"] for call in trace.calls("getpriority")), "time")
    trace = t.record(workload("children"), "fork", "31", options=["-g", "syscall=exit"])
    told = rows(trace)
    equal(sum(int(row["count"]) for row in told), 31, "exits")
    check(all("by_fork" in row["stack"] for row in told), f"stacks: {told}")


@cases(("off-cpi", "did you mean off-cpu"), ("nonsense", "there are off-cpu"), ("off-cpu,,futex", "no stacks of"),
       ("syscall=nanoslep", "did you mean 'nanosleep'"), ("off-cpu,syscall=", "syscall"))
def test_mistake(t, mistake):
    """Bad input: one line that names the word and the nearest right one; nothing is recorded."""
    value, expected = mistake
    trace = t.record("/bin/true", options=["-g", value], code=2)
    check(trace.result.stderr.count("\n") == 1 and expected in trace.result.stderr, trace.result.stderr)
    check(not os.path.exists(trace.path), "a trace was left behind")


def test_contradiction(t):
    """Bad input: stacks of calls that are not recorded."""
    trace = t.record("/bin/true", options=["-g", "syscall=read", "-e", "openat"], code=2)
    check(trace.result.stderr.count("\n") == 1 and "none of these system calls is recorded" in trace.result.stderr, trace.result.stderr)


def test_off(t):
    """Without -g nothing of it is loaded or sent, and the file says none."""
    trace = t.record(workload("stacks"), "sleep", "3")
    equal(trace.of("stack") + trace.of("stack_use") + trace.of("module") + trace.of("kernel_symbol"), [], "stacks")
    programs = {row["name"] for row in trace.sql("SELECT name FROM probe")}
    check(not [name for name in programs if name.startswith(("stack_", "counter_"))], f"loaded: {programs}")


def test_attached(t):
    """On what runs already: its code is told from /proc/PID/maps, its waits have stacks that can be read."""
    program = harness.start([workload("stacks"), "sleep", "1000003"])
    path = t.new_trace()
    succeed([harness.RECORD, "-q", "-o", path, "-d", "0.5s", "-p", str(program.pid), "-g", "off-cpu", "--counters", "context-switches"])
    stacks = Stacks(harness.Trace(path), workload("stacks"))
    seen = [stacks.user(use)[:4] for use in stacks.uses if use["user_stack"]]
    check(len(seen) > 100, f"only {len(seen)} waits with stacks")
    equal({tuple(names) for names in seen}, {("sleep_inner", "sleep_middle", "sleep_outer", "main")}, "stacks")
    counted = items(stacks.trace.of("counters")[-1], "values")[0]["data"][0]
    check(len(seen) - 3 <= counted <= len(seen) * 1.5 + 10, f"{counted} switches counted, {len(seen)} waits seen")


END_OF_TIME = 1 << 63


def test_rotated(t):
    """Each file of a rotation has the frames, modules and kernel names that its stacks need."""
    succeed([harness.RECORD, "-q", "-o", "run.trc", "--rotate", "300ms", "-g", "off-cpu", "--", workload("stacks"), "sleep", "4001"], cwd=t.directory)
    files = sorted(name for name in os.listdir(t.directory) if name.startswith("run"))
    check(len(files) >= 3, f"files: {files}")
    waits = 0
    for name in files:
        stacks = Stacks(harness.Trace(t.path(name)), workload("stacks"))
        named = {event["address"] for event in stacks.trace.of("kernel_symbol")}
        # What was in the rings at the cut is older than what the file tells of the process: nothing, once it has ended.
        told = min((event["ts"] for event in stacks.trace.of("module")), default=END_OF_TIME)
        command = [use for use in stacks.uses if use["nr"] == nr("nanosleep") and use["ts"] > told]
        for use in command:
            check(set(stacks.frames[use["kernel_stack"]]) <= named, f"{name}: kernel addresses without a name")
            check("sleep_outer" in stacks.user(use), f"{name}: {stacks.user(use)}")
        waits += len(command)
    # A nap may be over before the thread leaves the CPU.
    check(3000 < waits <= 4001, f"{waits} waits of 4001 have stacks")
