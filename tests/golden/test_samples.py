# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The samples give the reports that stand beside them, byte for byte, without root, on any machine."""
import atexit
import functools
import glob
import os
import shutil
import tempfile

import harness
from harness import cases, check, equal, run

TRACES = os.path.join(harness.ROOT, "samples", "traces")
COMMANDS = ("report", "tree", "info", "replay")


def expected():
    return sorted(os.path.basename(path) for path in glob.glob(os.path.join(TRACES, "*"))
                  if path.rpartition(".")[2] in COMMANDS)


@functools.cache
def public():
    """The traces and the programs where every user can read them."""
    place = tempfile.mkdtemp(prefix="trc-samples-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.chmod(place, 0o755)
    for path in glob.glob(os.path.join(TRACES, "*.trc")):
        shutil.copy(path, place)
        os.chmod(os.path.join(place, os.path.basename(path)), 0o644)
    for build, name in ((harness.BUILD, "plain"), (harness.SANITIZE, "sanitized")):
        if build:
            shutil.copy(os.path.join(build, "analyze"), os.path.join(place, name))
            os.chmod(os.path.join(place, name), 0o755)
    return place


def same(program, name):
    """What an ordinary user, who can write nothing, gets to see."""
    stem, _, command = name.rpartition(".")
    arguments = [os.path.join(public(), program), command, f"{stem}.trc"]
    if not os.geteuid():
        arguments = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *arguments]
    result = run(arguments, cwd=public(), env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8"})
    equal(result.returncode, 0, f"exit ({result.stderr})")
    with open(os.path.join(TRACES, name), errors="backslashreplace") as file:
        wanted = file.read()
    if result.stdout != wanted:
        pairs = list(zip(result.stdout.splitlines() + ["(the end)"], wanted.splitlines() + ["(the end)"]))
        line, (found, hoped) = next((i, pair) for i, pair in enumerate(pairs, 1) if pair[0] != pair[1])
        raise harness.Failure(f"line {line} is not as expected\n is: {found}\nnot: {hoped}")


@cases(*expected())
def test_expected(t, name):
    same("plain", name)


@cases(*expected())
def test_expected_sanitized(t, name):
    """S1: the same under the sanitizers."""
    if not harness.SANITIZE:
        raise harness.Skip("no build with sanitizers")
    same("sanitized", name)


def test_samples_are_small(t):
    """Less than 100 KB each."""
    for path in glob.glob(os.path.join(TRACES, "*.trc")):
        check(os.path.getsize(path) < 100_000, f"{path} has {os.path.getsize(path)} bytes")


def test_nothing_of_the_machine(t):
    """No host name, machine id, boot id or directory of the machine that recorded them."""
    found = sorted(glob.glob(os.path.join(TRACES, "*.trc")))
    check(found, "no samples")
    for path in found:
        text = "".join(run([harness.ANALYZE, *command, os.path.basename(path)], cwd=TRACES).stdout
                       for command in (["info"], ["export", "--format", "jsonl"]))
        check(" example\n" in text, f"{path}: the host is not example")
        for word in ("/root", "/home", "/work", "/tmp/build"):
            check(word + "/" not in text, f"{path} holds {word}")
