# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How much slower real programs run while they are recorded: bare and recorded in turns.

A program that is not installed is named and left out.
"""
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
    """Each round for ours, two rounds for peers, one for slow ones: how far they are behind needs no more."""
    if isinstance(subject, tracers.Record):
        return True
    return turn < 2 if subject.fewer == 1 else turn == rounds - 1


def measure(bench, quoted, title, program):
    nothing = tracers.Tracer(bench, "nothing")
    subjects = [tracers.Record(bench, "`record --events task`", "--events", "task"), *reversed(tracers.ours(bench)),
                *tracers.peers(bench)]
    if not bench.quick:
        subjects.append(tracers.Record(bench, "`record --events all`", "--events", "all"))
    ratios, last, lost, bares = {subject.name: [] for subject in subjects}, {}, {}, []
    rounds = 2 if bench.quick else 5
    program(bench, nothing, 1)  # warms caches
    for turn in range(rounds):
        bare = program(bench, nothing, 1)
        bares.append(bare)
        bench.note("app", f"{title}: bare", turn, seconds=bare)
        for subject in subjects:
            if not is_due(subject, turn, rounds):
                continue
            name = subject.name
            seconds = program(bench, subject, 1 if subject.fewer == 1 else LESS)
            last[name] = subject.found()
            subject.clean()
            ratios[name].append(seconds / bare)
            lost[name] = lost.get(name, 0) + last[name]["lost"]
            bench.note("app", f"{title}: {name}", turn, seconds=seconds, **last[name])
    rows = []
    for name, found in last.items():
        slower = ratios[name]
        rows.append([name, f"{statistics.median(slower):.3f}", f"{min(slower):.3f} … {max(slower):.3f}", len(slower),
                     f"{found['events']:,}", f"{found['bytes'] / max(found['events'], 1):.1f}", f"{lost[name]:,}"])
        bench.quote(quoted, name, times(statistics.median(slower)))
    table(f"Slow-down: {title}", ["recorded with", "median, × bare", "of all rounds", "rounds", "events", "bytes each", "lost"], rows)
    if max(bares) > min(bares) * NOISY:
        bench.remarks.append(f"Not to be quoted, too much else was running: {quoted} (without a tracer, rounds differ by "
                             f"{max(bares) / min(bares) - 1:.0%}).")
        print("\n" + bench.remarks[-1])


def question(bench):
    for quoted, title, program, needs in PROGRAMS:
        missing = [need for need in needs if not (shutil.which(need) or apps.postgres(need))]
        if missing:
            print(f"\n{title}: left out, {', '.join(missing)} not installed")
        else:
            measure(bench, quoted, title, program)
