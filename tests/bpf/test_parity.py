# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Parity with strace, call by call.

same_run records `strace -f -C CMD` and compares, for each thread of CMD, the sequence of calls and results
that strace wrote with the one in the trace, and strace's table with the counts. two_runs compares the
counts of a run under strace with those of another run under record.
"""
import collections
import errno
import os
import re
import shutil

from harness import Failure, Skip, cases, check, equal, succeed, takes

# Calls that may differ, and why. Nothing else may.
NOT_IN_THE_TABLE = {
    "exit_group": "never returns: strace -C counts returns only",
    "exit": "never returns: strace -C counts returns only",
}
RESULT_NOT_COMPARED = {
    "rt_sigreturn": "has no result: strace prints the register that the signal frame restores as signed, cut to int",
    "exit_group": "never returns: strace prints ?",
    "exit": "never returns: strace prints ?",
}
# Between two runs, in counts.
MAY_DIFFER = {
    ("gcc", "getrandom"): "the name of the assembler file is drawn again when the number is one of the 4.5 % that"
                          " would make some letters likelier",
}

SOURCE = b"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	return printf("%d\\n", argc + atoi(argv[0]));
}
"""


def git_repository(t):
    """Three commits with fixed names, times and contents."""
    where = t.path("repository")
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", HOME=t.directory)
    for role in ("AUTHOR", "COMMITTER"):
        environment.update({f"GIT_{role}_NAME": "A Name", f"GIT_{role}_EMAIL": "name@example.org",
                            f"GIT_{role}_DATE": "2024-02-03T04:05:06Z"})
    succeed(["git", "init", "-q", "-b", "main", where], env=environment)
    for i in range(3):
        with open(os.path.join(where, f"file{i}"), "w") as file:
            file.write(f"line {i}\n" * 100)
        succeed(["git", "-C", where, "add", "."], env=environment)
        succeed(["git", "-C", where, "commit", "-q", "-m", f"commit {i}"], env=environment)
    return where


def command(t, name):
    """The command, and what it makes, to be removed before each run."""
    if not shutil.which(name) and name != "python":
        raise Skip(f"there is no {name}")
    if name == "ls":
        return ["/bin/ls", "-R", "/usr/include"], []
    if name == "python":
        return ["/usr/bin/python3", "-B", "-I", "-c", "import json, decimal; print(json.dumps([1, 2]))"], []
    if name == "gcc":
        t.write("hello.c", SOURCE)
        return ["gcc", "-O1", "-c", t.path("hello.c"), "-o", t.path("hello.o")], ["hello.o"]
    if name == "git":
        return ["git", "-C", git_repository(t), "--no-pager", "log", "--stat"], []
    if name == "tar":
        return ["tar", "-cf", t.path("x.tar"), "-C", "/usr/include", "linux"], ["x.tar"]
    if name == "sqlite3":
        script = "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4); SELECT sum(a * b) FROM t;"
        return ["sqlite3", t.path("x.db"), script], ["x.db"]
    raise Failure(name)


def environment(t):
    """Nothing of the caller's, so that every run is the same."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": t.directory, "TMPDIR": t.directory, "PYTHONHASHSEED": "0",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


FIXED = ["setarch", "-R"]  # addresses decide how often a heap grows
ALL = ("ls", "python", "gcc", "git", "tar", "sqlite3")


def result_of(text):
    """strace's result as a number; None where it says none."""
    word = text.split()[0] if text.split() else "?"
    if word == "?":
        restart = re.search(r"\? (ERESTART\w+)", text)
        codes = {"ERESTARTSYS": -512, "ERESTARTNOINTR": -513, "ERESTARTNOHAND": -514, "ERESTART_RESTARTBLOCK": -516}
        return codes[restart[1]] if restart else None
    if word == "-1":
        return -getattr(errno, text.split()[1])
    return int(word, 0)


