# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A12, A13, A14: what was read and written, by whom, over what; a workload that counts is the observer."""
import json
import os
import re

from harness import check, equal, workload




class Run:
    def __init__(self, t, *options):
        os.mkdir(t.path("d"))
        self.here = t.path("d")
        self.trace = t.record(workload("traffic"), self.here, options=options)
        told = dict(re.findall(r"(\w+) (\d+)", self.trace.result.stdout))
        self.port, self.udp, self.response_ns = int(told["port"]), int(told["udp"]), int(told["response"])
        self.parent = self.table("process")[0]

    def table(self, name, *options):
        return json.loads(self.trace.analyze("report", name, "--format", "json", *options).stdout)


def counts(row, *names):
    return tuple(row[name] for name in names)


def test_files(t):
    """Opens, reads, writes, bytes, seeks, syncs, maps, errors by errno, what was never closed: as many as there were."""
    run = Run(t)
    files = {row["path"]: row for row in run.table("file")}
    data, missing, copy = (files[f"{run.here}/{name}"] for name in ("data", "missing", "copy"))
    equal(counts(data, "open_count", "read_count", "read_bytes", "write_count", "write_bytes", "seek_count", "sync_count",
                 "map_count", "path_count", "never_closed_count", "error_count", "process_count", "type"),
          (5, 7 + 1, 7 * 89 + 500, 13, 13 * 101, 12, 3, 1, 17, 2, 0, 1, "file"), "data")
    equal(counts(missing, "open_count", "path_count", "error_count", "errors", "type"), (19, 23, 42, "ENOENT 42", None), "missing")
    equal(counts(copy, "open_count", "write_count", "write_bytes", "read_count", "never_closed_count"), (1, 1, 500, 0, 0), "copy")
    # The same by process, and as many nanoseconds.
    accessed = [row for row in run.table("file_access") if row["process_id"] == run.parent["process_id"]]
    by_path = {row["path"]: row for row in accessed}
    for path in (f"{run.here}/{name}" for name in ("data", "missing", "copy")):
        shared = [name for name in by_path[path] if name != "process_id"]
        equal(counts(by_path[path], *shared), counts(files[path], *shared), f"file_access of {path}")
    total = sum(row["total_ns"] for row in run.table("file_access"))
    equal(total, sum(row["total_ns"] for row in files.values()), "time of all files")
    # One by one.
    opened = [row for row in run.table("fd") if row["name"] == f"{run.here}/data"]
    equal(sorted((row["end"], row["write_bytes"], row["read_bytes"], row["seek_count"]) for row in opened),
          sorted([("close", 13 * 101, 0, 0), ("close", 0, 7 * 89, 0), ("close", 0, 0, 11), ("exit", 0, 500, 1),
                  ("exit", 0, 0, 0)]), "open files")
    equal({row["flags"] for row in opened}, {"O_RDWR|O_LARGEFILE"}, "flags")
    check(all(row["complete"] == 1 and row["opened_ts_ns"] < row["closed_ts_ns"] for row in opened), "times")
    # By calls: their sums are those of the calls themselves.
    calls = {row["name"]: row for row in run.table("syscall_by_name")}
    equal(sum(row["sync_ns"] for row in files.values()), calls["fsync"]["total_ns"], "time of fsync")


def test_pipe(t):
    """Who wrote, who read, how much; the waiting is the reader's."""
    run = Run(t)
    (pipe,) = [row for row in run.table("pipe") if row["write_count"] == 29]
    equal(counts(pipe, "write_bytes", "read_bytes", "end_of_file_count", "error_count", "complete"), (29 * 31, 29 * 31, 1, 0, 1), "pipe")
    writer, reader = (re.fullmatch(r"traffic\[(\d+)\]", pipe[side]) for side in ("writers", "readers"))
    equal(int(reader[1]), run.parent["pid"], "reader")
    equal([row["ppid"] for row in run.table("process") if row["pid"] == int(writer[1])], [run.parent["pid"]], "parent of the writer")
    check(29_000_000 <= pipe["read_ns"] < 10 * 29_000_000 and pipe["write_ns"] < pipe["read_ns"] / 4, f"times {pipe}")


INTERRUPTED = """
import os, signal, socket, time
ends, (reader, writer), pids = socket.socketpair(), os.pipe(), []
for wait in lambda: os.read(reader, 1), lambda: os.read(ends[0].fileno(), 1):
    pids.append(os.fork())
    if not pids[-1]:
        wait()
        os._exit(1)
time.sleep(0.2)
for pid in pids:
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
"""


