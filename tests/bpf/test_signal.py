# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: signals: who sent which to whom, and what became of it."""
import collections
import os
import re
import signal

from harness import Skip, check, equal, run, workload

USER, QUEUE, TKILL, KERNEL = 0, -1, -6, 128
QUEUED, IGNORED, PENDING = 0, 1, 2
DEFAULT, HANDLER = 0, 2
SA_RESTART = 0x10000000


def number(name):
    return getattr(signal, "SIG" + name).value


def test_signals(t):
    trace = t.record(workload("signals"), options=["--events", "+signal"])
    pid = int(trace.result.stdout)
    children = [event["child_tgid"] for event in trace.of("task_new")]
    sent, delivered = trace.of("signal_generate"), trace.of("signal_deliver")

    to_self = collections.Counter((event["signal"], event["code"], event["group"], event["result"])
                                  for event in sent if event["target_tgid"] == pid and event["signal"] != number("CHLD"))
    equal(to_self, {(number("USR1"), USER, 1, QUEUED): 7, (number("USR2"), TKILL, 0, QUEUED): 11,
                    (number("HUP"), QUEUE, 1, QUEUED): 13, (number("ALRM"), KERNEL, 1, QUEUED): 3,
                    (number("URG"), USER, 1, IGNORED): 5, (number("QUIT"), USER, 1, QUEUED): 1,
                    (number("QUIT"), USER, 1, PENDING): 1}, "signals sent to itself")
    equal({event["tid"] for event in sent if event["signal"] in (number("USR1"), number("TERM"))}, {pid}, "senders")
    equal([(event["target_tgid"], event["result"]) for event in sent if event["signal"] == number("TERM")],
          [(child, QUEUED) for child in children], "SIGTERM")
    equal([(event["tid"], event["target_tgid"]) for event in sent
           if event["signal"] == number("CHLD") and event["target_tgid"] == pid],
          [(child, pid) for child in children], "SIGCHLD")

    handled = collections.Counter((event["signal"], event["code"]) for event in delivered if event["action"] == HANDLER)
    equal(handled, {(number("USR1"), USER): 7, (number("USR2"), TKILL): 11, (number("HUP"), QUEUE): 13,
                    (number("ALRM"), KERNEL): 3, (number("QUIT"), USER): 1}, "signals to a handler")
    equal({event["tid"] for event in delivered if event["action"] == HANDLER}, {pid}, "who handled them")
    equal(len({event["handler"] for event in delivered if event["action"] == HANDLER}), 1, "handlers")
    check(all(event["sa_flags"] & SA_RESTART for event in delivered if event["action"] == HANDLER), "flags of the handler")
    equal({event["sender_pid"] for event in delivered if event["action"] == HANDLER}, {pid, 0}, "senders")
    # What ends a process the kernel turns into SIGKILL.
    equal([(event["tid"], event["action"], event["handler"]) for event in delivered if event["signal"] == number("KILL")],
          [(child, DEFAULT, 0) for child in children], "deaths")
    equal([event["exit_code"] & 127 for event in trace.of("task_exit") if event["tid"] in children],
          [number("TERM")] * 2, "what the children died of")
    equal([event for event in delivered if event["signal"] == number("URG")], [], "what is ignored is not delivered")


# As strace and replay have it.
LINE = r"--- SIG(USR1|USR2|HUP|ALRM|QUIT|TERM) \{[^}]*si_code=(\w+)"


def test_as_strace_sees_them(t):
    """The independent observer: another run under strace."""
    log = t.path("strace")
    try:
        result = run(["strace", "-f", "-e", "trace=none", "-o", log, workload("signals")])
    except FileNotFoundError:
        raise Skip("no strace") from None
    if result.returncode:
        raise Skip("strace does not work here")
    with open(log) as file:
        seen = collections.Counter(re.findall(LINE, file.read()))
    trace = t.record(workload("signals"), options=["--events", "task,signal"])
    names = {USER: "SI_USER", QUEUE: "SI_QUEUE", TKILL: "SI_TKILL", KERNEL: "SI_KERNEL"}
    ours = collections.Counter((signal.Signals(event["signal"]).name[3:], names[event["code"]])
                               for event in trace.of("signal_deliver") if event["signal"] != number("KILL"))
    deaths = seen.pop(("TERM", "SI_USER"))  # traced, a process is killed by the signal itself
    equal(len([event for event in trace.of("signal_deliver") if event["signal"] == number("KILL")]), deaths, "deaths")
    equal(ours, seen, "deliveries, as strace has them")
    replayed = trace.analyze("replay", "--no-time").stdout
    equal(collections.Counter(re.findall(LINE, replayed)), seen, f"lines of replay:\n{replayed}")
    pid = trace.of("exec")[0]["tgid"]
    check(re.search(rf"(?m)^{pid} +--- SIGUSR1 {{si_signo=SIGUSR1, si_code=SI_USER, si_pid={pid}, si_uid={os.getuid()}}} ---$", replayed), f"no line of SIGUSR1:\n{replayed}")
    check("SIGKILL" not in replayed, "how the kernel ends a process is told by its end")
    equal(trace.of("syscall"), [], "system calls, which nobody asked for")


