#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures and prints; run.sh has built everything and says how to call it.

All that is compared takes turns in one run: A B C, A B C, … The machine's noise then falls on all, and the
least of the rounds is the figure, because noise only ever adds.
"""
import argparse
import os
import platform
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls  # noqa: E402
import mix  # noqa: E402
import reading  # noqa: E402
import slowdown  # noqa: E402
import start  # noqa: E402
import tracers  # noqa: E402
from bench import Bench, print_table  # noqa: E402

QUESTIONS = {"call": calls.question, "app": slowdown.question, "mix": mix.question, "start": start.question,
             "read": reading.question, "long": reading.question_long}
COLUMNS = [tracers.RECORD, tracers.RECORD_CALLS, tracers.EMPTY, tracers.BPFTRACE, tracers.PERF_RECORD, tracers.PERF_TRACE,
           tracers.STRACE]


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)|$", file.read())[1] or platform.machine()
    print(f"# Benchmarks\n\n{model.strip()}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} "
          "at the start. Compare within a table, not between machines.")


def print_readme(bench, load):
    """What README quotes, as it stands there."""
    if not bench.quoted:
        return
    with open("/proc/cpuinfo") as file:
        where = "VM" if re.search(r"^flags.*\bhypervisor\b", file.read(), re.M) else "machine"
    release = ".".join(platform.release().split(".")[:2])
    busy = f" with other work to do (load {load:.1f}, from which all that waits suffers)" if load > 1 else ""
    print(f"""
## README

Measured on a {os.cpu_count()}-CPU {where}{busy}, Linux {release}, by
`tests/bench/run.sh{' --quick' if bench.quick else ''}`. Loops and programs: time as a multiple of the time without a tracer. Of loops it is
CPU time, under strace, for which they wait, wall time, and in brackets what is added to each; of programs wall time, and in brackets
CPU time with that of the tracer and of clients. Bytes, losses and the tracer's own CPU are of a build, a search and a server
together. `bpftrace` and `perf trace record` write down numbers only, the others strings too.
""")
    rows = dict.fromkeys(row for row, _ in bench.quoted)
    columns = [column for column in COLUMNS if any((row, column) in bench.quoted for row in rows)]
    print_table(["", *columns], [[row, *(bench.quoted.get((row, column), "") for column in columns)] for row in rows])
    print()
    for remark in bench.remarks:
        print(remark)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), metavar="question")
    options = parser.parse_intermixed_args()
    sys.stdout.reconfigure(line_buffering=True)
    bench = Bench(os.path.abspath(options.build), options.quick)
    load = os.getloadavg()[0]
    machine()
    bench.remarks += tracers.say_missing()
    bench.idle_ns = min(mix.idle_of(bench, tracers.Record(bench, tracers.RECORD)) for _ in range(5))
    for name in options.questions:
        QUESTIONS[name](bench)
    print_readme(bench, load)
    bench.close()
    print(f"\nAll figures of all rounds: {bench.file.name}")


if __name__ == "__main__":
    main()
