# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is said of recordings that do not tell everything: no command, no system calls, no scheduler, pauses."""
import json
import sqlite3
import struct

import harness
from harness import check, equal, succeed
from maker import Maker

START, END, DELAY = 1000, 501000, 3000


def kind(number, name, group, fields):
    """Each field is (name, bytes, type)."""
    listed, at = [], 24
    for field, size, what in fields:
        listed.append([field, at, size, what, "", ""])
        at += size
    return [number, name, at, group, listed, [], ""]


KINDS = [
    kind(4, "task_exit", 0, [("start_ns", 8, 4), ("runtime_ns", 8, 4), ("cpu_delay_ns", 8, 4), ("exit_code", 4, 3), ("signal_flags", 4, 3)]),
    kind(6, "lost", 0, [("lost_kind", 4, 3), ("cause", 2, 2), ("ring", 2, 2), ("first_ns", 8, 4), ("last_ns", 8, 4), ("count", 8, 4)]),
    kind(7, "sched_switch", 4, [("next_tid", 4, 3), ("next_tgid", 4, 3), ("state", 1, 1), ("flags", 1, 1), ("prio", 1, 1),
                                ("next_prio", 1, 1), ("state_bits", 4, 3)]),
    kind(47, "task_found", 0, [("start_ns", 8, 4), ("ppid", 4, 3), ("reason", 4, 3)]),
]


def trace(t, groups, command=True, pauses=()):
    """A process that sleeps, if that is recorded, and ends."""
    made = Maker(kinds=KINDS, header={13: {"options": [["events", groups]]} | ({"argv": [b"x"], "pid": 7} if command else {})})
    found = made.event(START, kind=47, fixed=struct.pack("<QII", 5, 1, 1))
    ended = made.event(END, kind=4, fixed=struct.pack("<QQQII", 5, 7000, DELAY, 0, 1))
    lost = [made.event(last, kind=6, tid=0, tgid=0, fixed=struct.pack("<IHHQQQ", 0, 7, 65535, first, last, 0)) for first, last in pauses]
    made.events(found, *lost, ended, stream=0, kinds=1 << 47 | 1 << 6 | 1 << 4)
    if "sched" in groups:
        left = made.event(START + 1000, kind=7, fixed=struct.pack("<IIBBBBI", 0, 0, 1, 4, 0, 0, 0))
        back = made.event(END - 1000, kind=7, tid=0, tgid=0, fixed=struct.pack("<IIBBBBI", 7, 7, 0, 8, 0, 0, 0))
        made.events(left, back, stream=4 << 16, kinds=1 << 7)
    return t.write("partial.trc", made.end().data())


def summary(path):
    return succeed([harness.ANALYZE, "report", path]).stdout


def test_no_command(t):
    """Where there is no critical path nobody is sent to look for it."""
    check("report critical_path" in summary(trace(t, "task,syscall,sched")), "the path of a command is not pointed to")
    check("critical_path" not in summary(trace(t, "task,syscall,sched", command=False)), "the path of no command is pointed to")


def test_no_calls(t):
    """That no time was in calls is no finding where they were not recorded."""
    words = "no system calls were recorded"
    check(words in summary(trace(t, "task")), "what is missing is not said")
    check(words not in summary(trace(t, "task,syscall")), "it is said of calls that were recorded")


def test_no_sched(t):
    """How long a process was ready is what the kernel says at its end, where the switches were not recorded."""
    for groups, expected in (("task,syscall", DELAY), ("task,syscall,sched", 0)):
        database = t.path(f"{groups}.db")
        succeed([harness.ANALYZE, "load", trace(t, groups), database])
        equal(sqlite3.connect(database).execute("SELECT ready_ns FROM v_usage").fetchall(), [(expected,)], f"ready of {groups}")


def test_pauses(t):
    """What was not to be recorded is told, and not as lost."""
    first, second = (101000, 201000), (301000, 311000)
    for pauses, count, took, words in (((), 0, 0, "nothing lost"), ((first,), 1, 100000, "nothing lost; paused once for 100.0 µs"),
                                       ((first, second), 2, 110000, "nothing lost; paused 2 times for 110.0 µs")):
        path = trace(t, "task,syscall", pauses=pauses)
        said = summary(path)
        check(any(line.endswith(words) for line in said.splitlines()), f"no {words} in {said}")
        equal("where calls may be missing" in said, count > 0, f"words about the time of {count} pauses")
        told = json.loads(succeed([harness.ANALYZE, "info", "-f", "json", path]).stdout)
        equal((told.get("pause_count", 0), told.get("paused_ns", 0)), (count, took), "what info says")
        for groups in "task,syscall", "task,syscall,sched":
            path = trace(t, groups, pauses=pauses)
            for table in "time_use", "time_spent":
                rows = json.loads(succeed([harness.ANALYZE, "report", table, "-f", "json", path]).stdout)
                equal(sum(row["time_ns"] for row in rows), END - START, f"sum of {table}, of {groups}")
                if table == "time_use" or groups == "task,syscall":
                    equal([row["time_ns"] for row in rows if row["activity"] == "not recorded: paused"], [took] * (count > 0), table)
