# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A8: futexes as the tables tell them, against what the program that used them measured itself."""
from harness import check, equal, workload

MS = 1_000_000


def record(t, way):
    """The recording, and {tid: (wait_ns, hold_ns)} as the threads measured them."""
    trace = t.record(workload("locks"), way)
    lines = [[int(word) for word in line.split()] for line in trace.result.stdout.splitlines()]
    return trace, {tid: (wait, hold) for tid, wait, hold in lines}


def busiest(trace):
    """The futex with most waits."""
    return trace.sql("SELECT * FROM futex ORDER BY wait_count DESC, wait_total_ns DESC")[0]


def test_mutex(t):
    """Waits of each thread to a few per cent, holds between what was contended and what was held, a holder for the longest."""
    trace, measured = record(t, "mutex")
    lock = busiest(trace)
    equal([lock["use"], lock["thread_count"], lock["place"], lock["complete"]], ["lock", 3, "memory", 1], "the mutex")
    equal(lock["waiters_max"], 2, "threads that waited at once: all but the one that had it")
    waits = {row["tid"]: row for row in trace.sql("SELECT * FROM futex_wait WHERE futex_id = ?", lock["futex_id"])}
    wakes = {row["tid"]: row for row in trace.sql("SELECT * FROM futex_wake WHERE futex_id = ?", lock["futex_id"])}
    equal(set(wakes), set(measured), "threads that unlocked with a call")
    for tid, (wait_ns, hold_ns) in measured.items():
        found = waits[tid]["wait_total_ns"] if tid in waits else 0
        check(wait_ns * 0.9 - MS < found <= wait_ns, f"{tid} waited {wait_ns} ns, the table says {found}")
        wake = wakes[tid]
        check(1.9 * MS * wake["hold_count"] < wake["hold_ns"] < hold_ns * 1.1 + MS, f"{tid} held it {hold_ns} ns, the table says "
              f"{wake['hold_ns']} in {wake['hold_count']} times")
    equal(sum(row["hold_ns"] for row in wakes.values()), lock["hold_ns"], "holds of the threads and of the lock")
    equal(sum(row["wait_total_ns"] for row in waits.values()), lock["wait_total_ns"], "waits of the threads and of the lock")
    equal(lock["hold_max_ns"], wakes[lock["hold_max_tid"]]["hold_max_ns"], "who held it longest")


def test_edges(t):
    """Each wait that was ended is ended by somebody, and nobody wakes itself; the parts are the whole."""
    trace, measured = record(t, "mutex")
    lock = busiest(trace)
    edges = trace.sql("SELECT * FROM futex_edge WHERE futex_id = ?", lock["futex_id"])
    equal({row["waker_tid"] for row in edges} | {row["waiter_tid"] for row in edges}, set(measured), "threads of the edges")
    equal([row for row in edges if row["waker_tid"] == row["waiter_tid"]], [], "threads that woke themselves")
    equal(sum(row["count"] for row in edges), lock["woken_count"], "waits that were ended")
    equal(sum(row["wait_total_ns"] for row in edges), lock["wait_total_ns"], "their time")
    for tid in measured:
        equal(sum(row["count"] for row in edges if row["waker_tid"] == tid),
              trace.one("SELECT woken_count FROM futex_wake WHERE futex_id = ? AND tid = ?", lock["futex_id"], tid),
              f"waits that {tid} ended, as its calls returned it")
    joined = trace.sql("SELECT * FROM futex_edge e JOIN futex f USING (trace_id, futex_id) WHERE f.wake_count = 0")
    check(all(row["waker_tid"] in measured for row in joined), "a thread that ends wakes who joins it, without a call")


def test_condition(t):
    """One waits, another wakes: no lock. The time that the waiter measured is that of its two futexes together."""
    trace, measured = record(t, "queue")
    ((tid, (wait_ns, _)),) = measured.items()
    rows = trace.sql("""SELECT * FROM futex f JOIN futex_wait w USING (trace_id, futex_id)
        WHERE w.tid = ? AND w.wait_total_ns > 3000000""", tid)
    equal({row["use"] for row in rows}, {"scheduling"}, "use")
    equal({row["hold_ns"] for row in rows}, {None}, "holds of what is no lock")
    found = trace.one("SELECT sum(wait_total_ns) FROM futex_wait WHERE tid = ?", tid)
    check(wait_ns * 0.9 - MS < found < wait_ns * 1.02 + MS, f"it waited {wait_ns} ns, the tables say {found}")


def test_processes(t):
    """A lock in memory that two processes share is one futex, and lies in a file."""
    trace, measured = record(t, "processes")
    (lock,) = trace.sql("SELECT * FROM futex WHERE wait_count > 1")
    equal([lock["place"], lock["use"], lock["thread_count"]], ["file", "lock", 2], "the mutex")
    equal({row["tid"] for row in trace.sql("SELECT tid FROM futex_wake WHERE futex_id = ?", lock["futex_id"])} |
          {row["tid"] for row in trace.sql("SELECT tid FROM futex_wait WHERE futex_id = ?", lock["futex_id"])}, set(measured),
          "its threads")
    found = lock["wait_total_ns"]
    wanted = sum(wait for wait, _ in measured.values())
    check(wanted * 0.9 - MS < found <= wanted, f"they waited {wanted} ns, the table says {found}")
