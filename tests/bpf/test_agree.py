# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""report, load and export are the same walk: their numbers agree, and the parts are the whole."""
import json

from harness import check, equal, run, workload
import harness

WORK = f"import os, subprocess; [os.stat('/') for i in range(97)]; subprocess.run(['/bin/ls', '/usr/bin'], stdout=-3)"


def recording(t):
    return t.record("/bin/sh", "-c", f'{workload("failing")}; {workload("killed")}; /usr/bin/python3 -c "{WORK}" | cat')


def test_stats_are_those_of_the_calls(t):
    """syscall_stats against SQL over syscall: counts, errors, sums, extremes, percentiles."""
    trace = recording(t)
    computed = trace.sql("""SELECT t.process_id, s.name, count(*) AS count, count(s.errno) AS error_count,
        sum(s.duration_ns) AS total_ns, min(s.duration_ns) AS min_ns, max(s.duration_ns) AS max_ns,
        count(s.duration_ns) AS measured
        FROM syscall s JOIN thread t USING (trace_id, thread_id) GROUP BY 1, 2 ORDER BY 1, 2""")
    stats = {(row["process_id"], row["name"]): row for row in trace.sql("SELECT * FROM syscall_stats")}
    equal(sorted(stats), sorted((row["process_id"], row["name"]) for row in computed), "rows")
    for row in computed:
        stat = stats[row["process_id"], row["name"]]
        for column in ("count", "error_count", "total_ns", "min_ns", "max_ns"):
            equal(stat[column], row[column], f"{column} of {row['name']} in {row['process_id']}")
        if row["measured"]:
            mean = row["total_ns"] / row["measured"]
            check(abs(stat["mean_ns"] - mean) < 1, f"mean_ns of {row['name']}: {stat['mean_ns']}, computed {mean}")
            check(stat["min_ns"] <= stat["p50_ns"] <= stat["p90_ns"] <= stat["p99_ns"] <= stat["max_ns"],
                  f"order of the percentiles of {row['name']}")


