# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small files whose names, paths, command lines and stacks make any number of long texts: what is long is cut where it can
be seen, and what many have is held once."""
import csv
import io
import struct

import cbor2

import harness
from bounded import analyze, limit
from harness import check, equal, takes
from maker import Maker, item
from reader_records import COMPRESSED, SORTED, STATE

TASK, OBJECT, CALL, STACKS = (group << 16 for group in (0, 1, 2, 8))
TYPES = {"B": 1, "H": 2, "I": 3, "Q": 4, "i": 5, "q": 6}
STR, STRV, BYTES, U64S = 17, 18, 19, 23


def kind(number, name, group, form, names, items=()):
    """`form` as of struct.pack, a letter for each of the names."""
    fields, at = [], 24
    for letter, field in zip(form, names.split(), strict=True):
        fields.append([field, at, struct.calcsize(letter), TYPES[letter], "", ""])
        at += struct.calcsize(letter)
    return [number, name, at, group, fields, [[field, what, ""] for field, what in items], ""]


FORMS = {
    "syscall": (1, 2, "IBBBBqQQQQ", "nr abi state flags items ret duration_ns arg0 arg1 arg2", [(f"data{i}", 16) for i in range(6)]),
    "task_new": (2, 0, "IIQ", "child_tid child_tgid child_start_ns"),
    "exec": (3, 0, "IIQ", "old_tid ppid start_ns", [("filename", STR), ("exe", STR), ("cwd", STR), ("argv", STRV)]),
    "file": (12, 1, "iIQII", "fd mode inode device flags", [("path", STR)]),
    "file_dir": (13, 1, "II", "cwd_device root_device", [("cwd", STR), ("root", STR)]),
    "stack": (42, 1, "IBBH", "id space cut frame_count", [("frames", U64S)]),
    "stack_use": (43, 8, "IIBBBBI", "user_stack kernel_stack why user_state kernel_state abi nr"),
    "module": (44, 1, "QQQ", "start end offset", [("path", STR)]),
    "task_found": (47, 0, "QII", "start_ns ppid reason"),
}
KINDS = [kind(number, name, *rest) for name, (number, *rest) in FORMS.items()]
STAT, POLL = 4, 7
CALLS = {1: [[STAT, "stat", 1, 0, [["path", "path", 0, None]]],
             [POLL, "poll", 0, 32, [["fds", "pollfds", 1, None], ["nfds", "uint", 0, None], ["timeout", "int", 0, None]]]]}
FOUND = (500, "task_found", 5, 1, 1)


def event(ts, name, *values, tail=b""):
    number, _, form, *_ = FORMS[name]
    fixed = struct.pack("<" + form, *values)
    return struct.pack("<QIIHHHBB", ts, 7, 7, number, 24 + len(fixed) + len(tail), 0, 3 + len(fixed) // 8, 0) + fixed + tail


def call(ts, number, *arguments, ret=0, duration_ns=1, tail=b""):
    return event(ts, "syscall", number, 1, 0, 0, 1, ret, duration_ns, *(arguments + (0, 0, 0))[:3], tail=tail)


def child(i):
    return event(2000 + i, "task_new", 10 + i, 10 + i, 5)


def trace(t, *streams, task=None):
    """Each stream is (number, events in the order of time); `task`: what STATE knows, but for who it is."""
    made = Maker(kinds=KINDS, header={10: CALLS, 13: {"argv": [b"x"], "cwd": b"/", "pid": 7, "options": [["events", "sched"]]}})
    if task:
        made.record(STATE, cbor2.dumps({0: 900, 1: [[7, 7, 1, 7, 5, 0, 0, b"c", b"/x", *task]]}), COMPRESSED)
    for number, records in streams:
        records = list(records)
        for at in range(0, len(records), 2000):
            made.events(*records[at:at + 2000], flags=SORTED | COMPRESSED, stream=number, kinds=2**64 - 1, pids=2**256 - 1)
    return t.write("made.trc", made.end().data())


def column(path, table, name):
    csv.field_size_limit(1 << 30)
    return [row[0] for row in list(csv.reader(io.StringIO(analyze("report", "--sort", "none", "-f", "csv", "-c", name, table, path))))[1:]]


def test_command_line_of_state(t):
    """15 MB, which each child has as well."""
    path = trace(t, (TASK, map(child, range(150))), task=(b"/", b"/", [b"a" * 1000000] * 15, []))
    for command in ("tree", "report"):
        analyze(command, path)
    lines = column(path, "process", "cmdline")
    equal(len(lines), 151, "processes")
    equal(lines[0], "a" * 16384 + " ...", "the command line")


def test_command_line_of_many(t):
    """16 kB, which each of 80,000 children has as well: it is held once."""
    line = item("<", 3, STRV, b"a" * 15900)
    path = trace(t, (TASK, [event(1500, "exec", 0, 1, 5, tail=line), *map(child, range(80000))]))
    for command in ("tree", "report"):
        analyze(command, path)


def test_top_keeps_long_texts(t):
    """Of rows that are thrown away the texts go too, and those that stay have theirs."""
    def argv(i):
        return b"%06d" % (i * 7919 % 9973) + b"a" * 9000

    path = trace(t, (TASK, [event(1500 + i, "exec", 0, 1, 5, tail=item("<", 3, STRV, argv(i))) for i in range(9973)]))
    lines = analyze("report", "--top", "3", "--sort", "cmdline:asc", "-f", "csv", "-c", "cmdline", "exec", path).split()[1:]
    equal(lines, ["%06d" % i + "a" * 9000 for i in range(3)], "the first three")


def test_parts_of_a_directory(t):
    """A current directory of half a million names, and calls that are given a name in it."""
    tail = item("<", 0, STR, b"x")
    path = trace(t, (CALL, (call(10**6 + i, STAT, ret=-2, tail=tail) for i in range(6000))), task=(b"/a" * 499000, b"/", [b"a"], []))
    analyze("report", path)
    equal(column(path, "syscall_by_file", "path"), ["/a" * 2048 + "…"], "the path")


def test_many_long_paths(t):
    """Names in a directory with a long one: those that are too many share a row."""
    cwd = item("<", 0, STR, b"/" + b"d" * 4000)
    calls = (call(10**6 + i, STAT, ret=-2, tail=item("<", 0, STR, b"%d" % i)) for i in range(20000))
    path = trace(t, (TASK, [event(*FOUND)]), (OBJECT, [event(600, "file_dir", 0, 0, tail=cwd)]), (CALL, calls))
    for table in ("syscall_by_file", "file", "file_access"):
        paths = column(path, table, "path")
        check(10000 < len(paths) < 20000 and "(elsewhere)" in paths, f"{len(paths)} rows in {table}")


def test_descriptor_names(t):
    """Calls that wait for thousands of descriptors with a name of 16 kB each."""
    name, fds = item("<", 0, STR, b"/" + b"\xff" * 15900), item("<", 0, BYTES, struct.pack("<iHH", 3, 1, 0) * 1900)
    path = trace(t, (TASK, [event(*FOUND)]), (OBJECT, [event(1000, "file", 3, 0o100644, 5, 1, 0, tail=name)]),
                 (CALL, (call(10**6 + i, POLL, 0, 1900, 1000, tail=fds) for i in range(40))))
    lines = analyze("replay", path).splitlines()
    equal(len(lines), 40, "calls")
    equal({(line.count("{fd=3</"), line.count("{fd=3<...>,")) for line in lines}, {(4, 1896)}, "names, and none")
    analyze("report", "syscall", path)


def test_stack_texts(t):
    """Stacks of 2000 frames, each in a file with a name of 16 kB."""
    modules = [event(1000, "module", 0, 1 << 40, 0, tail=item("<", 0, STR, b"/" + b"n" * 16000)),
               event(1001, "stack", 1, 0, 0, 2000, tail=item("<", 0, U64S, struct.pack("<2000Q", *[4096] * 2000)))]
    uses = (event(2000 + i, "stack_use", 1, 0, i & 255, 0, 1, 1, i >> 8) for i in range(64))
    path = trace(t, (TASK, [event(*FOUND)]), (OBJECT, modules), (STACKS, uses))
    stacks = column(path, "stack", "stack")
    equal(len(stacks), 64, "rows")
    check(all(len(stack) < 70000 and stack.endswith(";[cut]") for stack in stacks), "texts are not cut")


def test_stacks_that_are_alike(t):
    """Thousands of them, of 64 kB each, have one text: there is room for another one."""
    count, alike = 4500, item("<", 0, U64S, struct.pack("<20Q", *[4096] * 20))
    stacks = [event(1001 + i, "stack", i + 1, 0, 0, 20, tail=alike) for i in range(count)]
    other = event(1001 + count, "stack", count + 1, 0, 0, 1, tail=item("<", 0, U64S, struct.pack("<Q", 1 << 50)))
    uses = (event(10**6 + i, "stack_use", i + 1, 0, 4, 0, 1, 1, 0) for i in range(count + 1))
    name = event(1000, "module", 0, 1 << 40, 0, tail=item("<", 0, STR, b"/" + b"n" * 3200))
    path = trace(t, (TASK, [event(*FOUND)]), (OBJECT, [name, *stacks, other]), (STACKS, uses))
    stacks = column(path, "stack", "stack")
    equal((len(stacks), stacks[1]), (2, f"0x{1 << 50:x}"), "rows, and the last")


@takes(200)
def test_calls_at_a_time(t):
    """A thread in 80,000 calls at a time, with 16 kB of text each: not all are held until their place in the order comes."""
    tail, count = item("<", 0, STR, b"/" + b"n" * 15900), 80000
    calls = (call(10**9 + i * 1000, STAT, duration_ns=10**8, tail=tail) for i in range(count))
    path = trace(t, (TASK, [event(*FOUND)]), (CALL, calls))
    result = harness.run(["sh", "-c", '"$0" replay "$1" | LC_ALL=C grep -c "/nnn"', harness.ANALYZE, path], preexec_fn=limit)
    equal((result.stdout, result.stderr), (f"{count}\n", ""), "calls that are written with what they were given")
