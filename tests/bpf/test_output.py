# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R27: the file that a recording makes: whose, how, where, never over another."""
import os
import stat

import harness
from harness import check, equal, run, succeed, workload


def record(path, *options, **run_options):
    return run([harness.RECORD, "-q", "-o", path, *options, "--", workload("first_act")], **run_options)


def test_mode(t):
    """0600 whatever the umask."""
    old = os.umask(0)
    try:
        trace = t.record(workload("first_act"))
    finally:
        os.umask(old)
    equal(stat.S_IMODE(os.stat(trace.path).st_mode), 0o600, "mode")


def test_existing_file(t):
    """An existing trace is refused by name; --force replaces it; nothing else ran."""
    path = t.record(workload("first_act")).path
    with open(path, "rb") as file:
        before = file.read()
    result = run([harness.RECORD, "-o", path, "--", "touch", t.path("ran")])
    equal(result.returncode, 125, "exit")
    check(path in result.stderr and "--force" in result.stderr, f"no name or no remedy: {result.stderr}")
    check(not os.path.exists(t.path("ran")), "the command ran")
    with open(path, "rb") as file:
        equal(file.read(), before, "the old trace")
    equal(record(path, "--force").returncode, 0, "exit with --force")
    with open(path, "rb") as file:
        check(file.read() != before, "--force replaced nothing")


def test_link(t):
    """Never through a symbolic link, not even with --force."""
    target = t.write("target", b"precious\n")
    os.symlink(target, t.path("link.trc"))
    for options in ((), ("--force",)):
        result = record(t.path("link.trc"), *options)
        with open(target, "rb") as file:
            equal(file.read(), b"precious\n", "the link's target")
        if not options:
            equal(result.returncode, 125, "exit")
    os.symlink(t.path("nowhere"), t.path("dangling.trc"))
    record(t.path("dangling.trc"))
    check(not os.path.exists(t.path("nowhere")), "a file was made behind a dangling link")


def test_missing_directory(t):
    """One line that names the directory; the command does not run."""
    result = run([harness.RECORD, "-o", t.path("no/such/x.trc"), "--", "touch", t.path("ran")])
    equal(result.returncode, 125, "exit")
    equal(len(result.stderr.splitlines()), 1, "lines on stderr")
    check(t.path("no/such") in result.stderr, f"the directory is not named: {result.stderr}")
    check(not os.path.exists(t.path("ran")), "the command ran")


def test_pipe(t):
    """-o - : the trace goes to stdout, whole; analyze reads it from a pipe."""
    result = run([harness.RECORD, "-q", "-o", "-", "--", workload("children"), "fork", "13"], text=False, errors=None)
    equal(result.returncode, 0, "exit")
    trace = harness.Trace(t.write("x.trc", result.stdout))
    equal(sorted(call["arg1"] for call in trace.markers()), list(range(13)), "markers")
    piped = run([harness.ANALYZE, "report", "-"], input=result.stdout, stdin=None, text=False, errors=None)
    equal(piped.returncode, 0, "exit of report -")
    check(b"getpriority" in piped.stdout, "report - shows nothing")


def test_sudo_owner(t):
    """Under sudo the file belongs to the user who asked."""
    os.chmod(t.directory, 0o777)
    environment = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    path = t.path("x.trc")
    result = run([harness.RECORD, "-q", "-o", path, "--", "/bin/true"], env=environment, cwd=t.directory)
    equal(result.returncode, 0, f"exit ({result.stderr})")
    equal((os.stat(path).st_uid, os.stat(path).st_gid), (65534, 65534), "owner")


def test_default_name(t):
    """Without -o the trace is trace.trc in the current directory, which is said; a second one is refused."""
    result = run([harness.RECORD, "--", workload("first_act")], cwd=t.directory)
    equal(result.returncode, 0, "exit")
    check(os.path.exists(t.path("trace.trc")), "no trace.trc")
    check("trace.trc" in result.stderr, f"trace.trc is not named: {result.stderr}")
    equal(run([harness.RECORD, "--", "/bin/true"], cwd=t.directory).returncode, 125, "exit of the second")


def test_concatenation(t):
    """`cat a b` is a trace with both."""
    first, second = t.record(workload("first_act"), "5"), t.record(workload("first_act"), "7")
    path = t.path("both.trc")
    with open(path, "wb") as file:
        succeed(["cat", first.path, second.path], stdout=file)
    equal([call["arg1"] for call in harness.Trace(path).markers()], [5, 7], "markers")
