# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A14, A15: the tables of disks, pages, faults, memory, signals, capabilities, io_urings, polls against known numbers."""
import os
import shutil

from harness import Skip, cases, check, equal, workload

PAGE = os.sysconf("SC_PAGE_SIZE")

POLLS = """
import os, select, signal, socket, threading
r, w = os.pipe()
silent, _ = os.pipe()
near, far = socket.socketpair()
print(r, w, silent, near.fileno(), os.fstat(r).st_ino, os.fstat(near.fileno()).st_ino, flush=True)
poll = select.poll()
poll.register(r, select.POLLIN)
poll.register(silent, select.POLLIN)
for i in range(3):
    timer = threading.Timer(0.02, lambda: os.write(w, b'x'))
    timer.start()
    poll.poll()
    os.read(r, 1)
    timer.join()
poll.poll(5)
for i in range(5):
    far.send(b'y')
    select.select([silent, near], [w], [])
    near.recv(9)
epoll = select.epoll()
epoll.register(r, select.EPOLLIN)
epoll.register(near, select.EPOLLIN)
for i in range(7):
    far.send(b'z')
    epoll.poll()
    near.recv(9)
epoll.poll(0.02)
"""


def test_polls(t):
    """Each call under its name, each descriptor with what it was ready for, epoll's found by what epoll_ctl said."""
    trace = t.record("/usr/bin/python3", "-c", POLLS)
    r, w, silent, near, pipe, sock = map(int, trace.result.stdout.split())
    waits = {row["call"]: row for row in trace.sql("SELECT * FROM poll_wait WHERE tid = (SELECT min(tid) FROM thread)")}

    def wait(row):
        return row["count"], row["ready_count"], row["timeout_count"], row["events_count"], row["watched_max"]

    equal(wait(waits["poll"]), (4, 3, 1, 3, 2), "poll")
    equal(wait(waits["pselect6"] if "pselect6" in waits else waits["select"]), (5, 5, 0, 10, 3), "select")
    equal(wait(waits["epoll_wait"] if "epoll_wait" in waits else waits["epoll_pwait"]), (8, 7, 1, 7, 2), "epoll")
    check(60e6 < waits["poll"]["wait_total_ns"] < 300e6, f"poll waited {waits['poll']['wait_total_ns']} ns for 3 timers of 20 ms")
    ready = {(row["call"], row["fd"]): row for row in trace.sql("SELECT * FROM poll_ready")}
    equal({key: (row["watched_count"], row["ready_count"], row["alone_count"], row["events"], row["type"]) for key, row in
           ready.items()}, {
        ("poll", r): (4, 3, 3, "POLLIN", "pipe"),
        ("poll", silent): (4, 0, 0, None, "pipe"),
        ("select", silent): (5, 0, 0, None, "pipe"),
        ("select", near): (5, 5, 0, "POLLIN", "socket"),
        ("select", w): (5, 5, 0, "POLLOUT", "pipe"),
        ("epoll", near): (None, 7, 7, "POLLIN", "socket"),
    }, "what was ready")
    check(str(pipe) in ready["poll", r]["object"], f"the pipe {pipe} is {ready['poll', r]['object']}")
    check(str(sock) in ready["epoll", near]["object"], f"the socket {sock} is {ready['epoll', near]['object']}")
    equal(len({row["epoll_object_id"] for row in ready.values() if row["call"] == "epoll"} - {None}), 1, "epoll instances")


def test_pagecache(t):
    trace = t.record(workload("pages"), "pages.data", options=["--events", "+pagecache"])
    inode = int(trace.result.stdout.split()[0])
    if "0" * 3 in trace.result.stdout and not trace.of("pagecache_add"):
        raise Skip("this file system does not keep pages as others do")
    (row,) = trace.sql("SELECT * FROM pagecache WHERE inode = ?", inode)
    equal(row["path"], t.path("pages.data"), "the file's name")
    equal([row["added_bytes"], row["deleted_bytes"]], [(61 + 37) * PAGE] * 2, "bytes that entered and left")


