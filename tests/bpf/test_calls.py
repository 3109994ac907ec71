# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a call did: arguments, results, strings, addresses, calls that never end, 32-bit calls."""
import collections
import errno
import os
import signal

from harness import SLOWER, Skip, cases, check, equal, hidden, item, items, made_as, nr, shorten, workload

WHOLE, TRUNCATED, UNREADABLE = "whole", "truncated", "unreadable"


def test_reads(t):
    """R13: 31 reads of 101 bytes, with descriptor, size, result and a plausible duration."""
    trace = t.record(workload("reads"), t.write("file", bytes(3131)))
    reads = [call for call in trace.calls("read") if call["arg2"] == 101]
    equal(len(reads), 31, "reads of 101 bytes")
    equal({call["ret"] for call in reads}, {101}, "results")
    opened = [call for call in trace.calls("openat") if item(call, "data1")["data"] == t.path("file")]
    equal(len(opened), 1, "openat calls of the file")
    equal({call["arg0"] for call in reads}, {opened[0]["ret"]}, "descriptors")
    for call in reads:
        check(0 < call["duration_ns"] < 10**9, f"duration {call['duration_ns']}")
    times = [(call["ts"] - call["duration_ns"], call["ts"]) for call in reads]
    check(all(a[1] <= b[0] for a, b in zip(times, times[1:])), "reads of one thread overlap")


def test_failing(t):
    """R13: calls that fail, counted by name and errno."""
    trace = t.record(workload("failing"))
    expected = {("openat", errno.ENOENT): 7, ("openat", errno.ENOTDIR): 3, ("fsync", errno.EBADF): 11,
                ("munmap", errno.EINVAL): 5, ("faccessat", errno.EFAULT): 13, ("wait4", errno.ECHILD): 17,
                ("unlinkat", errno.EISDIR): 19}
    counted = collections.Counter((row["name"], row["errno"]) for row in trace.sql("SELECT name, errno FROM syscall"))
    equal({key: counted[key] for key in expected}, expected, "failed calls")
    unknown = trace.sql("SELECT ret, errno, name FROM syscall WHERE nr = 1999")
    equal([tuple(row)[:2] for row in unknown], [(-errno.ENOSYS, errno.ENOSYS)] * 2, "calls of number 1999")
    failed = trace.one("SELECT sum(error_count) FROM syscall_stats WHERE name IN ('fsync', 'wait4', 'unlinkat')")
    equal(failed, 11 + 17 + 19, "error_count of syscall_stats")


def accesses(trace):
    """The faccessat calls of the workload; the loader may have made one before it."""
    calls = trace.calls("faccessat")
    check(len(calls) in (39, 40), f"{len(calls)} faccessat calls")
    return calls[-39:]


def paths(trace, first, count):
    """The paths of so many of the workload's calls."""
    return [item(call, "data1") for call in accesses(trace)[first:first + count]]


def long_path(length):
    return "/w" + "".join("/" if i % 64 == 0 else chr(ord("a") + i % 26) for i in range(2, length))


def test_paths(t):
    """R13: paths are whole, whatever their length and wherever they end."""
    found = paths(t.record(workload("strings")), 0, 13)
    equal([(i["data"], i["state"]) for i in found[:8]],
          [(long_path(length), WHOLE) for length in (2, 31, 32, 33, 255, 256, 1021, 4095)], "paths by length")
    equal([(i["data"], i["state"]) for i in found[8:13]], [("/edge/of/page", WHOLE)] * 5, "at the end of a page")


@cases(0, 16, 255, 1000)
def test_string_size(t, size):
    """-s: of what is written N bytes are kept, and the rest is said to be missing; with 0 nothing is."""
    text = "".join(chr(ord("a") + i % 26) for i in range(997))
    trace = t.record(workload("exits"), "echo", options=["-s", str(size)], input=text, stdin=None)
    (call,) = [call for call in trace.calls("write") if call["ret"] == 997]
    found = items(call, "data1")
    if not size:
        equal(found, [], "data kept with -s 0")
        return
    (kept,) = found
    equal(text_of(kept), text[:size], "what was kept")
    equal((kept["state"], kept["more"]), (TRUNCATED, 997 - size) if size < 997 else (WHOLE, 0), "what is missing")


def text_of(item):
    """The bytes of an item of type bytes, as text."""
    equal(item["type"], "bytes", "type of the item")
    return bytes.fromhex(item["data"]).decode()