DEATHS = """
import ctypes, os, signal, sys, threading, time
def dies(act):
    pid = os.fork()
    if not pid:
        for _ in range(2):
            threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
        time.sleep(0.1)
        act()
        time.sleep(9)
    return pid
os.waitpid(dies(lambda: ctypes.string_at(8)), 0)
os.waitpid(dies(lambda: os._exit(7)), 0)
for number in signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL:
    pid = dies(lambda: None)
    time.sleep(0.2)
    os.kill(pid, number)
    os.waitpid(pid, 0)
"""


def test_deaths(t):
    """What ends a process reaches all of its threads, with the code and the sender of the signal that did it."""
    trace = t.record("/usr/bin/python3", "-S", "-c", DEATHS, options=["--events", "+signal"])
    parent = trace.one("SELECT min(pid) FROM process")
    rows = trace.sql("SELECT d.name, d.code, d.sender_tid, d.sender_comm, d.wait_ns > 0 AS waited, h.process_id FROM signal_event d"
                     " JOIN thread h ON h.thread_id = d.target_thread_id WHERE d.event = 'delivered' AND d.name <> 'SIGCHLD'"
                     " ORDER BY h.process_id")
    equal(len(rows), 3 + 2 + 3 * 3, "deliveries")
    by_process = collections.defaultdict(set)
    for *row, process in rows:
        by_process[process].add(tuple(row))
    sent = (parent, "python3", 1)
    equal([by_process[process] for process in sorted(by_process)],
          [{("SIGSEGV", "1", None, None, 1)}, {("SIGKILL", None, None, None, None)}, {("SIGSEGV", "kill", *sent)},
           {("SIGTERM", "kill", *sent)}, {("SIGKILL", "kill", *sent)}], "what each child died of")


# Children that end in ways of their own; where a fault was is said, as it differs from run to run.
ENDS = """
import ctypes, mmap, os, signal, sys
signal.signal(signal.SIGCHLD, lambda *_: None)
def bad_page():
    file = os.open("empty", os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, 4096)
    page = mmap.mmap(file, 4096)
    os.ftruncate(file, 0)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page)) + 5
    os.write(1, b"%x" % address)
    ctypes.string_at(address)
ends = [lambda: ctypes.string_at(8), bad_page, os.abort, lambda: os._exit(5), lambda: os.setuid(1234) or os._exit(0),
        lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os.kill(os.getpid(), signal.SIGSEGV)]
for end in ends:
    child = os.fork()
    end() if not child else os.waitpid(child, 0)
"""


def ends_of(lines):
    """What becomes of signals, without pids, and without what of strace's lines replay has not."""
    lines = [re.sub(r"si_pid=\d+", "si_pid=N", re.sub(r", si_[us]time=\d+( /\* [\d.]+ s \*/)?", "", line)) for line in lines]
    return [re.sub(r"BUS_ADRERR, si_addr=0x\w+", "BUS_ADRERR, si_addr=N", line) for line in lines]


def test_crashes(t):
    """Where a fault was, whose child ended and how: as strace's lines say it."""
    command = ["/usr/bin/python3", "-B", "-c", ENDS]
    log = t.path("strace")
    try:
        result = run(["strace", "-f", "-e", "trace=none", "-o", log, *command], cwd=t.directory)
    except FileNotFoundError:
        raise Skip("no strace") from None
    if result.returncode:
        raise Skip("strace does not work here")
    with open(log) as file:
        expected = re.findall(r"--- SIG.* ---", file.read())
    trace = t.record(*command, options=["--events", "task,signal"])
    lines = re.findall(r"--- SIG.* ---", trace.analyze("replay", "--no-time").stdout)
    equal(ends_of(lines), ends_of(expected), "lines of replay, and those of strace")
    address = trace.result.stdout
    equal(len([line for line in lines if f"BUS_ADRERR, si_addr=0x{address}}}" in line]), 1, "lines of the page")
    rows = trace.sql("SELECT name, addr, sender_uid, status FROM signal_event WHERE event = 'delivered'")
    equal([row["addr"] for row in rows if row["addr"] is not None], [8, int(address, 16)], "addresses in the table")
    equal([(row["sender_uid"], row["status"]) for row in rows if row["name"] == "SIGCHLD"],
          [(0, number("SEGV")), (0, number("BUS")), (0, number("ABRT")), (0, 5), (1234, 0), (0, number("KILL")), (0, number("SEGV"))],
          "children")