def read_strace(path):
    """(calls per tid as [name, result], the table of -C)."""
    calls, table = collections.defaultdict(list), {}
    with open(path, errors="backslashreplace") as file:
        for line in file:
            call = re.match(r"(\d+) +(\w+)\(", line)
            resumed = re.match(r"(\d+) +<\.\.\. (\w+) resumed>", line)
            row = re.match(r" *[\d.]+ +[\d.]+ +\d* +(\d+) +(?:\d+ +)?(\w+)$", line)
            if row and row[2] != "total":
                table[row[2]] = int(row[1])
                continue
            if call:
                calls[int(call[1])].append([call[2], None])
            if (call or resumed) and not line.rstrip().endswith("<unfinished ...>"):
                tid = int((call or resumed)[1])
                result = line.rpartition(") ")[2].strip()
                calls[tid][-1][1] = result_of(result.lstrip("= "))
    return calls, table


def recorded_calls(trace):
    """Calls per tid as [name, result], in the order in which they began."""
    calls = collections.defaultdict(list)
    rows = trace.sql("""SELECT t.tid, s.name, s.ret, s.errno FROM syscall s JOIN thread t USING (trace_id, thread_id)
        ORDER BY s.ts_ns, s.rowid""")
    for row in rows:
        calls[row["tid"]].append([row["name"], row["ret"]])
    return calls


def after_exec(calls):
    """What a thread did from its first successful execve on."""
    for i, (name, result) in enumerate(calls):
        if name == "execve" and result == 0:
            return calls[i:]
    return []


def counts(calls):
    return dict(collections.Counter(name for thread in calls.values() for name, _ in thread))


def comparable(calls):
    return [(name, None if name in RESULT_NOT_COMPARED else result) for name, result in calls]


@takes(300)
@cases(*ALL)
def test_same_run(t, name):
    """Each call of each thread, with its result, as strace saw it in this very run."""
    argv, made = command(t, name)
    env = environment(t)
    succeed(argv, env=env, cwd=t.directory)
    for file in made:
        os.unlink(t.path(file))
    trace = t.record("strace", "-f", "-C", "-o", t.path("strace.txt"), "--", *argv, env=env)
    seen, table = read_strace(t.path("strace.txt"))
    recorded = recorded_calls(trace)
    tracer = trace.of("exec")[0]["tid"]
    check(seen, "strace saw nothing")
    first = next(iter(seen))
    # strace's child waits for its tracer before it becomes the command; those calls are strace's.
    recorded[first] = after_exec(recorded[first])
    # strace tries its ptrace on children of its own, which are no program.
    helpers = set(recorded) - set(seen) - {tracer}
    parents = {event["child_tid"]: event["tid"] for event in trace.of("task_new")}
    for tid in helpers:
        equal(parents.get(tid), tracer, f"parent of {tid}, which strace did not see")
        check(tid not in {event["tid"] for event in trace.of("exec")}, f"{tid} is a program that strace did not see")
    for tid, calls in seen.items():
        expected, actual = comparable(calls), comparable(recorded[tid])
        if actual != expected:
            at = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
            raise Failure(f"thread {tid}, call {at}: recorded {actual[at:at + 5]}, strace has {expected[at:at + 5]}"
                          f" ({len(actual)} and {len(expected)} calls)")
    total = counts({tid: recorded[tid] for tid in seen})
    equal({call: n for call, n in total.items() if call not in NOT_IN_THE_TABLE},
          {call: n for call, n in table.items() if call not in NOT_IN_THE_TABLE}, "counts of strace's table")


@takes(300)
@cases(*ALL)
def test_two_runs(t, name):
    """The counts of a run under strace are those of a run under record."""
    argv, made = command(t, name)
    env = environment(t)

    def fresh():
        for file in made:
            if os.path.exists(t.path(file)):
                os.unlink(t.path(file))

    succeed(argv, env=env, cwd=t.directory)
    fresh()
    succeed([*FIXED, "strace", "-f", "-o", t.path("strace.txt"), "--", *argv], env=env, cwd=t.directory)
    seen, _ = read_strace(t.path("strace.txt"))
    fresh()
    trace = t.record(*FIXED, *argv, env=env)
    recorded = recorded_calls(trace)
    # The command's own process: what setarch did before it is not the command's.
    main = trace.of("exec")[0]["tid"]
    recorded[main] = after_exec(recorded[main][1:])
    equal(len(recorded), len(seen), "threads")

    def fixed(calls):
        return {call: n for call, n in counts(calls).items() if (name, call) not in MAY_DIFFER}

    equal(fixed(recorded), fixed(seen), "counts")
    equal(set(counts(recorded)), set(counts(seen)), "names")
