# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R20: every futex operation, with the identity of the futex and how it ended."""
import collections
import os
import re
import time

import harness
from harness import Skip, cases, check, equal, run, succeed, wait, workload

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, LOCK_PI, UNLOCK_PI, TRYLOCK_PI = 0, 1, 3, 4, 5, 6, 7, 8
WAIT_BITSET, WAKE_BITSET, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2, WAITV, OTHER = 9, 10, 11, 12, 13, 128, 255
DONE, WOKEN, TIMEOUT, SIGNAL, AGAIN, ERROR, UNFINISHED = range(7)
PRIVATE, REALTIME, TIMED, IN_FILE, UNKNOWN, SECOND_IN_FILE, SECOND_UNKNOWN = (1 << bit for bit in range(7))
ALL = 2**31 - 1
CALLS = ("futex", "futex_wait", "futex_wake", "futex_requeue", "futex_waitv")
NAMES = {"FUTEX_WAIT": WAIT, "FUTEX_WAKE": WAKE, "FUTEX_REQUEUE": REQUEUE, "FUTEX_CMP_REQUEUE": CMP_REQUEUE,
         "FUTEX_WAKE_OP": WAKE_OP, "FUTEX_LOCK_PI": LOCK_PI, "FUTEX_UNLOCK_PI": UNLOCK_PI, "FUTEX_TRYLOCK_PI": TRYLOCK_PI,
         "FUTEX_WAIT_BITSET": WAIT_BITSET, "FUTEX_WAKE_BITSET": WAKE_BITSET, "FUTEX_WAIT_REQUEUE_PI": WAIT_REQUEUE_PI,
         "FUTEX_CMP_REQUEUE_PI": CMP_REQUEUE_PI}


def record(t, way, options=()):
    """The recording and its futex events from the marker on."""
    trace = t.record(workload("futexes"), way, options=options, code=None)
    if trace.result.returncode == 77:
        raise Skip("the kernel has no such call")
    equal(trace.result.returncode, 0, f"exit ({trace.result.stderr})")
    (marker, *_) = trace.markers()
    return trace, [event for event in trace.of("futex") if event["ts"] > marker["ts"]]


def test_operations(t):
    """Every operation of futex(2), counted, with its arguments, its result and its end."""
    trace, events = record(t, "ops")
    def row(op, outcome, flags, value, value2, value3, ret, second):
        return op, outcome, flags | PRIVATE, value, value2, value3, ret, second

    equal(collections.Counter(row(e["op"], e["outcome"], e["flags"], e["value"], e.get("value2", 0), e.get("value3", 0), e["ret"],
                                  e.get("address2", 0) != 0) for e in events), collections.Counter({
        row(WAIT, AGAIN, 0, 1, 0, 0, -11, False): 5,
        row(WAIT, TIMEOUT, TIMED, 0, 0, 0, -110, False): 7,
        row(WAIT_BITSET, TIMEOUT, TIMED | REALTIME, 0, 0, 6, -110, False): 11,
        row(WAKE, DONE, 0, 2, 0, 0, 0, False): 13,
        row(REQUEUE, DONE, 0, 1, 3, 0, 0, True): 17,
        row(CMP_REQUEUE, DONE, 0, 1, 3, 0, 0, True): 19,
        row(CMP_REQUEUE, AGAIN, 0, 1, 3, 5, -11, True): 3,
        row(WAKE_OP, DONE, 0, 1, 4, 1, 0, True): 23,
        row(LOCK_PI, WOKEN, 0, 0, 0, 0, 0, False): 29,
        row(UNLOCK_PI, DONE, 0, 0, 0, 0, 0, False): 29 + 31 + 37,
        row(TRYLOCK_PI, DONE, 0, 0, 0, 0, 0, False): 31,
        row(LOCK_PI2, WOKEN, 0, 0, 0, 0, 0, False): 37,
        row(WAIT_REQUEUE_PI, TIMEOUT, TIMED, 0, 0, 0, -110, True): 2,
        row(CMP_REQUEUE_PI, DONE, 0, 1, 2, 0, 0, True): 43,
        row(WAKE_BITSET, DONE, 0, 1, 0, 4, 0, False): 41,
        row(OTHER, ERROR, 0, 0, 0, 0, -38, False): 47,
    }), "operations")
    equal(len({(e["object"], e["address"]) for e in events}), 1, "first futexes")
    equal(len({(e["object2"], e["address2"]) for e in events if e.get("address2")}), 1, "second futexes")
    equal({e["object2"] for e in events if e.get("address2")}, {e["object"] for e in events}, "address spaces")


