# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R8, R18: attaching to what runs. Every task is told of before its first event; /proc is the witness of what it is."""
import concurrent.futures
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time

import harness
from harness import Skip, Trace, cases, check, during, equal, items, run, start, takes, wait, workload

REASON = {"command": 1, "-p": 2, "-t": 3, "-n": 4, "--cgroup": 5, "--container": 6, "-u": 7, "-a": 8, "inherited": 9}


def attach(t, *options, code=0, duration="0.2s"):
    """A recording without a command."""
    path = t.new_trace()
    result = run([harness.RECORD, "-q", "-o", path, "-d", duration, *options], cwd=t.directory)
    if result.returncode != code:
        raise harness.Failure(f"record {options}: exit {result.returncode}, expected {code}\n{result.stderr}")
    return Trace(path, result)


def found(trace):
    return {event["tid"]: event for event in trace.of("task_found")}


def assert_told_first(trace):
    """No thread acts before the trace has said who it is."""
    known = set()
    for event in sorted(trace.events, key=lambda event: event["ts"]):
        if event["kind"] == "task_found":
            known.add(event["tid"])
        elif event["kind"] == "task_new":
            check(event["tid"] in known, f"a birth by {event['tid']}, whom nothing tells of")
            known.add(event["child_tid"])
        elif event["kind"] == "syscall":
            check(event["tid"] in known, f"a call of {event['tid']} at {event['ts']}, whom nothing tells of")


def words(event, field):
    (item,) = items(event, field)
    equal(item["state"], "whole", f"item {field}")
    return item["data"]


def python(t, script, *arguments, name="/usr/bin/python3", **options):
    """A Python program that says "ready" when it is."""
    program = start([name, "-B", "-c", script, *arguments], stdout=subprocess.PIPE, cwd=t.directory, **options)
    equal(program.stdout.readline(), b"ready\n", "first words of the program")
    return program


def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


ODD = """
import os, socket, select, sys, threading, time
os.mkdir("cwd of it"); os.chdir("cwd of it")
kept = [open("log of it", "w+"), open("/dev/null", "rb"), socket.socket(), socket.socketpair(), os.pipe(), select.epoll()]
kept[0].write("x" * 1009); kept[0].flush()
os.set_inheritable(kept[0].fileno(), True)
for i in range(6): threading.Thread(target=time.sleep, args=(60,)).start()
child = os.fork()
print("ready", flush=True) if child else None
time.sleep(60)
"""


def test_snapshot(t):
    """R18: threads, parents, names, ids, directory, cgroup, namespaces and descriptors are those of /proc."""
    program = python(t, ODD, "an argument", "")
    pids = [program.pid] + [int(pid) for pid in open(f"/proc/{program.pid}/task/{program.pid}/children").read().split()]
    equal(len(pids), 2, "processes")
    time.sleep(0.1)
    trace = attach(t, "-p", str(program.pid))
    equal(set(found(trace)), {int(tid) for pid in pids for tid in os.listdir(f"/proc/{pid}/task")}, "threads")
    equal(len(found(trace)), 8, "number of threads")
    for tid, event in found(trace).items():
        assert_is(event, f"/proc/{event['tgid']}/task/{tid}")
        equal(event["reason"], REASON["-p" if event["tgid"] == program.pid else "inherited"], "reason")
    for pid in pids:
        assert_process(found(trace)[pid])
        assert_descriptors([event for event in trace.of("fd_found") if event["tgid"] == pid], pid)
        assert_maps([event for event in trace.of("file_map") if event["tgid"] == pid], pid)
    added, removed = trace.of("target_added"), trace.of("target_removed")
    equal([(event["tid"], event["reason"], event["later"]) for event in added], [(program.pid, REASON["-p"], 0)], "added")
    equal([(event["tid"], event["reason"], event["cause"]) for event in removed], [(program.pid, REASON["-p"], 2)], "removed")
    rows = trace.sql("SELECT pid, cwd, cmdline, parent_process_id FROM process ORDER BY pid")
    equal([row["pid"] for row in rows], sorted(pids), "rows of process")
    equal([row["parent_process_id"] is None for row in rows], [pid == program.pid for pid in sorted(pids)], "parents")
    check("'an argument' ''" in rows[0]["cmdline"], rows[0]["cmdline"])
    for command in ("info", "report", "tree", "replay"):
        harness.succeed([harness.ANALYZE, command, trace.path])