def test_signal(t):
    """Who sent a signal gave the one that it reached nothing over what that one was waiting at."""
    trace = t.record("/usr/bin/python3", "-c", INTERRUPTED, options=["--events", "+signal"])
    rows = trace.sql("SELECT via, count, wait_count, wait_ns FROM communication WHERE from_pid = (SELECT min(pid) FROM process)"
                     " AND via <> 'child'")
    equal([row["via"] for row in rows], ["signal"] * 2, "over what")
    check(all(row["count"] == 1 and row["wait_count"] >= 1 and row["wait_ns"] > 50_000_000 for row in rows),
          f"signals and the waits that they ended: {[tuple(row) for row in rows]}")


WAITED = """
import ctypes, fcntl, os, select, signal, sys, time
held = open(sys.argv[1], 'w')
libc, mask = ctypes.CDLL(None), (1 << 9).to_bytes(128, 'little')  # SIGUSR1
libc.sigprocmask(0, mask, None)
both, (reader, writer) = select.epoll(), os.pipe()
both.register(libc.signalfd(-1, mask, 0), select.EPOLLIN)
both.register(reader, select.EPOLLIN)
takes = (lambda: fcntl.flock(held, fcntl.LOCK_EX), lambda: fcntl.lockf(held, fcntl.LOCK_EX), lambda: None)
for i, take in enumerate(takes):
    if not os.fork():
        held = open(sys.argv[1], 'w')
        take()
        time.sleep(0.2)
        os.kill(os.getppid(), signal.SIGUSR1) if i == 2 else None
        os._exit(0)
    time.sleep(0.05)
    take()
    both.poll() if i == 2 else None
    os.wait()
"""


def test_waits(t):
    """Locks of files and whatever a process polls: who ended the wait is told, and each wait once."""
    trace = t.record("/usr/bin/python3", "-S", "-c", WAITED, t.path("held"))
    rows = trace.sql("SELECT via, wait_count, wait_ns, from_pid FROM communication WHERE to_pid = (SELECT min(pid) FROM process)"
                     " AND wait_ns > 50000000 ORDER BY from_process_id")
    equal([(row["via"], row["wait_count"]) for row in rows], [("lock", 1), ("lock", 1), ("poll", 1)], "waits, child by child")
    equal(trace.sql("SELECT reason, object FROM wait WHERE call IN ('flock', 'fcntl') AND reason <> 'lock'"), [], "what else they were for")


def test_network(t):
    """Both ends of each connection, bytes each way, and the latencies that the program measured itself."""
    run = Run(t)
    address = f"127.0.0.1:{run.port}"
    connections = [row for row in run.table("connection") if row["server"] == address]
    good, failed = ([row for row in connections if bool(row["errno"]) == bad] for bad in (False, True))
    equal([counts(row, "sent_bytes", "received_bytes", "client_send_count", "server_receive_count", "exchange_count",
                  "service_count", "client_process_id") for row in good],
          [(37 * 41, 37 * 43, 37, 38, 37, 37, run.parent["process_id"])] * 2, "connections")
    equal([counts(row, "errno", "server_id", "connect_ns", "sent_bytes") for row in failed], [(111, None, None, 0)] * 3, "refused")
    (server,) = {row["server_process_id"] for row in good}
    check(server not in (None, run.parent["process_id"]), "the server is the child")
    for row in good:
        check(all(2_000_000 <= row[name] < 50_000_000 for name in ("response_p50_ns", "service_p50_ns", "first_byte_ns")), f"latency {row}")
        check(row["service_p50_ns"] <= row["response_p50_ns"] and row["connect_ns"] > 0, f"order of the latencies of {row}")
    mean = run.response_ns / 74
    told = sum(row["response_p50_ns"] for row in good) / 2
    check(mean * 0.8 < told < mean * 1.05, f"response {told}, the program measured {mean}")
    sockets = {row["object_id"]: row for row in run.table("socket")}
    for row in good:
        client, server_end = sockets[row["client_id"]], sockets[row["server_id"]]
        equal((client["peer_id"], server_end["peer_id"]), (server_end["object_id"], client["object_id"]), "peers")
        equal((client["local"], client["remote"]), (server_end["remote"], server_end["local"]), "addresses")
        equal(sockets[server_end["listener_id"]]["name"], f"tcp {address}", "listener")
    # The failed ones keep their target.
    equal(len([row for row in sockets.values() if row["errno"] == 111 and row["remote"] == address]), 3, "refused sockets")

    (pair,) = [row for row in run.table("connection") if row["protocol"] == "unix" and row["sent_bytes"] == 47 * 53]
    equal(counts(pair, "received_bytes", "client_send_count", "server_receive_count"), (59, 47, 47), "the pair")

    io = {(row["process_id"], row["protocol"], row["role"], row["service"], row["host"]): row for row in run.table("net_io")}
    client = io[run.parent["process_id"], "tcp", "client", address, None]
    equal(counts(client, "connect_count", "send_count", "send_bytes", "receive_count", "receive_bytes", "errors"),
          (5, 74, 74 * 41, 74, 74 * 43, "ECONNREFUSED 3"), "net_io of the client")
    served = io[server, "tcp", "server", address, "127.0.0.1"]
    equal(counts(served, "send_bytes", "receive_bytes", "accept_count"), (74 * 43, 74 * 41, 2), "net_io of the server")
    check((server, "tcp", "server", address, None) not in io, "accepts of nobody")
    sent = io[run.parent["process_id"], "udp", "client", f"127.0.0.1:{run.udp}", None]
    got = io[run.parent["process_id"], "udp", "server", f"127.0.0.1:{run.udp}", "127.0.0.1"]
    equal(counts(sent, "send_count", "send_bytes") + counts(got, "receive_count", "receive_bytes"), (61, 61 * 67) * 2, "datagrams")


