# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R28: kernels differ in which programs they take; so each form that options give to the programs is loaded once."""
from harness import cases, equal

WAYS = {
    "default": [],
    "path": ["--path", "/etc"],
    "few": ["-e", "openat", "--min-duration", "1ms"],
    "groups": ["--events", "all"],
    "stacks": ["-g", "all"],
    "sample": ["--sample", "getppid=5"],
    "failed": ["--failed"],
    "payload": ["--env", "-s", "4096"],
    "comm": ["--comm", "sh", "--events", "+signal,+fault"],
    "everything": ["--events", "all", "-g", "all", "--path", "/etc", "--sample", "getppid=3"],
}


@cases(*WAYS)
def test_ways(t, way):
    trace = t.record("/bin/sh", "-c", "/bin/true; exit 7", options=WAYS[way], code=7)
    equal([event["exit_code"] >> 8 for event in trace.of("task_exit")], [0, 7], "exit codes")