@cases("/usr/bin/python3", "/bin/true")
def test_program_pages(t, program):
    """A program's own file has a name, by its inode; that of a small one is read before the exec says so."""
    path = t.path("program")
    shutil.copy(program, path)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        there = os.fstat(file.fileno())
    trace = t.record(path, "-c", "", options=["--events", "+pagecache,+block"])
    device = os.major(there.st_dev) << 20 | os.minor(there.st_dev)
    (event,) = trace.of("exec")
    equal((event["exe_inode"], event["exe_device"], event["exe_mode"]), (there.st_ino, device, there.st_mode), "the program of exec")
    if not [event for event in trace.of("pagecache_add") if event["inode"] == there.st_ino]:
        raise Skip("this file system does not keep pages as others do")
    for table in ["pagecache"] + ["disk_file"] * any(event["inode"] == there.st_ino for event in trace.of("block_io")):
        equal({row["path"] for row in trace.sql(f"SELECT path FROM {table} WHERE inode = ?", there.st_ino)}, {path}, f"its name in {table}")


def test_faults(t):
    """As many faults of each process as the kernel itself accounts to it; those of the workload by their sort."""
    trace = t.record(workload("faults"), options=["--events", "+fault"])
    (row,) = trace.sql("""SELECT sum(f.count * (1 - f.major)) AS minor, sum(f.count * f.major) AS major, p.minor_faults, p.major_faults
        FROM page_fault f JOIN process p USING (trace_id, process_id)""")
    # Faults before the exec, and those that are retried, count differently.
    check(abs(row["minor"] - row["minor_faults"]) <= row["minor_faults"] * 0.1, f"minor faults {row['minor']}, the kernel says "
          f"{row['minor_faults']}")
    check(row["major"] >= row["major_faults"] * 0.9, f"major faults {row['major']}, the kernel says {row['major_faults']}")
    rows = {(row["access"], row["in_kernel"], row["major"]): row["count"] for row in trace.sql("SELECT * FROM page_fault")}
    check(rows["write", 0, 0] >= 1009 and rows["read", 0, 0] >= 503 and rows["write", 1, 0] >= 53, f"faults by sort: {rows}")


def test_memory(t):
    """The most that each process had in memory, against the kernel's own high-water mark; once, not per thread."""
    code = "import threading, time\nmemory = bytearray(48 << 20)\nthreads = [threading.Thread(target=time.sleep, args=(.01,)) " \
           "for _ in range(5)]\n[thread.start() for thread in threads]\n[thread.join() for thread in threads]"
    trace = t.record("/usr/bin/python3", "-c", code, options=["--events", "+memory"])
    pid = trace.of("task_exit")[-1]["tgid"]
    rows = trace.sql("SELECT * FROM memory WHERE comm = 'python3'")
    equal([row["pid"] for row in rows], [pid], "address spaces of the interpreter")
    peak = trace.one("SELECT max_rss_bytes FROM process WHERE pid = ?", pid)
    found = rows[0]["resident_max_bytes"]
    check(abs(found - peak) < peak * 0.05 + 128 * PAGE, f"most in memory {found}, the kernel says {peak}")
    check(rows[0]["anonymous_max_bytes"] > 48 << 20, "the array")
    check(rows[0]["mapped_max_bytes"] > found, "mapped")


def test_signals(t):
    """Sent and delivered, by number and cause; each delivery finds who sent it."""
    trace = t.record(workload("signals"), options=["--events", "+signal"])
    sent = {(row["name"], row["code"], row["result"]): row["n"] for row in trace.sql(
        "SELECT name, code, result, count(*) AS n FROM signal_event WHERE event = 'sent' GROUP BY 1, 2, 3")}
    for key, count in {("SIGUSR1", "kill", "queued"): 7, ("SIGUSR2", "tgkill", "queued"): 11, ("SIGHUP", "sigqueue", "queued"): 13,
                       ("SIGALRM", "kernel", "queued"): 3, ("SIGURG", "kill", "ignored"): 5, ("SIGQUIT", "kill", "queued"): 1,
                       ("SIGQUIT", "kill", "pending"): 1, ("SIGTERM", "kill", "queued"): 2}.items():
        equal(sent.get(key), count, f"{key} of {sent}")
    delivered = {(row["name"], row["result"]): (row["n"], row["waits"], row["senders"]) for row in trace.sql(
        """SELECT name, result, count(*) AS n, count(wait_ns) AS waits, count(sender_thread_id) AS senders FROM signal_event
           WHERE event = 'delivered' GROUP BY 1, 2""")}
    for key, count in {("SIGUSR1", "handler"): 7, ("SIGUSR2", "handler"): 11, ("SIGHUP", "handler"): 13,
                       ("SIGQUIT", "handler"): 1}.items():
        equal(delivered.get(key), (count, count, count), f"{key} of {delivered}")
    equal(delivered["SIGTERM", "default"], (2, 2, 2), "signals that killed, though they reach their threads as SIGKILL")
    check(("SIGKILL", "default") not in delivered, "nobody sent SIGKILL")
    equal(delivered["SIGALRM", "handler"], (3, 3, 0), "a timer is nobody")
    equal([name for name, _ in delivered if name == "SIGURG"], [], "what is ignored is not delivered")
    children = {row[0] for row in trace.sql("""SELECT t.process_id FROM signal_event s JOIN thread t
        ON t.thread_id = s.sender_thread_id WHERE s.name = 'SIGCHLD' AND s.event = 'sent' AND s.code = 'killed'""")}
    equal(len(children), 2, "children whose ends were told")


