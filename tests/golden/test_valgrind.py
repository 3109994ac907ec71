# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Valgrind sees what the sanitizers do not: memory that was never written, and what is never freed. Over all samples."""
import glob
import os
import shutil

import harness
from harness import Skip, cases, check, equal, run, takes

TRACES = os.path.join(harness.ROOT, "samples", "traces")
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"]
COMMANDS = {"report": ["report", "--all"], "replay": ["replay", "--waits"], "load": ["load"]}


@cases(*COMMANDS)
@takes(400)
def test_samples(t, command):
    if not shutil.which("valgrind"):
        raise Skip("there is no valgrind")
    samples = sorted(glob.glob(os.path.join(TRACES, "*.trc")))
    check(samples, "no samples")
    for sample in samples:
        database = [t.path(os.path.basename(sample) + ".db")] if command == "load" else []
        result = run(VALGRIND + [harness.ANALYZE] + COMMANDS[command] + [sample] + database)
        equal((result.returncode, "==" in result.stderr), (0, False), f"{os.path.basename(sample)}: {result.stderr[-2000:]}")
