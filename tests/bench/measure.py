#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures and prints; run.sh has built everything and says how to call it.

All that is compared takes turns in one run: A B C, A B C, … The machine's noise then falls on all, and the
least of the rounds is the figure, because noise only ever adds.
"""
import argparse
import csv
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apps  # noqa: E402

BENCH = os.path.dirname(os.path.abspath(__file__))
SYSCALL_EVENTS = "raw_syscalls:*"
BYSTANDER = "not recorded, while `record` records another process"


class Bench:
    def __init__(self, build, quick):
        self.build, self.quick = build, quick
        self.tools = os.path.join(build, "bench")
        self.work = os.path.join(self.tools, "work")
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        os.symlink(self.tool("server"), self.path("server"))  # mix.sh looks for it
        self.record, self.analyze = os.path.join(build, "record/record"), os.path.join(build, "analyze")
        self.file = open(os.path.join(self.tools, "figures.csv"), "w", newline="")
        self.csv = csv.writer(self.file)
        self.csv.writerow(["question", "subject", "round", "figure", "value"])
        self.cpu = min(os.sched_getaffinity(0))
        self.rounds = 3 if quick else 6

    def close(self):
        self.file.close()
        shutil.rmtree(self.work)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def path(self, name):
        return os.path.join(self.work, name)

    def remove(self, *names):
        for name in names:
            for path in (self.path(name), self.path(name) + ".old"):
                if os.path.exists(path):
                    os.unlink(path)

    def note(self, question, subject, turn, **figures):
        for figure, value in figures.items():
            self.csv.writerow([question, subject, turn, figure, value])

    def run(self, command, timeout=300):
        """Standard output of a command that must succeed."""
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                timeout=timeout, check=False, cwd=self.work)
        if result.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {result.returncode}\n{result.stdout[-500:]}{result.stderr[-2000:]}")
        return result.stdout

    def usage(self, command):
        """What a command took: wall, own and tree CPU in ns, peak memory in bytes. Its output is thrown away."""
        out = self.path("usage")
        with open(os.devnull, "w") as null:
            result = subprocess.run([self.tool("usage"), out, *command], stdin=subprocess.DEVNULL, stdout=null,
                                    stderr=subprocess.PIPE, text=True, timeout=600, check=False, cwd=self.work)
        if result.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {result.returncode}\n{result.stderr[-2000:]}")
        with open(out) as file:
            return dict(zip(("wall", "own", "tree", "rss"), map(int, file.read().split())))

    def summary(self, trace):
        names = ("events", "syscalls", "lost", "cpu", "bytes", "rss")
        return dict(zip(names, map(int, self.run([self.tool("summary"), trace]).split())))

    def perf_stats(self, data):
        """Events and losses of a perf.data file."""
        text = self.run(["perf", "report", "--stats", "-i", data])
        aggregated = text.split("stats:")[1]
        count = {name: int(n) for name, n in re.findall(r"(\w+) events:\s+(\d+)", aggregated)}
        lost = 0
        if count.get("LOST") or count.get("LOST_SAMPLES"):
            shown = self.run(["perf", "script", "--show-lost-events", "-F", "comm,tid,event", "-i", data])
            lost = sum(int(n) for n in re.findall(r"PERF_RECORD_LOST(?:_SAMPLES)?\s+(?:lost )?(\d+)", shown))
        return count.get("SAMPLE", 0), lost

    def noting_tracer(self, command):
        """The command, which first notes how much CPU its parent, the tracer, has used for getting ready."""
        return ["sh", "-c", f'cat /proc/$PPID/task/*/schedstat >{self.path("before")}; exec "$@"', "sh", *command]

    def tracer_before_ns(self):
        with open(self.path("before")) as file:
            return sum(int(line.split()[0]) for line in file)

    def recorder_ns(self, summary):
        """The recorder's own CPU time from the first event on."""
        return summary["cpu"] - self.tracer_before_ns()

    def recording(self, trace, *options):
        return [self.record, "--force", "-q", *options, "-o", trace, "--"]


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def ratio(value, base):
    return f"{value / base:.2f}" if base > 0 else "–"


