# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small files that are made to have tables without end, and numbers that no sum can hold."""
import csv
import io
import json
import struct

import cbor2

import harness
from bounded import analyze
from harness import equal
from maker import Maker, item
from reader_records import COMPRESSED, SORTED, SUMMARY

WIDTHS = {"u8": ("B", 1), "u16": ("H", 2), "u32": ("I", 3), "u64": ("Q", 4), "s64": ("q", 6)}
SECOND = 10**9
U64S = 23


class Kind:
    """A kind with some of the fields of common/events.def; those that are not said are 0."""

    def __init__(self, number, name, group, fields, items=()):
        self.number, self.names, self.form, listed = number, [], "<", []
        for field in fields.split(","):
            width, field_name = field.split()
            form, code = WIDTHS[width]
            listed.append([field_name, 24 + struct.calcsize(self.form), struct.calcsize(form), code, "", ""])
            self.form += form
            self.names.append(field_name)
        self.row = [number, name, 24 + struct.calcsize(self.form), group, listed, [[item, what, ""] for item, what in items], ""]

    def __call__(self, ts, tid=7, tgid=None, tail=b"", **values):
        fixed = struct.pack(self.form, *(values.get(name, 0) for name in self.names))
        length = 24 + len(fixed) + len(tail)
        return struct.pack("<QIIHHHBB", ts, tid, tgid or tid, self.number, length, 0, 3 + len(fixed) // 8, 0) + fixed + tail


EXIT = Kind(4, "task_exit", 0, "u32 exit_code,u32 ppid,u64 start_ns,u32 signal_flags,u32 live_threads")
LOST = Kind(6, "lost", 0, "u32 lost_kind,u16 cause,u16 ring,u64 first_ns,u64 last_ns,u64 count")
SWITCH = Kind(7, "sched_switch", 4, "u32 next_tid,u32 next_tgid,u8 state,u8 flags,u8 prio,u8 next_prio,u32 state_bits")
FUTEX = Kind(10, "futex", 3, "u8 op,u8 outcome,u16 pad,u32 value,s64 ret,u64 duration_ns,u64 address,u64 object,u64 offset")
SYSCALL = Kind(1, "syscall", 2, "u32 nr,u8 abi,u8 state,u8 flags,u8 items,s64 ret,u64 duration_ns,u64 arg0")
COUNT = Kind(51, "call_count", 2, "u32 nr,u16 abi,u16 one_of,u64 count,u64 error_count,u64 total_ns,u64 first_ns")
COUNTERS = Kind(46, "counters", 9, "u32 why,u32 value_count,u64 enabled_ns", [("values", U64S), ("running_ns", U64S)])
FOUND = Kind(47, "task_found", 0, "u64 start_ns,u32 ppid,u32 reason")
KINDS = [SYSCALL, EXIT, LOST, SWITCH, FUTEX, FOUND, COUNT, COUNTERS]
WAITS = {"state": 1, "flags": 4 | 32}


def trace(t, *streams, options=(("events", "sched"),), calls=None, summary=None):
    """Each stream is (class, events in the order of time)."""
    command = {"argv": [b"x"], "cwd": b"/", "pid": 7, "options": [list(option) for option in options]}
    maker = Maker(kinds=[kind.row for kind in KINDS], header={10: calls or {}, 13: command})
    for group, records in streams:
        for at in range(0, len(records), 100000):
            maker.events(*records[at:at + 100000], stream=group << 16, flags=SORTED | COMPRESSED, kinds=2**64 - 1, pids=2**256 - 1)
    if summary:
        maker.record(SUMMARY, cbor2.dumps(summary))
    return t.write("made.trc", maker.end().data())


def table(name, path, columns, *options):
    return list(csv.DictReader(io.StringIO(analyze("report", "-f", "csv", "-c", columns, *options, name, path))))


def sums(name, path, columns):
    """Of each column; and the rows."""
    rows = analyze("report", "-f", "csv", "-c", columns, "--sort", "none", name, path).splitlines()[1:]
    return [sum(map(int, column)) for column in zip(*(row.split(",") for row in rows))], len(rows)


# Time over many periods


def long_waits(t, threads, seconds):
    """Threads of one process each, that wait from the first second to the middle of the last one."""
    end = seconds * SECOND + SECOND // 2
    return trace(t, (0, [FOUND(1000, tid=7 + i, start_ns=5, ppid=1, reason=1) for i in range(threads)] +
                     [EXIT(end, tid=7 + i, start_ns=5) for i in range(threads)]),
                 (4, [SWITCH(SECOND // 2, tid=7 + i, **WAITS) for i in range(threads)]))


def test_long_waits(t):
    """All of the time is there, but it is not told second by second for ever."""
    threads, seconds = 100, 99999
    path = long_waits(t, threads, seconds)
    for name, column in (("thread_time_series", "sleep_ns"), ("process_series", "wait_ns")):
        found, count = sums(name, path, column)
        equal(found, [threads * seconds * SECOND], f"{column} of {name}")
        equal(1000000 < count < 1060000, True, f"a million rows of {name}: {count}")


def test_short_waits(t):
    """Each period tells of the time that was spent in it."""
    path = long_waits(t, 3, 4)
    for name, column in (("thread_time_series", "sleep_ns"), ("process_series", "wait_ns")):
        rows = [(int(row["period"]), int(row[column])) for row in table(name, path, f"period,{column}")]
        first, last = (0, SECOND // 2 + 1000), (4, SECOND // 2 - 1000)  # the recording begins with its first event
        equal(sorted(rows), 3 * [first] + sorted(3 * [(i, SECOND) for i in (1, 2, 3)]) + 3 * [last], name)


def test_long_futex_waits(t):
    """Waits on a futex that all last as long as the recording."""
    count, long_ns = 70000, 131000 * SECOND
    path = trace(t, (0, [FOUND(1000, start_ns=5, ppid=1, reason=1)]),
                 (3, [FUTEX(long_ns, outcome=1, address=64, object=5, duration_ns=long_ns - SECOND // 2)] * count))
    equal(sums("futex_series", path, "wait_count,wait_ns")[0], [count, count * (long_ns - SECOND // 2)], "waits")


def test_pauses(t):
    """Threads that wait all the time, the last of them held, and a recording that pauses all the time."""
    threads = pauses = 10000
    path = trace(t, (0, [FOUND(1000 + i, tid=6 + threads - i, start_ns=5, ppid=1, reason=1) for i in range(threads)] +
                     [LOST(10**6 + 10 * i, cause=7, ring=65535, first_ns=10**6 + 10 * i - 4, last_ns=10**6 + 10 * i)
                      for i in range(pauses)]))
    analyze("report", path)
    rows = table("thread_time", path, "tid,total_ns,runnable_ns,sleep_ns,stopped_ns,unknown_ns")
    equal({int(row["total_ns"]) for row in rows}, {10**6 + 10 * (pauses - 1) - 1000}, "time of each")
    equal(len(rows), threads, "threads")
    row, = (row for row in rows if row["tid"] == "7")
    equal((int(row["stopped_ns"]), int(row["unknown_ns"])), (10**6 - 4 - 1000, 10 * (pauses - 1) + 4), "known until the first pause")


# Sums that no number holds


def test_time_beyond_the_clock(t):
    """Two threads, that together live a little longer than the clock can count: there is no share above 1, and no bar above that."""
    path = trace(t, (0, [FOUND(1000, start_ns=5, ppid=1, reason=1), FOUND(1001, tid=8, start_ns=5, ppid=1, reason=1),
                         EXIT(2**63, start_ns=5), EXIT(2**63 + 10**12, tid=8, start_ns=5)]),
                 (4, [SWITCH(2000, tid=8, **WAITS)]), summary={0: 0, 1: 2**64 - 2, 2: [True, 0, 0], 3: "x", 4: 5, 5: 0})
    for name in ("time_spent", "time_use"):
        for row in table(name, path, "time_ns,share"):
            equal(0 <= float(row["share"]) <= 1 and int(row["time_ns"]) >= 0, True, f"{name}: {row}")
    equal(max(map(len, analyze("report", path).splitlines())) < 200, True, "lines fit the screen")


def test_counts_beyond_numbers(t):
    """No count begins anew, none is below 0 for a program, and on the screen numbers stay apart."""
    largest = 2**63 - 1
    path = trace(t, (0, [FOUND(500, start_ns=5, ppid=1, reason=1)]),
                 (2, [SYSCALL(1000 + i, nr=1, abi=1, ret=-2, duration_ns=2**63) for i in range(2)] +
                     [COUNT(2000, nr=1, abi=1, one_of=5, count=2**64 - 1, error_count=2**64 - 1, total_ns=2**64 - 1)]),
                 calls={1: [[1, "one", 0, 0, []]]}, summary={0: 0, 1: 2**64 - 1, 2: [True, 0, 0], 3: "x", 4: 5, 5: 0, 8: 2**64 - 1})
    for name in ("syscall_by_name", "syscall_stats", "syscall_by_process", "syscall_by_thread"):
        row, = table(name, path, "count,error_count,total_ns,counted_count")
        equal({int(value) for value in row.values()}, {largest}, name)
    line, = (line for line in analyze("report", path).splitlines() if line.startswith("  one "))
    equal(line.split()[1:3], [f"{largest:,}"] * 2, "calls, and those that failed")
    info = json.loads(analyze("info", "-f", "json", path))
    numbers = {key: value for key, value in info.items() if isinstance(value, int)}
    equal({key: value for key, value in numbers.items() if value < 0}, {}, "numbers below 0")
    equal(largest in numbers.values(), True, "a number that is larger than any")


# Names


NAMES = {abi: [[nr, f"n{abi}_{nr}", 0, 0, []] for nr in range(4096)] for abi in (1, 3)}


def all_names():
    return [SYSCALL(2000 + 4096 * (abi == 3) + nr, nr=nr, abi=abi, duration_ns=1) for abi in NAMES for nr in range(4096)]


def test_processes_and_names(t):
    """One process makes all calls there are, and many others the last one each."""
    count = 30000
    path = trace(t, (0, [FOUND(500, start_ns=5, ppid=1, reason=1)]),
                 (2, all_names() + [SYSCALL(20000 + i, tid=100 + i, nr=4090, abi=3, duration_ns=1) for i in range(count)]), calls=NAMES)
    rows = table("syscall_stats", path, "process_id,name,count", "--sort", "none")
    firsts = [row["name"] for row in rows if row["process_id"] == "1"]
    equal(firsts[:8000], [row[1] for abi in NAMES for row in NAMES[abi]][:8000], "names of the first")
    equal({(row["name"], row["count"]) for row in rows if row["process_id"] != "1"}, {("n3_4090", "1")}, "those of the others")
    equal(len(rows), count + len(firsts), "rows")


def test_seconds_and_names(t):
    """All calls there are, then one in each second."""
    count = 1000000
    path = trace(t, (0, [FOUND(500, start_ns=5, ppid=1, reason=1)]),
                 (2, all_names() + [SYSCALL((i + 1) * SECOND, nr=1, abi=1, duration_ns=1) for i in range(count)]), calls=NAMES)
    rows = analyze("report", "-f", "csv", "-c", "second,name", "--sort", "none", "syscall_per_second", path, cpu_s=6).splitlines()
    equal(rows[-count + 1:], [f"{i},n1_1" for i in range(1, count)], "the last rows")


def test_counters_and_names(t):
    """Each thread counts all that the option names, and there are a thousand other options before it."""
    names, threads = 1900, 60
    values = item("<", 0, U64S, struct.pack("<Q", 5) * names)
    path = trace(t, (0, [FOUND(500 + i, tid=7 + i, start_ns=5, ppid=1, reason=1) for i in range(threads)]),
                 (9, [COUNTERS(1000 + i, tid=7 + i, why=1, value_count=names, enabled_ns=5, tail=values) for i in range(threads)]),
                 options=[("a", "")] * 100000 + [("counters", ",".join(f"n{i:0500}" for i in range(names)))])
    rows = table("counter", path, "counter,value", "--sort", "none")
    equal([row["counter"] for row in rows], [f"n{i:0500}" for i in range(names)] * threads, "names")
    equal({row["value"] for row in rows}, {"5"}, "values")


def test_counters_that_are_too_large(t):
    """What is estimated for the whole time is rounded down, and as large as a number can be."""
    values = item("<", 0, U64S, struct.pack("<4Q", 2**64 - 1, 7, 0, 5))
    running = item("<", 1, U64S, struct.pack("<4Q", 1, 3, 1, 0))
    path = trace(t, (0, [FOUND(500, start_ns=5, ppid=1, reason=1)]),
                 (9, [COUNTERS(1000, why=1, value_count=4, enabled_ns=2**62 + 1, tail=values + running)]), options=[("counters", "a,b,,d,")])
    rows = [(row["counter"], row["value"]) for row in table("counter", path, "counter,value", "--sort", "none")]
    equal(rows, [("a", str(2**63 - 1)), ("b", str(2**63 - 1)), ("", "0"), ("d", "")], "counters")


# What is alive


def test_processes(t):
    """Processes that wait till the end, with all tables: what each of them takes is in the order of kilobytes."""
    count = 100000
    path = trace(t, (0, [FOUND(1000 + i, tid=7 + i, start_ns=5, ppid=1, reason=1) for i in range(count)]),
                 (4, [SWITCH(10**6 + i, tid=7 + i, **WAITS) for i in range(count)]))
    analyze("load", path, t.path("made.db"))
    analyze("tree", path)
