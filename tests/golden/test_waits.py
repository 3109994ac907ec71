# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a wait was for, where the trace tells little of it."""
import re
import struct

import harness
from harness import cases, check, equal, succeed
from maker import Maker, item

ANY, BYTES, COMPLETE, UNFINISHED, NO_ENTER = 16, 19, 0, 1, 2
SLEEP, FROM, TO = 1, 4, 8  # of sched_switch
SYSCALL, SWITCH, FOUND = 1, 7, 47

def kind(number, name, group, form, names, items=0):
    """`form` as of struct.pack, a letter for each of the names."""
    size, types = struct.calcsize, "_BHIQiq"
    fields = [[field, 24 + size("<" + form[:i]), size(form[i]), types.index(form[i]), "", ""] for i, field in enumerate(names.split())]
    return [number, name, 24 + size("<" + form), group, fields, [[f"data{i}", ANY, ""] for i in range(items)], ""]


KINDS = [
    kind(SYSCALL, "syscall", 2, "IBBBBqQQQQQ", "nr abi state flags items ret duration_ns arg0 arg1 arg2 arg3", items=4),
    kind(SWITCH, "sched_switch", 4, "IIBBBBI", "next_tid next_tgid state flags prio next_prio state_bits"),
    kind(FOUND, "task_found", 0, "QII", "start_ns ppid reason"),
]
CALLS = {1: [[7, "poll", 1024, 32, [["ufds", "pollfds", 0, None], ["nfds", "uint", 0, None], ["timeout_msecs", "int", 0, None]]],
             [23, "select", 1026, 32, [["n", "int", 0, None]] + [[name, "fdset", 0, None] for name in ("inp", "outp", "exp")]],
             [35, "nanosleep", 0, 16, [["rqtp", "ptr", 0, None]]], [219, "restart_syscall", 0, 16, []],
             [232, "epoll_wait", 1024, 32, [["epfd", "fd", 0, None], ["events", "epoll_events_out", 0, None]]]]}


class Trace:
    """A thread, found at the beginning, that waits."""

    def __init__(self):
        self.made = Maker(kinds=KINDS, header={10: CALLS, 13: {"options": [["events", "task,syscall,sched"]]}})
        self.at, self.tasks, self.calls, self.switches = 1000, [], [], []
        self.found(7, 1)

    def found(self, tid, ppid):
        self.tasks.append(self.made.event(1000, kind=FOUND, tid=tid, tgid=tid, fixed=struct.pack("<QII", 5, ppid, 1)))

    def switch(self, flags, tid, next_tid, state=0):
        self.switches.append(self.made.event(self.at, kind=SWITCH, tid=tid, tgid=tid,
                                             fixed=struct.pack("<IIBBBBI", next_tid, next_tid, state, flags, 0, 0, 0)))

    def wait(self, tid=7, state=SLEEP, flags=0):
        self.at += 1000
        self.switch(flags | FROM, tid, 0, state)
        self.at += 50000
        self.switch(TO, 0, tid)
        self.at += 1000

    def call(self, nr, *args, ret=0, state=COMPLETE, tail=()):
        """One in which it waited."""
        self.wait()
        args = (args + (0, 0, 0, 0))[:4]
        fixed = struct.pack("<IBBBBqQQQQQ", nr, 1, state, 0, len(tail), ret, 52000, *args)
        self.calls.append(self.made.event(self.at, kind=SYSCALL, fixed=fixed, tail=b"".join(tail)))

    def rows(self, t, *columns, table="wait"):
        for number, events, seen in (0, self.tasks, FOUND), (2, self.calls, SYSCALL), (4, self.switches, SWITCH):
            if events:
                self.made.events(*events, stream=number << 16, kinds=1 << seen, pids=2**256 - 1)
        out = succeed([harness.ANALYZE, "report", table, t.write("made.trc", self.made.end().data()), "--format", "csv",
                       "--columns", ",".join(columns)]).stdout
        return [tuple(line.split(",")) for line in out.splitlines()[1:]]


def pointed(argument, data):
    return item("<", argument, BYTES, data)


EMPTY = bytes(8)
WAITED = {  # call, arguments, what they point to → reason
    "select, not captured": (23, (64, 4096), (), "poll"),
    "select, one set of two": (23, (64, 4096, 8192), (pointed(1, EMPTY),), "poll"),
    "select, part of a set": (23, (128, 4096), (pointed(1, EMPTY),), "poll"),
    "select, empty": (23, (64, 4096), (pointed(1, EMPTY),), "timer"),
    "select, no sets": (23, (64,), (), "timer"),
    "select, of none": (23, (0, 4096), (), "timer"),
    "poll, not captured": (7, (4096, 2), (), "poll"),
    "poll, of none": (7, (0, 0), (), "timer"),
    "poll, none left": (7, (4096, 1), (pointed(0, struct.pack("<ihh", -1, 1, 0)),), "timer"),
    "epoll, not known": (232, (9, 4096), (), "poll"),
}


@cases(*WAITED)
def test_poll(t, what):
    """That it waits for a time alone is said where it is known that there was no descriptor."""
    nr, args, tail, reason = WAITED[what]
    trace = Trace()
    trace.call(nr, *args, tail=tail, state=COMPLETE if tail or nr == 232 else NO_ENTER)
    equal([row for row in trace.rows(t, "reason", "count")], [(reason, "1")], "reasons of waits")


def test_restart(t):
    """What a stopped sleep goes on with is what it waited for before; of another call before it nothing is known."""
    again = -516  # ERESTART_RESTARTBLOCK
    trace = Trace()
    trace.call(219)
    trace.call(35, ret=again)
    trace.call(219, ret=again)
    trace.call(219)
    trace.call(219)
    equal(sorted(trace.rows(t, "call", "reason", "count")),
          [("nanosleep", "timer", "1"), ("restart_syscall", "kernel", "2"), ("restart_syscall", "timer", "2")], "waits")


def test_kernel_threads(t):
    """Without work they wait for it, not in page faults, and in the summary not before the processes."""
    block, iowait = 2, 2
    trace = Trace()
    trace.found(2, 0)
    trace.found(9, 2)
    trace.found(10, 7)
    for tid, state, flags in (9, SLEEP, 0), (9, block, 0), (9, block, iowait), (10, block, 0):
        trace.wait(tid, state, flags)
    rows = trace.rows(t, "tid", "reason", "count")
    equal(sorted(rows, key=lambda row: (int(row[0]), row)), [
        ("2", "kernel_thread", "1"), ("7", "unknown", "1"), ("9", "disk", "1"), ("9", "kernel_thread", "2"), ("10", "fault", "1")], "waits")
    summary = succeed([harness.ANALYZE, "report", t.path("made.trc")]).stdout
    told, waits = re.search(r"Where .* went.*?\n\n", summary, re.S)[0], re.search(r"Waits for.*?\n\n", summary, re.S)[0]
    check("not counted: kernel threads waited for" in told and "waiting, kernel threads" not in told, f"where the time went: {told}")
    shares = [float(share) for share in re.findall(r"([\d.]+) %", told)]
    check(99.5 < sum(shares) < 100.5, f"shares: {shares}")
    check("kernel_thread" not in waits and "fault" in waits, f"waits: {waits}")
