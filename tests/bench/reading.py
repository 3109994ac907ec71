# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast `analyze` is, and how much memory it takes, beside perf and SQLite alone."""
import os

from bench import ratio, table
from mix import mix

REPORT, LOAD, REPLAY = "**`analyze report`**", "**`analyze load`**", "**`analyze replay`**"
PERF_TRACE, PERF_SCRIPT = "`perf trace -i`", "`perf script`"
PERF_SUMMARY = "`perf trace -s -i` (the summary only)"


def subjects_of_reading(bench, trace, data):
    one = ["taskset", "-c", str(bench.cpu)]
    database = bench.path("load.db")
    return [
        (REPORT, [*one, bench.analyze, "report", trace]),
        (LOAD, [*one, bench.analyze, "load", trace, database]),
        (REPLAY, [*one, bench.analyze, "replay", trace]),
        (PERF_SUMMARY, [*one, "perf", "trace", "-s", "-i", data]),
        (PERF_TRACE, [*one, "perf", "trace", "-i", data]),
        (PERF_SCRIPT, [*one, "perf", "script", "-i", data]),
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
    whole = bind * summary["calls"]
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
    per_call = {name: ns / (summary["calls"] if "analyze" in name else pairs) for name, ns in cpu.items()}
    bench.remarks.append(
        f"Read back ({title}), CPU time per recorded call: `analyze report` is {per_call[PERF_SUMMARY] / per_call[REPORT]:.1f} times as "
        f"fast as `perf trace -s -i`,\n`analyze replay` {per_call[PERF_TRACE] / per_call[REPLAY]:.1f} times as fast as `perf trace -i` and "
        f"{per_call[PERF_SCRIPT] / per_call[REPLAY]:.1f} times as `perf script` "
        f"({summary['events'] / cpu[REPORT] * 1e3:.1f} and {summary['events'] / cpu[REPLAY] * 1e3:.1f} million events/s);\n"
        f"`analyze load` takes {ratio(cpu[LOAD], whole)} times what SQLite alone takes to insert the rows of the calls. "
        f"Memory: {rss[REPORT] / 1e6:.0f}, {rss[REPLAY] / 1e6:.0f} and {rss[LOAD] / 1e6:.0f} MB.")
    bench.remove("big.trc", "big.data", "load.db")


def question(bench):
    rounds, count = (2, 300_000) if bench.quick else (3, 2_900_000)
    storm = f'"{bench.tool("loop")}" getppid {{}} && "$@"'
    measure_reading(bench, "a storm and the mix", ["sh", "-c", storm.format(count), "sh", *mix(bench, 1 if bench.quick else 2)],
                    ["sh", "-c", storm.format(count // 10), "sh", *mix(bench, 1)], rounds)
    if not bench.quick:
        measure_reading(bench, "the mix alone", mix(bench, 6), mix(bench, 1), rounds)


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
