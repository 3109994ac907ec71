# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""analyze load that fails: the database is as it was, and nothing is left beside it."""
import os
import resource
import shutil
import signal
import sqlite3

import harness
from harness import cases, check, equal, run, start, succeed

SAMPLES = os.path.join(harness.ROOT, "samples", "traces")


def sample(name):
    return os.path.join(SAMPLES, f"{name}.trc")


def limit(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def load(name, database, **options):
    return run([harness.ANALYZE, "load", sample(name), database], **options)


def test_limit(t):
    """A database may not be as large as it has to be."""
    os.mkdir(t.path("d"))
    new, old = t.path("d/new.db"), t.path("d/old.db")
    result = load("kernel", new, preexec_fn=limit(100_000))
    equal(result.returncode, 2, f"exit ({result.stderr})")
    check("cannot" in result.stderr, f"no reason: {result.stderr}")
    equal(os.listdir(t.path("d")), [], "files that are left")
    succeed([harness.ANALYZE, "load", sample("children"), old])
    shutil.copy(old, t.path("copy.db"))
    result = load("kernel", old, preexec_fn=limit(os.path.getsize(old)))
    equal(result.returncode, 2, f"exit ({result.stderr})")
    equal(os.listdir(t.path("d")), ["old.db"], "files that are left")
    with open(old, "rb") as one, open(t.path("copy.db"), "rb") as other:
        check(one.read() == other.read(), "the database has changed")


@cases("SIGHUP", "SIGINT", "SIGTERM")
def test_signal(t, name):
    number = getattr(signal, name)
    os.mkdir(t.path("d"))
    for _ in range(5):
        process = start([harness.ANALYZE, "load", sample("kernel"), t.path("d/new.db")])
        while process.poll() is None and not os.listdir(t.path("d")):
            pass
        process.send_signal(number)
        process.communicate()
        files = os.listdir(t.path("d"))
        if process.returncode:
            equal((process.returncode, files), (-number, []), "exit, and files that are left")
            return
        equal(files, ["new.db"], "files that are left")
        os.unlink(t.path("d/new.db"))


def test_nohup(t):
    result = load("children", t.path("new.db"), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    equal(result.returncode, 0, f"exit ({result.stderr})")
    equal(sqlite3.connect(t.path("new.db")).execute("SELECT count(*) FROM trace").fetchall(), [(1,)], "traces")
