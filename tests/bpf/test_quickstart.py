# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The one command of the README, in a fresh copy of the tree: it installs, builds, records a real build and
shows a report. Then the same trace is asked everything else."""
import collections
import contextlib
import json
import os
import re
import sqlite3
import subprocess

import harness
from harness import check, copy_tree, equal, run, takes


@takes(600)
def test_quickstart(t):
    tree = t.path("tree")
    copy_tree(tree)
    result = run([os.path.join(tree, "samples", "quickstart.sh")], cwd="/", timeout=580)
    equal(result.returncode, 0, f"exit\n{result.stdout}\n{result.stderr}")
    check("\x1b" not in result.stdout, "colours that are not for a terminal")
    for word in ("cc1", "wait4", "analyze tree"):
        check(word in result.stdout, f"no {word} in what it shows:\n{result.stdout}")
    built = os.path.join(tree, "build", "quickstart")
    answers_of_sqlite(result.stdout, os.path.join(built, "build.db"))
    a_real_build(harness.Trace(os.path.join(built, "build.trc")), t)


def answers_of_sqlite(shown, path):
    """Both questions are answered, by what another reader finds in the database."""
    asked = re.findall(r"^sqlite> ([^;]+);\n.*\n[- ]+\n((?:.+\n)+)", shown, re.M)
    equal(len(asked), 2, f"questions in what it shows:\n{shown}")
    with contextlib.closing(sqlite3.connect(path)) as db:
        for question, answer in asked:
            expected = [list(map(str, row)) for row in db.execute(question)]
            equal(len(expected), 5, f"rows of {question}")
            equal([re.split(r" {2,}", line.rstrip()) for line in answer.splitlines()], expected, question)


def a_real_build(trace, t):
    info = trace.analyze("info").stdout
    check(re.search(r"^lost_count +0$", info, re.M), f"events were lost:\n{info}")
    births = collections.Counter()
    with subprocess.Popen([harness.ANALYZE, "export", "--kind", "task_new", trace.path], stdout=subprocess.PIPE) as export:
        for line in export.stdout:
            fields = json.loads(line)["fields"]
            births[fields["child_tid"] == fields["child_tgid"]] += 1
    equal(trace.one("SELECT count(*) FROM process"), births[True] + 1, "processes")
    equal(trace.one("SELECT count(*) FROM thread"), births[True] + births[False] + 1, "threads")
    equal(trace.one("SELECT count(*) FROM process WHERE end_ns IS NULL"), 0, "processes without an end")
    equal(trace.one("SELECT exit_code FROM trace"), 0, "exit code")
    sources = sum(name.endswith(".c") and name.startswith(("common/", "analyze/")) for name in harness.tree_files())
    compilers = trace.one("SELECT count(*) FROM process WHERE comm = 'cc1' AND exit_code = 0")
    check(compilers >= sources, f"{compilers} runs of cc1 for {sources} files")
    # The parts are the whole.
    equal(trace.one("SELECT sum(count) FROM syscall_stats"), trace.one("SELECT count(*) FROM syscall"), "calls")
    wrong = trace.sql("""SELECT s.name, s.count, c.n FROM
        (SELECT name, sum(count) AS count, sum(total_ns) AS total FROM syscall_stats GROUP BY name) s JOIN
        (SELECT name, count(*) AS n, sum(duration_ns) AS total FROM syscall GROUP BY name) c USING (name)
        WHERE s.count <> c.n OR s.total IS NOT c.total""")
    equal([tuple(row) for row in wrong], [], "calls by name that differ")
    tree = trace.analyze("tree").stdout
    check(tree.count("cc1[") >= sources, "the tree does not show the compilers")
    # `replay | head`: a reader that goes away is no error to talk about.
    head = run(["sh", "-c", f"'{harness.ANALYZE}' replay '{trace.path}' | head -n 5"])
    equal((len(head.stdout.splitlines()), head.stderr), (5, ""), "replay | head")
    check("execve(" in head.stdout, f"replay does not begin with the execve: {head.stdout}")
