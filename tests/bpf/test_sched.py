# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R19: context switches with the state left in, wake-ups with their wakers, migrations: as /proc counts them."""
import collections
import os

from harness import check, equal, run, workload

RUNNABLE, SLEEP, UNINTERRUPTIBLE, STOPPED, TRACED, DEAD = range(6)
PREEMPTED, IOWAIT, FROM_TARGET, TO_TARGET = 1, 2, 4, 8  # flags of sched_switch
TASK, SOFTIRQ, HARDIRQ = range(3)  # context of sched_wakeup
NEW, TARGET, BY_TARGET = 1, 2, 4  # its flags


def record(t, *arguments, options=()):
    return t.record(workload("scheduling"), *arguments, options=options)


def between(trace, events):
    """Those between the markers 1 and 2."""
    first, last = [marker["ts"] for marker in trace.markers()]
    return [event for event in events if first < event["ts"] < last]


def said(trace):
    """What the workload printed: {pid: {key: [numbers]}}."""
    found = collections.defaultdict(dict)
    for line in trace.result.stdout.splitlines():
        pid, key, *numbers = line.split()
        found[int(pid)][key.rstrip(":")] = [int(number) for number in numbers]
    return found


def runs_of(trace, pid):
    """Each time that it had the CPU: (since when it was ready, when it came, when it left).

    A machine may keep some threads (an agent of the host) out of all tracepoints. What follows one of them comes unseen:
    None. That it leaves is always seen.
    """
    found, ready, came = [], None, None
    for event in trace.events:
        if event["kind"] == "sched_wakeup" and event["woken_tid"] == pid and came is None:
            ready = ready or event["ts"]
        elif event["kind"] == "sched_switch" and event["next_tid"] == pid:
            came = event["ts"]
        elif event["kind"] == "sched_switch" and event["tid"] == pid:
            found.append((ready, came, event["ts"]))
            ready, came = event["ts"] if event["state"] == RUNNABLE else None, None
    return found


def test_switches_are_those_of_proc(t):
    """Two children on one CPU: switches by kind, times on the CPU and waiting for it, as the kernel accounts them."""
    trace = record(t, "pair")
    switches, known = trace.of("sched_switch"), said(trace)
    equal(len(known), 2, "children")
    for pid, sleeps in zip(known, (101, 53)):
        left = [event for event in switches if event["tid"] == pid]
        voluntary = [event for event in left if event["state"] != RUNNABLE]
        equal([len(voluntary)], known[pid]["voluntary_ctxt_switches"], f"voluntary switches of {pid}")
        equal([len(left) - len(voluntary)], known[pid]["nonvoluntary_ctxt_switches"], f"involuntary switches of {pid}")
        check(len(left) - len(voluntary) > 10, "it was hardly ever preempted: the test shows nothing")
        # One whose time is over before it leaves, because it was preempted on its way, is none.
        check(sum(event["state"] == SLEEP for event in left) >= sleeps * 0.9, f"sleeps of {pid}")
        equal([event["state"] for event in left].count(DEAD), 1, f"deaths of {pid}")
        (end,) = [event for event in trace.of("task_exit") if event["tid"] == pid]
        before = [event for event in left if event["ts"] < end["ts"]]
        equal(sum(event["state"] == RUNNABLE for event in before), end["involuntary_switches"], "those of the exit record")
        equal(sum(event["state"] != RUNNABLE for event in before), end["voluntary_switches"], "those of the exit record")

        run_ns, delay_ns, slices = known[pid]["schedstat"]
        runs = runs_of(trace, pid)
        equal(len(runs), slices, f"times that {pid} had the CPU")
        seen = [(come, out) for _, come, out in runs if come]
        waits = [(ready, come) for ready, come, _ in runs if ready and come]
        unseen = 1 - len(waits) / len(runs)
        check(unseen < 0.1, f"{unseen:.0%} of the times it came to the CPU unseen or unwoken")
        on_cpu, waited = sum(out - come for come, out in seen), sum(come - ready for ready, come in waits)
        check(abs(on_cpu - run_ns) < (0.03 + 2 * unseen) * run_ns, f"on the CPU {on_cpu} ns, /proc says {run_ns}")
        check(abs(waited - delay_ns) < (0.05 + 2 * unseen) * delay_ns, f"waited {waited} ns for the CPU, /proc says {delay_ns}")


