# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long a command waits for its tracer, how long a recording of nothing takes, how much memory the tracer takes."""
import re
import statistics

import tracers
from bench import table


def subjects_of(bench):
    return tracers.installed([
        tracers.Tracer(bench, "nothing"),
        tracers.Record(bench, "`record --events task`", "--events", "task"),
        *reversed(tracers.ours(bench)),
        tracers.Record(bench, "`record --events all`", "--events", "all"),
        tracers.Perf(bench, "`perf record -e raw_syscalls:*`", "record", "-q", "-e", tracers.SYSCALL_EVENTS),
        *tracers.peers(bench)])


def first_act_ns(bench, subject):
    """From the tracer's own exec to the first act of the command, in its main()."""
    said = bench.run([bench.tool("usage"), bench.path("usage"), *subject.wrap([bench.tool("loop"), "now"])])
    return int(re.search(r"^now: (\d+)$", said, re.M)[1]) - bench.usage_noted()["start"]


def question(bench):
    subjects, rounds = subjects_of(bench), 2 if bench.quick else 7
    ready, whole, rss = ({subject.name: [] for subject in subjects} for _ in range(3))
    for turn in range(rounds):
        for subject in subjects:
            name = subject.name
            ready[name].append(first_act_ns(bench, subject))
            whole[name].append(bench.usage(subject.wrap(["/bin/true"]))["wall"])
            if turn == 0:
                calls = str(200_000 // subject.fewer)
                rss[name] = bench.usage(subject.wrap([bench.tool("loop"), "getppid", calls]))["rss"]
            subject.clean()
            bench.note("start", name, turn, ready_ns=ready[name][-1], whole_ns=whole[name][-1], rss_bytes=rss[name])
    rows = []
    for name in rss:
        first, end = statistics.median(ready[name]) / 1e6, statistics.median(whole[name]) / 1e6
        rows.append([name, f"{first:.0f}", f"{min(ready[name]) / 1e6:.0f}", f"{end:.0f}", f"{min(whole[name]) / 1e6:.0f}",
                     f"{rss[name] / 1e6:.0f}"])
        bench.quote("start: ms until the command runs", name, f"{first:.0f}")
        bench.quote("peak memory, MB", name, f"{rss[name] / 1e6:.0f}")
    table("Start", ["", "ms until the command's first act", "least", "ms for `true`, from begin to end", "least",
                    "peak memory, MB"], rows)
    print(f"\nMedian and least of {rounds} rounds. Memory: what is resident of the tracer while 200,000 calls are recorded (strace, "
          "perf trace and bpftrace: fewer);\nbuffers in the kernel count as far as the tracer has them mapped.")
