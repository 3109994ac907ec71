# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A6, A7, A12: what descriptors stand for, by every rule of sharing; strace -y, /proc and ss are the observers."""
import collections
import json
import os
import re
import signal
import subprocess
import time

import harness
from harness import cases, check, equal, start, succeed, takes, wait, workload

NAME = re.compile(r"(\b\d+|AT_FDCWD)<((?:[^<>]|->)*)>((?:\(deleted\))?)")
SOCKET = re.compile(r"(socket|tcp|udp|unix|netlink)[: ]")


def without_strings(line):
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', line)


def of_strace(path):
    """Lines of whole calls by thread, as strace -f wrote them."""
    lines, begun = collections.defaultdict(list), {}
    with open(path, errors="backslashreplace") as file:
        for line in file:
            tid, rest = re.match(r"(\d+) +(.*)", line).groups()
            if rest.startswith(("+++", "---")):
                continue
            if rest.endswith("<unfinished ...>"):
                begun[tid] = rest.removesuffix("<unfinished ...>")
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
            lines[tid].append(begun.pop(tid) + resumed[1] if resumed else rest)
    return lines


def of_replay(trace):
    lines = collections.defaultdict(list)
    for line in trace.analyze("replay", "--no-split", "--no-time", "--no-durations").stdout.splitlines():
        tid, rest = re.match(r"(\d+) +(.*)", line).groups()
        if not rest.startswith(("+++", "---", "[")):
            lines[tid].append(rest)
    return lines


def from_exec(lines):
    """From the exec of the command on: before it, the thread was strace's."""
    at = next(i for i, line in enumerate(lines) if line.startswith("execve(") and line.endswith("= 0"))
    return lines[at:]


SCRIPT = b"""
import os, mmap, select, signal, socket, subprocess, tempfile, threading
a, b = socket.socketpair()
thread = threading.Thread(target=lambda: (a.send(b"x"), os.listdir("/")))
thread.start(); b.recv(1); thread.join()
os.chdir("/usr"); open("lib/os-release").read()
d = os.open("/etc", os.O_DIRECTORY); os.fchdir(d); fd = os.open("passwd", os.O_RDONLY, dir_fd=d)
e = os.dup(fd); os.dup2(e, 77); os.close(fd); os.read(77, 10)
r, w = os.pipe(); p = select.epoll(); p.register(r, 1); os.write(w, b"1"); p.poll()
q = select.poll(); q.register(r); q.poll(); select.select([r, 77], [w], [])
subprocess.run(["ls", "/"], stdout=subprocess.DEVNULL)
f = tempfile.TemporaryFile(); f.write(b"x"); f.flush()
socket.send_fds(a, [b"q"], [77, r]); m, fds, _, _ = socket.recv_fds(b, 1, 5); os.read(fds[0], 7)
os.sendfile(w, e, 0, 10); x = os.memfd_create("some"); os.write(x, b"1"); mmap.mmap(x, 1)
if not os.fork(): os.chdir("/"); os.open("etc/group", os.O_RDONLY); os._exit(0)
os.wait(); os.open("group", os.O_RDONLY)
os.eventfd(1); os.mkdir("/tmp/%d" % os.getpid()); os.chdir("/tmp/%d" % os.getpid()); os.open(".", os.O_RDONLY)
"""

COMMANDS = {
    "sh": ["/bin/sh", "-c", "cat </etc/passwd | sort | head -n 3; (cd /usr; ls lib | head -n 2); exec 5</etc/group; read x <&5;"
                            " exec 5<&-; { echo err >&2; } 2>&1 | cat"],
    "gcc": ["gcc", "-O1", "-pipe", "-o", "hello", "hello.c"],
    "python": ["/usr/bin/python3", "-B", "-I", "script.py"],
}


