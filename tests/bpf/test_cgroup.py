# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: moves between cgroups, freezing."""
import os

from harness import Skip, equal, item, workload

THAW_ASKED, FREEZE_ASKED, THAWED, FROZEN = range(4)


def unified():
    """Where the unified hierarchy is mounted, and this process's own cgroup in it."""
    with open("/proc/self/mounts") as file:
        mounts = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
    with open("/proc/self/cgroup") as file:
        own = [line.strip()[3:] for line in file if line.startswith("0::")]
    if not mounts or not own:
        raise Skip("no unified hierarchy")
    return mounts[0], own[0]


def path_of(event):
    return item(event, "path")["data"]


def test_moves(t):
    mount, own = unified()
    name = f"trc-test-{os.getpid()}"
    directory = os.path.join(mount, own.lstrip("/"), name)
    try:
        os.mkdir(directory)
    except OSError as error:
        raise Skip(f"no cgroup can be made: {error}") from None
    try:
        trace = t.record(workload("cgroups"), directory, options=["--events", "+cgroup"])
    finally:
        os.rmdir(directory)
    pid, child, a, b = map(int, trace.result.stdout.split())
    top = os.stat(os.path.dirname(directory))
    below = own.rstrip("/") + "/" + name

    moves = trace.of("cgroup_move")
    expected = [(pid, (b if i % 2 else a), below + ("/b" if i % 2 else "/a")) for i in range(11)]
    # The directory itself, to which the workload goes back.
    equal([(event["moved_tgid"], event["cgroup_id"], path_of(event)) for event in moves[:11]], expected, "moves")
    equal((moves[11]["moved_tgid"], path_of(moves[11])), (pid, own), "the way back")
    equal(moves[11]["cgroup_id"], top.st_ino, "id of where it came from")
    equal((moves[12]["moved_tgid"], moves[12]["cgroup_id"]), (child, a), "the child's move")
    equal(len(moves), 13, "moves")
    equal({(event["tid"], event["hierarchy"], event["whole_process"]) for event in moves}, {(pid, 0, 1)}, "who moved them")

    freezes = trace.of("cgroup_freeze")
    equal({(event["cgroup_id"], path_of(event)) for event in freezes}, {(a, below + "/a")}, "what was frozen")
    asked = [event["state"] for event in freezes if event["state"] in (THAW_ASKED, FREEZE_ASKED)]
    became = [event["state"] for event in freezes if event["state"] in (THAWED, FROZEN)]
    equal((asked, became), ([FREEZE_ASKED, THAW_ASKED] * 3, [FROZEN, THAWED] * 3), "states")
    equal({event["tid"] for event in freezes if event["state"] == FREEZE_ASKED}, {pid}, "who asked")
