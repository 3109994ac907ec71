# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R22: what each descriptor is, where the directories are, what is mapped; /proc and strace are the observers."""
import collections
import os
import re
import stat
import subprocess

from harness import check, equal, item, items, succeed, wait, workload

CLOEXEC, DELETED, READABLE, WRITABLE, OUTSIDE, ANONYMOUS = 1, 2, 4, 8, 16, 32
RECEIVED = 2
O_CLOEXEC = os.O_CLOEXEC


class Waiting:
    """A workload under `record` that says "ready PID" and waits for the end of its standard input."""

    def __init__(self, t, *command, options=()):
        self.trace, self.recorder = t.start(*command, options=options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.recorder.stdout.readline().decode()
        check(line.startswith("ready "), f"{command} says {line!r}")
        self.pid = int(line.split()[1])

    def finish(self):
        self.recorder.stdin.close()
        equal(wait(self.recorder), 0, "exit of the recorder")
        return self.trace


def decoded(device):
    return os.makedev(device >> 20, device & 0xfffff)


def path_of(event):
    found = items(event, "path")
    return found[0]["data"] if found else None


def proc_name(event):
    """The name that /proc/PID/fd gives to what the event describes."""
    kind = stat.S_IFMT(event["mode"])
    if kind == stat.S_IFIFO and event["traits"] & ANONYMOUS:
        return f"pipe:[{event['inode']}]"
    if kind == stat.S_IFSOCK:
        return f"socket:[{event['inode']}]"
    name = path_of(event)
    # What has no place in a directory and a name with a slash is shown as if it were deleted.
    if event["traits"] & DELETED or (event["traits"] & ANONYMOUS and name.startswith("/")):
        name += " (deleted)"
    return name


def observed(pid):
    """fd: (name, device, inode, mode, flags, special device) as /proc has them."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        link = f"/proc/{pid}/fd/{fd}"
        status = os.stat(link)
        with open(f"/proc/{pid}/fdinfo/{fd}") as file:
            flags = int(re.search(r"^flags:\s*(\d+)$", file.read(), re.M)[1], 8)
        found[int(fd)] = (os.readlink(link), status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode), flags, status.st_rdev)
    return found


def test_descriptors(t):
    """Every open descriptor is what /proc says it is; each way to make one is counted."""
    os.mkdir(t.path("d"))
    waiting = Waiting(t, workload("files"), t.path("d"))
    proc = observed(waiting.pid)
    trace = waiting.finish()
    events = [event for event in trace.of("file") if event["tgid"] == waiting.pid]
    last = {event["fd"]: event for event in events}
    # 0 to 2 are older than the recording.
    compared = [fd for fd in sorted(proc) if fd > 2]
    check(len(compared) > 300, f"only {len(compared)} descriptors")
    for fd in compared:
        check(fd in last, f"no event of descriptor {fd}, {proc[fd][0]}")
        event = last[fd]
        flags = event["flags"] | (O_CLOEXEC if event["traits"] & CLOEXEC else 0)
        equal((proc_name(event), decoded(event["device"]), event["inode"], stat.S_IFMT(event["mode"]), flags, decoded(event["rdev"])),
              proc[fd], f"descriptor {fd}")
        access = {os.O_RDONLY: READABLE, os.O_WRONLY: WRITABLE, os.O_RDWR: READABLE | WRITABLE}[flags & os.O_ACCMODE]
        if not flags & os.O_PATH and "timerfd" not in proc[fd][0]:
            equal(event["traits"] & (READABLE | WRITABLE), access, f"access of descriptor {fd}, {proc[fd][0]}")

    names = collections.Counter(path_of(event) for event in events)
    here = t.path("d")
    equal({name: names[name] for name in ("anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[timerfd]",
                                          "anon_inode:[signalfd]", "/memfd:trc-memory", "anon_inode:inotify",
                                          "anon_inode:[pidfd]")},
          {"anon_inode:[eventfd]": 7, "anon_inode:[eventpoll]": 2, "anon_inode:[timerfd]": 3, "anon_inode:[signalfd]": 2,
           "/memfd:trc-memory": 5, "anon_inode:inotify": 3, "anon_inode:[pidfd]": 2 + 1 + 5}, "nameless descriptors")
    equal(names["/dev/null"], 2, "opens of /dev/null")
    equal(names["/dev/zero"], 1 + 3 + 2 + 2 + 5 + 3 + 2, "/dev/zero and its copies")
    deep = "/".join([here, *(letter * 199 for letter in "abcde"), "file"])
    equal(names[deep], 2, "opens of the deep file")
    # creat; by the link; openat2; for sending; received
    equal(names[here + "/real/file"], 1 + 3 + 2 + 1 + (1 + 7 + 253 + 6), "descriptors of the file")
    equal(len([event for event in events if event["traits"] & DELETED and path_of(event) == here + "/deleted"]), 5,
          "opens of the deleted file")
    equal(len([event for event in events if (path_of(event) or "").startswith("/dev/pts/")]), 2, "other ends of the terminal")
    received = [event for event in events if event["how"] == RECEIVED]
    equal(len(received), 1 + 7 + 253 + 6, "descriptors received")
    equal(sum(bool(event["traits"] & CLOEXEC) for event in received), 7, "received and closed on exec")
    pipes = [event for event in events if stat.S_IFMT(event["mode"]) == stat.S_IFIFO]
    equal([event["traits"] & (READABLE | WRITABLE) for event in pipes], [READABLE, WRITABLE] * 5, "ends of the pipes")
    sockets = collections.Counter((event["sock_family"], event["sock_type"]) for event in events
                                  if stat.S_IFMT(event["mode"]) == stat.S_IFSOCK)
    equal(sockets, {(2, 1): 3, (2, 2): 4, (1, 5): 6, (1, 2): 2}, "sockets by family and type")
    check(not [event for event in events if event["fd"] < 0], "descriptors below 0")


def test_before_the_call(t):
    """The event has the time of the call and stands before it; with the calls off it is there all the same."""
    os.mkdir(t.path("d"))
    waiting = Waiting(t, workload("files"), t.path("d"))
    trace = waiting.finish()
    order = [(event["ts"], event["kind"], event.get("fd"), event.get("ret")) for event in trace.events
             if event["kind"] in ("file", "syscall") and event["tgid"] == waiting.pid]
    opens = [call for call in trace.calls("openat") if call["tgid"] == waiting.pid and call["ret"] >= 0]
    check(opens, "no open")
    for call in opens:
        at = order.index((call["ts"], "syscall", None, call["ret"]))
        check((call["ts"], "file", call["ret"], None) in order[:at], f"no event before the open that returned {call['ret']}")
    os.mkdir(t.path("e"))
    alone = Waiting(t, workload("files"), t.path("e"), options=["--events", "file"])
    bare = alone.finish()
    equal(bare.of("syscall"), [], "system calls")
    equal(len([e for e in bare.of("file") if e["tgid"] == alone.pid]),
          len([e for e in trace.of("file") if e["tgid"] == waiting.pid]), "events of the group alone")
    check(not bare.of("sock"), "events of a group that is off")
    waiting = Waiting(t, workload("files"), t.path("e") + "/../e/real", options=["-e", "getpid"])
    check(waiting.finish().of("file"), "a filter of calls hides files")


def test_strace(t):
    """The paths of a directory walk are those that strace -y shows."""
    deep = t.path("a/b/c")
    os.makedirs(deep)
    os.symlink("b/c", t.path("a/short"))
    for i in range(31):
        t.write(f"a/b/c/file{i}", b"x")
    command = ["/bin/sh", "-c", f"cd {t.path('a')}/short; for i in file*; do read x <$i; done; cat ../../short/file7 /proc/self/stat"]
    log = t.path("strace.txt")
    succeed(["strace", "-f", "-y", "-o", log, "-e", "trace=open,openat,creat", *command], cwd=t.directory)
    with open(log) as file:
        wanted = [name for name in re.findall(r"\) = \d+<(.*)>$", file.read(), re.M)]
    trace = t.record(*command)
    opens = {(call["ts"], call["ret"]) for call in trace.calls("openat")}
    found = [path_of(event) for event in trace.of("file") if (event["ts"], event["fd"]) in opens]

    def same(paths):
        return [re.sub(r"/proc/\d+/", "/proc/N/", path) for path in paths]
    equal(same(found), same(wanted), "paths of opens")
    check(len(wanted) > 31, f"{len(wanted)} paths")


def test_directories(t):
    """chdir, fchdir, chroot, pivot_root: where they lead."""
    os.mkdir(t.path("d"))
    waiting = Waiting(t, workload("dirs"), t.path("d"))
    cwd, root = os.readlink(f"/proc/{waiting.pid}/cwd"), os.readlink(f"/proc/{waiting.pid}/root")
    inode = os.stat(f"/proc/{waiting.pid}/cwd").st_ino
    trace = waiting.finish()
    here = os.path.realpath(t.path("d"))
    events = [event for event in trace.of("file_dir")]
    own = [event for event in events if event["tgid"] == waiting.pid]
    seen = [(item(event, "cwd")["data"], item(event, "root")["data"], event["traits"]) for event in own]
    one = here + "/one"
    equal(seen, [(here, "/", 0)] + [(one, "/", 0), (here, "/", 0)] * 3 + [(here, "/", 0)] * 5 +
          [(here + "/gone", "/", 0), (here + "/gone", "/", 1)], "directories")
    equal((seen[-1][0] + " (deleted)", seen[-1][1], own[-1]["cwd_inode"]), (cwd, root, inode), "what /proc says of the last")
    children = collections.defaultdict(list)
    for event in events:
        if event["tgid"] != waiting.pid:
            children[event["tgid"]].append((item(event, "cwd")["data"], item(event, "root")["data"], event["traits"]))
    first, second = (children[pid] for pid in sorted(children))
    jail = here + "/mounted/jail"
    equal(first, [(here, jail, 2)] + [("/", jail, 0)] * 3 + [(here, jail, 2)], "directories with chroot")
    equal(second[1:], [("/", "/", 0), ("/", "/jail", 2)], "directories with pivot_root")
    pid = min(children)
    opened = [(path_of(event), event["traits"] & OUTSIDE) for event in trace.of("file") if event["tgid"] == pid][-2:]
    equal(opened, [("/inside", 0), (one, OUTSIDE)], "files inside and outside the root")


def test_maps(t):
    """Maps of files: those that /proc/PID/maps shows."""
    waiting = Waiting(t, workload("maps"), t.path("file"))
    with open(f"/proc/{waiting.pid}/maps") as file:
        lines = [re.match(r"(\w+)-(\w+) (....) (\w+) (\w+):(\w+) (\d+)", line).groups() for line in file]
    trace = waiting.finish()
    page = os.sysconf("SC_PAGESIZE")
    inode = os.stat(t.path("file")).st_ino
    events = [event for event in trace.of("file_map") if event["inode"] == inode]
    equal(len(events), 13, "maps of the file")
    for i, event in enumerate(events):
        equal((event["length"], event["offset"], event["prot"], event["flags"]),
              ((i + 1) * page - 1, i * page, (1, 3, 5)[i % 3], 1 if i % 2 else 2), f"map {i}")
    wanted = {(int(a, 16), int(offset, 16), int(major, 16) << 20 | int(minor, 16), int(number))
              for a, _, _, offset, major, minor, number in lines if int(number) == inode}
    found = {(event["address"], event["offset"], event["device"], event["inode"]) for event in events}
    # Neighbours that fit together are one line there.
    check(wanted and wanted <= found, f"/proc has {wanted - found}")
    mapped = [event for event in trace.of("file_map") if event["tgid"] == waiting.pid]
    memory = [event for event in trace.of("file") if path_of(event) == "/memfd:maps"]
    equal(len([event for event in mapped if event["inode"] == memory[0]["inode"]]), 3, "maps of the memfd")
    calls = [call for call in trace.calls("mmap") if call["ret"] > 0 and not call["arg3"] & 0x20]
    equal([event["address"] for event in mapped], [call["ret"] for call in calls], "maps and calls")
