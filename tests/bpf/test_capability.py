# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: capability checks."""
import errno
import os

from harness import Skip, equal, workload

NET_RAW, SYS_CHROOT = 13, 18


def test_capabilities(t):
    trace = t.record(workload("capabilities"), options=["--events", "+capability"], code=None)
    if "missing_hooks" in trace.analyze("info").stdout:
        raise Skip("this kernel does not tell of capability checks")
    if trace.result.returncode:
        raise Skip(f"no user namespaces: {trace.result.stderr}")
    who = {name: (int(pid), int(namespace)) for name, pid, namespace in
           (line.split() for line in trace.result.stdout.splitlines())}
    first, own = who["root"][1], who["own"][1]

    def checks(name, capability):
        return [(event["result"], event["user_ns"], event["granted_ns"]) for event in trace.of("capability_check")
                if event["tgid"] == who[name][0] and event["capability"] == capability]

    denied = -errno.EPERM
    equal(checks("root", SYS_CHROOT), [(0, first, first)] * 19, "as root")
    equal(checks("nobody", SYS_CHROOT), [(denied, first, 0)] * 23, "as nobody")
    equal(checks("nobody", NET_RAW), [(denied, first, 0)] * 13, "raw sockets")
    equal(checks("own", SYS_CHROOT), [(0, own, own)] * 7, "in a namespace of its own")
    # The calls agree: as many failed as checks.
    failed = [call for call in trace.calls("chroot") if call["ret"] == denied]
    equal(len(failed), 23, "calls that failed")
    equal(os.stat("/proc/self/ns/user").st_ino, first, "the namespace that this test is in")