def assert_maps(events, pid):
    """Of files, with their paths: as /proc has them."""
    with open(f"/proc/{pid}/maps") as file:
        lines = [re.match(r"(\w+)-(\w+) (...)(.) (\w+) (\w+):(\w+) (\d+) +(/.*)", line) for line in file]
    wanted = [(int(line[1], 16), int(line[2], 16) - int(line[1], 16), line[3], line[4], int(line[5], 16), int(line[6], 16) << 20 | int(line[7], 16),
               int(line[8]), line[9]) for line in lines if line]
    told = [(event["address"], event["length"], "".join(letter if event["prot"] & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x"))),
             {1: "s", 2: "p"}[event["flags"]], event["offset"], event["device"], event["inode"], words(event, "path")) for event in events]
    equal(told, wanted, f"maps of process {pid}")
    equal({event["fd"] for event in events}, {-1}, "descriptors of maps")


def assert_is(event, task):
    with open(f"{task}/stat") as file:
        fields = file.read()
    fields = fields[fields.rindex(")") + 2:].split()
    said = status(task[len("/proc/"):])
    equal(event["comm"], said["Name"], "name")
    equal(event["ppid"], int(said["PPid"]), "parent")
    equal(event["start_ns"] * os.sysconf("SC_CLK_TCK") // 10**9, int(fields[22 - 3]), "start time in ticks")
    equal((event["ns_tgid"], event["ns_tid"]), (int(said["NStgid"].split()[-1]), int(said["NSpid"].split()[-1])), "own numbers")
    equal((event["uid"], event["euid"]), tuple(map(int, said["Uid"].split()[:2])), "user")
    equal((event["gid"], event["egid"]), tuple(map(int, said["Gid"].split()[:2])), "group")
    equal(event["live_threads"], int(said["Threads"]), "threads")
    for name in ("mnt", "net", "uts", "ipc", "pid", "cgroup", "user"):
        equal(f"{name}:[{event[name + '_ns']}]", os.readlink(f"{task}/ns/{name}"), f"{name} namespace")


def assert_process(event):
    proc = f"/proc/{event['tgid']}"
    equal(words(event, "exe"), os.readlink(f"{proc}/exe"), "program")
    there = os.stat(f"{proc}/exe")
    equal((event["exe_inode"], event["exe_device"], event["exe_mode"]),
          (there.st_ino, os.major(there.st_dev) << 20 | os.minor(there.st_dev), there.st_mode), "its file")
    equal(words(event, "cwd"), os.readlink(f"{proc}/cwd"), "directory")
    with open(f"{proc}/cmdline") as file:
        equal(words(event, "argv"), file.read().split("\0")[:-1], "arguments")
    with open(f"{proc}/cgroup") as file:
        unified = [line.rstrip("\n")[3:] for line in file if line.startswith("0::")]
    equal(words(event, "cgroup"), unified[0], "cgroup")


def assert_descriptors(events, pid):
    proc = f"/proc/{pid}"
    equal([event["fd"] for event in events], sorted(map(int, os.listdir(f"{proc}/fd"))), "descriptors")
    kinds = set()
    for event in events:
        target, there = os.readlink(f"{proc}/fd/{event['fd']}"), os.stat(f"{proc}/fd/{event['fd']}")
        info = dict(line.split(":\t") for line in open(f"{proc}/fdinfo/{event['fd']}").read().splitlines() if ":\t" in line)
        what = f"descriptor {event['fd']}, {target}"
        equal((event["inode"], event["mode"]), (there.st_ino, there.st_mode), f"inode and mode of {what}")
        equal((event["device"] >> 20, event["device"] & 0xFFFFF), (os.major(there.st_dev), os.minor(there.st_dev)), f"device of {what}")
        equal((event["rdev"] >> 20, event["rdev"] & 0xFFFFF), (os.major(there.st_rdev), os.minor(there.st_rdev)), f"rdev of {what}")
        equal(event["offset"], int(info["pos"]), f"offset of {what}")
        flags = int(info["flags"], 8)
        equal(event["flags"] | (os.O_CLOEXEC if event["traits"] & 1 else 0), flags, f"flags of {what}")
        equal(event["traits"] >> 2 & 3, {os.O_RDONLY: 1, os.O_WRONLY: 2, os.O_RDWR: 3}[flags & 3], f"what it is open for, {what}")
        if target.startswith("/"):
            equal(words(event, "path"), target, f"path of {what}")
            kinds.add("file")
        elif stat.S_ISSOCK(there.st_mode):
            equal((event["sock_family"] in (socket.AF_INET, socket.AF_UNIX), event["sock_type"]), (True, socket.SOCK_STREAM), what)
            kinds.add("socket")
        elif target.startswith("anon_inode:"):
            equal(words(event, "path"), target.removeprefix("anon_inode:"), what)
            kinds.add("anonymous")
        else:
            equal((target.startswith("pipe:"), event["items"]), (True, []), what)
            kinds.add("pipe")
    equal(kinds, {"file", "socket", "anonymous", "pipe"}, "kinds of descriptors")


BUSY = """
import os, sys, threading, time
def work():
    while True:
        os.getppid(); time.sleep(0.002)
for i in range(3): threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
while True: os.getppid(); time.sleep(0.002)
"""


def test_calls(t):
    """A call under way at the start has no entry, one under way at the end no return; in between they are whole."""
    program = python(t, BUSY)
    trace = attach(t, "-p", str(program.pid))
    threads = {int(tid) for tid in os.listdir(f"/proc/{program.pid}/task")}
    equal(set(found(trace)), threads, "threads")
    for tid in threads:
        states = [event["state"] for event in trace.of("syscall") if event["tid"] == tid]
        check(len(states) > 50, f"only {len(states)} calls of {tid}")
        check(set(states[1:-1]) == {0}, f"states in between: {set(states[1:-1])}")
        check(states[0] in (0, 2) and states[-1] in (0, 1), f"states at the ends: {states[0]}, {states[-1]}")
    ends = [event["state"] for event in trace.of("syscall") if event["state"]]
    check(2 in ends and 1 in ends, f"states {ends}: nothing was under way")
    assert_told_first(trace)


def test_thread(t):
    """-t: one thread of four and nothing else, but the descriptors that it has with them."""
    program = python(t, BUSY)
    tids = sorted(int(tid) for tid in os.listdir(f"/proc/{program.pid}/task"))
    trace = attach(t, "-t", f"{tids[1]},{tids[2]}")
    equal(sorted(found(trace)), tids[1:3], "threads found")
    equal({event["tid"] for event in trace.of("syscall")}, set(tids[1:3]), "threads with calls")
    equal({event["reason"] for event in trace.of("target_added")}, {REASON["-t"]}, "reasons")
    equal(len(trace.of("target_removed")), 2, "removed")
    equal([event["fd"] for event in trace.of("fd_found")], sorted(map(int, os.listdir(f"/proc/{program.pid}/fd"))), "descriptors")


def renamed_python(t):
    """A copy of the interpreter is another name; one of more than 15 bytes."""
    name = t.path("a_name_longer_than_15")
    os.symlink("/usr/bin/python3", name)
    return name


@cases("comm", "long", "regex", "regex of arguments")
def test_name(t, way):
    """-n: by name, by the last part of argv[0], by a regex; others are left alone, as is who runs the recorder."""
    name = renamed_python(t)
    one = python(t, BUSY, "--mark-7ac0", name=name)
    other = python(t, BUSY)
    pattern = {"comm": "a_name_longer_t", "long": "a_name_longer_than_15", "regex": "/^a_na.*_t/",
               "regex of arguments": "/mark-7a[c]0/"}[way]
    trace = attach(t, "-n", pattern)
    equal({event["tgid"] for event in trace.of("task_found")}, {one.pid}, f"processes; {other.pid} is another")
    equal([event["reason"] for event in trace.of("target_added")], [REASON["-n"]], "reasons")


MANY = """
import os, signal, time
for i in range(300):
    if not os.fork():
        time.sleep(60)
print("ready", flush=True)
time.sleep(60)
"""


@cases("soft", "hard")
def test_name_of_many(t, limit):
    """-n: more processes than files may be open. The soft limit is no bound; the hard one is said, nothing left out."""
    program = python(t, MANY, "--many-31c7")

    def allow():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096 if limit == "soft" else 256))

    path = t.path("many.trc")
    result = run([harness.RECORD, "-q", "-o", path, "-d", "0.2s", "-n", "/many-31[c]7/"], preexec_fn=allow)
    if limit == "hard":
        equal(result.returncode, 125, "exit")
        check("Too many open files; ulimit -n" in result.stderr, result.stderr)
        return
    equal((result.returncode, result.stderr), (0, ""), "exit and what is said")
    with open(f"/proc/{program.pid}/task/{program.pid}/children") as file:
        expected = {program.pid, *map(int, file.read().split())}
    equal(len(expected), 301, "processes")
    equal({event["tgid"] for event in Trace(path).of("task_found")}, expected, "processes of the trace")