@takes(300)
@cases(*COMMANDS)
def test_strace(t, name):
    """Every descriptor of every call has the name that strace -y gave it in this very run."""
    t.write("hello.c", b"int main(void) { return 0; }\n")
    t.write("script.py", SCRIPT)
    log = t.path("strace.txt")
    trace = t.record("strace", "-f", "-y", "-o", log, *COMMANDS[name])
    seen, told = of_strace(log), of_replay(trace)
    names = 0
    first = next(iter(seen))
    told[first] = from_exec(told[first])
    for tid, lines in seen.items():
        equal([line.split("(")[0] for line in told[tid]], [line.split("(")[0] for line in lines], f"calls of {tid}")
        for line, ours in zip(lines, told[tid]):
            wanted, found = NAME.findall(without_strings(line)), NAME.findall(without_strings(ours))
            names += len(wanted)
            equal([number for number, *_ in found], [number for number, *_ in wanted], f"descriptors of {line} in {ours}")
            for want, have in zip(wanted, found):
                if want[1].startswith("socket:"):
                    check(SOCKET.match(have[1]), f"{have} is no socket, as it is in {line}")
                else:
                    equal(have, want, f"name in {line}")
    check(names > 300, f"only {names} names were compared")


class Waiting:
    """A workload under `record` that says "ready …" and waits for the end of its standard input."""

    def __init__(self, t, *command, options=(), **more):
        self.trace, self.recorder = t.start(*command, options=options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.line = self.recorder.stdout.readline().decode()
        check(self.line.startswith("ready "), f"{command} says {self.line!r}")

    def finish(self):
        self.recorder.stdin.close()
        equal(wait(self.recorder), 0, "exit of the recorder")
        return self.trace


def proc_fds(pid, tid=None):
    """What /proc says of each descriptor, and of the current directory."""
    place = f"/proc/{pid}/task/{tid or pid}"
    found = {fd: os.readlink(f"{place}/fd/{fd}") for fd in os.listdir(f"{place}/fd")}
    found["cwd"] = os.readlink(f"{place}/cwd")
    return found


def when(trace, call):
    """A moment within a call, as --at takes it."""
    info = trace.analyze("report", "trace", "--format", "json").stdout
    return f"{(call['ts'] - call['duration_ns'] // 2 - json.loads(info)[0]['start_mono_ns']) / 1e9:.9f}"


def lsof(trace, *options):
    result = trace.analyze("lsof", "--format", "json", *options)
    equal((result.returncode, result.stderr), (0, ""), "lsof")
    rows = collections.defaultdict(dict)
    for row in json.loads(result.stdout):
        if row["fd"] not in ("txt", "rtd"):
            rows[row["pid"], row["tid"]][row["fd"]] = row
    return rows


def comparable(name):
    return "socket" if SOCKET.match(name) else name


def same_names(told, observed, what):
    differ = {fd: (told.get(fd), observed.get(fd)) for fd in set(told) | set(observed) if told.get(fd) != observed.get(fd)}
    equal(differ, {}, f"{what}: (told, observed)")


def test_sharing(t):
    """fork, CLONE_FILES, CLONE_FS, unshare, exec, close_range, messages: at one moment, each process has what /proc says."""
    os.mkdir(t.path("d"))
    waiting = Waiting(t, workload("shares"), t.path("d"))
    pids = {name: int(pid) for name, pid in re.findall(r"(\w+)=(\d+)", waiting.line)}
    observed = {(pid, None): proc_fds(pid) for pid in pids.values()}
    (loner,) = [int(tid) for tid in os.listdir(f"/proc/{pids['alone']}/task") if int(tid) != pids["alone"]]
    observed[pids["alone"], loner] = {fd: name for fd, name in proc_fds(pids["alone"], loner).items() if fd != "cwd"}
    trace = waiting.finish()
    (read,) = [call for call in trace.calls("read") if call["tgid"] == pids["main"] and call["arg0"] == 0]
    told = lsof(trace, "--at", when(trace, read))
    equal(set(told) - set(observed), set(), "processes that are not there")
    for (pid, tid), fds in observed.items():
        name = next(name for name in pids if pids[name] == pid)
        same_names({fd: comparable(row["name"]) for fd, row in told[pid, tid].items()},
                   {fd: comparable(link) for fd, link in fds.items()}, f"descriptors of {name}")
    # Not by chance: the rules made them differ.
    mine = {name: {re.sub(r".*/(?=\w+/\w+$)", "", row["name"]) for row in told[pid, None].values()} for name, pid in pids.items()}
    check({"table/one", "table/two", "table/three"} <= mine["main"] & mine["table"], "CLONE_FILES shares nothing")
    check("main/5" in mine["main"] and "main/5" not in mine["copied"] and "main/6" not in mine["main"], "closes of copies")
    check("main/elsewhere" in mine["main"] & mine["place"], "CLONE_FS")
    for name, kept in (("program", {"p0", "p3", "p4"}), ("ranges", {"stays"}), ("receiver", set())):
        equal({file for file in mine[name] if file.startswith(name + "/")}, {f"{name}/{file}" for file in kept}, name)
    equal({file for file in mine["receiver"] if "sent" in file}, {f"elsewhere/sent{i}" for i in range(3)}, "messages")
    # An open file that was sent is the same where it is received, and has not been closed in between.
    files = {row["name"]: row for row in json.loads(trace.analyze("report", "fd", "--format", "json").stdout)
             if row["name"] and "/sent" in row["name"]}
    equal(len(files), 3, "sent files")
    for name, row in files.items():
        (received,) = [fd for fd in told[pids["receiver"], None].values() if fd["name"] == name]
        equal((row["open_file_id"], row["pid"], row["end"]), (received["open_file_id"], pids["main"], "exit"), name)


def test_found(t):
    """What was open before the recorder came has the names that /proc has; also anonymous inodes."""
    os.mkdir(t.path("d"))
    running = start([workload("files"), t.path("d")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=t.directory)
    check(running.stdout.readline().startswith(b"ready "), "files is not ready")
    observed = proc_fds(running.pid)
    trace = t.new_trace()
    recorder = start([harness.RECORD, "-q", "-o", trace, "-p", str(running.pid), "-d", "1s"], stderr=subprocess.PIPE)
    equal(wait(recorder), 0, "exit of the recorder")
    told = lsof(harness.Trace(trace))
    beyond = harness.Trace(trace).analyze("lsof", "--at", "100000")
    check(beyond.stdout.count("\n") > 3 and "after the end" in beyond.stderr, f"of a moment behind the end: {beyond.stderr}")
    running.stdin.close()
    wait(running)
    # A file's name may tell that it is deleted only where somebody looked at it.
    same_names({fd: comparable(row["name"]).replace(" (deleted)", "") for fd, row in told[running.pid, None].items()},
               {fd: comparable(link).replace(" (deleted)", "") for fd, link in observed.items()}, "descriptors")


def ss_of(pid):
    """inode: (kind, local, remote) of the process's sockets, as ss has them."""
    found = {}
    for kind, options in (("tcp", "-Htnape"), ("udp", "-Hunape")):
        for line in succeed(["ss", options]).stdout.splitlines():
            inode = re.search(r"\bino:(\d+)", line)
            if not inode or f"pid={pid}," not in line:
                continue
            local, remote = (word.replace("[::ffff:", "").replace("]:", ":") if "::ffff:" in word else word for word in line.split()[3:5])
            found[int(inode[1])] = (kind, local, None if remote.endswith(":*") else remote)
    for line in succeed(["ss", "-Hxape"]).stdout.splitlines():
        if f"pid={pid}," not in line:
            continue
        _, _, _, _, name, inode, _, peer = line.split()[:8]
        found[int(inode)] = ("unix", None if name == "*" else name, int(peer))
    return found


def test_sockets(t):
    """Every socket has the name, and unix sockets the other end, that ss has; all of the trace are joined."""
    waiting = Waiting(t, workload("sock"), "names")
    pid = int(waiting.line.split()[1])
    observed = ss_of(pid)
    check(len(observed) > 30, f"ss shows {len(observed)} sockets")
    trace = waiting.finish()
    rows = {row["inode"]: row for row in json.loads(trace.analyze("report", "socket", "--format", "json").stdout)}
    ids = {row["object_id"]: row for row in rows.values()}
    joined = 0
    for inode, (kind, local, remote) in observed.items():
        row = rows[inode]
        equal(row["protocol"], kind, f"protocol of {inode}")
        if kind == "unix":
            # ss leaves the front of a path, and shows the server's name at its accepted ends too.
            equal(row["local"], local, f"name of {inode}")
            if remote and row["peer_id"]:
                equal(ids[row["peer_id"]]["inode"], remote, f"peer of {row['name']}")
                joined += 1
            continue
        wild = local.replace("0.0.0.0", "*").replace("[::]", "*")
        equal((row["local"] or "").replace("0.0.0.0", "*").replace("[::]", "*"), wild, f"local address of {row['name']}")
        equal(row["remote"], remote, f"remote address of {row['name']}")
        if remote and kind == "tcp":
            equal(ids[row["peer_id"]]["local"], remote, f"peer of {row['name']}")
            joined += 1
    check(joined > 20, f"only {joined} ends are joined")
    # Names in the course of time: the last one is that of the row.
    last = {}
    for name in json.loads(trace.analyze("report", "socket_name", "--format", "json").stdout):
        check(name["valid_from_ns"] >= last.get(name["object_id"], {"valid_from_ns": 0})["valid_from_ns"], "order of names")
        last[name["object_id"]] = name
    for number, name in last.items():
        equal((name["local"], name["remote"]), (ids[number]["local"], ids[number]["remote"]), f"last name of {name['name']}")
    check(any(name["name"].startswith("udp:[") and name["reason"] == "disconnect"
              for name in json.loads(trace.analyze("report", "socket_name", "--format", "json").stdout)), "no disconnect")


SERVER = b"""
import socket, sys
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
served = [listener.accept()[0] for _ in range(3)]
a, b = socket.socketpair()
print("ready", listener.getsockname()[1], flush=True)
sys.stdin.readline()
for _ in range(7):
    for one, other in zip(clients, served):
        one.send(b"question"); other.recv(99); other.send(b"answer!"); one.recv(99)
    a.send(b"x"); b.recv(9)
print("done", flush=True)
sys.stdin.readline()
"""


def is_live(recorder):
    """It sleeps between looks at its rings."""
    with open(f"/proc/{recorder}/wchan") as file:
        return "epoll" in file.read()


def test_found_sockets(t):
    """Connections that are older than the recording have both their ends, and who serves."""
    t.write("server.py", SERVER)
    running = start(["/usr/bin/python3", "-I", "-S", "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=t.directory)
    port = int(running.stdout.readline().split()[1])
    observed = ss_of(running.pid)
    trace = t.new_trace()
    recorder = start([harness.RECORD, "-o", trace, "-p", str(running.pid)])
    while recorder.poll() is None and not is_live(recorder.pid):
        time.sleep(0.05)
    running.stdin.write(b"\n")
    running.stdin.flush()
    equal(running.stdout.readline(), b"done\n", "the server")
    recorder.send_signal(signal.SIGINT)
    wait(recorder)
    running.stdin.close()
    wait(running)
    trace = harness.Trace(trace)
    rows = {row["inode"]: row for row in json.loads(trace.analyze("report", "socket", "--format", "json").stdout)}
    for inode, (kind, local, remote) in observed.items():
        if kind == "tcp" and remote:
            equal((rows[inode]["local"], rows[inode]["remote"], rows[inode]["origin"]), (local, remote, "found"), f"socket {inode}")
    connections = json.loads(trace.analyze("report", "connection", "--format", "json").stdout)
    equal([(row["protocol"], row["server"], row["sent_bytes"], row["received_bytes"], row["exchange_count"], row["service_count"])
           for row in connections if row["protocol"] == "tcp"], [("tcp", f"127.0.0.1:{port}", 56, 49, 7, 7)] * 3, "connections")
    (pair,) = [row for row in connections if row["protocol"] == "unix"]
    equal(sorted((pair["sent_bytes"], pair["received_bytes"])), [0, 7], "the pair")
