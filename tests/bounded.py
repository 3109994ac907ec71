# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""analyze under limits: what a small file that was made to cost much may cost."""
import functools
import resource

import harness
from harness import equal

CPU_S = 20  # each file of these tests takes a second or two, and takes a minute, or gigabytes, without what they prove
MEMORY = 1 << 30


def limit(cpu_s=CPU_S):
    seconds = int(cpu_s * harness.SLOWER)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def analyze(*arguments, cpu_s=CPU_S):
    result = harness.run([harness.ANALYZE, *arguments], preexec_fn=functools.partial(limit, cpu_s))
    equal(result.returncode, 0, f"exit of analyze {harness.shorten(arguments)} ({result.stderr[-500:]})")
    return result.stdout
