# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small files that are made to be slow: what the model does for an event must not grow with all that came before. The
bound is one of CPU time that is passed in less than a second, and that takes minutes if the work is quadratic."""
import os
import resource
import socket
import sqlite3
import struct

import harness
from harness import cases, check, equal, run, succeed
from maker import Maker, item
from reader_records import COMPRESSED, SORTED

CPU_SECONDS = 10
SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8, "i": 4, "q": 8}
TYPES = {"B": 1, "H": 2, "I": 3, "Q": 4, "i": 5, "q": 6}
SOCKADDR, STR, BYTES = 20, 17, 16


def kind(number, name, group, form, names, items=()):
    """`form` as of struct.pack, a letter for each of the names."""
    fields, at = [], 24
    for letter, field in zip(form, names.split(), strict=True):
        fields.append([field, at, SIZES[letter], TYPES[letter], "", ""])
        at += SIZES[letter]
    return [number, name, at, group, fields, [[field, what, ""] for field, what in items], ""]


FORMS = {
    "syscall": (1, 2, "IBBBBqQQQQ", "nr abi state flags items ret duration_ns arg0 arg1 arg2",
                [(f"data{i}", BYTES) for i in range(6)]),
    "task_new": (2, 0, "QIIIIII", "child_start_ns child_tid child_tgid ppid ns_tid ns_tgid pid_ns"),
    "task_exit": (4, 0, "IIQII", "exit_code ppid start_ns signal_flags live_threads"),
    "lost": (6, 0, "IHHQQQ", "lost_kind cause ring first_ns last_ns count"),
    "sched_switch": (7, 4, "IIBBBBI", "next_tid next_tgid state flags prio next_prio state_bits"),
    "sched_wakeup": (8, 4, "IIHBBI", "woken_tid woken_tgid target_cpu context flags prio"),
    "file": (12, 1, "iIQII", "fd mode inode device flags", [("path", STR)]),
    "file_dir": (13, 1, "II", "cwd_device root_device", [("cwd", STR), ("root", STR)]),
    "sock": (20, 1, "QIBBBBQiHHQQ", "inode net_ns family type state reason generation fd protocol error peer_inode listener_inode",
             [("local", SOCKADDR), ("peer", SOCKADDR)]),
    "task_found": (47, 0, "QII", "start_ns ppid reason"),
    "fd_found": (48, 1, "iIQIIIHBBIHH", "fd device inode mode flags rdev traits sock_family sock_type net_ns sock_protocol sock_state",
                 [("path", STR), ("local", SOCKADDR), ("peer", SOCKADDR)]),
}
KINDS = [kind(number, name, *rest) for name, (number, *rest) in FORMS.items()]
CALLS = {1: [[23, "select", 1026, 32, [["n", "int", 0, None], ["inp", "fdset", 0, None], ["outp", "fdset", 0, None]]],
             [56, "clone", 0, 16, [["flags", "hex", 0, None]]], [61, "wait4", 0, 2, [["pid", "pid", 0, None]]],
             [272, "unshare", 0, 16, [["unshare_flags", "hex", 0, None]]],
             [436, "close_range", 0, 16, [[name, "uint", 0, None] for name in ("first", "last", "flags")]]]}


def event(ts, name, *values, tid=7, tgid=7, tail=b""):
    number, _, form, *_ = FORMS[name]
    fixed = struct.pack("<" + form, *values)
    return struct.pack("<QIIHHHBB", ts, tid, tgid, number, 24 + len(fixed) + len(tail), 0, 3 + len(fixed) // 8, 0) + fixed + tail


def call(ts, number, *arguments, ret=0, **who):
    return event(ts, "syscall", number, 1, 0, 0, 0, ret, 1, *arguments, **who)


def found(ts, tid, tgid, ppid=1):
    return event(ts, "task_found", 5, ppid, 1, tid=tid, tgid=tgid)


def opened(ts, fd, **who):
    return event(ts, "file", fd, 0o100644, 5, 1, 0, tail=item("<", 0, STR, b"/a"), **who)


def inet(port):
    return struct.pack("<HHIQ", socket.AF_INET, socket.htons(port), 0x0100007F, 0)


def connected(ts, inode, fd, local, remote, protocol=6):
    ends = item("<", 0, SOCKADDR, inet(local)) + item("<", 1, SOCKADDR, inet(remote))
    return event(ts, "sock", inode, 1, socket.AF_INET, socket.SOCK_STREAM, 1, 7, inode, fd, protocol, 0, 0, 0, tail=ends)


def connected_found(ts, inode, fd, local, remote):
    ends = item("<", 1, SOCKADDR, inet(local)) + item("<", 2, SOCKADDR, inet(remote))
    return event(ts, "fd_found", fd, 0, inode, 0o140777, 2, 0, 0, socket.AF_INET, socket.SOCK_STREAM, 1, 6, 1, tail=ends)


def trace(t, *streams, calls=None):
    """Each stream is (number, events in the order of time)."""
    made = Maker(kinds=KINDS, header={10: calls or CALLS, 13: {"argv": [b"x"], "cwd": b"/", "pid": 7, "options": [["events", "sched"]]}})
    for number, events in streams:
        events = list(events)
        for at in range(0, len(events), 100000):
            made.events(*events[at:at + 100000], flags=SORTED | COMPRESSED, stream=number, kinds=2**64 - 1, pids=2**256 - 1)
    return t.write("hostile.trc", made.end().data())


TASKS, OBJECTS, CALL_STREAM, SCHED_STREAM = 0, 1 << 16, 2 << 16, 4 << 16


def late_waker():
    """It ends just before the clock does, and is named by what is not told yet."""
    end = 2**64 - 50_000_000
    yield TASKS, [found(1000, 100, 100, 0), found(1001, 200, 200, 0),
                  event(end - 200_000_000, "task_exit", 0, 0, 5, 1, 0, tid=100, tgid=100), found(end + 10, 300, 300, 0)]
    yield SCHED_STREAM, [event(2000, "sched_switch", 0, 0, 1, 4, 0, 0, 0, tid=200, tgid=200),
                         event(3000, "sched_wakeup", 200, 200, 0, 0, 2 | 4, 0, tid=100, tgid=100)]


def unknown_parent(count=80000):
    """One whose parent never comes, and many others."""
    yield TASKS, (found(1000 + i, 10 + i, 10 + i, 1 if i else 999999) for i in range(count))


def exits(count=100000):
    """Threads of one process, and each is the last."""
    yield TASKS, [found(1000 + i, 7 + i, 7) for i in range(count)] + [
        event(10**6 + i, "task_exit", 0, 0, 5, 1, 0, tid=7 + i) for i in range(count)]


def high_descriptor(count=60000):
    """One descriptor, and its table is walked again and again."""
    yield OBJECTS, [opened(1000, 1048575)]
    yield CALL_STREAM, (call(2000 + i, 436, 0, 2**32 - 1, 4) for i in range(count))


def high_descriptor_forks(count=30000):
    """One descriptor, and its table is copied again and again."""
    yield OBJECTS, [opened(1000, 1048575)]
    yield TASKS, [record for i in range(count) for record in (
        event(2000 + 2 * i, "task_new", 9 + i, 10 + i, 10 + i, 7, 0, 0, 0),
        event(2001 + 2 * i, "task_exit", 0, 7, 9 + i, 1, 0, tid=10 + i, tgid=10 + i))]


def tables(count=80000):
    """Threads of one process that are told of first, and one after the other opens a file or changes its directory."""
    cwd = item("<", 0, STR, b"/")
    yield TASKS, (found(1000 + i, 7 + i, 7) for i in range(count))
    yield OBJECTS, (record for i in range(count) for record in (
        opened(10**6 + 2 * i, 3, tid=7 + i), event(10**6 + 2 * i + 1, "file_dir", 0, 0, tid=7 + i, tail=cwd)))


def sockets(count=100000):
    """All with the same addresses, and none is the other end."""
    yield OBJECTS, (connected(1000 + i, 10 + i, 3 + i, 1, 2) for i in range(count))


def unknown_children(count=50000):
    """Calls that say that a child ended which nobody knows."""
    yield TASKS, (found(1000 + i, 10 + i, 10 + i) for i in range(count))
    yield CALL_STREAM, (call(10**6 + i, 61, 0, 0, 0, ret=999999) for i in range(4 * count))


def losses(count=80000):
    """Processes, of each of which is asked whether something of it may be lost."""
    yield TASKS, [event(1000 + i, "lost", 0, 1, 0, 900 + i, 900 + i, 1) for i in range(count)] + [
        found(10**6 + i, 10 + i, 10 + i) for i in range(count)]


def joined_paths(length=200000, count=4000, rounds=8):
    """A chain of waits in 250 kinds of calls that leads to many threads, and all of it is long ago."""
    ts, switches, calls = 10**6, [], []

    def switch(out, into):
        switches.append(event(ts, "sched_switch", into, into, 1, 4 if into == 0 else 8, 0, 0, 0, tid=out, tgid=out))

    yield TASKS, [found(1000 + i, 7 + i, 7 + i) for i in range(count + 1)]
    for i in range(count):
        ts += 1
        switch(8 + i, 0)
    for i in range(length // 10):
        for _ in range(5):
            switch(7, 0)
            ts += 5
            switch(0, 7)
            ts += 5
        calls.append(event(ts - 3, "syscall", 1000 + i % 250, 1, 0, 0, 0, 0, 45, 0, 0, 0))
    for i in range(count):
        ts += 1
        switches.append(event(ts, "sched_wakeup", 8 + i, 8 + i, 0, 0, 2 | 4, 0))
    switch(7, 0)
    for _ in range(rounds):
        for i in range(count):
            ts += 5
            switch(0, 8 + i)
            ts += 5
            switch(8 + i, 0)
        ts *= 10
    yield CALL_STREAM, calls
    yield SCHED_STREAM, switches


def other_protocol(count=60000):
    """All with the same addresses, and what has the other way round is of another protocol."""
    yield OBJECTS, [connected(1000 + i, 10 + i, 3 + i, 1, 2) for i in range(count)] + [
        connected(10**6 + i, 5, 3 + count, 2, 1, 7) for i in range(count)]


def own_tables(count=90000):
    """Threads of one process, each with a table of its own."""
    yield TASKS, (found(1000 + i, 7 + i, 7) for i in range(count))
    yield CALL_STREAM, (call(10**6 + i, 272, 0x400, 0, 0, tid=7 + i) for i in range(count))


def held_wakers(count=30000, later=60000):
    """Threads that woke others and ended, and nothing more is told of those."""
    tasks = [found(1000 + i, 10 + i, 10 + i) for i in range(2 * count)]
    tasks += [event(10**8 + i, "task_exit", 0, 0, 5, 1, 0, tid=10 + i, tgid=10 + i) for i in range(0, 2 * count, 2)]
    yield TASKS, tasks + [found(10**10 + i * 200_000_000, 9, 9) for i in range(later)]
    yield SCHED_STREAM, [event(10**6 + i, "sched_switch", 0, 0, 1, 4 | 32, 0, 0, 0, tid=10 + i, tgid=10 + i) for i in range(1, 2 * count, 2)] + [
        event(10**7 + i, "sched_wakeup", 11 + i, 11 + i, 0, 0, 2 | 4, 0, tid=10 + i, tgid=10 + i) for i in range(0, 2 * count, 2)]


def empty_selects(count=500000):
    """Of all descriptors, with sets in which nothing is."""
    yield CALL_STREAM, (call(1000 + i, 23, 2**31, 0, 0) for i in range(count))


def exits_at_once(count=150000):
    """Threads that share a table end at the last moment."""
    yield TASKS, [found(500, 7, 7)] + [event(1000 + i, "task_new", 6, 8 + i, 7, 1, 0, 0, 0) for i in range(count)] + [
        event(10**9, "task_exit", 0, 0, 6, 1, 0, tid=8 + i) for i in range(count)]
    yield OBJECTS, [opened(600, 3)]


def unknown_numbers(count=65500, again=300000):
    """Of calls: 14074 times 0x9e3779b97f4a7c15 is next to nothing in the bits that were the slot of a table once."""
    yield CALL_STREAM, (event(1000 + i, "syscall", 70000 + min(i, count - 1) * 14074, 9, 0, 0, 0, 0, 1, 0, 0, 0) for i in range(count + again))


FAR = {abi: [[5000 + i, f"some_long_common_prefix_of_a_name_{abi}_{i}", 0, 0, []] for i in range(4096)] for abi in (1, 3, 4)}


def far_numbers(again=500000):
    """More than are kept, each with a name."""
    seen = [(abi, 5000 + i) for abi in (1, 3) for i in range(4096)] + [(4, 5000 + i) for i in range(4)] + [(4, 9000)] * again
    yield CALL_STREAM, (event(1000 + i, "syscall", nr, abi, 0, 0, 0, 0, 1, 0, 0, 0) for i, (abi, nr) in enumerate(seen))


STREAMS = {streams.__name__: streams for streams in (
    late_waker, unknown_parent, exits, high_descriptor, high_descriptor_forks, tables, sockets, unknown_children, losses, joined_paths,
    other_protocol, own_tables, held_wakers, empty_selects, exits_at_once, unknown_numbers, far_numbers)}
COMMANDS = {  # others: three reports
    "joined_paths": ["report critical_path"], "other_protocol": ["report"], "own_tables": ["lsof"], "held_wakers": ["report thread_time"],
    "empty_selects": ["report poll_wait"], "exits_at_once": ["replay"], "unknown_numbers": ["report", "replay --no-split"],
    "far_numbers": ["report syscall_by_name"]}


@cases(*STREAMS)
def test_time(t, name):
    path = trace(t, *STREAMS[name](), calls=FAR if name == "far_numbers" else None)
    limit = int(CPU_SECONDS * harness.SLOWER)
    for command in COMMANDS.get(name, ["report", "report thread_time", "report process"]):
        result = run([harness.ANALYZE, *command.split(), path], text=False, errors=None,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)))
        equal(result.returncode, 0, f"exit of {command} ({result.stderr[-500:]})")


def test_folded_path(t):
    """What is summed up is the whole path all the same."""
    result = run([harness.ANALYZE, "report", "-f", "csv", "-c", "start_ns,end_ns,duration_ns,state,count", "critical_path",
                  trace(t, *joined_paths())])
    equal(result.returncode, 0, f"exit ({result.stderr[-500:]})")
    rows = [row.split(",") for row in result.stdout.splitlines()[1:]]
    equal(sum(int(row[2]) for row in rows), max(int(row[1]) for row in rows) - min(int(row[0]) for row in rows), "the durations")
    equal(sum(int(row[4]) for row in rows if row[3] == "sleep"), 20000 * 6 + 1, "the waits, of which each call cuts one in two")


def test_discarded_socket(t):
    """It has a number that no table holds, so it goes at once: nobody may find it as the other end."""
    if not harness.SANITIZE:
        raise harness.Skip("no build with sanitizers")
    path = trace(t, (OBJECTS, [connected_found(1000, 10, 1 << 20, 1, 2), connected(1001, 11, 4, 2, 1),
                               connected_found(1002, 12, 5, 1, 2)]))
    result = run([os.path.join(harness.SANITIZE, "analyze"), "report", "-f", "csv", "-c", "object_id,peer_id", "socket", path])
    equal(result.returncode, 0, f"exit ({result.stderr[-2000:]})")
    rows = [row.split(",") for row in result.stdout.splitlines()[1:]]
    equal(rows, [["2", "3"]], "the second and its peer")


def load(t, path):
    succeed([harness.ANALYZE, "load", path, t.path("made.db")])
    return sqlite3.connect(t.path("made.db"))


def test_parents_in_a_circle(t):
    """Processes that are each other's parents or their own are in every tree."""
    pids = [10, 20, 30, 40, 50, 60]
    path = trace(t, (TASKS, [found(1000, 10, 10, 20), found(1001, 20, 20, 10), found(1002, 30, 30, 30), found(1003, 40, 40, 60),
                             found(1004, 50, 50, 40), found(1005, 60, 60, 50)]))
    text = succeed([harness.ANALYZE, "tree", path]).stdout
    for pid in pids:
        equal(text.count(f"[{pid}]"), 1, f"lines of {pid}")
    equal(succeed([harness.ANALYZE, "tree", "-f", "json", path]).stdout.count('"pid":'), len(pids), "processes in JSON")
    db = load(t, path)
    equal([row[0] for row in db.execute("SELECT pid FROM v_process_tree ORDER BY pid")], pids, "processes of v_process_tree")
    equal(db.execute("SELECT max(depth) FROM v_process_tree").fetchall(), [(2,)], "depth of v_process_tree")


