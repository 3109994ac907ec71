# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every nanosecond of every thread of every sample is accounted for."""
import glob
import os
import shutil

import harness
from harness import cases, check, equal
from span_sums import STATES, sums_are_lives

TRACES = os.path.join(harness.ROOT, "samples", "traces")


@cases(*sorted(os.path.basename(path) for path in glob.glob(os.path.join(TRACES, "*.trc"))))
def test_sums(t, name):
    trace = harness.Trace(shutil.copy(os.path.join(TRACES, name), t.path(name)))
    sums_are_lives(trace)
    check(trace.one("SELECT count(*) FROM thread_time") > 0, "no threads")
    for state in ("call_ns", "outside_ns", "unknown_ns"):
        check(not trace.one(f"SELECT sum({state}) FROM thread_time"), f"{state}, though nothing is missing")
    begun = {event["child_tid"] for event in trace.of("task_new")} | {event["tid"] for event in trace.of("task_found")}
    begun -= {event["old_tid"] for event in trace.of("exec")} - {event["tid"] for event in trace.of("exec")}  # took the leader's
    ids = "".join(f"{row['open_file_id']},{row['object_id']}\n" for row in trace.sql("SELECT open_file_id, object_id FROM fd ORDER BY 1"))
    alone = trace.analyze("report", "fd", "--columns", "open_file_id,object_id", "--sort", "open_file_id:asc", "--format", "csv").stdout
    equal(alone.partition("\n")[2], ids, "numbers of what was opened, where nobody asks for waits")
    equal({row["tid"] for row in trace.sql("SELECT tid FROM thread")}, begun, "threads: who only ran beside one, or sent it a signal, is none")


def test_windows(t):
    """The parts of time add up to the whole."""
    trace = harness.Trace(shutil.copy(os.path.join(TRACES, "shell.trc"), t.path("shell.trc")))
    whole, parts = [trace.one(f"SELECT sum({state}) FROM thread_time") for state in STATES], [0] * len(STATES)
    edges = ["0", "0.00123", "0.0043", "0.0111", "1"]
    for window in zip(edges, edges[1:]):
        out = trace.analyze("report", "thread_time", "--time", ",".join(window), "--columns", ",".join(STATES), "--format", "csv")
        for line in out.stdout.splitlines()[1:]:
            parts = [part + int(value) for part, value in zip(parts, line.split(","))]
    check(parts == whole, f"{parts}, not {whole}")


def test_interrupted(t):
    """Whom a soft interrupt interrupts when a disk is done has ended no wait."""
    trace = harness.Trace(shutil.copy(os.path.join(TRACES, "kernel.trc"), t.path("kernel.trc")))
    contexts = trace.sql("SELECT DISTINCT max_context, max_waker_tid FROM wait WHERE object = '/srv/slow/pages' AND call = 'pread64'")
    equal([tuple(row) for row in contexts], [("softirq", None)], "what ended the longest")
    lines = trace.analyze("replay", "--waits").stdout.splitlines()
    waits = [line for line in lines if "pread64" in line and "waiting for /srv/slow/pages" in line]
    check(waits and not any("ended by" in line for line in waits), f"waits for the file: {waits}")
    check(any("ended by" in line for line in lines), "none of the other waits has who ended it")
