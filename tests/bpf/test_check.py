# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R28: record --check says what works here, by trying it, and what to do about the rest."""
import json

import harness
from harness import check, equal, run


def findings(*prefix):
    """(exit, {name: finding}) of record --check --format json"""
    result = run([*prefix, harness.RECORD, "--check", "--format", "json"])
    return result.returncode, {finding["name"]: finding for finding in json.loads(result.stdout)}


def test_here(t):
    """As root everything that the tests use is there, and each group was loaded."""
    code, found = findings()
    equal(code, 0, "exit")
    for name in ("btf", "ring-buffer", "task-storage", "privileges", "task", "syscall"):
        equal(found[name]["state"], "yes", name)
        equal(found[name]["remedy"], None, f"remedy of {name}")
    groups = run([harness.RECORD, "--help"]).stdout.partition("Groups of events:\n")[2].partition("\n\n")[0]
    equal([name for name, finding in found.items() if finding["kind"] == "group"],
          [line.split()[0] for line in groups.splitlines()], "groups")


def test_text(t):
    """The table has the same findings in the same order."""
    _, found = findings()
    shown = run([harness.RECORD, "--check"]).stdout
    lines = [line.split() for line in shown.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    equal([tuple(words[:2]) for words in lines], [(name, finding["state"]) for name, finding in found.items()], "lines")


def test_nobody(t):
    """Without privileges: they are what is missing, with the remedy, and no group can be recorded."""
    code, found = findings("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all")
    equal(code, 125, "exit")
    equal(found["privileges"]["state"], "no", "privileges")
    check("CAP_BPF" in found["privileges"]["remedy"], "the remedy names no capability")
    equal({finding["state"] for finding in found.values() if finding["kind"] == "group"}, {"no"}, "groups")


def test_no_btf(t):
    """Without BTF: that is what is missing."""
    code, found = findings("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh")
    equal((code, found["btf"]["state"], found["privileges"]["state"]), (125, "no", "yes"), "exit, btf, privileges")