def test_name_with_newline(t):
    """-n: who calls itself another's name and a newline is not that other, unless the whole is asked for."""
    program = python(t, "open('/proc/self/comm', 'w').write('like\\nthis')\n" + BUSY)
    attach(t, "-n", "like", code=125)
    trace = attach(t, "-n", "like\nthis")
    equal({event["tgid"] for event in trace.of("task_found")}, {program.pid}, "processes of the whole name")


# Writes its first argument over all of them, padded as PostgreSQL does, and more such programs pad.
TITLED = """
import ctypes, sys
with open('/proc/self/stat') as file:
  begin, end = map(int, file.read().rsplit(')', 1)[1].split()[45:47])
title = sys.argv[1].encode()
if title:
  ctypes.memset(begin, 0, end - begin)
  ctypes.memmove(begin, title, len(title))
"""


@cases("padded", "padded far", "one empty argument")
def test_title(t, case):
    """What a title leaves of the arguments' room is not empty arguments; one that is empty may be meant."""
    title = "" if case == "one empty argument" else "some: thing that runs  "
    filler = ["filler"] * (3000 if case == "padded far" else 30)
    program = python(t, TITLED + BUSY, title, *filler, "")
    with open(f"/proc/{program.pid}/cmdline") as file:
        shown = file.read()
    check(shown.endswith("\0\0" if not title else "\0" * 100), "what the process shows")
    expected = [title.rstrip()] if title else shown.split("\0")[:-1]
    equal(words(found(attach(t, "-p", str(program.pid)))[program.pid], "argv"), expected, "arguments")


def test_name_later(t):
    """-n: one that takes the name later, by exec or by itself, is added then, with all it is by then."""
    name = t.path("taken_later")
    os.symlink("/usr/bin/python3", name)
    first = python(t, BUSY, name=name)

    def act():
        born = python(t, BUSY, name=name)
        self_named = python(t, "import time\nopen('/proc/self/comm', 'w').write('taken_later')\nprint('ready', flush=True)\ntime.sleep(60)")
        return born.pid, self_named.pid

    (born, self_named), trace = during(t, "-n", "taken_later", act=act)
    added = {event["tid"]: (event["reason"], event["later"]) for event in trace.of("target_added")}
    equal(added, {first.pid: (REASON["-n"], 0), born: (REASON["-n"], 1), self_named: (REASON["-n"], 1)}, "added")
    check(set(added) <= set(found(trace)), "task_found of all")
    for pid in (born, self_named):
        equal(words(found(trace)[pid], "exe"), os.readlink(f"/proc/{pid}/exe"), "program")
        check([event for event in trace.of("fd_found") if event["tgid"] == pid], f"no descriptors of {pid}")
    equal([words(event, "exe") for event in trace.of("exec") if event["tgid"] == born], [os.path.realpath("/usr/bin/python3")], "exec")


