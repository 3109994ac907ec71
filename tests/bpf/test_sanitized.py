# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""S1: tests of each part of the recorder once more, with the address, leak and undefined-behaviour sanitizers in it."""
import harness
from harness import cases, takes

AGAIN = {
    "attach": ["calls", "name", "cgroup", "container", "pid_namespace", "mistake", "command_snapshot"],
    "capability": ["capabilities"],
    "cgroup": ["moves"],
    "check": ["no_btf", "nobody"],
    "counters": ["tasks", "mistake"],
    "faults": ["nobody", "two_capabilities", "planted_link"],
    "filter": ["path"],
    "futex": ["operations"],
    "modes": ["trigger", "max_events", "delay", "planted_link", "control_dump", "full_disk_in_a_rotation", "bad_trigger"],
    "names": ["found"],
    "output": ["mode", "pipe", "concatenation", "existing_file"],
    "stacks": ["calls", "off_cpu", "elsewhere"],
    "tcp": ["connections"],
    "traffic": ["network"],
    "uring": ["requests"],
}
tests_again = harness.again(AGAIN)


@takes(300)
@cases(*tests_again)
def test_again(t, name):
    with harness.sanitized():
        tests_again[name](t)