def test_absent_pages(t):
    """R14: a page that was not there at entry is there at exit: the path is whole."""
    found = paths(t.record(workload("strings")), 13, 11)
    equal([(i["data"], i["state"]) for i in found], [("/lazy/path", WHOLE)] * 11, "paths in absent pages")


def test_unreadable(t):
    """R13: what cannot be read is said to be so, and the call is recorded all the same."""
    trace = t.record(workload("strings"))
    calls = accesses(trace)[24:38]
    equal([call["ret"] for call in calls], [-errno.EFAULT] * 14, "results")
    for call in calls:
        for i in items(call, "data1"):
            equal((i["state"], i["data"]), (UNREADABLE, None), "an address that cannot be read")
    equal([len(items(call, "data1")) for call in calls], [1] * 2 + [0] * 3 + [1] * 9, "items: NULL has none")
    equal([call["arg1"] for call in calls[2:12]], [0] * 3 + [16] * 7, "addresses")


def test_bytes(t):
    """S4: a path is bytes: they come through the JSON escaped and through SQLite as they are."""
    trace = t.record(workload("strings"))
    last = trace.calls("faccessat")[-1]
    check(item(last, "data1")["state"] == WHOLE, "the path is not whole")
    trace.db.text_factory = bytes
    path = trace.sql("SELECT path FROM syscall WHERE name = 'faccessat' ORDER BY ts_ns DESC LIMIT 1")[0][0]
    equal(path, b"/\xff\x01\x1b[2J\xc3\xa9\n\"\\", "path in SQLite")
    shown = trace.analyze("replay", errors=None, text=False).stdout
    check(b"\x1b" not in shown and b"\xff" not in shown, "replay lets bytes of the trace drive the terminal")



def test_sockets(t):
    """R13: socket addresses in and out, pipe and socketpair results."""
    trace = t.record(workload("sockets"))
    args = collections.Counter(row["args"] for row in trace.sql("SELECT args FROM syscall WHERE name = 'connect'"))

    def count(*parts):
        return sum(n for text, n in args.items() if all(part in text for part in parts))

    equal(count("127.0.0.1", "1"), 3 + 1, "connects to 127.0.0.1")
    equal(count("::1"), 5, "connects to ::1")
    equal(count("/nonexistent/socket"), 7, "connects to a path")
    equal(count("trc-nobody"), 2, "connects to an abstract name")
    equal(count("trc-server"), 1, "connects to the abstract server")
    equal(len(trace.calls("connect")), 3 + 5 + 7 + 2 + 11 + 2, "connects")
    sends = [call for call in trace.calls("sendto") if call["ret"] == 17]
    equal(len(sends), 13, "sends of 17 bytes")
    (inet, unix) = trace.calls("accept4")
    check(inet["ret"] >= 0 and unix["ret"] >= 0, "accept4 failed")
    text = [row["args"] for row in trace.sql("SELECT args FROM syscall WHERE name = 'accept4' ORDER BY ts_ns")]
    check("127.0.0.1" in text[0], f"the peer's address is not in {text[0]}")
    for name in ("pipe2", "socketpair"):
        (call,) = trace.calls(name)
        (made,) = [i for i in call["items"] if i["type"] == "fds"]
        equal(len(made["data"]), 2, f"descriptors of {name}")
        check(all(fd > 2 for fd in made["data"]), f"descriptors of {name}: {made['data']}")


def test_arguments_of_exec(t):
    """R13, R14: file name and arguments of an exec are the kernel's copy, whole, whatever their bytes."""
    arguments = ["", "two words", "tab\tnew\nline", "é", "x" * 2000, *(str(i) for i in range(40))]
    trace = t.record("/bin/true", *arguments, options=["-s", "64"])
    (event,) = trace.of("exec")
    equal(event["argc"], 1 + len(arguments), "argc")
    equal(item(event, "filename")["data"], "/bin/true", "file name")
    argv = item(event, "argv")
    equal(argv["data"][:5], ["/bin/true", "", "two words", "tab\tnew\nline", "é"], "first arguments")
    (call,) = trace.calls("execve")
    equal(item(call, "data0")["data"], "/bin/true", "path of the execve call")
    equal(call["ret"], 0, "result of execve")