def test_chain_of_processes(t):
    """Each is the child of the one before: what v_process_tree says of it does not grow with that."""
    count = 5000
    path = trace(t, (TASKS, (event(2000 + i, "task_new", 5, 8 + i, 8 + i, 7 + i, 0, 0, 0, tid=7 + i, tgid=7 + i) for i in range(count))))
    rows = load(t, path).execute("SELECT length(path), length(names), length(tree), pid, depth FROM v_process_tree ORDER BY path").fetchall()
    equal([row[3:] for row in rows], [(7 + i, i) for i in range(count + 1)], "processes in the order of the view")
    check(max(map(max, (row[:3] for row in rows))) < 2000, "texts grow with the depth")


def test_longest_times(t):
    """Sums of what a file calls durations are beyond 64 bits."""
    path = trace(t, (TASKS, [event(1000, "task_new", 5, 10, 10, 7, 0, 0, 0)]))
    db = load(t, path)
    columns = [row[1] for row in db.execute("PRAGMA table_info(critical_path)")]
    for _ in range(3):
        db.execute(f"INSERT INTO critical_path VALUES ({','.join('1' if name != 'duration_ns' else str(2**62) for name in columns)})")
    equal([row[0] for row in db.execute("SELECT share FROM v_critical_path")], [1 / 3] * 3, "parts of the path")


def test_life_beyond_the_clock(t):
    if not harness.SANITIZE:
        raise harness.Skip("no build with sanitizers")
    path = trace(t, (TASKS, [event(1000, "task_found", 2**63 + 10, 1, 1), event(2**62, "task_exit", 0, 0, 2**63 + 10, 1, 0)]))
    result = run([os.path.join(harness.SANITIZE, "analyze"), "tree", path])
    equal((result.returncode, result.stderr), (0, ""), "exit and messages")
