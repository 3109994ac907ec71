# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tools that trc follows define as their metrics can be computed from its tables. One test for each definition."""
import os

from harness import Skip, check, equal, run, workload


def test_prism_states(t):
    """Run, runqueue, sleep, block with iowait in it; they sum to the thread's life. Of synchronous disk I/O, iowait is all waiting."""
    if run(["stat", "-f", "-c", "%T", t.directory]).stdout.strip() in ("tmpfs", "ramfs"):
        raise Skip("no disk here")
    trace = t.record(workload("waits"), "sync")
    rows = trace.sql("""SELECT tid, run_user_ns + run_system_ns AS run, preempted_ns + runnable_ns AS runqueue, sleep_ns AS sleep,
        block_ns + iowait_ns AS block, iowait_ns AS iowait, stopped_ns AS stopped, total_ns AS total FROM thread_time""")
    for row in rows:
        equal(row["run"] + row["runqueue"] + row["sleep"] + row["block"] + row["stopped"], row["total"], "sum of the states")
        check(row["iowait"] <= row["block"], "iowait is a part of block")
    check(rows[0]["iowait"] > 0.8 * (rows[0]["block"] + rows[0]["sleep"]) > 0, f"its waiting is for the disk: {dict(rows[0])}")


def test_prism_run_queue(t):
    """Two that compete for one CPU: each is in the run queue while the other runs, half of the time at least."""
    trace = t.record(workload("scheduling"), "pair")
    rows = trace.sql("""SELECT run_user_ns + run_system_ns AS run, preempted_ns + runnable_ns AS runqueue FROM thread_time
        ORDER BY run DESC LIMIT 2""")
    for row in rows:
        share = row["runqueue"] / (row["run"] + row["runqueue"])
        check(share > 0.3, f"share of the run queue {share}")


def test_prism_futex_keys(t):
    """A futex is (address space, address): after fork and exec another; in shared memory the same, whatever the address."""
    trace = t.record(workload("futexes"), "spaces")
    rows = trace.sql("""SELECT futex_id, sum(count) AS count, count(DISTINCT thread_id) AS threads FROM futex_wake
        WHERE count = 2 GROUP BY futex_id ORDER BY futex_id""")
    equal(sorted((row["count"], row["threads"]) for row in rows), [(2, 1), (2, 1), (4, 2)], "futexes of three address spaces")
    trace = t.record(workload("futexes"), "shared")
    counts = trace.sql("""SELECT f.place, sum(w.count) AS count, count(DISTINCT w.process_id) AS processes FROM futex f
        JOIN futex_wake w USING (trace_id, futex_id) GROUP BY futex_id HAVING sum(w.count) IN (8, 18, 13)""")
    equal(sorted(tuple(row) for row in counts), [("file", 8, 2), ("file", 18, 2), ("memory", 13, 1)], "shared and private futexes")


SERVER = """
import os, socket
listener = socket.create_server(('127.0.0.1', 0))
pid = os.fork()
if not pid:
    for i in range(5):
        with socket.create_connection(listener.getsockname()) as peer:
            for j in range(3):
                peer.sendall(b'q' * 11)
                got = b''
                while len(got) < 13:
                    got += peer.recv(13 - len(got))
    os._exit(0)
for i in range(5):
    peer, _ = listener.accept()
    for j in range(3):
        got = b''
        while len(got) < 11:
            got += peer.recv(11 - len(got))
        peer.sendall(b'a' * 13)
    peer.close()
print(os.getpid(), pid, os.waitpid(pid, 0)[1])
"""


def test_prism_socket_operations(t):
    """Reads, writes and accepts apart; bytes of each process."""
    trace = t.record("/usr/bin/python3", "-c", SERVER)
    server, client, _ = map(int, trace.result.stdout.split())

    def sums(pid):
        (row,) = trace.sql("""SELECT sum(accept_count) AS accepts, sum(connect_count) AS connects, sum(send_count) AS sends,
            sum(send_bytes) AS sent, sum(receive_count) AS receives, sum(receive_bytes) AS received FROM net_io n
            JOIN process p USING (trace_id, process_id) WHERE p.pid = ? AND n.protocol = 'tcp'""", pid)
        return dict(row)

    expected = {"accepts": 5, "connects": 0, "sends": 15, "sent": 195, "receives": 15, "received": 165}
    equal(sums(server), expected, "the server")
    equal(sums(client), {"accepts": 0, "connects": 5, "sends": 15, "sent": 165, "receives": 15, "received": 195}, "the client")
    edges = {(row["from_pid"], row["to_pid"]): row["bytes"] for row in trace.sql("SELECT * FROM communication WHERE via = 'tcp'")
             if row["bytes"]}
    equal(edges, {(client, server): 165, (server, client): 195}, "from whom to whom")


EPOLLS = """
import os, select
r, w = os.pipe()
first, second = select.epoll(), select.epoll()
first.register(r, select.EPOLLIN)
second.register(r, select.EPOLLIN)
for epoll, times in (first, 5), (second, 3):
    for i in range(times):
        os.write(w, b'x')
        epoll.poll()
        os.read(r, 1)
"""