def test_same_as_the_calls(t):
    """The records are those of the system calls: threads, times, results; with the calls switched off as well."""
    trace, events = record(t, "measured")
    calls = trace.calls("futex")
    key = ("ts", "tid", "duration_ns", "ret")
    equal([[e[k] for k in key] for e in trace.of("futex")], [[c[k] for k in key] for c in calls], "records against calls")
    alone, events = record(t, "signal", options=["-e", "getpriority"])
    equal([e["ret"] for e in events], [-512, -512], "results with the calls filtered out")
    equal(alone.calls("futex"), [], "calls that were filtered out")
    alone = t.record(workload("futexes"), "ops", options=["--events", "futex"])
    equal(sum(event["op"] == CMP_REQUEUE_PI for event in alone.of("futex")), 43, "operations without the group of calls")
    equal(alone.of("syscall"), [], "system calls with the group off")


def test_waits_as_the_program_measured_them(t):
    """61 waits: each lies inside what the program itself measured, and fills it."""
    trace, events = record(t, "measured")
    waits = [event for event in events if event["op"] == WAIT]
    measured = [[int(word) for word in line.split()] for line in trace.result.stdout.splitlines()]
    equal([len(measured), len(waits)], [61, 61], "waits")
    around = []
    for (begin, end), event in zip(measured, waits):
        check(begin <= event["ts"] - event["duration_ns"] and event["ts"] <= end, f"measured {begin} to {end}: {event}")
        equal(event["outcome"], WOKEN, "outcome")
        around.append(end - begin - event["duration_ns"])
    check(sorted(around)[30] < 20_000 * harness.SLOWER, f"the program measured {sorted(around)[30]} ns more in the middle")
    woke = [event for event in events if event["op"] == WAKE and event["address"] == waits[0]["address"] and event["ret"] == 1]
    equal(len(woke), 61, "wakes that woke one")
    equal({event["object"] for event in woke}, {waits[0]["object"]}, "the same futex")


def test_signals(t):
    _, events = record(t, "signal")
    equal([(e["op"], e["outcome"]) for e in events], [(WAIT, SIGNAL)] * 2, "waits that a signal ends")
    check(all(10e6 < e["duration_ns"] < 200e6 for e in events), "durations")


def test_requeue(t):
    """A waiter is moved: the requeue says from where and to where, the wake is of the second."""
    _, events = record(t, "requeue")
    (move,) = [e for e in events if e["op"] == CMP_REQUEUE and e["ret"] == 1]
    (sleep,) = [e for e in events if e["op"] == WAIT]
    (wake,) = [e for e in events if e["op"] == WAKE and e["value"] == 1 and e["ret"] == 1]
    equal((move["object"], move["address"]), (sleep["object"], sleep["address"]), "from")
    equal((move["object2"], move["address2"]), (wake["object"], wake["address"]), "to")
    equal(sleep["outcome"], WOKEN, "end of the wait")
    check(sleep["address"] != wake["address"], "one futex")


def test_shared(t):
    """In shared memory it is the file, whoever maps it wherever; in private memory the address space, whatever is said."""
    trace, events = record(t, "shared")
    device, inode = [int(word) for word in trace.result.stdout.split()]
    device = os.major(device) << 20 | os.minor(device)
    private = {e["object"] for e in events if e["flags"] & PRIVATE}
    wakes = [e for e in events if e["op"] == WAKE and e["value"] == 1 and not e["flags"] & PRIVATE]
    equal({e["flags"] & ~IN_FILE for e in wakes}, {0}, "flags")
    in_file = [e for e in wakes if e.get("device") == device and e["object"] == inode]
    equal([e["offset"] for e in in_file], [2 * 4096 + 40] * 8, "places in the file")
    equal(len({e["address"] for e in in_file}), 2, "addresses of one place")
    nameless = [e for e in wakes if e["flags"] & IN_FILE and e not in in_file]
    equal([e["offset"] for e in nameless], [4096 + 8] * 18, "places in shared memory without a name")
    equal(len({(e["device"], e["object"]) for e in nameless}), 1, "objects of shared memory without a name")
    own = [e for e in wakes if not e["flags"] & IN_FILE]
    equal(len(own), 13, "wakes in private memory")
    equal((len(private), {e["object"] for e in own}), (1, private), "address space")


def test_address_spaces(t):
    """Threads share their address space; fork and exec make another, even if the address is the same."""
    trace, events = record(t, "spaces")
    wakes = [e for e in events if e["op"] == WAKE and e["value"] == 1 and e["flags"] & PRIVATE]
    found = collections.Counter(e["object"] for e in wakes)
    equal(sorted(found.values()), [2, 2, 4], "wakes by address space")
    fork = [e["address"] for e in wakes]
    equal(len(set(fork[:6])), 1, "addresses before the exec")
    children = {e["child_tid"] for e in trace.of("task_new") if e["child_tid"] == e["child_tgid"]}
    both = [e["object"] for e in wakes if e["tid"] in children]
    equal((len(both), len(set(both))), (4, 2), "address spaces of the child, before its exec and after")