UNWAITED = """
import errno, select, socket
server = socket.create_server(("127.0.0.1", 0))
clients = [socket.socket() for _ in range(7)]
for client in clients:
    client.setblocking(False)
    assert client.connect_ex(server.getsockname()) == errno.EINPROGRESS
    assert select.select([], [client], [], 10)[1] and not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
"""


def test_unwaited(t):
    """A connect that is not waited for has a duration, too: over the loopback it is done when the call returns."""
    trace = t.record("/usr/bin/python3", "-c", UNWAITED)
    rows = trace.sql("SELECT connect_ns FROM connection WHERE protocol = 'tcp' AND client_process_id IS NOT NULL")
    equal(len(rows), 7, "connections")
    check(all(row["connect_ns"] and 0 < row["connect_ns"] < 10**10 for row in rows), f"{[tuple(row) for row in rows]}")


PAUSED = """
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
for _ in range(3):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    signal.pause()
"""


def test_no_failures(t):
    """What a signal interrupts, and the return from its handler, has not failed; the calls' errors are as strace -c counts them."""
    trace = t.record("/usr/bin/python3", "-S", "-c", PAUSED)
    rows = json.loads(trace.analyze("report", "failure", "--format", "json").stdout)
    equal([row for row in rows if row["name"] in ("rt_sigreturn", "pause") or row["errno"] >= 512], [], "failures")
    rows = json.loads(trace.analyze("report", "syscall_by_name", "--format", "json").stdout)
    calls = {row["name"]: counts(row, "count", "error_count") for row in rows}
    equal((calls["pause"], calls["rt_sigreturn"]), ((3, 3), (3, 3)), "errors")


REFUSED = """
import errno, select, socket, time
server, nobody = socket.create_server(("127.0.0.1", 0)), socket.socket()
nobody.bind(("127.0.0.1", 0))
def begin(to):
    client = socket.socket()
    client.setblocking(False)
    assert client.connect_ex(to.getsockname()) == errno.EINPROGRESS
    assert select.select([], [client], [], 10)[1]
    return client
clients = [begin(server) for _ in range(2)]
refused = [begin(nobody) for _ in range(3)]
assert refused[0].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
assert refused[1].connect_ex(nobody.getsockname()) == errno.ECONNREFUSED
assert socket.socket().connect_ex(nobody.getsockname()) == errno.ECONNREFUSED
print(server.getsockname()[1], nobody.getsockname()[1], server.fileno(), flush=True)
"""