# ---- a call ----

def tracers(bench):
    """Name, command in front of the loop, and by how much fewer calls it gets."""
    log, data, trace = bench.path("strace.txt"), bench.path("perf.data"), bench.path("loop.trc")
    attach = bench.tool("attach")
    return [
        ("nothing", [], 1),
        ("empty programs on both hooks", [attach, bench.tool("empty.bpf.o")], 1),
        ("floor: know the task, read the clock, twice", [attach, bench.tool("floor.bpf.o")], 1),
        ("**`record`**, everything", bench.recording(trace), 1),
        (BYSTANDER, [], 1),
        ("`record -e getpid`: all calls of the loop filtered out", bench.recording(trace, "-e", "getpid"), 1),
        ("`perf record -e raw_syscalls:*`", ["perf", "record", "-q", "-e", SYSCALL_EVENTS, "-o", data, "--"], 1),
        ("`perf trace record`", ["perf", "trace", "record", "-o", data, "--"], 1),
        ("`strace -f -o`", ["strace", "-f", "-o", log], 50),
        ("`strace -f --seccomp-bpf -e getpid -o`: filtered out",
         ["strace", "-f", "--seccomp-bpf", "-e", "trace=getpid", "-o", log], 10),
    ]


def run_beside(bench, command):
    """Output of a command that runs beside a recording of `sleep`."""
    if os.path.exists(bench.path("before")):
        os.unlink(bench.path("before"))
    recorder = subprocess.Popen([*bench.recording(bench.path("beside.trc")), *bench.noting_tracer(["sleep", "60"])],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(bench.path("before")) and recorder.poll() is None:
            time.sleep(0.05)
        return bench.run(command)
    finally:
        recorder.terminate()  # is passed on to sleep
        recorder.wait(timeout=30)


def measure_call(bench, loop, title, count):
    subjects = tracers(bench)
    if bench.quick:
        subjects = [subject for subject in subjects if "filtered" not in subject[0]]
    ns = {name: [] for name, _, _ in subjects}
    user, lost = [], {}
    for turn in range(bench.rounds):
        for name, prefix, fewer in subjects:
            command = ["taskset", "-c", str(bench.cpu), bench.tool("loop"), loop, str(count // fewer)]
            if name == BYSTANDER:
                out = run_beside(bench, command)
            else:
                out = bench.run([*prefix, *(bench.noting_tracer(command) if name.startswith("**") else command)])
            cpu_ns, wall_ns = map(float, re.search(r"^loop: (\S+) (\S+)$", out, re.M).groups())
            ns[name].append(wall_ns if "strace" in name else cpu_ns)
            bench.note(f"call {loop}", name, turn, cpu_ns=cpu_ns, wall_ns=wall_ns)
            if name.startswith("**"):
                summary = bench.summary(bench.path("loop.trc"))
                user.append((bench.recorder_ns(summary) - bench.idle_ns) / summary["events"])
                lost[name] = lost.get(name, 0) + summary["lost"]
                bench.note(f"call {loop}", name, turn, user_ns_per_event=user[-1], lost=summary["lost"],
                           bytes_per_event=summary["bytes"] / summary["events"])
            if name.startswith("`perf") and turn == bench.rounds - 1:
                events, missing = bench.perf_stats(bench.path("perf.data"))
                lost[name] = missing
                bench.note(f"call {loop}", name, turn, events=events, lost=missing)
            bench.remove("perf.data", "strace.txt")
    least = {name: min(values) for name, values in ns.items()}
    bare = least["nothing"]
    empty, peer = (least[name] - bare for name, _, _ in (subjects[1], next(s for s in subjects if "trace rec" in s[0])))
    table(f"{title}: ns per call", ["", "least", "median", "added", "added, × empty programs",
                                    "added, × `perf trace record`", "events lost"],
          [[name, f"{least[name]:.0f}", f"{statistics.median(ns[name]):.0f}", f"{least[name] - bare:+.0f}",
            ratio(least[name] - bare, empty), ratio(least[name] - bare, peer),
            f"{lost[name]:,}" if name in lost else ""] for name, _, _ in subjects])
    print(f"\nLeast of {bench.rounds} rounds of {count:,} calls, each the mean of its calls; CPU time of the loop, "
          "which is pinned to one CPU;\nunder strace, where it waits, wall time and fewer calls."
          f"\nAt this rate `record` itself used {min(user):.0f} ns of CPU per event.")
    if loop == "open" and not bench.quick:
        print("A filter of `record` still lets calls through that open and close files: the names of others depend on them.")


def question_call(bench):
    measure_call(bench, "getppid", "A cheap call (getppid)", 200_000 if bench.quick else 500_000)
    measure_call(bench, "open", "A call with a string (openat and close of /dev/null, mean of both)",
                 60_000 if bench.quick else 150_000)


# ---- a real mix ----

def mix(bench, times):
    return [os.path.join(BENCH, "mix.sh"), bench.work] + ["build", "search", "server"] * times


def mix_subjects(bench):
    data = bench.path("mix.data")
    perf = ["perf", "record", "-q", "-e", SYSCALL_EVENTS, "-o", data]
    return [
        ("nothing", []),
        ("**`record`**, everything", bench.recording(bench.path("mix.trc"))),
        ("`perf record -z -e raw_syscalls:*`", [*perf, "-z", "--"]),
        ("`perf record -e raw_syscalls:*`", [*perf, "--"]),
        ("`strace -f -o`", ["strace", "-f", "-o", bench.path("mix.txt")]),
    ]


def idle_of(bench, name, prefix):
    """What the tracer itself needs for a command that does nothing."""
    if not prefix:
        return 0
    if "record`**" in name:
        return bench.idle_ns
    return bench.usage([*prefix, *bench.noting_tracer(["true"])])["own"] - bench.tracer_before_ns()


def measure_mix(bench, name, turn, prefix, idle, times):
    usage = bench.usage([*prefix, *bench.noting_tracer(mix(bench, times))])
    figures = {"wall_ns": usage["wall"], "all_cpu_ns": usage["tree"]}
    if "record`**" in name:
        summary = bench.summary(bench.path("mix.trc"))
        figures |= {"cpu_ns": bench.recorder_ns(summary) - idle, "bytes": summary["bytes"], "events": summary["events"],
                    "calls": summary["syscalls"], "lost": summary["lost"]}
    elif "perf" in name:
        events, lost = bench.perf_stats(bench.path("mix.data"))
        figures |= {"cpu_ns": usage["own"] - bench.tracer_before_ns() - idle, "bytes": os.path.getsize(bench.path("mix.data")),
                    "events": events, "calls": events / 2, "lost": lost}
    elif "strace" in name:
        with open(bench.path("mix.txt"), errors="replace") as file:
            calls = sum(1 for line in file if re.match(r"\d+ +\w+\(", line))  # not "<... resumed>"
        figures |= {"cpu_ns": usage["own"] - bench.tracer_before_ns() - idle,
                    "bytes": os.path.getsize(bench.path("mix.txt")), "events": calls, "calls": calls}
    bench.remove("mix.data", "mix.txt")
    bench.note("mix", name, turn, **figures)
    return figures


def question_mix(bench):
    times, rounds = (2, 2) if bench.quick else (4, 3)
    subjects = [subject for subject in mix_subjects(bench) if not (bench.quick and "strace" in subject[0])]
    idle = {name: min(idle_of(bench, name, prefix) for _ in range(3)) for name, prefix in subjects}
    found = {name: [] for name, _ in subjects}
    for turn in range(rounds):
        for name, prefix in subjects:
            if "strace" in name and turn:
                continue  # once says enough
            found[name].append(measure_mix(bench, name, turn, prefix, idle[name], times))
    bare = min(figures["all_cpu_ns"] for figures in found["nothing"])
    rows = []
    for name, _ in subjects:
        wall, everything = (min(figures[key] for figures in found[name]) for key in ("wall_ns", "all_cpu_ns"))
        row = [name, f"{wall / 1e9:.2f}", f"{everything / 1e9:.2f}", ratio(everything, bare)]
        if name != "nothing":
            one = min(found[name], key=lambda figures: figures["cpu_ns"] / figures["calls"])
            row += [f"{one['calls']:,.0f}", f"{one['cpu_ns'] / one['calls']:.0f}", f"{one['cpu_ns'] / one['events']:.0f}",
                    f"{one['bytes'] / one['calls']:.2f}", f"{one['bytes'] / one['events']:.2f}",
                    f"{max(figures['lost'] for figures in found[name]):,}" if "lost" in one else "",
                    "no" if "perf" in name else "yes"]
        rows.append(row + [""] * (11 - len(row)))
    table("A real mix: build, find and grep, threaded server",
          ["", "wall s", "CPU s, tracer and traced", "× nothing", "calls", "tracer's own CPU, ns per call",
           "per event", "bytes per call", "per event",
           "events lost", "has strings and addresses"], rows)
    print(f"\nTimes: least of {rounds} rounds (strace: one); the tracer's own CPU: of it alone, from the command's start on, "
          "what it needs for `true` taken off, least.\nAn event of perf "
          "is half a call;\nthose of `record` include the life of processes and the strings, addresses and arguments' contents.")


# ---- reading ----

def subjects_of_reading(bench, trace, data):
    one = ["taskset", "-c", str(bench.cpu)]
    database = bench.path("load.db")
    return [
        ("**`analyze report`**", [*one, bench.analyze, "report", trace]),
        ("**`analyze load`**", [*one, bench.analyze, "load", trace, database]),
        ("`perf trace -s -i` (the summary only)", [*one, "perf", "trace", "-s", "-i", data]),
        ("`perf script`", [*one, "perf", "script", "-i", data]),
    ]


def measure_reading(bench, title, command, perf_command, rounds):
    trace, data, database = bench.path("big.trc"), bench.path("big.data"), bench.path("load.db")
    bench.run([*bench.recording(trace, "-b", "64M"), *command])
    bench.run(["perf", "trace", "record", "-m", "4096", "-o", data, *perf_command])
    summary = bench.summary(trace)
    pairs = bench.perf_stats(data)[0] / 2
    subjects = subjects_of_reading(bench, trace, data)
    cpu, rss, rows = {}, {}, []
    bare = []
    for turn in range(rounds):
        for name, reading in subjects:
            bench.remove("load.db")
            usage = bench.usage(reading)
            bench.note(f"reading {title}", name, turn, cpu_ns=usage["tree"], wall_ns=usage["wall"], rss_bytes=usage["rss"])
            cpu[name] = min(usage["tree"], cpu.get(name, usage["tree"]))
            rss[name] = max(usage["rss"], rss.get(name, 0))
            if "load" in name:
                size = os.path.getsize(database)
                bare.append([float(word) for word in bench.run(
                    ["taskset", "-c", str(bench.cpu), bench.tool("sqlite_rows"), database, "syscall",
                     bench.path("rows.db"), "300000" if bench.quick else "1000000"]).split()])
                bench.note(f"reading {title}", "SQLite alone", turn, rows=bare[-1][0], columns=bare[-1][1],
                           bind_ns=bare[-1][2], bind_index_ns=bare[-1][3], select_ns=bare[-1][4])
    count = bare[0][0]
    bind, indexed, select = (min(turn[i] for turn in bare) / count for i in (2, 3, 4))
    whole = bind * summary["syscalls"]
    for name, _ in subjects:
        done = summary["events"] if "analyze" in name else pairs
        rows.append([name, f"{done:,.0f}", f"{cpu[name] / 1e9:.2f}", f"{cpu[name] / done:.0f}", f"{done / cpu[name] * 1e3:.2f}",
                     ratio(cpu[name], whole) if "load" in name else "", f"{rss[name] / 1e6:.0f} MB"])
    rows += [[name, f"{count:,.0f}", f"{ns * count / 1e9:.2f}", f"{ns:.0f}", f"{1e3 / ns:.2f}", ratio(ns, bind), ""]
             for name, ns in ((f"SQLite alone, {bare[0][1]:.0f} columns, a bound INSERT per row", bind),
                              ("… and the table's indexes", indexed),
                              ("… INSERT … SELECT from a table like it (copies records whole)", select))]
    table(f"Reading {title}: {summary['events']:,} events in {summary['bytes'] / 1e6:.1f} MB, {summary['lost']:,} lost",
          ["", "events (perf: calls; SQLite: rows)", "CPU s", "ns each", "million/s", "× bound INSERTs of all calls' rows", "peak memory"],
          rows)
    print(f"\nOne core, CPU time, least of {rounds} rounds. The loaded database has {size / 1e6:.0f} MB. "
          "perf reads a recording of its own, "
          "of a smaller run of the same.")
    bench.remove("big.trc", "big.data", "load.db")


def question_read(bench):
    rounds, count = (2, 300_000) if bench.quick else (3, 2_900_000)
    storm = f'"{bench.tool("loop")}" getppid {{}} && "$@"'
    measure_reading(bench, "a storm and the mix", ["sh", "-c", storm.format(count), "sh", *mix(bench, 1 if bench.quick else 2)],
                    ["sh", "-c", storm.format(count // 10), "sh", *mix(bench, 1)], rounds)
    if not bench.quick:
        measure_reading(bench, "the mix alone", mix(bench, 6), mix(bench, 1), rounds)


# ---- length ----

def question_long(bench):
    """The mix, and what a day of it would be: does memory grow with the length, does the speed fall?"""
    bench.run([*bench.recording(bench.path("once.trc"), "-b", "64M"), *mix(bench, 1)])
    once, rows = bench.summary(bench.path("once.trc"))["events"], []
    for wanted in (1e6, 1e7) if bench.quick else (1e6, 1e7, 1e8):
        bench.run([bench.tool("repeat"), bench.path("once.trc"), bench.path("long.trc"), str(max(1, round(wanted / once)))])
        summary = bench.summary(bench.path("long.trc"))
        for name, words in (("`analyze report`", ["report"]),
                            ("`analyze report thread_time wait critical_path`", ["report", "thread_time", "wait", "critical_path"]),
                            ("`analyze load`", ["load"])):
            if words == ["load"] and wanted > 1e7:
                continue  # a database of a hundred million rows measures the disk
            usage = bench.usage(["taskset", "-c", str(bench.cpu), bench.analyze, *words, bench.path("long.trc"),
                                 *([bench.path("long.db")] if words == ["load"] else [])])
            bench.note("long", name, int(wanted), cpu_ns=usage["tree"], wall_ns=usage["wall"], rss_bytes=usage["rss"])
            rows.append([name, f"{summary['events']:,}", f"{usage['tree'] / 1e9:.2f}", f"{summary['events'] / usage['tree'] * 1e3:.2f}",
                         f"{usage['rss'] / 1e6:.0f} MB"])
            bench.remove("long.db")
        bench.remove("long.trc")
    table(f"Length: a recording of {once:,} events, repeated later by other threads", ["", "events", "CPU s", "million/s", "peak memory"], rows)
    bench.remove("once.trc")


def question_app(bench):
    apps.question(bench, table, bench.summary)


QUESTIONS = {"call": question_call, "mix": question_mix, "read": question_read, "long": question_long, "app": question_app}


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)|$", file.read())[1] or platform.machine()
    print(f"# Benchmarks\n\n{model.strip()}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} "
          "at the start. Compare within a table, not between machines.")


def recorder_idle(bench):
    bench.run([*bench.recording(bench.path("idle.trc")), *bench.noting_tracer(["true"])])
    return bench.recorder_ns(bench.summary(bench.path("idle.trc")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), metavar="question")
    options = parser.parse_intermixed_args()
    sys.stdout.reconfigure(line_buffering=True)
    bench = Bench(os.path.abspath(options.build), options.quick)
    machine()
    bench.idle_ns = min(recorder_idle(bench) for _ in range(5))
    for name in options.questions or QUESTIONS:
        QUESTIONS[name](bench)
    bench.close()
    print(f"\nAll figures of all rounds: {bench.file.name}")


if __name__ == "__main__":
    main()
