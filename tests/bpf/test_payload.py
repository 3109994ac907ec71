# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R13, R14: what the arguments of a call point to, as strace saw it in the very same run; and what is kept private."""
import re

from harness import Skip, cases, check, equal, item, items, made_as, workload

SIZE = 40  # bytes of strings and data, in both tools

# The calls of the workload that are compared, and how often each is made after the program has started.
COUNTS = {"poll": 5, "ppoll": 1, "select": 2, "pselect6": 2, "epoll_ctl": 3, "epoll_wait": 2, "epoll_pwait": 1,
          "nanosleep": 3, "clock_nanosleep": 1, "setitimer": 1, "getitimer": 1, "timerfd_settime": 1, "clock_getres": 1,
          "utimensat": 1, "rt_sigaction": 3, "rt_sigprocmask": 4, "rt_sigpending": 1, "rt_sigtimedwait": 1, "writev": 4,
          "readv": 2, "pwritev": 1, "sendmsg": 3, "recvmsg": 3, "sendmmsg": 1, "recvmmsg": 1, "setsockopt": 6,
          "getsockopt": 2, "prlimit64": 2, "getrlimit": 1, "newfstatat": 3, "fstat": 1, "statx": 1, "sendfile": 1,
          "getdents64": 2, "wait4": 2, "execve": 1, "read": 3, "write": 1, "getsockname": 1, "bind": 1}

for name in [name for name in COUNTS if made_as(name) != name]:
    COUNTS[made_as(name)] += COUNTS.pop(name)


def lines_of(text, tid):
    """(call, the whole line without its time) of a thread, resumed calls put together, from the workload's first call on."""
    found, begun = [], ""
    for line in text.splitlines():
        match = re.match(rf"{tid} +(?:[\d.]+ )?(.*)", line)
        if not match or match[1].startswith(("---", "+++")):
            continue
        line = re.sub(r" <[\d.]+>$", "", match[1])
        if line.endswith("<unfinished ...>"):
            begun = line.removesuffix("<unfinished ...>").rstrip()
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed> ?(.*)", line)
        if resumed:
            line = begun + (" " if begun.endswith(",") else "") + resumed[1]
        found.append(re.sub(r"\) +=", ") =", line))
    start = next(i for i, line in enumerate(found) if line.startswith("pipe2("))
    return [(line.split("(")[0], line) for line in found[start:]]


def as_recorded(name, line):
    """A line of strace without what a record does not hold."""
    line = re.sub(r" /\* \d{4}-.*? \*/", "", line)  # a time in words
    line = line.replace("iov_base=NULL, ", 'iov_base="", ')
    line = re.sub(r" /\* \d+ vars \*/", "", line)
    if name == "statx":
        line = re.sub(r"stx_mask=.*?, stx_attributes=\w+, ", "", line)
    if name in ("sendmmsg", "recvmmsg"):  # lengths, and the first name
        line = re.sub(r"msg_hdr=\{msg_name=(\{.*?\})?.*?msg_flags=\w+\}, ",
                      lambda m: f"msg_hdr={{msg_name={m[1]}}}, " if m[1] else "", line)
        first, _, rest = line.partition("}, {msg_hdr=")
        line = first + "}, {" + re.sub(r"(^|\{)msg_hdr=.*?\}\}, |^\{msg_name=.*?\}\}, ", r"\1", rest) if rest else line
    if name == "recvmsg":
        line = re.sub(r"msg_namelen=\d+ => ", "msg_namelen=", line)
        line = re.sub(r"msg_name=0x\w+, msg_namelen=0", "msg_name=NULL, msg_namelen=0", line)
        if "msg_iov" not in line:
            line = re.sub(r"\{.*?\}", "POINTER", line)
    if name == "setsockopt":
        line = re.sub(r'SO_RCVTIMEO_OLD, ".*?"', "SO_RCVTIMEO_OLD, {tv_sec=5, tv_usec=7}", line)
        line = re.sub(r'(SOL_TLS|SOL_ALG), \w+, ".*?"', r"\1, 1, POINTER", line)
    if name in ("poll", "ppoll", "writev", "readv"):  # arrays are cut in different places
        line = re.sub(r"(\{[^}]*\}(, )?){4,}(\.\.\.)?", "MANY", line)
    return line


def without_pointers(name, line):
    line = as_recorded(name, line)
    if name == "recvmsg" and "msg_iov" not in line or "SOL_TLS" in line or "SOL_ALG" in line:
        line = re.sub(r"0x[0-9a-f]{6,}", "POINTER", line)
    return line


def test_like_strace(t):
    """Every payload of every kind of call reads as in strace's text of the same run."""
    trace = t.record("strace", "-f", "-s", str(SIZE), "-o", t.path("strace.txt"), "--", workload("payloads"),
                     options=["-s", str(SIZE)])
    with open(t.path("strace.txt"), errors="backslashreplace") as file:
        text = file.read()
    tid = int(text.split()[0])
    expected, actual = lines_of(text, tid), lines_of(trace.analyze("replay", "--no-names").stdout, tid)
    equal([name for name, _ in actual], [name for name, _ in expected], "calls")
    counted = {name: sum(called == name for called, _ in actual) for name in COUNTS}
    equal(counted, COUNTS, "calls of the workload")
    for (name, line), (_, seen) in zip(actual, expected):
        if name in COUNTS:
            equal(without_pointers(name, line), without_pointers(name, seen), name)


def calls(t, *options):
    return t.record(workload("payloads"), options=options)


