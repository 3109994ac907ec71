# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R24: counters per thread, read where it comes and goes; what the machine lacks is named and left out."""
import os

import harness
from harness import cases, check, equal, item, items, succeed, workload

SECOND, EXIT, END = 0, 1, 2
NAMES = "task-clock,context-switches,minor-faults,major-faults"


def option(trace):
    """The counters that the file says it has."""
    for line in trace.analyze("info").stdout.splitlines():
        if line.startswith("options"):
            words = line.split()
            return words[words.index("--counters") + 1] if "--counters" in words else "none"
    return None


def last(trace, tid):
    """The last values of a thread, by name."""
    events = [event for event in trace.of("counters") if event["tid"] == tid]
    check(events, f"nothing of thread {tid}")
    return events[-1]


def said(trace):
    """What the workload's threads found out about themselves: name to tid and numbers."""
    lines = [line.split() for line in trace.result.stdout.splitlines()]
    return {name: [int(number) for number in numbers] for name, *numbers in lines}


def between(value, low, high, what):
    check(low <= value <= high, f"{what}: {value}, expected {low} to {high}")


def test_tasks(t):
    """What the kernel counts for each thread: as getrusage() and the thread's own clock say, up to what its end costs."""
    trace = t.record(workload("counting"), "4001", options=["--counters", NAMES])
    threads = said(trace)
    for name, (tid, cpu_ns, switches, minor, major) in threads.items():
        event = last(trace, tid)
        equal((event["why"], event["value_count"], event["enabled_ns"]), (EXIT, 4, 0), f"record of {name}")
        values = item(event, "values")["data"]
        equal(items(event, "running_ns"), [], "shares of the time")
        # The kernel brings a running thread's time up to date at ticks only.
        between(values[0], cpu_ns - 12_000_000, cpu_ns + 20_000_000, f"CPU time of {name}")
        between(values[1], switches, switches + 20, f"switches of {name}")
        between(values[2], minor, minor + 20, f"minor faults of {name}")
        between(values[3], major, major + 20, f"major faults of {name}")
        left = [event for event in trace.of("task_exit") if event["tid"] == tid][0]
        between(values[1], left["voluntary_switches"] + left["involuntary_switches"] - 3,
                left["voluntary_switches"] + left["involuntary_switches"] + 3, f"switches at the exit of {name}")
    check(last(trace, threads["nap"][0])["items"][0]["data"][1] >= 101, "naps")
    check(last(trace, threads["touch"][0])["items"][0]["data"][2] >= 4001, "pages")


def test_every_second(t):
    """A thread that runs for 1.3 s is told of before its end, where it leaves the CPU, with values that only grow."""
    trace = t.record(workload("counting"), options=["--counters", NAMES])
    tid = said(trace)["long"][0]
    events = [event for event in trace.of("counters") if event["tid"] == tid]
    check(len(events) >= 2, f"{len(events)} records")
    equal([event["why"] for event in events[:-1]], [SECOND] * (len(events) - 1), "reasons")
    for before, after in zip(events, events[1:]):
        check(after["ts"] - before["ts"] >= 900_000_000 or after["why"] == EXIT, "less than a second")
        check(all(a <= b for a, b in zip(item(before, "values")["data"], item(after, "values")["data"])), "a value shrinks")


def test_cpus(t):
    """Counters of the CPUs, read where threads come and go, agree with what the kernel counts for the thread itself."""
    # Software events stand in for hardware: 1:2 are page faults, 1:0 is a clock, 1:3 are switches.
    trace = t.record(workload("counting"), options=["--counters", "1:2,1:0,1:3,page-faults,task-clock,cs"])
    for name, (tid, *_) in said(trace).items():
        event = last(trace, tid)
        faults, clock, switches, own_faults, own_clock, own_switches = item(event, "values")["data"]
        # A kernel may not show every switch to its tracepoints: what was not seen, enabled_ns lacks too.
        seen = event["enabled_ns"] / max(own_clock, 1)
        between(faults, own_faults * min(seen, 1) * 0.9 - 40, own_faults + 10, f"faults of {name}, {seen:.3f} seen")
        between(clock, event["enabled_ns"] * 0.98 - 100_000, event["enabled_ns"] * 1.02 + 100_000, f"clock of {name}")
        between(switches, own_switches * 0.9 - 5, own_switches + 5, f"switches of {name}")
        # What a switch itself takes is the greater part of a short stay.
        check(seen > 0.8 or name == "nap", f"only {seen:.3f} of the time of {name} was seen")


def test_children(t):
    """Each process counts from zero; the command from its exec on."""
    trace = t.record(workload("children"), "fork", "31", options=["--counters", "page-faults,cs"])
    exits = {event["tid"] for event in trace.of("task_exit")}
    events = [event for event in trace.of("counters") if event["why"] == EXIT]
    equal(sorted(event["tid"] for event in events), sorted(exits), "threads")
    for event in trace.of("task_exit"):
        own = event["minor_faults"] + event["major_faults"]
        counted = item(last(trace, event["tid"]), "values")["data"][0]
        if len(trace.of("exec")) == 1 and event["tid"] == trace.of("exec")[0]["tid"]:
            check(0 < counted < own, f"faults of the command: {counted}, with what came before the exec {own}")
        else:
            between(counted, own - 3, own, f"faults of {event['tid']}")


def test_table(t):
    """Table counter has the last values of each thread, by name."""
    trace = t.record(workload("counting"), "4001", options=["--counters", NAMES])
    for tid, *_ in said(trace).values():
        told = [(row["counter"], row["value"]) for row in trace.sql("SELECT counter, value FROM counter WHERE tid = ?", tid)]
        equal(told, list(zip(NAMES.split(","), item(last(trace, tid), "values")["data"])), f"counters of {tid}")


def test_survivor(t):
    """A thread that outlives the recording has its numbers up to its end."""
    trace = t.record("/bin/sh", "-c", "sleep 0.1; sleep 1", options=["--counters", "cs", "-d", "400ms"])
    equal(sorted(event["why"] for event in trace.of("counters") if event["why"] != SECOND), [EXIT, END, END], "reasons")


def test_lacking(t):
    """A counter that the machine lacks is named; the others are recorded, and the file says which."""
    trace = t.record("/bin/true", options=["--counters", "cs,4294967295:7,faults"])
    path = t.path("lacking.trc")
    said = succeed([harness.RECORD, "-o", path, "--counters", "cs,4294967295:7,faults", "--", "/bin/true"]).stderr
    check(said.count("is left out") == 1 and "4294967295:7 is left out" in said, said)
    equal(option(trace), "cs,faults", "counters in the file")
    equal(trace.of("counters")[-1]["value_count"], 2, "values")
    alone = t.record("/bin/true", options=["--counters", "4294967295:7"])
    equal(option(alone), "none", "counters in the file")
    equal(alone.of("counters"), [], "records without a counter")


@cases(("cycels", "did you mean cycles"), ("cs,nonsense", "there are cpu-clock"), ("", "no counter"), ("1:x", "no counter"), ("rxyz", "no counter"))
def test_mistake(t, mistake):
    """Bad input: one line that names the word and the nearest right one."""
    value, expected = mistake
    trace = t.record("/bin/true", options=["--counters", value], code=2)
    check(trace.result.stderr.count("\n") == 1 and expected in trace.result.stderr, trace.result.stderr)
    check(not os.path.exists(trace.path), "a trace was left behind")