@cases("execve", "descriptor", "script", "path")
def test_absent_exec(t, way):
    """R14: what an exec takes away is told by the kernel's copy, even if nobody could read it at entry."""
    path, options = "/bin/true", ["--env"]
    if way == "script":
        path = t.path("script")
        with open(path, "w") as file:
            file.write("#!/bin/true with words\n")
        os.chmod(path, 0o755)
    elif way == "path":
        options += ["--path", "/bin/tru?"]
    trace = t.record(workload("absent_exec"), "descriptor" if way == "descriptor" else "execve", path, options=options)
    call = trace.calls("execveat" if way == "descriptor" else "execve")[-1]
    equal(call["ret"], 0, "result")
    words = {"filename": (path, WHOLE), "argv": (["absent", "two words", ""], WHOLE), "envp": (["ABSENT=yes"], WHOLE)}
    # Words of the kernel's own, which are not what the caller wrote.
    if way == "descriptor":
        words["filename"] = (None, UNREADABLE)
    elif way == "script":
        words["argv"] = (None, UNREADABLE)
    first = 1 if way == "descriptor" else 0
    for i, name in enumerate(("filename", "argv", "envp")):
        found = item(call, f"data{first + i}")
        equal((found["data"], found["state"]), words[name], name)


def test_absent_argument(t):
    """R13: a list of strings of which one is in no page yet, and which the kernel did not come to (6.1 looks at it all the same): as cut."""
    (call,) = t.record(workload("absent_exec"), "failing", "/nonexistent/program").calls("execve")[1:]
    equal(call["ret"], -errno.ENOENT, "result")
    argv = item(call, "data1")
    check((argv["data"], argv["state"]) in [(["present"], TRUNCATED), (["present", "two words"], WHOLE)], f"arguments {argv}")


def test_refused(t):
    """R13: what seccomp refuses is a call as any other, with its arguments, and the filters choose it by them."""
    trace = t.record(workload("refused"))
    calls = [call for call in trace.of("syscall") if call.get("arg0") == 1999]
    counted = collections.Counter((call["nr"], -call["ret"], call["state"]) for call in calls)
    counted = {key: count for key, count in counted.items() if not key[2]}
    equal(counted, {(nr("openat"), errno.EACCES, 0): 7, (nr("fchmod"), errno.EPERM, 0): 11,
                    (nr("fchmod"), errno.EBADF, 0): 3}, "calls by number, errno and state")
    opened = [call for call in trace.calls("openat") if call["arg0"] == 1999]
    equal([(call["state"], item(call, "data1")["data"], call["arg2"], call["duration_ns"]) for call in opened],
          [(0, "refused", os.O_RDONLY | os.O_CLOEXEC, 0)] * 7 + [(1, "refused", os.O_WRONLY, 0)] * 5, "refused openat calls")
    files = {event["fd"] for event in trace.of("file")}
    check(nr("openat") not in files, f"the number of a call that a signal answered is a descriptor: {files}")
    chosen = t.record(workload("refused"), options=["-e", "openat", "--path", "refused"]).calls("openat")
    equal([call["arg0"] for call in chosen if not hidden(call)], [1999] * 12, "calls of the path")
    chosen = t.record(workload("refused"), options=["--errno", "EPERM"]).calls("fchmod")
    equal([call["arg1"] for call in chosen], [0o600] * 11, "calls of the errno")


def test_failed_exec(t):
    """R13: an execve that fails is a call with a path and an errno, and no exec event."""
    trace = t.record("/bin/sh", "-c", "/nonexistent/program; /dev/null; true", timeout=20)
    failed = [call for call in trace.calls("execve") if call["ret"] < 0]
    equal(sorted((item(call, "data0")["data"], -call["ret"]) for call in failed),
          [("/dev/null", errno.EACCES), ("/nonexistent/program", errno.ENOENT)], "failed execve calls")
    equal(len(trace.of("exec")), 1, "exec events")


@cases("read", "pause", "futex", "poll", "nanosleep")
def test_killed_inside(t, way):
    """R15: a call that a kill ended: unfinished, nothing invented."""
    trace = t.record("timeout", "-s", "KILL", str(0.3 * SLOWER), workload("blocked"), way, code=None)
    call = "clock_nanosleep" if way == "nanosleep" else made_as(way)
    rows = trace.sql("""SELECT s.name, s.state, s.duration_ns, s.ret, s.errno FROM syscall s JOIN thread t USING (thread_id)
        JOIN process p USING (process_id) WHERE p.comm = 'blocked' ORDER BY s.ts_ns DESC LIMIT 1""")
    equal([tuple(row) for row in rows], [(call, "unfinished", None, None, None)], "the last call")
    equal([call["arg1"] for call in trace.markers()], [29], "markers")
    equal(trace.one("SELECT exit_signal FROM process WHERE comm = 'blocked'"), signal.SIGKILL, "signal")