def test_prism_epoll_instances(t):
    """Per instance, and per watched file in it."""
    trace = t.record("/usr/bin/python3", "-c", EPOLLS)
    waits = trace.sql("SELECT * FROM poll_wait WHERE epoll_object_id IS NOT NULL ORDER BY epoll_object_id")
    equal([row["ready_count"] for row in waits], [5, 3], "calls of each instance")
    ready = trace.sql("SELECT * FROM poll_ready WHERE epoll_object_id IS NOT NULL ORDER BY epoll_object_id")
    equal([row["ready_count"] for row in ready], [5, 3], "the pipe in each instance")
    equal([row["epoll_object_id"] for row in ready], [row["epoll_object_id"] for row in waits], "instances")
    equal(len({row["object_id"] for row in ready}), 1, "it is one pipe")


def test_prism_histograms(t):
    """Buckets to 1 µs, 10 µs … 1 s and beyond, and powers of two, have exactly the calls that SQL counts in them."""
    trace = t.record("/bin/sh", "-c", f"{workload('storm')} 3001 1; sleep 1.1; sleep .02")
    for scale, test in (("log10", "s.duration_ns > h.from_ns AND (h.to_ns IS NULL OR s.duration_ns <= h.to_ns)"),
                        ("log2", "s.duration_ns >= h.from_ns AND (h.to_ns IS NULL OR s.duration_ns < h.to_ns)")):
        rows = trace.sql(f"""SELECT h.name, h.from_ns, h.to_ns, h.count, (SELECT count(*) FROM syscall s WHERE s.name = h.name AND
            s.state = 'complete' AND {test}) AS counted FROM latency_histogram h
            WHERE h.what = 'syscall' AND h.scale = '{scale}'""")
        equal([dict(row) for row in rows if row["count"] != row["counted"]], [], f"buckets of {scale}")
        equal(sum(row["count"] for row in rows), trace.one("SELECT count(*) FROM syscall WHERE state = 'complete'"), "calls")
    beyond = trace.sql("SELECT name, count FROM latency_histogram WHERE what = 'syscall' AND from_ns = 1000000000 AND to_ns IS NULL")
    check(("clock_nanosleep", 1) in [tuple(row) for row in beyond], f"longer than a second: {[tuple(row) for row in beyond]}")


def test_denet_categories(t):
    """Categories of time sum to the total, of the threads and of each process."""
    trace = t.record("/bin/sh", "-c", f"{workload('locks')} mutex; sleep .02; seq 1 5000 | wc -l")
    total = trace.one("SELECT sum(total_ns) FROM thread_time")
    equal(trace.one("SELECT sum(time_ns) FROM time_spent"), total, "categories of all")
    equal(trace.one("SELECT sum(total_ns) FROM process_time"), total, "processes")
    series = trace.one("SELECT sum(cpu_ns + runqueue_ns + wait_ns) FROM process_series")
    equal(series + trace.one("SELECT sum(stopped_ns) FROM thread_time"), total, "periods, and what was held before the start")


# The child sleeps, so that its parent is there to wait before there is something to read.
PINGPONG = """
import os, time
a, b = os.pipe(), os.pipe()
pid = os.fork()
for i in range(1000):
    if pid:
        os.write(a[1], b'x')
        os.read(b[0], 1)
    else:
        os.read(a[0], 1)
        time.sleep(0.00002)
        os.write(b[1], b'x')
if not pid:
    with open(f'/proc/{os.getppid()}/status') as file:
        print(os.getppid(), *[line.split()[1] for line in file if line.startswith('voluntary')], flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


def test_denet_short_waits(t):
    """Waits of microseconds are all there: as many as the kernel counts switches, which sampling would miss."""
    trace = t.record("/usr/bin/python3", "-c", PINGPONG)
    pid, switches = map(int, trace.result.stdout.split())
    found = trace.one("SELECT sum(count) FROM wait WHERE tid = ?", pid)
    check(switches * .97 - 10 <= found <= switches + 10, f"{found} waits, the kernel counts {switches} switches")
    (row,) = trace.sql("SELECT * FROM wait WHERE tid = ? AND reason = 'pipe' ORDER BY count DESC LIMIT 1", pid)
    check(row["count"] > 500 and row["p50_ns"] < 1_000_000, f"waits for the pipe: {dict(row)}")
    edge = trace.one("SELECT sum(bytes) FROM communication WHERE from_pid = ? AND via = 'pipe' AND to_pid IS NOT NULL", pid)
    equal(edge, 1000, "bytes through the pipe")


def test_vltrace_paths(t):
    """A descriptor has its path, also a copy of it in a child."""
    with open(t.path("data"), "wb") as file:
        file.write(bytes(5000))
    code = "import os\nfd = os.dup(os.open('data', os.O_RDONLY))\nif os.fork():\n    os.wait()\nelse:\n    os.read(fd, 4000)"
    trace = t.record("/usr/bin/python3", "-c", code)
    (row,) = trace.sql("SELECT * FROM file_access WHERE path = ? AND read_count > 0", t.path("data"))
    equal([row["read_count"], row["read_bytes"]], [1, 4000], "reads under the file's name")
    replay = trace.analyze("replay").stdout
    check(f"<{t.path('data')}>" in replay, "its name in the replay")