def test_absent_pages(t):
    """R14: structs in pages that were not there at entry are read at exit."""
    trace = calls(t, "-s", "40")
    written, sent = trace.calls("writev")[3], trace.calls("sendmsg")[2]
    equal([(i["type"], i["state"]) for i in items(written, "data1")], [("u64s", "whole"), ("bytes", "whole")], "writev")
    equal(items(written, "data1")[0]["data"], [18, 7, 11], "lengths of writev")
    equal([(i["type"], i["state"]) for i in items(sent, "data1")], [("u32s", "whole"), ("u64s", "whole"), ("bytes", "whole")],
          "sendmsg")
    equal([i["state"] for i in items(trace.calls(made_as("poll"))[-1], "data0")], ["whole"] * 2, "poll")
    equal(item(trace.calls("nanosleep")[2], "data0")["data"], (0).to_bytes(8, "little").hex() + (1000033).to_bytes(8, "little").hex(),
          "nanosleep")


def test_totals(t):
    """Vectors and messages: the sum of all lengths, then the first ones; it says how many were left out."""
    trace = calls(t)
    found = [item(call, "data1") for call in trace.calls("writev")[:2]]
    equal(found[0]["data"], [40, 17, 0, 23], "lengths of the first writev")
    equal((found[1]["data"], found[1]["state"], found[1]["more"]), ([101] + [1] * 8, "truncated", 93), "many lengths")
    (sent,) = [i for i in items(trace.calls("sendmmsg")[0], "data1") if i["type"] == "u64s"]
    equal(sent["data"], [57, 31, 13, 13], "lengths of sendmmsg")
    bad = trace.calls("writev")[2]
    equal([(i["state"], i["data"]) for i in items(bad, "data1")], [("unreadable", None)], "a vector that cannot be read")
    (many,) = [call for call in trace.calls(made_as("poll")) if call["arg1"] == 67]
    equal([(i["state"], i["more"], len(i["data"]) // 2) for i in items(many, "data0")], [("truncated", 24, 512)] * 2, "67 pollfds")


def test_private(t):
    """Contents, keys and environments are not in the file unless they are asked for."""
    private = calls(t)
    with open(private.path + ".txt", "wb") as file:
        file.write(repr(private.events).encode())
    text = repr([event for event in private.events if event["kind"] == "syscall"])
    for secret in (b"thirty-one bytes", b"seventeen", b"not for the trac"):
        check(secret.hex() not in text and secret.decode() not in text, f"{secret} is in the trace")
    check("SECRET" not in text, "the environment is in the trace")
    asked = calls(t, "--env", "-s", "40")
    (failed,) = [call for call in asked.calls("execve") if call["ret"] < 0]
    equal(item(failed, "data2")["data"], ["SECRET=marker", "EMPTY="], "the environment, asked for")
    equal(item(failed, "data1")["data"], ["/nonexistent/program", "one", "two words"], "the arguments")
    text = repr([event for event in asked.events if event["kind"] == "syscall"])
    check(b"thirty-one by".hex() in text, "the data, asked for, is not in the trace")
    check(b"not for the trac".hex() not in text, "keys are in the trace although no option asks for them")


@cases(0, 5, 13, 20, 31)
def test_data_of_vectors(t, size):
    """-s: of what a message's buffers hold N bytes are kept, across their borders."""
    trace = calls(t, "-s", str(size))
    message = b"thirty-one bytes of a message.\0"
    for name in ("sendmsg", "recvmsg"):
        data = [i for i in items(trace.calls(name)[0], "data1") if i["type"] == "bytes"]
        if not size:
            equal(data, [], f"data of {name}")
            continue
        equal([bytes.fromhex(i["data"]) for i in data], [message[:size]], f"data of {name}")
        equal(data[0]["state"], "truncated" if size < 31 else "whole", f"state of {name}")


def test_compat(t):
    """Structs of 32-bit callers are read as those lay them out."""
    trace = t.record(workload("compat_payloads"), options=["-s", "40"], code=None)
    if trace.result.returncode == 77:
        raise Skip("this kernel has no 32-bit calls")
    equal(trace.result.returncode, 0, "exit")
    text = trace.analyze("replay", "--no-names").stdout
    for line in ("poll([{fd=4, events=POLLOUT}], 1, 1000) = 1 ([{fd=4, revents=POLLOUT}])",
                 'writev(4, [{iov_base="abc", iov_len=3}, {iov_base="defgh", iov_len=5}], 2) = 8',
                 "nanosleep({tv_sec=0, tv_nsec=1000003}, NULL) = 0",
                 "rt_sigaction(SIGUSR1, {sa_handler=SIG_IGN, sa_mask=[CHLD], sa_flags=SA_RESTART}, {sa_handler=SIG_DFL, "
                 "sa_mask=[], sa_flags=0}, 8) = 0",
                 "fstat64(3, {st_mode=S_IFIFO|0600, st_size=0, ...}) = 0",
                 "msg_iovlen=1, msg_control=[{cmsg_len=16, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[3]}], "
                 "msg_controllen=16, msg_flags=0}, 0) = 11",
                 "ugetrlimit(RLIMIT_NOFILE, {rlim_cur="):
        equal(text.count(line), 1, f"lines with {line} in {[row for row in text.splitlines() if line.split('(')[0] in row]}")
    selects = [row for row in text.splitlines() if "_newselect(" in row]
    equal(len(selects), 1, "selects")
    line = (r"_newselect\(40, NULL, \[4\], NULL, \{tv_sec=5, tv_usec=7\}\) = 1 "
            r"\(out \[4\], left \{tv_sec=(5, tv_usec=[0-7]|4, tv_usec=[1-9]\d{5})\}\)")
    check(re.search(line, selects[0]), f"select: {selects[0]}")
