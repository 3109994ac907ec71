# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What must hold for the times of every trace."""
import os
import sqlite3

import harness
from harness import check, equal, run

STATES = ("run_user_ns", "run_system_ns", "preempted_ns", "runnable_ns", "sleep_ns", "block_ns", "iowait_ns", "stopped_ns",
          "call_ns", "outside_ns", "unknown_ns")


def sums_are_lives(trace):
    """The states of each thread add up to its life, in every table, and the critical path to that of the command."""
    (whole,) = trace.sql("SELECT start_mono_ns AS start, start_mono_ns + duration_ns AS end, command_pid AS pid FROM trace")
    for row in trace.sql("SELECT t.tid, t.start_ns, t.end_ns, s.* FROM thread t LEFT JOIN thread_time s USING (trace_id, thread_id)"):
        life = min(row["end_ns"] or whole["end"], whole["end"]) - max(row["start_ns"] or 0, whole["start"])
        if row["total_ns"] is None:
            equal(life <= 0, True, f"life of {row['tid']}, which has no row")
            continue
        equal(row["total_ns"], life, f"time of {row['tid']}")
        equal(sum(row[state] for state in STATES), life, f"states of {row['tid']}")
    total = trace.one("SELECT sum(total_ns) FROM thread_time")
    for table in ("process_time", "cgroup_time", "thread_time_series"):
        equal(trace.one(f"SELECT sum(total_ns) FROM {table}"), total, f"sum of {table}")
    equal(trace.one("SELECT sum(time_ns) FROM time_spent"), total, "sum of time_spent")
    waited = trace.one("SELECT sum(sleep_ns + block_ns + iowait_ns) FROM thread_time")
    for table in ("wait", "wait_edge", "wait_by_object"):
        equal(trace.one(f"SELECT coalesce(sum(total_ns), 0) FROM {table}"), waited, f"sum of {table}")
    if whole["pid"]:
        end = trace.one("SELECT max(t.end_ns) FROM thread t JOIN process p USING (trace_id, process_id) WHERE p.pid = ?", whole["pid"])
        for table in ("critical_path", "critical_path_by_process"):
            equal(trace.one(f"SELECT sum(duration_ns) FROM {table}"), end - whole["start"], f"sum of {table}")
        rows = trace.sql("SELECT start_ns, end_ns FROM critical_path ORDER BY segment")
        equal([row["start_ns"] for row in rows], [whole["start"]] + [row["end_ns"] for row in rows[:-1]], "beginnings of segments")


def runs_fit(path, what):
    """Of a file that lacks something: nobody ran longer than there were CPUs, or than it lived. Returns the times by state."""
    database = f"{path}.db"
    if os.path.exists(database):
        os.unlink(database)
    loaded = run([harness.ANALYZE, "load", path, database])
    check(loaded.returncode in (0, 3), f"{what}: exit of load ({loaded.stderr})")
    db = sqlite3.connect(database)
    (cpus, duration), = db.execute("SELECT cpu_count, duration_ns FROM trace")
    times = dict(zip(STATES, next(db.execute("SELECT " + ",".join(f"coalesce(sum({state}), 0)" for state in STATES) + " FROM thread_time"))))
    ran = times["run_user_ns"] + times["run_system_ns"]
    check(ran <= cpus * duration, f"{what}: {ran} ns on {cpus} CPUs in {duration} ns")
    equal(db.execute("SELECT tid, total_ns FROM thread_time WHERE run_user_ns + run_system_ns > total_ns").fetchall(), [], f"{what}: ran too long")
    path_ns, = db.execute("SELECT coalesce(sum(duration_ns), 0) FROM critical_path WHERE state = 'run'").fetchone()
    check(path_ns <= ran, f"{what}: the critical path runs for {path_ns} ns of {ran}")
    db.close()
    return times
