# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: moves between cgroups, freezing."""
import os

from harness import Skip, check, equal, item, stolen_ns, workload

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


USAGE = """
import os, socket, sys, time
top = sys.argv[1]
server = socket.create_server(('127.0.0.1', 0))
def child(name, cpu_s, megabytes, sent):
    pid = os.fork()
    if pid:
        return pid
    with open(f'{top}/{name}/cgroup.procs', 'w') as file:
        file.write(str(os.getpid()))
    began = time.process_time()
    while time.process_time() < began + cpu_s:
        pass
    memory = bytearray(megabytes << 20)
    time.sleep(.05)
    del memory
    with socket.create_connection(server.getsockname()) as peer:
        peer.sendall(bytes(sent))
    os._exit(0)
children = [child('a', .2, 24, 300_000), child('a', .1, 16, 100_000), child('b', .1, 8, 50_000)]
for _ in children:
    connection, _ = server.accept()
    while connection.recv(1 << 16):
        pass
for pid in children:
    os.waitpid(pid, 0)
"""


def test_usage(t):
    """CPU, memory and bytes of a cgroup are those of its processes, from the moment that they are in it."""
    mount, own = unified()
    directory = os.path.join(mount, own.lstrip("/"), f"trc-use-{os.getpid()}")
    try:
        for name in ("", "a", "b"):
            os.mkdir(os.path.join(directory, name))
    except OSError as error:
        raise Skip(f"no cgroup can be made: {error}") from None
    try:
        stolen = stolen_ns()
        trace = t.record("/usr/bin/python3", "-c", USAGE, directory, options=["--events", "+cgroup,+memory"])
        stolen = stolen_ns() - stolen
    finally:
        for name in ("b", "a", ""):
            os.rmdir(os.path.join(directory, name))
    below = own.rstrip("/") + "/" + os.path.basename(directory)
    rows = {row["cgroup"].removeprefix(below): row for row in trace.sql("SELECT * FROM cgroup_usage")}
    equal({name: row["process_count"] for name, row in rows.items()}, {own: 4, "/a": 2, "/b": 1}, "processes")
    for name, seconds, megabytes, sent in (("/a", .3, 24, 400_000), ("/b", .1, 8, 50_000)):
        row = rows[name]
        check(seconds * .9e9 < row["cpu_ns"] < seconds * 1.5e9, f"{name} computed for {seconds} s, the table says {row['cpu_ns']} ns")
        check(row["memory_max_bytes"] > megabytes << 20, f"{name} had {megabytes} MiB, the table says {row['memory_max_bytes']}")
        equal(row["net_send_bytes"], sent, f"bytes that {name} sent")
    equal(rows[own]["net_receive_bytes"], 450_000, "bytes that the server got")
    total = trace.one("SELECT sum(cpu_ns) FROM cgroup_usage")
    exact = trace.one("SELECT sum(cpu_ns) FROM thread")
    check(abs(total - exact) < exact * .03 + stolen, f"CPU of the cgroups {total} ns, the kernel says {exact} ns, {stolen} were stolen")