def test_percentiles(t):
    """p50, p90 and p99 are within the promise of the histogram of what SQL finds."""
    trace = t.record(workload("storm"), "5003", "1")
    (stat,) = trace.sql("SELECT * FROM syscall_stats WHERE name = 'getppid'")
    durations = [row[0] for row in trace.sql("SELECT duration_ns FROM syscall WHERE name = 'getppid' ORDER BY 1")]
    for percent in (50, 90, 99):
        exact = durations[max(0, -(-len(durations) * percent // 100) - 1)]
        found = stat[f"p{percent}_ns"]
        check(abs(found - exact) <= max(2, exact * 0.07), f"p{percent}: {found} ns, sorted {exact} ns")


def test_report_is_load(t):
    """report --format json has the numbers of the database."""
    trace = recording(t)
    result = trace.analyze("report", "--format", "json")
    equal(result.returncode, 0, f"exit of report ({result.stderr})")
    wanted = {row["name"]: (row["n"], row["e"], row["total"]) for row in trace.sql(
        "SELECT name, sum(count) AS n, sum(error_count) AS e, sum(total_ns) AS total FROM syscall_stats GROUP BY name")}
    report = json.loads(result.stdout)
    found = {row["name"]: (row["count"], row["error_count"], row["total_ns"]) for row in report["syscall_by_name"]}
    equal(found, wanted, "syscalls of the report")
    (row,) = trace.sql("SELECT * FROM trace")
    equal({key: row[key] for key in report["trace"][0]}, report["trace"][0] | {"file": row["file"]}, "the trace's own row")
    processes = [dict(row) for row in trace.sql("SELECT * FROM process ORDER BY process_id")]
    for row in processes:
        del row["trace_id"]
    equal(sorted(report["process"], key=lambda row: row["process_id"]), processes, "processes of the report")


def test_parts_are_the_whole(t):
    """Each event of the export is a row of the database, and every row belongs to somebody."""
    trace = recording(t)
    calls = trace.of("syscall")
    equal(trace.one("SELECT count(*) FROM syscall"), len(calls), "rows of syscall")
    equal(trace.one("SELECT sum(count) FROM syscall_stats"), len(calls), "calls of syscall_stats")
    equal(trace.one("SELECT event_count FROM trace"), len(trace.events), "event_count")
    equal(trace.one("SELECT count(*) FROM exec"), len(trace.of("exec")), "rows of exec")
    equal(trace.one("SELECT count(*) FROM process"), len({e["tgid"] for e in trace.own_events}), "rows of process")
    equal(trace.one("SELECT count(*) FROM thread"), len({e["tid"] for e in trace.own_events}), "rows of thread")
    for table in ("thread", "exec", "syscall_stats"):
        orphans = f"SELECT count(*) FROM {table} WHERE process_id NOT IN (SELECT process_id FROM process)"
        equal(trace.one(orphans), 0, f"rows of {table} without a process")
    equal(trace.one("SELECT count(*) FROM syscall WHERE thread_id NOT IN (SELECT thread_id FROM thread)"), 0,
          "calls without a thread")


def test_events_are_in_order(t):
    """The export is in the order of time; calls lie inside the life of their thread."""
    trace = recording(t)
    times = [event["ts"] for event in trace.events]
    check(times == sorted(times), "events out of order")
    outside = trace.one("""SELECT count(*) FROM syscall s JOIN thread t USING (trace_id, thread_id)
        WHERE s.ts_ns < t.start_ns OR (t.end_ns IS NOT NULL AND s.ts_ns > t.end_ns)""")
    equal(outside, 0, "calls outside the life of their thread")


def test_windows(t):
    """--time, --pid, --comm, --syscall choose alike in every command."""
    trace = recording(t)
    def lines(command, *options):
        result = trace.analyze(command, *options)
        equal(result.returncode, 0, f"exit of {command} {options} ({result.stderr})")
        return result.stdout.splitlines()

    def exported(*options):
        return [e for e in map(json.loads, lines("export", "--format", "jsonl", *options)) if e["kind"] == "syscall"]

    equal(len(exported("--syscall", "fsync")), 11, "fsync calls")
    pid = trace.one("SELECT pid FROM process WHERE comm = 'failing'")
    equal({event["tgid"] for event in exported("--pid", str(pid))}, {pid}, "processes of --pid")
    equal(len(exported("--pid", str(pid))), sum(e["tgid"] == pid for e in trace.of("syscall")), "calls of --pid")
    equal({event["tgid"] for event in exported("--comm", "failing")}, {pid}, "processes of --comm")
    replayed = [line for line in lines("replay", "--syscall", "fsync") if "fsync(" in line]
    equal(len(replayed), 11, "fsync lines of replay")


def test_second_load(t):
    """A trace that is in the database is refused; another one is a second trace_id; nothing is left half done."""
    trace, other = t.record(workload("failing")), t.record(workload("first_act"))
    before = trace.one("SELECT count(*) FROM syscall")
    path = trace.path + ".db"
    again = run([harness.ANALYZE, "load", trace.path, path])
    check(again.returncode != 0, "the same trace was loaded twice")
    equal(trace.one("SELECT count(*) FROM syscall"), before, "rows after the refusal")
    equal(run([harness.ANALYZE, "load", other.path, path]).returncode, 0, "exit of the second load")
    equal([row[0] for row in trace.sql("SELECT count(*) FROM syscall GROUP BY trace_id ORDER BY trace_id")], [before, 3],
          "rows of both traces")
    broken = t.write("broken.trc", b"no trace at all")
    check(run([harness.ANALYZE, "load", broken, path]).returncode != 0, "a broken trace was loaded")
    equal(trace.one("SELECT count(*) FROM trace"), 2, "traces after a failed load")