def test_wakers(t):
    """Two threads wake each other 211 times: each by the other, in its own context, and sleeps in between."""
    trace = record(t, "wake")
    first = trace.markers()[0]["tid"]
    (second,) = {event["tid"] for event in trace.of("task_exit")} - {first}
    wakes = between(trace, trace.of("sched_wakeup"))
    for waker, woken in ((first, second), (second, first)):
        found = [event for event in wakes if event["woken_tid"] == woken]
        equal([(event["tid"], event["context"]) for event in found], [(waker, TASK)] * 211, f"wakers of {woken}")
        equal({event["flags"] for event in found}, {TARGET | BY_TARGET}, "flags")
        equal({event["prio"] for event in found}, {98}, "priority: 99 less that of SCHED_FIFO")
    slept = between(trace, [event for event in trace.of("sched_switch") if event["state"] == SLEEP])
    equal(collections.Counter(event["tid"] for event in slept), {first: 211, second: 210}, "sleeps (the second's first one is before)")


def test_wakers_of_another_cpu(t):
    """The waker is who does it, also where the other CPU does the rest in an interrupt."""
    if len(os.sched_getaffinity(0)) < 2:
        return
    trace = record(t, "across")
    first = trace.markers()[0]["tid"]
    (second,) = {event["tid"] for event in trace.of("task_exit")} - {first}
    wakes = between(trace, trace.of("sched_wakeup"))
    for waker, woken in ((first, second), (second, first)):
        found = collections.Counter((event["tid"], event["context"]) for event in wakes if event["woken_tid"] == woken)
        equal(set(found), {(waker, TASK)}, f"wakers of {woken}")
        check(found[waker, TASK] > 100, f"{found} wake-ups of 211 messages")


def test_timer(t):
    """Who slept is woken by an interrupt, not by whom that hit. (For the few that are unseen: see runs_of.)"""
    trace = record(t, "timer")
    (end,) = trace.of("task_exit")
    sleeps = [event["ts"] for event in trace.of("sched_switch") if event["tid"] == end["tid"] and event["state"] == SLEEP]
    # A slow machine's timer rings before the sleeper has left the CPU.
    check(47 - 5 <= len(sleeps) <= 47, f"{len(sleeps)} of 47 sleeps")
    # On some machines a page comes from a disk meanwhile.
    others = sum(1 for event in trace.of("sched_switch") if event["tid"] == end["tid"] and event["ts"] > sleeps[0]
                 and event["state"] == UNINTERRUPTIBLE)
    woken = [event["context"] for event in trace.of("sched_wakeup") if event["woken_tid"] == end["tid"]
             and event["ts"] > sleeps[0]]
    check(set(woken) == {HARDIRQ} or others, f"woken in {set(woken)}")
    check(47 - 5 <= woken.count(HARDIRQ) <= 47 + others, f"{len(woken)} wake-ups of {len(sleeps)} sleeps and {others} other waits")


def test_packets(t):
    """A datagram over loopback wakes its receiver in a soft interrupt."""
    trace = record(t, "packet")
    (receiver,) = {event["tid"] for event in trace.of("task_exit")} - {trace.of("exec")[0]["tid"]}
    woken = [event["context"] for event in trace.of("sched_wakeup") if event["woken_tid"] == receiver]
    equal(woken.count(SOFTIRQ), 59, f"wake-ups of the receiver in a soft interrupt ({collections.Counter(woken)})")


