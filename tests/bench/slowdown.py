# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How much slower real programs run while they are recorded: bare and recorded in turns.

A program that is not installed is named and left out.
"""
import resource
import shutil
import statistics

import apps
import tracers
from bench import table, times

# Name in README, title, function, what it needs.
PROGRAMS = [
    ("`find`", "find over /usr", apps.find, ["find"]),
    ("a build", "make -j2 (48 C files)", apps.build, ["make", "gcc"]),
    ("redis", "redis-server under redis-benchmark", apps.redis, ["redis-server", "redis-benchmark"]),
    ("nginx", "nginx under wrk", apps.nginx, ["nginx", "wrk"]),
    ("PostgreSQL", "PostgreSQL under pgbench", apps.pgbench, ["postgres", "initdb", "pgbench", "pg_isready"]),
    ("SQLite", "sqlite3, small transactions", apps.sqlite, ["sqlite3"]),
]
LESS = 5  # what slow tracers do less of
NOISY = 1.1  # rounds without a tracer that differ by more say little of the others


def is_due(subject, turn, rounds):
    """Each round for ours and the nearest, two rounds for peers, one for slow ones: how far they are behind needs no more."""
    if isinstance(subject, tracers.Record) or subject.name == tracers.PERF_RECORD:
        return True
    return turn < 2 if subject.fewer == 1 else turn == rounds - 1


def cpu_seconds():
    """Of all that was started here and has ended: tracers, programs, clients."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def taken(bench, program, subject, fewer, idle=0):
    """Wall and CPU time of a piece of work; without the `idle` that the tracer needs for nothing."""
    before = cpu_seconds()
    seconds, count = program(bench, subject, fewer)
    return seconds / count, max(cpu_seconds() - before - idle, 0) / count


def nothing_done(bench, tracer, _):
    bench.run(tracer.wrap(["true"]))
    tracer.clean()
    return 0, 1


def idle_of(bench, subject):
    """CPU time of a tracer that records `true`."""
    return min(taken(bench, nothing_done, subject, 1)[1] for _ in range(3))


def subjects_of(bench):
    subjects = [tracers.Record(bench, "`record --events task`", "--events", "task"), *reversed(tracers.ours(bench)),
                *tracers.peers(bench)]
    if not bench.quick:
        subjects.append(tracers.Record(bench, "`record --events all`", "--events", "all"))
    return subjects


def say_noise(bench, quoted, what, values):
    if max(values) > min(values) * NOISY:
        bench.remarks.append(f"{quoted}: not to be quoted is the {what}, too much else was running (without a tracer, rounds "
                             f"differ by {max(values) / min(values) - 1:.0%}).")
        print("\n" + bench.remarks[-1])


def measure(bench, subjects, idle, quoted, title, program):
    nothing = tracers.Tracer(bench, "nothing")
    ratios, last, lost, bares = {subject.name: [] for subject in subjects}, {}, {}, []
    rounds = 2 if bench.quick else 5
    program(bench, nothing, 1)  # warms caches
    for turn in range(rounds):
        bare, bare_cpu = taken(bench, program, nothing, 1)
        bares.append((bare, bare_cpu))
        bench.note("app", f"{title}: bare", turn, seconds=bare, cpu_seconds=bare_cpu)
        for subject in subjects:
            if not is_due(subject, turn, rounds):
                continue
            name = subject.name
            seconds, cpu = taken(bench, program, subject, 1 if subject.fewer == 1 else LESS, idle[name])
            last[name] = subject.found()
            subject.clean()
            ratios[name].append((seconds / bare, cpu / bare_cpu))
            lost[name] = lost.get(name, 0) + last[name]["lost"]
            bench.note("app", f"{title}: {name}", turn, seconds=seconds, cpu_seconds=cpu, **last[name])
    rows = []
    for subject in subjects:
        name, found = subject.name, last[subject.name]
        slower, dearer = zip(*ratios[name])
        rows.append([name, f"{statistics.median(slower):.3f}", f"{min(slower):.3f} … {max(slower):.3f}",
                     f"{statistics.median(dearer):.3f}", f"{min(dearer):.3f} … {max(dearer):.3f}", len(slower),
                     f"{found['events']:,}", f"{found['bytes'] / max(found['events'], 1):.1f}", f"{lost[name]:,}"])
        # What tracers with little to do take for themselves is too near to what they take for nothing.
        cpu = f" (CPU {times(statistics.median(dearer))})" if subject.fewer == 1 else ""
        bench.quote(quoted, name, times(statistics.median(slower)) + cpu)
    table(f"Slow-down: {title}", ["recorded with", "time, median, × bare", "of all rounds", "CPU time, median, × bare", "of all rounds",
                                  "rounds", "events", "bytes each", "lost"], rows)
    say_noise(bench, quoted, "time", [bare for bare, _ in bares])
    say_noise(bench, quoted, "CPU time", [cpu for _, cpu in bares])


def question(bench):
    subjects = subjects_of(bench)
    idle = {subject.name: idle_of(bench, subject) for subject in subjects}
    for quoted, title, program, needs in PROGRAMS:
        missing = [need for need in needs if not (shutil.which(need) or apps.postgres(need))]
        if missing:
            print(f"\n{title}: left out, {', '.join(missing)} not installed")
        else:
            measure(bench, subjects, idle, quoted, title, program)