def test_killed(t):
    """R15, R17: signals that end processes inside calls and outside."""
    trace = t.record(workload("killed"))
    rows = trace.sql("SELECT exit_signal, count(*) FROM process WHERE exit_signal <> 0 GROUP BY 1 ORDER BY 1")
    equal([tuple(row) for row in rows], [(signal.SIGKILL, 3), (signal.SIGSEGV, 2), (signal.SIGTERM, 5)], "signals")
    states = collections.Counter((row["name"], row["state"]) for row in trace.sql("SELECT name, state FROM syscall"))
    equal(states["read", "unfinished"], 3, "unfinished reads")
    equal(sum(n for (name, state), n in states.items() if state == "unfinished" and name not in ("read", "exit_group")),
          states[made_as("pause"), "unfinished"], "other unfinished calls")


def test_compat(t):
    """R16: 32-bit calls of a 64-bit program have their own table; x32 calls are marked."""
    if os.uname().machine != "x86_64":
        raise Skip("only x86-64 has int 0x80")
    trace = t.record(workload("compat32"), code=None)
    if trace.result.returncode == 77:
        raise Skip("this kernel has no 32-bit calls")
    equal(trace.result.returncode, 0, "exit of compat32")
    # Where the kernel has no x32 the trace carries no names of it.
    has_x32 = any(call["abi"] == 3 and call["ret"] > 0 for call in trace.of("syscall"))
    x32_getpid = "getpid" if has_x32 else "syscall_0x27"
    rows = collections.Counter((row["abi"], row["nr"], row["name"]) for row in trace.sql("SELECT abi, nr, name FROM syscall"))
    equal({key: n for key, n in rows.items() if key[0] != "x86_64"},
          {("i386", 20, "getpid"): 19, ("i386", 5, "open"): 7, ("i386", 6, "close"): 7, ("x32", 39, x32_getpid): 3},
          "calls of other ABIs")
    equal(rows["x86_64", 39, "getpid"], 19, "getpid calls of the native ABI")
    opened = trace.sql("SELECT path, ret FROM syscall WHERE abi = 'i386' AND name = 'open'")
    equal({row["path"] for row in opened}, {"/dev/null"}, "paths of 32-bit calls")
    check(all(row["ret"] > 2 for row in opened), "results of 32-bit calls")


def test_beyond(t):
    """R13: with -s no byte behind a caller's buffer is read; two paths of any length have room; a cut path says so."""
    trace = t.record(workload("beyond"), options=["-s", "100"])
    (recv,) = [call for call in trace.calls("recvfrom") if call["ret"] == 1009]
    equal([i["data"] for i in recv["items"] if i["type"] == "bytes"], ["00" * 4], "what recv brought into 4 bytes")
    (name,) = trace.calls("getsockname")
    equal(len(items(name, "data1")), 1, "names of the socket")
    with open(trace.path + ".jsonl", "rb") as file:
        exported = file.read()
    for secret in (b"SECRET", b"SECRET".hex().encode()):
        check(secret not in exported, "a byte behind a buffer is in the trace")
    (rename,) = trace.calls(made_as("rename"))
    equal([(i["data"], i["state"]) for i in rename["items"]], [("a" * 4049, WHOLE), ("b" * 4049, WHOLE)], "paths of rename")
    first, memory, deep = trace.of("exec")
    (exe,) = items(memory, "exe")
    equal((exe["data"], exe["state"]), ("/memfd:trc-memory", WHOLE), "program in a memfd")
    (exe,) = items(deep, "exe")
    check(exe["data"].endswith("/deep" * 211 + "/beyond") and exe["state"] == WHOLE, f"deep program: {shorten(exe)}")
    (cwd,) = items(deep, "cwd")
    check(cwd["data"].endswith("/deep" * 211) and cwd["state"] == WHOLE, f"deep directory: {shorten(cwd)}")
    equal([len(items(deep, kind)) for kind in ("filename", "exe", "cwd", "argv", "cgroup")], [1] * 5, "items of the exec")
    check(first["head_flags"] == 0, "the first exec is cut")