def cgroup_root():
    with open("/proc/self/mounts") as file:
        return [line.split()[1] for line in file if line.split()[2] == "cgroup2"][0]


class Cgroup:
    """A cgroup for a while, with one below it."""

    def __init__(self, name):
        self.path = os.path.join(cgroup_root(), name)
        self.below = os.path.join(self.path, "below")

    def __enter__(self):
        os.makedirs(self.below)
        return self

    def __exit__(self, *_):
        harness.end_children()
        for path in (self.below, self.path):
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.05)


def move(pid, path):
    with open(os.path.join(path, "cgroup.procs"), "w") as file:
        file.write(str(pid))


@cases("path", "as in proc")
def test_cgroup(t, way):
    """--cgroup: what is in it and below it, what is moved there and what is born there; nothing else."""
    inside, below, moved, outside = (python(t, BUSY) for _ in range(4))
    with Cgroup("trc-test-attach") as group:
        move(inside.pid, group.path)
        move(below.pid, group.below)
        path = group.path if way == "path" else group.path[len(cgroup_root()):]

        def act():
            move(moved.pid, group.below)
            return start(["sh", "-c", f"echo $$ > {group.path}/cgroup.procs; /bin/true"]).wait()

        _, trace = during(t, "--cgroup", path, act=act)
        added = {event["tid"]: (event["reason"], event["later"]) for event in trace.of("target_added")}
        reason = REASON["--cgroup"]
        for pid, later in ((inside.pid, 0), (below.pid, 0), (moved.pid, 1)):
            equal(added.pop(pid, None), (reason, later), f"added {pid}")
        equal(list(added.values()), [(reason, 1)], f"the shell that went there by itself; {outside.pid} is outside")
        tids = {int(tid) for pid in (inside.pid, below.pid, moved.pid) for tid in os.listdir(f"/proc/{pid}/task")}
        check(tids <= set(found(trace)), "threads of them")
        check("/bin/true" in [words(event, "filename") for event in trace.of("exec")], "what the shell ran")


CONTAINERS = ["docker-{}.scope", "libpod-{}.scope", "cri-containerd-{}.scope", "crio-{}.scope", "{}"]


@cases(*range(len(CONTAINERS)))
def test_container(t, form):
    """--container: by the beginning of its id, in the cgroup that its manager makes; as kubectl writes it, too."""
    number, other = "7ac0" * 16, "7acf" * 16
    program = python(t, BUSY)
    with Cgroup(CONTAINERS[form].format(number)) as group, Cgroup(CONTAINERS[form].format(other)):
        move(program.pid, group.below)
        trace = attach(t, "--container", number[:7])
        equal([(event["tid"], event["reason"]) for event in trace.of("target_added")], [(program.pid, REASON["--container"])], "added")
        equal({event["tgid"] for event in attach(t, "--container", "docker://" + number).of("task_found")}, {program.pid}, "found")
        said = attach(t, "--container", "7ac", code=2).result.stderr
        check(number in said and other in said and said.count("\n") == 1, said)


def test_user(t):
    """-u: the real user's, and those that become so; the report's first line says of whom it is."""
    one = start(["setpriv", "--reuid=65534", "--clear-groups", "sleep", "60"])
    time.sleep(0.2)

    def act():
        return start(["setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-c", "/bin/true; sleep 60"]).pid

    nobody = pwd.getpwuid(65534).pw_name
    later, trace = during(t, "-u", nobody, act=act)
    added = {event["tid"]: event["later"] for event in trace.of("target_added")}
    equal((added.get(one.pid), added.get(later)), (0, 1), "added")
    equal({event["uid"] for event in trace.of("task_found")}, {65534}, "users")
    check("/bin/true" in [words(event, "filename") for event in trace.of("exec")], "what it ran")
    heading = trace.analyze("report").stdout.splitlines()[0]
    check(f"   attached: -u {nobody}   " in heading, heading)


@takes(200)
def test_user_who_forks(t):
    """A recording ends with its targets, also if some came and went while the probes were attached."""
    for _ in range(3):
        programs = [start(["setpriv", "--reuid=65534", "--clear-groups", workload("shortlived"), "6007"]) for _ in range(3)]
        while any(status(program.pid)["Name"] != "shortlived" for program in programs):
            time.sleep(0.01)
        recorder = start([harness.RECORD, "-q", "-o", t.new_trace(), "-u", "65534"], cwd=t.directory)
        equal(wait(recorder, 30), 0, "exit")
        for program in programs:
            wait(program)


def test_all(t):
    """-a: every thread there is, without the recorder and without feeding on itself."""
    def act():
        time.sleep(0.5)
        # There are machines whose kernel shows process 1 to no iterator.
        return {int(tid) for pid in os.listdir("/proc") if pid.isdigit() and pid != "1" for tid in threads_of(pid)}

    there, trace = during(t, "-a", act=act)
    seen = set(found(trace)) | {event["child_tid"] for event in trace.of("task_new")}
    # What has ended and is only waiting for its parent is nothing to be found.
    missing = {tid for tid in there - seen if name_of(tid) not in ("record", None) and not is_zombie(tid)}
    equal(missing, set(), "threads that were not found")
    check(2 in seen, "kthreadd")
    check(os.getpid() in seen, "this process")