def test_new_calls(t):
    """futex_wait, futex_wake, futex_requeue; of a futex_waitv each of its futexes, and which one woke it."""
    trace, events = record(t, "new")
    by_call = collections.Counter((CALLS[e["call"] - 1], e["op"], e["outcome"], e["flags"], e["value"], e.get("value2", 0),
                                   e.get("value3", 0)) for e in events if e["call"] > 1)
    equal(by_call, collections.Counter({
        ("futex_wake", WAKE_BITSET, DONE, PRIVATE, 1, 0, 0xFFFFFFFF): 3,
        ("futex_wait", WAIT_BITSET, TIMEOUT, PRIVATE | TIMED, 0, 0, 6): 2,
        ("futex_requeue", CMP_REQUEUE, DONE, PRIVATE, 1, 4, 0): 5,
        ("futex_waitv", WAITV, TIMEOUT, PRIVATE | TIMED | REALTIME, 3, 0, 0): 2,
        ("futex_waitv", WAITV, WOKEN, PRIVATE, 3, 0, 0): 1,
    }), "calls")
    (word,) = {(e["object"], e["address"]) for e in events if e["call"] in (2, 3, 4)}
    (other,) = {(e["object2"], e["address2"]) for e in events if e["call"] == 4}
    waiters = trace.of("futex_waiter")
    equal([(e["index"], e["flags"], e["value"]) for e in waiters], [(0, PRIVATE, 0), (1, PRIVATE, 0), (2, IN_FILE, 9)] * 3, "waiters")
    equal([(e["object"], e["address"]) for e in waiters if e["index"] < 2], [word, other] * 3, "their futexes")
    equal({(e["offset"], e["device"] > 0) for e in waiters if e["index"] == 2}, {(0, True)}, "the one in shared memory")
    equal([e["outcome"] for e in waiters], [TIMEOUT] * 6 + [DONE, WOKEN, DONE], "which one woke it")
    called = collections.Counter(CALLS[e["call"] - 1] for e in events if e["call"] > 1)
    for name, number in (("futex_waitv", 449), ("futex_wake", 454), ("futex_wait", 455), ("futex_requeue", 456)):
        equal(called[name], sum(call["nr"] == number for call in trace.of("syscall")), f"calls of {name}")


def test_strace_counts_the_same(t):
    """The same run, seen by strace."""
    out = t.path("strace.txt")
    trace = t.record("strace", "-f", "-o", out, "-e", "trace=futex", workload("futexes"), "ops")
    (tid,) = [event["tid"] for event in trace.of("exec") if event["comm"] == "futexes"]
    with open(out) as file:
        found = re.findall(r"futex\(\w+, (FUTEX_\w+)", file.read())
    wanted = collections.Counter(NAMES[re.sub("_PRIVATE$", "", name)] for name in found if re.sub("_PRIVATE$", "", name) in NAMES)
    seen = collections.Counter(e["op"] for e in trace.of("futex") if e["tid"] == tid and e["op"] in NAMES.values())
    check(len(wanted) >= 12, f"strace knew {wanted}")
    equal(seen, wanted, "operations")


@cases("killed", "recording ends")
def test_unfinished(t, why):
    """Who waits for ever is seen to wait, and for what, when it is killed or the recording ends."""
    trace, recorder = t.start(workload("blocked"), "futex", options=["-d", "2"] if why != "killed" else ())
    try:
        deadline = time.monotonic() + 20
        while not (command := run(["pgrep", "-P", str(recorder.pid), "blocked"]).stdout.split()):
            check(time.monotonic() < deadline, "the workload never started")
            time.sleep(0.02)
        time.sleep(0.5)
        if why != "killed":
            time.sleep(3)
        succeed(["kill", "-KILL", command[0]])
        wait(recorder)
    finally:
        harness.end_children()
    waits = [e for e in trace.of("futex") if e["op"] == WAIT]
    equal([(e["outcome"], e["ret"], e["flags"], e["value"]) for e in waits], [(UNFINISHED, 0, PRIVATE, 0)], "waits")
    check(waits[0]["duration_ns"] > 300e6, f"it waited {waits[0]['duration_ns']} ns")
    others = {e["object"] for e in trace.of("futex") if e["op"] == WAKE}
    check(waits[0]["object"] and (not others or waits[0]["object"] in others), "the address space")
