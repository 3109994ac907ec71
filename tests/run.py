#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Finds the tests, runs those that record beside those that read, prints a line for each and counts them.

A test is
  - a CTest test (tests/unit): run in the plain build and in the one with sanitizers;
  - a function test_NAME(t) in a file tests/*/test_*.py; @cases() of harness.py makes several of it.
Files in tests/bpf need BPF: there a skipped test is a failure wherever BPF works, but with --foreign.

Tests that record compare with what the kernel says of the same moment, beside other tests and on machines whose host
takes CPUs away. A few of them that failed are run once more, alone; what passes only then is named at the end.
"""
import argparse
import collections
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, TESTS)

import harness  # noqa: E402


class Unit:
    """One CTest test in one build."""

    def __init__(self, build, label, name, command):
        self.name = f"unit{label}/{name}"
        self.build, self.command = build, command
        self.needs_bpf = False
        self.seconds = 300

    def run(self, directory):
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
        result = harness.run(self.command, cwd=directory, env=env, timeout=self.seconds)
        if result.returncode:
            raise harness.Failure(f"exit {result.returncode}\n{result.stdout}{result.stderr}")


class Function:
    """One Python function, with one of its cases."""

    def __init__(self, path, function, case):
        folder = os.path.basename(os.path.dirname(path))
        module = os.path.splitext(os.path.basename(path))[0].removeprefix("test_")
        self.name = f"{folder}/{module}.{function.__name__.removeprefix('test_')}"
        if case is not None:
            self.name += f"[{case}]"
        self.function, self.case = function, case
        self.needs_bpf = folder == "bpf"
        self.seconds = getattr(function, "seconds", 120)

    def run(self, directory):
        t = harness.Test(directory)
        if self.case is None:
            self.function(t)
        else:
            self.function(t, self.case)


def unit_tests(build, label):
    if not os.path.exists(os.path.join(build, "CTestTestfile.cmake")):
        return []
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, capture_output=True, text=True, check=True)
    return [Unit(build, label, test["name"].removeprefix("test_"), test["command"])
            for test in json.loads(listing.stdout)["tests"]]


def function_tests():
    tests = []
    for folder in sorted(os.listdir(TESTS)):
        path = os.path.join(TESTS, folder)
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            if not re.fullmatch(r"test_\w+\.py", name):
                continue
            file = os.path.join(path, name)
            spec = importlib.util.spec_from_file_location(f"{folder}_{name[:-3]}", file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for attribute, function in vars(module).items():
                if attribute.startswith("test_") and callable(function):
                    for case in getattr(function, "cases", [None]):
                        tests.append(Function(file, function, case))
    return tests


def expired(number, frame):
    raise harness.Failure("took too long")


AGAIN_MAX = 5  # more failures are no accidents


def run_one(test, logs, bpf_works, foreign):
    """Returns (outcome, reason, details for a person, where it happened)."""
    if test.needs_bpf and not bpf_works:
        return "skip", bpf_works.reason, "", ""
    directory = os.path.join(logs, "work", re.sub(r"[^\w.-]", "_", test.name))
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(test.seconds * harness.SLOWER)
    try:
        test.run(directory)
        outcome = "ok", "", "", ""
    except harness.Skip as skip:
        if test.needs_bpf and not foreign:
            outcome = "FAIL", f"skipped where BPF works: {skip}", "", ""
        else:
            outcome = "skip", str(skip), "", ""
    except harness.Failure as failure:
        first, _, more = str(failure).partition("\n")
        outcome = "FAIL", first, more, traceback.format_exc()
    except Exception as error:  # a broken test is a failed one
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        outcome = "FAIL", first, traceback.format_exc(), ""
    finally:
        signal.alarm(0)
        harness.end_children()
    if outcome[0] != "FAIL":
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def run_lane(tests, logs, bpf_works, foreign):
    """Runs tests one after the other; how many had which outcome, and the names of those that failed."""
    counts, failed = collections.Counter(), []
    for test in tests:
        begin = time.monotonic()
        outcome, reason, details, where = run_one(test, logs, bpf_works, foreign)
        seconds = time.monotonic() - begin
        counts[outcome] += 1
        lines = [" ".join(part for part in (outcome, test.name, reason, f"({seconds:.1f} s)" if seconds >= 1 else "") if part)]
        if outcome == "FAIL":
            failed.append(test.name)
            log = os.path.join(logs, re.sub(r"[^\w.-]", "_", test.name) + ".log")
            with open(log, "w", errors="backslashreplace") as file:
                file.write(f"{reason}\n{details}\n{where}")
            lines += ["    " + line[:400] for line in details.splitlines()[:40]]
        print("\n".join(lines), flush=True)
    return counts, failed


def start_lane(tests, logs, bpf_works, foreign):
    """
    A process that runs these tests beside the others: what records has one CPU, what only reads the other. The end of
    the pipe that it reports to. Processes that a test leaves behind are its own, not those of the other lane.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return reading
    os.close(reading)
    harness.adopt_orphans()
    os.nice(0 if tests[0].needs_bpf else 5)
    os.write(writing, json.dumps(run_lane(tests, logs, bpf_works, foreign)).encode())
    os._exit(0)


def run_lanes(lanes, logs, bpf_works, foreign):
    """All lanes at once, to their end. A lane that died counts as a failure."""
    counts, failed = collections.Counter(), []
    for report in [start_lane(lane, logs, bpf_works, foreign) for lane in lanes]:
        with open(report) as file:
            one, names = json.loads(file.read() or '[{"FAIL": 1}, []]')
        counts.update(one)
        failed += names
    return counts, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--sanitize")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-k", dest="pattern", default="")
    parser.add_argument("--foreign", action="store_true", help="another kernel: what it cannot do is skipped, not failed")
    parser.add_argument("--slower", type=int, default=1, metavar="N", help="time limits are N times as long")
    args = parser.parse_args()
    # In the background of a shell, or under nohup, these are ignored, and so they would be in every command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_DFL)
    logs = os.path.join(args.build, "logs")
    os.makedirs(logs, exist_ok=True)
    harness.configure(args.build, args.sanitize, args.slower)

    tests = function_tests() + unit_tests(args.build, "")
    if args.sanitize:
        tests += unit_tests(args.sanitize, "-sanitize")
    tests = [test for test in tests if re.search(args.pattern, test.name)]
    tests.sort(key=lambda test: (test.needs_bpf, not test.name.startswith("unit"), test.name))
    if args.list:
        print("\n".join(test.name for test in tests))
        return 0

    bpf_works = harness.bpf_works()
    lanes = [lane for lane in ([test for test in tests if test.needs_bpf], [test for test in tests if not test.needs_bpf]) if lane]
    counts, again = run_lanes(lanes if os.cpu_count() > 1 else [tests], logs, bpf_works, args.foreign)
    again = [test for test in tests if test.needs_bpf and test.name in again]
    if 0 < len(again) <= AGAIN_MAX:
        print(f"once more, alone: {' '.join(test.name for test in again)}", flush=True)
        second, failed = run_lanes([again], logs, bpf_works, args.foreign)
        counts.update(second)
        counts["FAIL"] -= len(again)
        passed = [test.name for test in again if test.name not in failed]
        print(f"passed only when run once more, alone: {' '.join(passed) or 'none'}")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