THREADS = """
import os, signal, sys, threading, time
reader, writer = os.pipe()
pid = os.fork()
if not pid:
    if sys.argv[1] == "taken":  # the signal is taken, not delivered; then the process ends by itself
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    os.write(writer, b"x")
    if sys.argv[1] == "taken":
        signal.sigwait([signal.SIGTERM])
        os._exit(0)
    time.sleep(100)
os.read(reader, 1)
os.kill(pid, signal.SIGKILL if sys.argv[1] == "kill" else signal.SIGTERM)
os.waitpid(pid, 0)
"""


@cases("term", "kill", "taken")
def test_deaths(t, way):
    """What ends a process reaches all its threads, from who sent it; the end by exit_group reaches the others as SIGKILL."""
    trace = t.record("/usr/bin/python3", "-c", THREADS, way, options=["--events", "+signal"])
    first = trace.of("exec")[0]["tgid"]
    rows = trace.sql("SELECT name, code, sender_tid, to_process FROM signal_event WHERE event = 'delivered' AND result = 'default'")
    expected = {"term": [("SIGTERM", "kill", first, 1)] * 4, "kill": [("SIGKILL", "kill", first, 1)] * 4,
                "taken": [("SIGKILL", None, None, None)] * 3}[way]
    equal([tuple(row) for row in rows], expected, "signals that ended threads")


def test_capabilities(t):
    """Per process, with the call that needed it."""
    if os.geteuid():
        raise Skip("not root")
    trace = t.record(workload("capabilities"), options=["--events", "+capability"])
    said = {words[0]: (int(words[1]), int(words[2])) for words in map(str.split, trace.result.stdout.splitlines())}

    def found(who, capability):
        pid, namespace = said[who]
        return {(row["granted"], row["call"]): row["count"] for row in trace.sql(
            "SELECT * FROM capability WHERE pid = ? AND capability = ? AND user_ns = ?", pid, capability, namespace)}

    equal(found("root", "CAP_SYS_CHROOT"), {(1, "chroot"): 19}, "as root")
    equal(found("nobody", "CAP_SYS_CHROOT"), {(0, "chroot"): 23}, "as nobody")
    equal(found("nobody", "CAP_NET_RAW"), {(0, "socket"): 13}, "raw sockets")
    equal(trace.one("SELECT DISTINCT errno_name FROM capability WHERE pid = ? AND capability = 'CAP_NET_RAW'", said["nobody"][0]),
          "EPERM", "the refusal")
    equal(found("own", "CAP_SYS_CHROOT"), {(1, "chroot"): 7}, "in its own namespace")


def test_uring(t):
    trace = t.record(workload("rings"), options=["--events", "+uring"], code=None)
    if trace.result.returncode:
        raise Skip(f"no io_uring: {trace.result.stderr}")
    rows = {row["op"]: row for row in trace.sql("SELECT * FROM uring")}
    equal({op: (row["submit_count"], row["count"], row["error_count"], row["bytes"]) for op, row in rows.items()},
          {"nop": (29, 29, 0, 0), "read": (22, 22, 5, 17 * 4096), "write": (13, 13, 0, 13 * 512), "timeout": (3, 3, 3, 0)}, "requests")
    check(rows["timeout"]["request_p50_ns"] > 20e6, "the timers' time")
    equal({row["under_way_max"] for row in rows.values()}, {1}, "one after the other")