def test_new(t):
    """A new thread's first wake-up says so and names its maker."""
    trace = record(t, "threads")
    maker = trace.of("exec")[0]["tid"]
    new = [(event["tid"], event["woken_tid"]) for event in trace.of("sched_wakeup") if event["flags"] & NEW]
    equal(new, [(maker, event["child_tid"]) for event in trace.of("task_new")], "first wake-ups")
    equal(len(new), 13, "threads")


def test_migrations(t):
    """17 moves between two CPUs, and the task runs where it was moved to."""
    if len(os.sched_getaffinity(0)) < 2:
        return
    trace = record(t, "migrate")
    tid = trace.markers()[0]["tid"]
    moves = [event for event in between(trace, trace.of("sched_migrate")) if event["migrated_tid"] == tid]
    one, other = sorted(os.sched_getaffinity(0))[:2]
    equal([(event["from_cpu"], event["to_cpu"]) for event in moves], [(one, other), (other, one)] * 8 + [(one, other)], "moves")
    for move in moves:
        came = [event for event in trace.of("sched_switch") if event["next_tid"] == tid and event["ts"] > move["ts"]]
        equal(came[0]["cpu"], move["to_cpu"], "the CPU that it runs on next")


def test_stopped(t):
    """Five stops are five switches that say so."""
    trace = record(t, "stop")
    states = [event["state"] for event in trace.of("sched_switch")]
    equal(states.count(STOPPED), 5, "switches of the stopped")


def test_traced(t):
    """A debugger's stop is said to be one: a child of strace waits for it at every call."""
    trace = t.record("strace", "-o", "/dev/null", workload("scheduling"), "timer")
    tracee = [event["tid"] for event in trace.of("exec") if event["comm"] == "scheduling"]
    stops = [event for event in trace.of("sched_switch") if event["state"] == TRACED]
    stopped = sum(event["tid"] in tracee for event in stops)
    check(stopped >= 2 * 47, f"{stopped} stops at two per call")


def test_io_wait(t):
    """Writes that wait for the disk say so; the same without a disk do not."""
    if run(["stat", "-f", "-c", "%T", t.directory]).stdout.strip() in ("tmpfs", "ramfs"):
        return
    trace = record(t, "sync")
    # On its way into such a wait, and out of it, a thread may be taken off the CPU.
    waits = [event for event in trace.of("sched_switch") if event["flags"] & IOWAIT and event["state"] != RUNNABLE]
    check(len(waits) >= 7, f"{len(waits)} waits for 7 writes")
    equal({event["state"] for event in waits}, {UNINTERRUPTIBLE}, "states")
    equal([event for event in record(t, "timer").of("sched_switch") if event["flags"] & IOWAIT and event["flags"] & FROM_TARGET
           and event["state"] == SLEEP], [], "sleeps that wait for I/O")


def test_only_targets(t):
    """Whatever else runs on the machine, an event has a target in it; and instances are those of the targets."""
    trace = record(t, "timer")
    targets = {event["tid"] for event in trace.of("exec")}
    for event in trace.of("sched_switch"):
        check({event["tid"], event["next_tid"]} & targets, f"no target: {event}")
        equal(bool(event["flags"] & FROM_TARGET), event["tid"] in targets, f"flag of {event}")
        equal(bool(event["flags"] & TO_TARGET), event["next_tid"] in targets, f"flag of {event}")
    for event in trace.of("sched_wakeup"):
        check(event["woken_tid"] in targets or (event["tid"] in targets and event["context"] == TASK), f"no target: {event}")
    for event in trace.of("sched_migrate"):
        check(event["migrated_tid"] in targets, f"no target: {event}")
    equal(trace.one("SELECT count(*) FROM thread"), 1, "threads")


def test_off(t):
    """Without the group none of its programs is loaded."""
    trace = record(t, "timer", options=["--events", "-sched"])
    kinds = {event["kind"] for event in trace.events}
    equal([kind for kind in kinds if kind.startswith("sched")], [], "events")
    equal([row["name"] for row in trace.sql("SELECT name FROM probe WHERE name LIKE 'sched%'")], [], "programs")
