# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real mix: the recorder's own CPU, bytes per event and losses."""
import os

import tracers
from bench import BENCH, ratio, table

OWN_CPU = "tracer's own CPU per call"
PERF_Z = "`perf record -z -e raw_syscalls:*`"


def mix(bench, times):
    return [os.path.join(BENCH, "mix.sh"), bench.work] + ["build", "search", "server"] * times


def subjects_of(bench):
    perf = ["record", "-q", "-e", tracers.SYSCALL_EVENTS]
    return [tracers.Tracer(bench, "nothing"), *tracers.ours(bench), tracers.Perf(bench, PERF_Z, *perf, "-z"),
            tracers.Perf(bench, "`perf record -e raw_syscalls:*`", *perf), *tracers.peers(bench)]


def is_slow(subject):
    return subject.fewer > 1


def idle_of(bench, subject):
    """What the tracer itself needs for a command that does nothing."""
    if subject.name == "nothing":
        return 0
    usage = bench.usage(subject.wrap(bench.noting_tracer(["true"])))
    cpu = subject.found()["cpu"] if isinstance(subject, tracers.Record) else usage["own"]
    return cpu - bench.tracer_before_ns()


def measure(bench, subject, turn, idle, times):
    usage = bench.usage(subject.wrap(bench.noting_tracer(mix(bench, times))))
    figures = {"wall_ns": usage["wall"], "all_cpu_ns": usage["tree"], **subject.found()}
    if subject.name != "nothing":
        figures["cpu_ns"] = figures.pop("cpu", usage["own"]) - bench.tracer_before_ns() - idle
    subject.clean()
    bench.note("mix", subject.name, turn, **figures)
    return figures


def question(bench):
    times, rounds = (2, 2) if bench.quick else (4, 3)
    subjects = [subject for subject in subjects_of(bench) if not (bench.quick and "record -e" in subject.name)]
    idle = {subject.name: min(idle_of(bench, subject) for _ in range(3)) for subject in subjects}
    found = {subject.name: [] for subject in subjects}
    for turn in range(rounds):
        for subject in subjects:
            if turn and is_slow(subject):
                continue  # once says enough
            found[subject.name].append(measure(bench, subject, turn, idle[subject.name], times))
    bare = min(figures["all_cpu_ns"] for figures in found["nothing"])
    rows = []
    for subject in subjects:
        name = subject.name
        wall, everything = (min(figures[key] for figures in found[name]) for key in ("wall_ns", "all_cpu_ns"))
        row = [name, f"{wall / 1e9:.2f}", f"{everything / 1e9:.2f}", ratio(everything, bare)]
        if name != "nothing":
            one = min(found[name], key=lambda figures: figures["cpu_ns"] / figures["calls"])
            lost = max(figures["lost"] for figures in found[name])
            each = one["bytes"] / one["calls"]
            row += [f"{one['calls']:,}", f"{one['cpu_ns'] / one['calls']:.0f}", f"{one['cpu_ns'] / one['events']:.0f}",
                    f"{each:.2f}", f"{one['bytes'] / one['events']:.2f}", f"{lost:,}", "yes" if subject.has_strings else "no"]
            bench.quote("bytes per call", name, f"{each:.1f}")
            bench.quote(OWN_CPU, name, f"{one['cpu_ns'] / one['calls']:,.0f} ns")
            bench.quote("events lost", name, f"{lost / (lost + one['events']):.1%}" if lost else "0")
        rows.append(row + [""] * (11 - len(row)))
    if ("bytes per call", PERF_Z) in bench.quoted:
        bench.remarks.append(f"`perf record -z` of the same events: {bench.quoted['bytes per call', PERF_Z]} bytes per call, "
                             f"{bench.quoted[OWN_CPU, PERF_Z]} of CPU.")
    table("A real mix: build, find and grep, threaded server",
          ["", "wall s", "CPU s, tracer and traced", "× nothing", "calls", "tracer's own CPU, ns per call",
           "per event", "bytes per call", "per event", "events lost", "has strings and addresses"], rows)
    print(f"\nTimes: least of {rounds} rounds (strace, perf trace and bpftrace: one); the tracer's own CPU: of it alone, from the "
          "command's start on,\nwhat it needs for `true` taken off, least.\nAn event of perf is half a call; those of `record` "
          "include the life of processes, the scheduler, files, and the strings and arguments' contents.")