def threads_of(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def name_of(tid):
    try:
        with open(f"/proc/{tid}/comm") as file:
            return file.read().strip()
    except OSError:
        return None


def is_zombie(tid):
    try:
        with open(f"/proc/{tid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_not_itself(t):
    """R4: with -a no event is the recorder's own, though it makes calls all the time."""
    path = t.new_trace()
    recorder = start([harness.RECORD, "-q", "-o", path, "-a", "-d", "1s"], cwd=t.directory)
    wait(recorder)
    trace = Trace(path)
    check(len(trace.events) > 100, "nothing was recorded")
    equal([event for event in trace.own_events if event["tgid"] == recorder.pid], [], "events of the recorder")


def test_gone(t):
    """A recording without a command ends when its targets have, with exit 0 and a whole file."""
    program = start(["sh", "-c", "sleep 3; exit 7"])
    time.sleep(0.1)
    begin = time.monotonic()
    trace = attach(t, "-p", str(program.pid), duration="60s")
    check(time.monotonic() - begin < 20, "it did not end by itself")
    said = trace.analyze("info").stdout
    check("targets ended" in said and re.search(r"^end +complete", said, re.M), said)
    equal([(event["tid"], event["cause"]) for event in trace.of("target_removed")], [(program.pid, 1)], "removed")
    equal(trace.one("SELECT exit_code FROM process WHERE pid = ?", program.pid), 7, "its exit code")
    equal(trace.one("SELECT comm FROM process WHERE parent_process_id IS NOT NULL"), "sleep", "its child")


@cases(signal.SIGINT, signal.SIGTERM)
def test_signal(t, number):
    """A signal ends it with exit 0 and a whole file; what it watched runs on."""
    program = python(t, BUSY)
    path = t.new_trace()
    recorder = start([harness.RECORD, "-q", "-o", path, "-p", str(program.pid)], cwd=t.directory)
    time.sleep(2)
    recorder.send_signal(number)
    equal(wait(recorder), 0, "exit code")
    said = Trace(path).analyze("info").stdout
    check(re.search(r"^end +complete", said, re.M) and re.search("^end_reason|end reason +signal", said, re.M), said)
    equal(program.poll(), None, "exit of the program")


@cases("INT", "QUIT")
def test_signal_in_background(t, name):
    """One that a script starts with & has SIGINT and SIGQUIT ignored; without a command they end it all the same."""
    program = python(t, BUSY)
    path = t.new_trace()
    script = f'"$0" -q -o "$1" -p {program.pid} & pid=$!; read go; grep SigIgn /proc/$pid/status; kill -{name} $pid; wait $pid; echo $?'
    shell = start(["/bin/sh", "-c", script, harness.RECORD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(2)
    shell.stdin.write(b"\n")
    shell.stdin.flush()
    wait(shell, 10)
    _, ignored, code = shell.stdout.read().split()
    equal(int(ignored, 16) & 0b110, 0b110, "SIGINT and SIGQUIT among what the shell ignores for it")
    equal(code, b"0", "exit of the recorder")
    said = Trace(path).analyze("info").stdout
    check(re.search(r"^end +complete", said, re.M), said)


def test_both(t):
    """A command and targets: both, and the command's exit code."""
    program = python(t, BUSY)
    trace = t.record("/bin/sh", "-c", "sleep 0.3; exit 11", options=["-p", str(program.pid), "-d", "5s"], code=11)
    reasons = {event["tid"]: event["reason"] for event in trace.of("target_added")}
    equal(reasons.pop(program.pid), REASON["-p"], "reason of the target")
    equal(list(reasons.values()), [REASON["command"]], "reason of the command")
    equal(trace.one("SELECT count(*) FROM process WHERE exit_code = 11"), 1, "the command's exit")


def test_command_snapshot(t):
    """The command's descriptors are known before its first call: those that its exec leaves."""
    script = "import os\nfor fd in sorted(map(int, os.listdir('/proc/self/fd'))):\n  try: print(fd, os.readlink(f'/proc/self/fd/{fd}'))\n  except OSError: pass"
    trace = t.record("/usr/bin/python3", "-B", "-c", script)
    seen = [int(line.split()[0]) for line in trace.result.stdout.splitlines()]
    equal([event["fd"] for event in trace.of("fd_found")], seen, "descriptors")


def test_pid_namespace(t):
    """Recorded inside a pid namespace: numbers are those of the machine, the header's too."""
    path = t.new_trace()
    result = run(["unshare", "-fp", "--mount-proc", harness.RECORD, "-q", "-o", path, "--", "/bin/true"], cwd=t.directory)
    equal(result.returncode, 0, f"exit ({result.stderr})")
    trace = Trace(path)
    said = json.loads(trace.analyze("info", "--format", "json").stdout)
    (event,) = trace.of("exec")
    equal(said["command_pid"], event["tgid"], "pid of the command")
    check(event["ns_tgid"] < event["tgid"] or event["tgid"] < 100, "the namespace has numbers of its own")
    equal([row["pid"] for row in trace.sql("SELECT pid FROM process")], [event["tgid"]], "processes")


@cases("none", "1x", "999999999", "self", "thread", "kernel name", "user", "cgroup", "container", "regex", "name", "empty")
def test_mistake(t, way):
    """Bad input: one line that names it, and nothing recorded."""
    program = python(t, BUSY)
    thread = [tid for tid in os.listdir(f"/proc/{program.pid}/task") if int(tid) != program.pid][0]
    gone = start(["true"])
    gone.wait()
    options, code, words_ = {
        "none": ([], 2, "no command given"),
        "1x": (["-p", "1x"], 2, "not the number of a process"),
        "999999999": (["-p", f"{program.pid},{gone.pid}"], 125, "no such process"),
        "self": (["-p", "SELF"], 2, "this recorder itself"),
        "thread": (["-p", thread], 2, f"thread of process {program.pid}"),
        "kernel name": (["-t", str(gone.pid)], 125, "no such thread"),
        "user": (["-u", "rooot"], 2, "did you mean root?"),
        "cgroup": (["--cgroup", "/no-such-cgroup"], 2, "no such cgroup"),
        "container": (["--container", "beef"], 125, "is it running?"),
        "regex": (["-n", "/a(b/"], 2, "not a regular expression"),
        "name": (["-n", "no-such-name"], 125, "nothing that runs matches"),
        "empty": (["-n", ""], 2, "empty name"),
    }[way]
    command = [harness.RECORD, "-o", "x.trc", *options]
    if way == "self":
        command = ["sh", "-c", f'exec {harness.RECORD} -o x.trc -p $$']
    result = run(command, cwd=t.directory)
    equal((result.returncode, result.stderr.count("\n")), (code, 1), f"exit and lines of {result.stderr}")
    check(words_ in result.stderr, result.stderr)
    check(not os.path.exists(t.path("x.trc")), "a file was left")


# Who the command runs as


IDENTITY = "id -u; id -g; id -G; echo $HOME; echo $USER; echo ${SUDO_UID-none}"


def identity(t, options, **env):
    command = [harness.RECORD, "-q", "-o", t.new_trace(), *options, "--", "/bin/sh", "-c", IDENTITY]
    result = run(command, cwd="/", env=dict(os.environ, **env))
    equal(result.returncode, 0, f"exit ({result.stderr})")
    return result.stdout.splitlines()


def test_user_with_a_delay(t):
    """Who comes while the probes are attached is followed, and is in the trace from when recording begins."""
    busy = start(["setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-c", "while :; do /bin/true; done"])
    time.sleep(0.3)
    for delay in ("0.1s", "0.5s"):
        trace = attach(t, "-u", "65534", "--delay", delay)
        begun = min(event["ts"] for event in trace.of("target_added"))
        check(trace.of("exec"), "no program was started")
        check(all(event["ts"] >= begun for event in trace.of("exec")), "of before recording began")
    busy.kill()


def test_user_of_the_command(t):
    """R27: under sudo the command runs as who called it; --user says otherwise."""
    nobody, games = pwd.getpwnam("nobody"), pwd.getpwnam("games")
    as_nobody = [str(nobody.pw_uid), str(nobody.pw_gid), str(nobody.pw_gid), nobody.pw_dir, "nobody", "none"]
    sudo = {"SUDO_UID": str(nobody.pw_uid), "SUDO_GID": str(nobody.pw_gid), "SUDO_USER": "nobody", "SUDO_COMMAND": "record"}
    equal(identity(t, [], **sudo), as_nobody, "under sudo")
    equal(identity(t, ["--user", "root"], **sudo)[0], "0", "under sudo with --user root")
    equal(identity(t, ["--user", "nobody"]), as_nobody, "--user nobody")
    equal(identity(t, ["--user", "games"], **sudo)[:2], [str(games.pw_uid), str(games.pw_gid)], "--user games under sudo")
    result = run([harness.RECORD, "-o", "x.trc", "--user", "nobdy", "--", "true"], cwd=t.directory)
    equal((result.returncode, "did you mean nobody?" in result.stderr), (2, True), result.stderr)
    result = run([harness.RECORD, "-q", "-o", t.new_trace(), "--user", "nobody", "--", t.write("x", b"#!/bin/sh\n")], cwd="/")
    check(result.returncode == 126, f"a command that nobody may not execute: exit {result.returncode}, {result.stderr}")


# S3


def figures(pid):
    """Resident memory of the recorder and what the kernel holds for BPF and everything else, in KiB."""
    with open("/proc/meminfo") as file:
        kernel = {name: int(value.split()[0]) for name, value in (line.split(":") for line in file)}
    return int(status(pid)["VmRSS"].split()[0]), kernel["SUnreclaim"] + kernel["Percpu"]


def test_bounded(t):
    """S3: 20011 processes and 100003 threads, one after the other, leave recorder and kernel maps as they were."""
    path, program = t.new_trace(), workload("passing")
    recorder = start([harness.RECORD, "-o", path, "-e", "getpriority", "--", program, "20011", "100003"], stdout=subprocess.PIPE)
    measured = []
    while line := recorder.stdout.readline():
        measured.append((line.split(), figures(recorder.pid)))
    equal(wait(recorder), 0, "exit")
    equal([int(words[0]) for words, _ in measured], list(range(11)), "steps")
    rss_first, kernel_first = measured[1][1]
    rss, kernel = (min(figure) for figure in zip(*(figures for _, figures in measured[-4:])))
    check(rss - rss_first < 4096, f"the recorder grew from {rss_first} to {rss} KiB")
    # At least 81000 tasks lie between; what is kept for each takes 256 bytes, and for its strings 8 KiB more.
    check(kernel - kernel_first < 16384, f"the kernel's memory grew from {kernel_first} to {kernel} KiB")
    trace = Trace(path)
    said = json.loads(trace.analyze("info", "--format", "json").stdout)
    equal((said["events_task_new"], said["lost_count"]), (20011 + 100003, 0), "births and losses")


# R8: nothing missed


def lives(path, first):
    """What `restless` wrote, by place in its list from the first given: (tid, tgid, place of the parent + 1, born, died)."""
    with open(path, "rb") as file:
        count, _ = struct.unpack("=QQ", file.read(16))
        file.seek(32 * first, os.SEEK_CUR)
        return dict(enumerate(struct.iter_unpack("=IIQQQ", file.read(32 * (count - first))), first))


def restless_pid(path):
    for _ in range(500):
        time.sleep(0.02)
        if os.path.exists(path) and os.path.getsize(path):
            with open(path, "rb") as file:
                _, pid = struct.unpack("=QQ", file.read(16))
            if pid:
                return pid
    raise harness.Failure("restless does not begin")


@takes(900)
def test_restless(t):
    """200 times to a program that forks and makes threads without pause: no task alive meanwhile is missed."""
    log, missed, seen, found_count = t.path("lives"), [], 0, 0
    program = start([workload("restless"), log], start_new_session=True)
    try:
        pid, before = restless_pid(log), 0
        # Two recorders at a time: neither may disturb the other.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for i in range(100):
                events = "task,syscall" if i % 10 == 0 else "task"
                traces = list(pool.map(lambda _: attach(t, "-p", str(pid), "--events", events, duration="20ms"), range(2)))
                check(program.poll() is None, "the program has ended")
                written = lives(log, before)
                for trace in traces:
                    there, missed_one, seen_one = compare(trace, written)
                    missed += missed_one
                    seen += seen_one
                    found_count += there
                before = max(before + len(written) - 3000, 0)  # some of them go on
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        wait(program)
    equal(missed[:5], [], f"missed of {seen} tasks")
    check(seen > 5000 and found_count > 600, f"only {seen} tasks lived, {found_count} were there before: that proves little")


def compare(trace, written):
    """(tasks that were there before, those missed, how many lived) of a recording of what was written meanwhile."""
    if trace.of("syscall"):
        assert_told_first(trace)
    told = set(found(trace)) | {event["child_tid"] for event in trace.of("task_new")}
    # A thread that is found while its leader is ending takes the leader's number in its exec.
    told |= {event["tid"] for event in trace.of("exec") if event["old_tid"] in told}
    begin, missed, seen = start_of(trace), [], 0
    end = begin + 20_000_000
    for tid, tgid, parent, born, died in written.values():
        # Whose parent had gone before descends from nobody.
        if parent and (parent - 1 not in written or 1 < written[parent - 1][4] <= begin):
            continue
        # Of those without an end, only who began in the recording was surely there.
        if born < end and (died > begin or died <= 1 and born > begin):
            seen += 1
            if tid not in told and not (died == 1 and tgid in told):
                missed.append((tid, tgid, born - begin, died and died - begin))
    for path in (trace.path, trace.path + ".jsonl"):
        os.unlink(path)
    return len(found(trace)), missed, seen


def start_of(trace):
    said = json.loads(trace.analyze("info", "--format", "json").stdout)
    return said["start_mono_ns"]


SLEEPER = """
import select, sys, time
epoll = select.epoll()
print("ready", flush=True)
epoll.poll(float(sys.argv[1]), 7)
epoll.poll(60, 11)
"""


def inside(pid):
    """The call that a sleeping process is in, as /proc tells: number and arguments."""
    with open(f"/proc/{pid}/syscall") as file:
        words = file.read().split()
    return int(words[0]), [int(word, 16) for word in words[1:7]]


STOPPED = """
import os, signal
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_stopped(t):
    """R15: a process that is stopped is in no call: that which stopped it has returned."""
    program = python(t, STOPPED)
    time.sleep(0.2)
    trace = attach(t, "-p", str(program.pid))
    equal(status(program.pid)["State"][0], "T", "state")
    equal([call["nr"] for call in trace.of("syscall")], [], "calls")


RECEIVER = """
import socket, sys, os
ours = socket.socket(fileno=0)
print("ready", flush=True)
fds = socket.recv_fds(ours, 100, 4)[1]
os.read(fds[0], 17)
"""


def test_received(t):
    """R10: descriptors that a call receives are named, even if it began before it was watched."""
    path = t.write("handed-over", bytes(17))
    ours, theirs = socket.socketpair()
    program = start(["/usr/bin/python3", "-B", "-c", RECEIVER], stdin=theirs, stdout=subprocess.PIPE)
    equal(program.stdout.readline(), b"ready\n", "first words of the program")
    time.sleep(0.2)

    def act():
        with open(path, "rb") as file:
            socket.send_fds(ours, [b"x"], [file.fileno()])
        wait(program)

    trace = during(t, "-p", str(program.pid), act=act)[1]
    (call,) = [call for call in trace.calls("read") if call["ret"] == 17]
    told = {event["fd"]: words(event, "path") for event in trace.of("file")}
    check(told.get(call["arg0"], "").endswith("/handed-over"), f"names of descriptors: {told}, read: {call['arg0']}")


@cases("60", "3")
def test_inside(t, seconds):
    """R15: the call that a process was in before it was watched, and its arguments; no duration is invented."""
    program = python(t, SLEEPER, seconds)
    time.sleep(0.2)
    number, arguments = inside(program.pid)
    trace = attach(t, "-p", str(program.pid), "-e", "/epoll/", duration="4s" if seconds == "3" else "0.5s")
    calls = trace.of("syscall")
    check(calls, "no call")
    first = calls[0]
    equal((first["nr"], first["state"], first["flags"]), (number, 2, 0) if seconds == "3" else (number, 1, 2), "the call")
    equal([first[f"arg{i}"] for i in range(4)], arguments[:4], "arguments")
    if seconds == "3":
        equal(first["duration_ns"], 0, "duration")
        equal([(call["state"], call["arg2"]) for call in calls[1:]], [(1, 11)], "the next call")
        return
    watched = found(trace)[program.pid]["ts"]
    equal(first["ts"] - first["duration_ns"], watched, "what the duration counts from")
    row = trace.sql("SELECT reason, sum(total_ns) AS total FROM wait_by_object GROUP BY reason ORDER BY total DESC")[0]
    equal(row["reason"], "poll", "what it waited for")


WATCHES = """
import os, select, socket
epoll = select.epoll()
listener = socket.create_server(("127.0.0.1", 0))
far = socket.create_connection(listener.getsockname())
near = listener.accept()[0]
r, w = os.pipe()
epoll.register(near, select.EPOLLIN)
epoll.register(r, select.EPOLLIN | select.EPOLLET)
gone, full = os.pipe()
os.write(full, b"z")
epoll.register(gone, select.EPOLLIN)
kept = os.dup(gone)
os.dup2(w, gone)
print("ready", flush=True)
while True:
    far.send(b"x"); os.write(w, b"y")
    epoll.poll(); near.recv(1); os.read(r, 1)
    select.select([], [], [], 0.02)
"""


@cases("one file", "--rotate")
def test_epoll(t, case):
    """What an epoll instance watched before is known as /proc tells it, in every file; a number that another has taken is not."""
    program = python(t, WATCHES)
    path = t.path("run.trc")
    options = [] if case == "one file" else ["--rotate", "400ms"]
    result = run([harness.RECORD, "-q", "-o", path, "-d", "1.5s", *options, "-p", str(program.pid)], cwd=t.directory)
    equal(result.returncode, 0, f"exit ({result.stderr})")
    files = sorted(name for name in os.listdir(t.directory) if re.fullmatch(r"run(-\d+)?\.trc", name))
    check(len(files) == 1 if not options else len(files) > 2, f"files: {files}")
    proc = f"/proc/{program.pid}"
    (epfd,) = [int(fd) for fd in os.listdir(f"{proc}/fd") if "eventpoll" in os.readlink(f"{proc}/fd/{fd}")]
    with open(f"{proc}/fdinfo/{epfd}") as file:
        lines = re.findall(r"tfd: +(\d+) events: +(\w+) data: +(\w+) +pos:\S+ ino:(\w+) sdev:(\w+)", file.read())
    there = sorted((epfd, int(fd), *(int(word, 16) for word in words)) for fd, *words in lines)
    equal(len(there), 3, "what it watches")
    for trace in (Trace(t.path(name)) for name in files):
        told = [event for event in trace.of("epoll_found") if event["tgid"] == program.pid]
        equal(sorted(tuple(event[key] for key in ("epfd", "fd", "events", "data", "inode", "device")) for event in told), there, "what is told")
        check(trace.of("syscall"), f"{trace.path} has no calls")
        names = {row["fd"]: row["object"] for row in trace.sql("SELECT * FROM poll_ready WHERE call = 'epoll'")}
        names.pop(None, None)  # before this file was told
        links = {fd: os.readlink(f"{proc}/fd/{fd}") for _, fd, *_ in there}
        equal(set(names), set(links), f"descriptors in {trace.path}")
        near, r, gone = sorted(links)
        check(re.fullmatch(r"tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+", names[near]), f"the socket is {names[near]}")
        equal((names[r], names[gone]), (links[r], None), "the pipe, and what was one")


def test_program_pages(t):
    """The pages of a program that runs already are known as its file's."""
    path = t.path("program")
    shutil.copy("/usr/bin/python3", path)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
    script = "import sys\nprint('ready', flush=True)\nsys.stdin.readline()\nimport decimal, unicodedata, lzma\nsys.stdin.readline()"
    program = python(t, script, name=path, stdin=subprocess.PIPE)
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def act():
        program.stdin.write(b"\n")
        program.stdin.flush()

    _, trace = during(t, "-p", str(program.pid), "--events", "+pagecache", act=act)
    inode = os.stat(path).st_ino
    if not [event for event in trace.of("pagecache_add") if event["inode"] == inode]:
        raise Skip("it has all its pages")
    equal({row["path"] for row in trace.sql("SELECT path FROM pagecache WHERE inode = ?", inode)}, {path}, "its name")
