# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The second reader, written from FORMAT.md in another language, finds in every trace what analyze finds."""
import glob
import json
import os

import harness
from harness import Skip, cases, check, equal, run, takes, workload

TRACES = os.path.join(harness.ROOT, "samples", "traces")
SAMPLES = sorted(os.path.basename(path) for path in glob.glob(os.path.join(TRACES, "*.trc")))


def agree(path):
    """Every field of every event, in the same order; returns how many there are."""
    analyze = run([harness.ANALYZE, "export", "--format", "jsonl", path])
    reader = run(["/usr/bin/python3", "-B", os.path.join(harness.ROOT, "tests", "reader.py"), "--check", path])
    equal((reader.returncode, reader.stderr), (0, ""), "exit and stderr of reader.py")
    equal(analyze.returncode, 0, f"exit of export ({analyze.stderr})")
    ours = [json.loads(line) for line in analyze.stdout.splitlines()]
    theirs = [json.loads(line) for line in reader.stdout.splitlines()]
    for number, (our, their) in enumerate(zip(ours, theirs), 1):
        equal(our, their, f"event {number} of export against reader.py")
    equal(len(ours), len(theirs), "events of export against reader.py")
    return len(ours)


@cases(*SAMPLES)
def test_sample(t, name):
    check(agree(os.path.join(TRACES, name)) > 3, "an empty sample")


def recording(t, *command, options=()):
    if not harness.bpf_works():
        raise Skip(harness.bpf_works().reason)
    return t.record(*command, options=options)


@takes(200)
def test_many_chunks(t):
    """Several chunks in each stream, merged."""
    trace = recording(t, workload("storm"), "30011")
    check(agree(trace.path) > 60_000, "few events")


def test_losses(t):
    """A trace with losses."""
    trace = recording(t, workload("storm"), "30011", options=["-b", "4K"])
    check(agree(trace.path) > 100, "few events")
    check(trace.of("lost"), "nothing was lost: the test shows nothing")


def test_hidden_calls(t):
    """A trace with a filter: both show what is only there for the names."""
    trace = recording(t, workload("failing"), options=["-e", "fsync"])
    check(agree(trace.path) > 20, "few events")


def test_sections(t):
    """Two traces in one file."""
    first, second = recording(t, workload("first_act")), recording(t, workload("children"), "fork", "11")
    with open(first.path, "rb") as a, open(second.path, "rb") as b:
        both = t.write("both.trc", a.read() + b.read())
    equal(agree(both), len(first.events) + len(second.events), "events of both")