def test_refused(t):
    """A connect that is not waited for is no failure, but its refusal is: once, whoever fetches it; text has the error's name."""
    trace = t.record("/usr/bin/python3", "-S", "-c", REFUSED)
    port, nobody, fd = trace.result.stdout.split()
    def table(name, *options):
        return json.loads(trace.analyze("report", name, "--format", "json", *options).stdout)
    failed = {(row["errno_name"], row["directory"]): row["count"] for row in table("failure") if row["name"] == "connect"}
    equal(failed, {("ECONNREFUSED", f"tcp 127.0.0.1:{nobody}"): 4}, "failed connects")
    io = {row["service"]: row for row in table("net_io") if row["protocol"] == "tcp" and row["role"] == "client"}
    equal(counts(io[f"127.0.0.1:{nobody}"], "connect_count", "error_count", "errors"), (5, 4, "ECONNREFUSED 4"), "net_io")
    equal(counts(io[f"127.0.0.1:{port}"], "connect_count", "error_count", "errors"), (2, 0, None), "net_io of the good ones")
    sums = [row["errors"] for row in table("socket") if "ECONNREFUSED 1" in (row["errors"] or "")]
    check(len(sums) == 4 and not any("EINPROGRESS" in errors for errors in sums), f"errors of sockets: {sums}")
    # With selected calls the events are not told: what the call said has to do.
    failed = {row["errno_name"]: row["count"] for row in table("failure", "-e", "connect")}
    equal((failed.get("EINPROGRESS"), sum(failed.values())), (2, 4), f"selected: {failed}")
    summary = trace.analyze("report").stdout
    check(re.search(rf"\nFailures .*\n +4  connect ECONNREFUSED .* tcp 127\.0\.0\.1:{nobody}\n", summary), f"summary: {summary}")
    # Its last connect went well, or failed.
    for name in ("connection", "socket"):
        equal(sorted(row["errno"] or 0 for row in table(name) if row["protocol"] == "tcp")[-4:], [111] * 4, f"errno of {name}")
        page = trace.analyze("report", name, "--columns", "errno").stdout.split()
        equal(page.count("ECONNREFUSED"), 4, f"names in {name}")
    check("SO_ERROR, [ECONNREFUSED], [4]) = 0" in trace.analyze("replay", "-e", "getsockopt").stdout, "SO_ERROR in replay")
    start = table("trace")[0]["start_mono_ns"]
    moment = (trace.calls("write")[-1]["ts"] - start) / 1e9
    listed = trace.analyze("lsof", "--at", f"{moment:.9f}").stdout
    equal(re.findall(r"(\d+) +u .* (.*) \(LISTEN\)\n", listed), [(fd, f"127.0.0.1:{port}")], f"listeners in {listed}")


def test_selection(t):
    """A selection counts what it shows, with names that are those of the whole trace."""
    run = Run(t)
    (row,) = [row for row in run.table("file", "-e", "fsync") if row["path"] == f"{run.here}/data"]
    equal(counts(row, "sync_count", "write_count", "open_count", "path_count"), (3, 0, 0, 0), "only fsync")
    writer = re.search(r"\d+", [row for row in run.table("pipe") if row["write_count"] == 29][0]["writers"])[0]
    (pipe,) = [row for row in run.table("pipe", "--pid", writer) if row["write_count"] == 29]
    equal((pipe["write_bytes"], pipe["read_count"], pipe["readers"]), (29 * 31, 0, None), "only the writer")
    syncs = run.trace.calls("fsync")
    start = run.table("trace")[0]["start_mono_ns"]
    window = ",".join(f"{(syncs[i]['ts'] - start) / 1e9:.9f}" for i in (1, 2))
    (row,) = [row for row in run.table("file", "--time", window) if row["path"] == f"{run.here}/data"]
    equal(counts(row, "sync_count", "write_count"), (2, 0), "a window behind the open")


def test_failures(t):
    """What failed has its whole path, and a socket the service that was wanted; calls by descriptor belong to their file."""
    run = Run(t)
    failures = {(row["name"], row["errno_name"], row["directory"]): row for row in run.table("failure")}
    opens = failures["openat", "ENOENT", run.here]
    equal(counts(opens, "count", "first_path"), (19, f"{run.here}/missing"), "failed opens")
    address = f"tcp 127.0.0.1:{run.port}"
    equal(counts(failures["connect", "ECONNREFUSED", address], "count", "first_path"), (3, address), "refused connects")
    calls = {row["path"]: row for row in run.table("syscall_by_file")}
    equal(counts(calls[f"{run.here}/data"], "count", "error_count"), (5 + 13 + 7 + 12 + 3 + 1 + 17 + 1 + 3, 0), "calls about data")
    equal(counts(calls[f"{run.here}/missing"], "count", "error_count"), (42, 42), "calls about missing")
    written = [row["args"] for row in run.table("syscall", "-e", "write") if "data>" in row["args"]]
    equal((len(written), {args.split(",")[0] for args in written}), (13, {f"3<{run.here}/data>"}), "arguments")
