# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sound traces that were made to be slow to look things up in, to fill the memory, or to have devices opened."""
import contextlib
import csv
import ctypes
import functools
import io
import itertools
import os
import random
import sqlite3
import struct
import sys

import harness
from bounded import analyze
from harness import cases, check, equal, takes
from maker import Maker, item
from reader_records import COMPRESSED, SORTED

PER_CHUNK = 20000

WIDTHS = {1: "B", 2: "H", 3: "I", 4: "Q", 5: "i", 6: "q"}
U8, U16, U32, U64, S32, S64, STR, BYTES, U64S = 1, 2, 3, 4, 5, 6, 17, 19, 23


class Kind:
    """A kind with some of the fields of common/events.def."""

    def __init__(self, number, name, group, fields, texts=()):
        self.number, self.order = number, "<" + "".join(WIDTHS[width] for _, width in fields)
        at, listed = 24, []
        for field, width in fields:
            listed.append([field, at, struct.calcsize(WIDTHS[width]), width, "", ""])
            at += struct.calcsize(WIDTHS[width])
        self.row = [number, name, at, group, listed, [[text, width, ""] for text, width in texts], ""]

    def __call__(self, ts, *fields, tid=7, tgid=7, tail=b""):
        fixed = struct.pack(self.order, *fields)
        return struct.pack("<QIIHHHBB", ts, tid, tgid, self.number, 24 + len(fixed) + len(tail), 0, 3 + len(fixed) // 8, 0) + fixed + tail


SYSCALL = Kind(1, "syscall", 2, [("nr", U32), ("abi", U8), ("state", U8), ("flags", U8), ("items", U8), ("ret", S64), ("duration_ns", U64),
                                 ("arg0", U64), ("arg1", U64), ("arg2", U64), ("arg3", U64)], [(f"data{i}", 16) for i in range(6)])
TASK_NEW = Kind(2, "task_new", 0, [("child_tid", U32), ("child_tgid", U32), ("child_start_ns", U64)])
EXEC = Kind(3, "exec", 0, [("old_tid", U32), ("ppid", U32), ("start_ns", U64)])
SWITCH = Kind(7, "sched_switch", 4, [("next_tid", U32), ("next_tgid", U32), ("state", U8), ("flags", U8), ("prio", U8), ("next_prio", U8),
                                     ("state_bits", U32)])
FILE = Kind(12, "file", 1, [("fd", S32), ("mode", U32), ("inode", U64), ("device", U32), ("flags", U32), ("how", U8), ("traits", U8),
                         ("sock_family", U8), ("sock_type", U8), ("rdev", U32)], [("path", STR)])
FAULT = Kind(27, "page_fault", 6, [("duration_ns", U64), ("inode", U64), ("device", U32), ("pad", U32)], [("path", STR)])
CACHED = Kind(30, "pagecache_add", 6, [("inode", U64), ("device", U32), ("pages", U32), ("index", U64)])
STACK = Kind(42, "stack", 1, [("id", U32), ("space", U8), ("cut", U8), ("frame_count", U16)], [("frames", U64S)])
STACK_USE = Kind(43, "stack_use", 8, [("user_stack", U32), ("kernel_stack", U32), ("why", U8), ("user_state", U8), ("kernel_state", U8),
                                      ("abi", U8), ("nr", U32)])
MODULE = Kind(44, "module", 1, [("start", U64), ("end", U64), ("offset", U64)], [("path", STR), ("build_id", BYTES)])
SYMBOL = Kind(45, "kernel_symbol", 1, [("address", U64), ("offset", U64)], [("name", STR), ("module", STR)])
FOUND = Kind(47, "task_found", 0, [("start_ns", U64), ("ppid", U32), ("reason", U32)])
KINDS = [SYSCALL, TASK_NEW, EXEC, SWITCH, FILE, FAULT, CACHED, STACK, STACK_USE, MODULE, SYMBOL, FOUND]
OPEN, CLOSE, STAT, EPOLL_CTL, EPOLL_WAIT = 2, 3, 4, 233, 232
CALLS = {1: [[OPEN, "open", 0, 1, [["pathname", "path", 0, None], ["flags", "hex", 0, None]]],
             [CLOSE, "close", 0, 0, [["fd", "fd", 0, None]]], [STAT, "stat", 0, 0, [["filename", "path", 0, None]]],
             [EPOLL_WAIT, "epoll_wait", 0, 0, [["epfd", "fd", 0, None], ["events", "epoll_events_out", 0, None], ["max", "int", 0, None]]],
             [EPOLL_CTL, "epoll_ctl", 0, 0, [["epfd", "fd", 0, None], ["op", "int", 0, None], ["fd", "fd", 0, None],
                                             ["event", "epoll_event_in", 0, None]]]]}

COMMAND = {"argv": [b"x"], "cwd": b"/", "pid": 7, "options": [["events", "sched"]]}

# What made numbers meet: multiplied by an odd number, then cut.
BACK64, BACK32 = pow(0x9E3779B97F4A7C15, -1, 1 << 64), pow(0x9E3779B1, -1, 1 << 32)


def meeting64(i):
    return i * BACK64 % (1 << 64)


def meeting32(i):
    return ((i // 16) << 18 | i % 16) * BACK32 % (1 << 32)


def call(ts, nr, *args, ret=0, duration_ns=1, tail=b""):
    return SYSCALL(ts, nr, 1, 0, 0, bool(tail), ret, duration_ns, *(args + (0,) * 4)[:4], tail=tail)


def file(ts, fd, inode, path):
    return FILE(ts, fd, 0o100644, inode, 5, 0, 0, 0, 0, 0, 0, tail=item("<", 0, STR, path))


def anonymous(ts, fd, name):
    return FILE(ts, fd, 0, 1, 5, 0, 0, 32, 0, 0, 0, tail=item("<", 0, STR, name))


def trace(t, *streams):
    maker = Maker(kinds=[kind.row for kind in KINDS], header={10: CALLS, 13: COMMAND})
    for cpu, records in enumerate(streams):
        records = list(records)
        for first in range(0, len(records), PER_CHUNK):
            maker.events(*records[first:first + PER_CHUNK], cpu=cpu, flags=SORTED | COMPRESSED, kinds=2**64 - 1, pids=2**256 - 1)
    return t.write("made.trc", maker.end().data())


def table(name, path):
    return list(csv.DictReader(io.StringIO(analyze("report", "--sort", "none", "-f", "csv", name, path))))


# Numbers that met in one slot


def test_ids(t):
    """Stacks, whose ids stand for all numbers that are looked up."""
    count = 250000
    path = trace(t, (STACK(1000 + i, meeting32(i + 1), 1, 0, 1, tail=item("<", 0, U64S, struct.pack("<Q", i + 1))) for i in range(count)),
                 [FOUND(500, 5, 0, 1)] + [STACK_USE(10**6 + i, 0, meeting32(i + 1), 1, 1, 0, 0, 0) for i in range(0, count, 50000)])
    equal([row["stack"] for row in table("stack", path)], [f"0x{i + 1:x}" for i in range(0, count, 50000)], "stacks")


def test_kernel_symbols(t):
    count = 300000
    frames = struct.pack("<2Q", meeting64(1), meeting64(count))
    path = trace(t, (SYMBOL(1000 + i, meeting64(i), 0, tail=item("<", 0, STR, b"s%d" % i)) for i in range(1, count + 1)),
                 [FOUND(500, 5, 0, 1), STACK(600, 1, 1, 0, 2, tail=item("<", 0, U64S, frames)), STACK_USE(10**6, 0, 1, 1, 1, 0, 0, 0)])
    equal([row["stack"] for row in table("stack", path)], [f"s{count};s1"], "stacks")


def test_inodes(t):
    count = 100000
    path = trace(t, [FOUND(500, 5, 0, 1)], (file(1000 + i, i, meeting64(i + 1), b"/a") for i in range(count)))
    equal(len(table("fd", path)), count, "open descriptors")


def epoll_event(data, events=1):
    return struct.pack("<IQ", events, data)


def test_epoll_data(t):
    watches, waits, per_wait = 60000, 200, 1300
    records = [anonymous(1000, 3, b"anon_inode:[eventpoll]")]
    records += [call(2000 + i, EPOLL_CTL, 3, 1, i + 10, tail=item("<", 3, BYTES, epoll_event(meeting64(i)))) for i in range(watches)]
    found = b"".join(epoll_event(meeting64(i)) for i in range(per_wait))
    records += [call(10**6 + i, EPOLL_WAIT, 3, ret=per_wait, tail=item("<", 1, BYTES, found)) for i in range(waits)]
    rows = table("poll_ready", trace(t, [FOUND(500, 5, 0, 1)], records))
    equal({row["ready_count"] for row in rows}, {str(waits)}, "how often each was ready")
    equal(len(rows), per_wait, "descriptors that were ready")


def test_epoll_same_data(t):
    """Of those that were given the same data it is the last one that is left, whatever came and went before."""
    watches = 300
    records = [anonymous(1000, 3, b"anon_inode:[eventpoll]")]
    ts, expected = 2000, []
    for i in range(watches):
        records.append(file(ts, 10 + i, 100 + i, b"/%03d" % i))
        records.append(call(ts + 1, EPOLL_CTL, 3, 1, 10 + i, tail=item("<", 3, BYTES, epoll_event(i % 3))))
        ts += 2
    for i in reversed(range(3, watches)):
        if i % 7:
            records.append(call(ts, EPOLL_CTL, 3, 2, 10 + i))
            ts += 1
    for data in range(3):
        records.append(call(ts, EPOLL_WAIT, 3, ret=1, tail=item("<", 1, BYTES, epoll_event(data))))
        expected.append(f"/{max(i for i in range(watches) if (i < 3 or not i % 7) and i % 3 == data):03}")
        ts += 1
    rows = table("poll_ready", trace(t, [FOUND(500, 5, 0, 1)], records))
    equal(sorted(row["object"] for row in rows if row["ready_count"] == "1"), sorted(expected), "what was ready")


# What is waited for


def stat(name):
    return lambda ts: call(ts, STAT, duration_ns=55, tail=item("<", 0, STR, name))


def fault(inode, name):
    return lambda ts: FAULT(ts, 55, inode, 5, 0, tail=item("<", 0, STR, name))


def waits(first_ts, *ends):
    """A wait of 40 ns each, in what ends after it."""
    for ts, end in zip(itertools.count(first_ts, 100), ends):
        yield SWITCH(ts + 10, 0, 0, 2, 4 | 16, 120, 120, 2)
        yield SWITCH(ts + 50, 7, 7, 0, 8, 120, 120, 0, tid=0, tgid=0)
        yield end(ts + 60)


def opens(ts, inode, name):
    return [file(ts, 3, inode, name), call(ts, OPEN, ret=3, tail=item("<", 0, STR, name)), call(ts + 10, CLOSE, 3)]


def test_waits_number_nothing(t):
    """What only waits tell of takes no numbers of files that are opened, and none of those is forgotten for it."""
    files, ts = {1: b"/1", 2: b"/2", 3: b"/3"}, 10**7
    path = trace(t, [FOUND(500, 5, 0, 1), *opens(1000, 2, files[2]), *waits(2000, *(fault(i, files[i]) for i in files)),
                     *opens(5000, 1, files[1]), *waits(10**6, *(stat(b"/tree/%d" % i) for i in range(17000))),
                     *(CACHED(ts, i, 5, 1, 0) for i in files), *opens(ts + 1, 2, files[2])])
    analyze("load", path, t.path("made.db"))
    with contextlib.closing(sqlite3.connect(t.path("made.db"))) as database:
        found = [database.execute(query).fetchall() for query in (
            "SELECT name, object_id FROM fd ORDER BY open_file_id", "SELECT path FROM pagecache ORDER BY inode",
            "SELECT object, object_id < 4 FROM wait WHERE reason = 'fault' ORDER BY object")]
    expected = [("/2", 1), ("/1", 2), ("/2", 1)]
    equal(found, [expected, [("/1",), ("/2",), ("/3",)], [("/1", 0), ("/2", 1), ("/3", 0)]], "numbers and names")
    equal([(row["name"], int(row["object_id"])) for row in table("fd", path)], expected, "the same where nobody asks for waits")


def test_many_paths(t):
    """Those that are too many share a row; other waits are in one row, and what is known goes on being counted."""
    ends = [stat(b"/hot")] * 100 + [end for i in range(17000) for end in [stat(b"/tree/%d" % i)] + [fault(1, b"/1")] * (i % 100 == 0)]
    path = trace(t, [FOUND(500, 5, 0, 1), *waits(10**6, *ends, *[stat(b"/hot")] * 300)])
    for name in ("wait", "wait_edge"):
        rows = [(row["reason"], row["object"], int(row["count"])) for row in table(name, path)]
        equal([row for row in rows if row[1] == "/hot" or row[0] == "fault"], [("file", "/hot", 100), ("fault", "/1", 170)], f"{name}: some keys")
        equal(len({row[:2] for row in rows}), len(rows), f"{name}: keys, each in a row")
        equal(sum(row[2] for row in rows), len(ends) + 300, f"waits in {name}")
        check(len(rows) < 300, f"{name} has {len(rows)} rows")
    hot, = (row["count"] for row in table("wait_by_object", path) if row["object"] == "/hot")
    most, = (row["most_object_ns"] for row in table("time_spent", path) if row["most_object"] == "/hot")
    equal((hot, most), ("400", "16000"), "how often and long the one was waited for")


# What a process has mapped


def module(ts, start, end, name, pid=7):
    return MODULE(ts, start, end, 0, tid=pid, tgid=pid, tail=item("<", 0, STR, name))


def test_many_modules(t):
    """Each is looked up among all, and what a row was counted with is held: without having all of it once more."""
    count = 30000
    records = [FOUND(500, 5, 0, 1), STACK(600, 1, 0, 0, 1, tail=item("<", 0, U64S, struct.pack("<Q", 16 * count - 8)))]
    for i in range(count):
        records += [module(1000 + 2 * i, 16 * i, 16 * i + 16, b"/m"), STACK_USE(1001 + 2 * i, 1, 0, 1, 0, 1, 0, 0)]
    rows = {row["stack"]: row["count"] for row in table("stack", trace(t, records))}
    equal(rows, {f"0x{16 * count - 8:x}": str(count - 1), "m+0x8": "1"}, "stacks")


def test_module_overlaps(t):
    """A mapping takes the place of all that it touches, a child has its parent's until one of the two changes."""
    dice, ts, pids, maps, expected = random.Random(9), 1000, [7], {7: []}, []
    records = [FOUND(500, 5, 0, 1), STACK(600, 1, 0, 0, 64, tail=item("<", 0, U64S, struct.pack("<64Q", *range(5, 645, 10))))]
    for turn in range(1500):
        ts += 10
        pid, start = dice.choice(pids), dice.randrange(640)
        if turn % 50 == 49:
            child = 100 + turn
            records.append(TASK_NEW(ts, child, child, ts, tid=pid, tgid=pid))
            maps[child] = maps[pid]
            pids.append(child)
            continue
        end = start + 1 + dice.randrange(dice.choice([10, 100, 640]))
        records.append(module(ts, start, end, b"/m%d" % turn, pid))
        maps[pid] = [row for row in maps[pid] if row[1] <= start or end <= row[0]] + [(start, end, turn)]
        records.append(STACK_USE(ts + 1, 1, 0, 1, 0, 1, 0, 0, tid=pid, tgid=pid))
        frames = []
        for address in reversed(range(5, 645, 10)):
            row = [row for row in maps[pid] if row[0] <= address < row[1]]
            offset = f"{address - row[0][0]:#x}".replace("0x0", "0") if row else ""
            frames.append(f"m{row[0][2]}+{offset}" if row else f"0x{address:x}")
        expected.append(";".join(frames))
    equal([row["stack"] for row in table("stack", trace(t, records))], list(dict.fromkeys(expected)), "stacks")


# The order of replay


@takes(200)
def test_begins_backwards(t):
    """Every call began before those that ended before it."""
    count = 400000
    path = trace(t, [call(10**10 + i, OPEN, duration_ns=1000 + 2 * i) for i in range(count)])
    lines = analyze("replay", path).splitlines()
    equal(len(lines), 2 * count - 1, "lines")
    check("<unfinished ...>" in lines[0] and lines[-1].endswith(f" <0.{(1000 + 2 * count - 2) // 1000:06}>"), "the last to end is not the first to begin")


def test_renamed(t):
    execs, calls = 100000, 400000
    path = trace(t, [EXEC(1000 + i, 1000 + i, 1, 5, tid=9, tgid=9) for i in range(execs)] + [call(10**6 + i, OPEN) for i in range(calls)])
    equal(len(analyze("replay", path).splitlines()), execs + calls, "lines")


# Memory


PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def peak_kib(*command):
    """Begun by a small process: to the kernel it was as large as the one that began it."""
    return int(harness.succeed([sys.executable, "-S", "-c", PEAK, *command]).stdout)


def test_coming_only(t):
    """A thread that comes to the CPU for ever, and never leaves it."""
    peaks = []
    for count in (20000, 600000):
        path = trace(t, [FOUND(10, 5, 0, 1)], [SWITCH(1000 + 5 * i, 7, 7, 0, 8, 0, 0, 0, tid=0, tgid=0) for i in range(count)])
        peaks.append(peak_kib(harness.ANALYZE, "report", "thread_time", path))
    check(peaks[1] - peaks[0] < 8192, f"580,000 events more took {peaks[1] - peaks[0]} KiB more")


BUILD_ID = bytes(range(20))


def elf(symbols, names):
    """A program with a build id, the function symbols, and their names."""
    note = struct.pack("<III4s", 4, 20, 3, b"GNU") + BUILD_ID
    table_data = bytes(24) + b"".join(struct.pack("<IBBHQQ", name, 2, 0, 1, address, 0) for name, address in symbols)
    at, parts, sections = 64 + 56, [], [bytes(64)]
    for kind, data, link, size, align in ((7, note, 0, 0, 4), (2, table_data, 3, 24, 8), (3, names, 0, 0, 1)):
        sections.append(struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, at, len(data), link, 0, align, size))
        parts.append(data + bytes(-len(data) % 8))
        at += len(parts[-1])
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, at, 0, 64, 56, 1, 64, len(sections), 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 1 << 40, 1 << 40, 4096)
    return head + load + b"".join(parts) + b"".join(sections)


def stack_in(t, *paths):
    """The stack table of a trace with a frame in each of these files, the first one outermost."""
    rows = [FOUND(500, 5, 0, 1)]
    for i, path in enumerate(paths):
        names = item("<", 0, STR, path.encode()) + item("<", 1, BYTES, BUILD_ID[:19] + bytes([BUILD_ID[19] + i]))
        rows.append(MODULE(600 + i, 1 << 20 << i, 2 << 20 << i, 0, tail=names))
    frames = struct.pack(f"<{len(paths)}Q", *(100 + (1 << 20 << i) for i in reversed(range(len(paths)))))
    rows += [STACK(900, 1, 0, 0, len(paths), tail=item("<", 0, U64S, frames)), STACK_USE(1000, 1, 0, 1, 0, 1, 0, 0)]
    return table("stack", trace(t, rows))


@functools.cache
def names_functions():
    return b"elf_begin" in open(harness.ANALYZE, "rb").read()


def test_long_names(t):
    """20,000 functions share a name of a million letters."""
    if not names_functions():
        raise harness.Skip("a build without libelf")
    path = t.write("long.so", elf([(1, i) for i in range(20000)], b"\0" + b"n" * 10**6 + b"\0"))
    equal([len(row["stack"]) for row in stack_in(t, path)], [4096], "letters of the name")
    path = t.write("short.so", elf([(1, 50), (6, 101)], b"\0good\0bad\0"))
    equal([row["stack"] for row in stack_in(t, path)], ["good"], "the name of a function in a file made likewise")


def opened(directory, action):
    """The names in it that were opened meanwhile, for more than to look at them: what inotify tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    check(fd >= 0 and libc.inotify_add_watch(fd, directory.encode(), 0x20) > 0, "inotify")
    try:
        action()
        data, names, at = os.read(fd, 65536), set(), 0
    finally:
        os.close(fd)
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 12)[0]
        names.add(data[at + 16:at + 16 + length].rstrip(b"\0").decode())
        at += 16 + length
    return names


@cases("device", "fifo")
def test_only_files_are_opened(t, kind):
    """Some devices do something when they are opened."""
    if not names_functions():
        raise harness.Skip("a build without libelf")
    os.mkdir(t.path("d"))
    t.write("d/file", elf([(1, 50)], b"\0good\0"))
    if kind == "fifo":
        os.mkfifo(t.path("d/other"))
    elif os.geteuid():
        raise harness.Skip("only root makes devices")
    else:
        os.mknod(t.path("d/other"), 0o20600, os.makedev(1, 3))
    result = []
    names = opened(t.path("d"), lambda: result.extend(stack_in(t, t.path("d/file"), t.path("d/other"))))
    equal([row["stack"] for row in result], ["good;other+0x64"], "the stack")
    equal(names, {"file"}, "what was opened")
