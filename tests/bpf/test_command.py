# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The command is left as it is: descriptors, signals, status; the recorder keeps out of sight and in time."""
import fcntl
import os
import pty
import resource
import signal
import subprocess
import termios
import time

import harness
from harness import cases, check, equal, run, wait, workload


@cases(0, 1, 37, 125, 126, 127, 255)
def test_exit_code(t, code):
    """R5: the recorder ends with the command's own code, and the trace has it."""
    trace = t.record(workload("exits"), "code", str(code), code=code)
    equal(trace.one("SELECT exit_code FROM trace"), code, "exit code in the trace")


@cases("SIGTERM", "SIGKILL", "SIGSEGV", "SIGINT")
def test_exit_signal(t, name):
    """R5: the recorder dies of the command's own signal, and the trace names it."""
    number = getattr(signal, name)
    trace = t.record(workload("exits"), "signal", str(int(number)), code=-number)
    equal(trace.one("SELECT exit_signal FROM trace"), number, "signal in the trace")
    equal(trace.one("SELECT exit_signal FROM process"), number, "signal of the process")
    check(not os.path.exists(t.path("core")), "a core file of the recorder")


def test_not_found(t):
    """R5: 127 and one line that names the command."""
    trace = t.record("no-such-command-anywhere", code=127)
    check("no-such-command-anywhere" in trace.result.stderr, f"no name in: {trace.result.stderr}")
    equal(len(trace.result.stderr.splitlines()), 1, "lines on stderr")


def test_not_executable(t):
    """R5: 126 and one line that names the command."""
    trace = t.record(t.write("plain", b"no program\n"), code=126)
    check("plain" in trace.result.stderr, f"no name in: {trace.result.stderr}")
    equal(len(trace.result.stderr.splitlines()), 1, "lines on stderr")


def test_standard_streams(t):
    """R5: stdin, stdout and stderr are the command's own."""
    text = "".join(f"line {i}\n" for i in range(10007))
    trace = t.record(workload("exits"), "echo", input=text, stdin=None)
    equal(trace.result.stdout, text, "what came through")
    trace = t.record("/bin/sh", "-c", "echo out; echo err >&2")
    equal((trace.result.stdout, trace.result.stderr), ("out\n", "err\n"), "stdout and stderr")


def test_descriptors(t):
    """R5: no descriptor of the recorder reaches the command; one that the caller left open does."""
    with open(t.write("open", b"x")) as file:
        os.set_inheritable(file.fileno(), True)
        listing = ["/bin/sh", "-c", "echo $$; for f in /proc/$$/fd/*; do echo ${f##*/}; done"]
        bare = run(listing, pass_fds=[file.fileno()]).stdout.split()[1:]
        trace = t.record(*listing, pass_fds=[file.fileno()])
        equal(trace.result.stdout.split()[1:], bare, "descriptors of the command")


def test_limits(t):
    """R5: the recorder may open more files than the caller, the command not."""
    show = ["/bin/cat", "/proc/self/limits"]

    def allow():
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 3000))

    equal(t.record(*show, preexec_fn=allow).result.stdout, run(show, preexec_fn=allow).stdout, "limits of the command")


def test_signal_state(t):
    """R5: signal mask and dispositions are the caller's."""
    show = ["/bin/grep", "-E", "^(SigBlk|SigIgn|SigCgt)", "/proc/self/status"]
    equal(t.record(*show).result.stdout, run(show).stdout, "signals of the command")


def interrupted(t, send):
    """A command that ends with 23 on SIGINT; send(recorder) interrupts it when it is ready."""
    script = "trap 'exit 23' INT; echo ready; while :; do sleep 0.05; done"
    trace, recorder = t.start("/bin/sh", "-c", script, stdout=subprocess.PIPE, start_new_session=True)
    equal(recorder.stdout.readline(), b"ready\n", "first line")
    send(recorder)
    equal(wait(recorder), 23, "exit of the recorder")
    equal(trace.one("SELECT exit_code FROM trace"), 23, "exit code in the trace")
    equal(trace.analyze("info").returncode, 0, "exit of analyze info: the file is complete")
    equal(len(trace.of("task_exit")), len(trace.of("task_new")) + 1, "task_exit events")


def test_interrupt_of_the_group(t):
    """R5: Ctrl-C, which the terminal sends to both."""
    interrupted(t, lambda recorder: os.killpg(recorder.pid, signal.SIGINT))


def test_interrupt_of_the_recorder(t):
    """R5: a signal to the recorder alone reaches the command."""
    interrupted(t, lambda recorder: os.kill(recorder.pid, signal.SIGINT))


def test_terminate(t):
    """R5: SIGTERM is passed on; both end by it, the file is complete."""
    trace, recorder = t.start(workload("blocked"), "pause")
    wait_for_child(recorder)
    recorder.terminate()
    equal(wait(recorder), -signal.SIGTERM, "exit of the recorder")
    equal(trace.one("SELECT exit_signal FROM trace"), signal.SIGTERM, "signal in the trace")


def test_deaf_to_nothing(t):
    """R5: a signal is passed on while the command has not come to its exec, and waited for its end."""
    trace, recorder = t.start(workload("blocked"), "pause")
    children = f"/proc/{recorder.pid}/task/{recorder.pid}/children"
    deadline = time.monotonic() + 20
    held = []
    while not held and time.monotonic() < deadline:
        with open(children) as file:
            held = [int(pid) for pid in file.read().split()]
    os.kill(held[0], signal.SIGSTOP)
    time.sleep(1.5)  # by now it would be let go
    recorder.terminate()
    while True:
        with open(f"/proc/{held[0]}/status") as file:
            pending = int(dict(line.split(":", 1) for line in file)["ShdPnd"], 16)
        if pending & 1 << signal.SIGTERM - 1:
            break
        check(time.monotonic() < deadline, "the signal does not reach the command")
        time.sleep(0.05)
    os.kill(held[0], signal.SIGCONT)
    equal(wait(recorder), -signal.SIGTERM, "exit of the recorder")


@cases("bpf", "ptrace")
def test_interrupt_before_the_command(t, backend):
    """R5: Ctrl-C on a terminal, before there is a command that it could reach, ends what is started then."""
    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if backend == "ptrace":
            os.setuid(65534)

    os.chmod(t.directory, 0o777)
    for ms in range(0, 60, 6):
        master, slave = pty.openpty()
        recorder = subprocess.Popen([harness.RECORD, "-q", "-o", t.new_trace(), "--", "sleep", "10"], cwd=t.directory,
                                    stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal,
                                    start_new_session=True)
        os.close(slave)
        # Before, it would die of it by itself.
        while not blocks(recorder.pid, signal.SIGINT):
            pass
        time.sleep(ms / 1000)
        os.write(master, b"\x03")
        check(wait(recorder, 8) in (130, -signal.SIGINT), f"exit {recorder.returncode} with Ctrl-C after {ms} ms")
        os.close(master)


def blocks(pid, number):
    with open(f"/proc/{pid}/status") as file:
        mask = dict(line.split(":", 1) for line in file)["SigBlk"]
    return int(mask, 16) & 1 << number - 1


def wait_for_child(recorder, name="blocked"):
    """Until the recorder's command runs and waits."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(f"/proc/{recorder.pid}/task/{recorder.pid}/children") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/stat") as stat:
                    line = stat.read()
                if f"({name})" in line and line[line.rindex(")") + 2] == "S":
                    return int(pid)
        time.sleep(0.01)
    raise harness.Failure("the command never started")


def test_ignored_child_signal(t):
    """R5: where SIGCHLD is ignored the command's status is passed on all the same, and it too ignores it."""
    script = "grep SigIgn /proc/self/status; exit 7"
    ignore = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    bare = run(["/bin/sh", "-c", script], preexec_fn=ignore)
    trace = t.record("/bin/sh", "-c", script, code=7, preexec_fn=ignore)
    equal(trace.result.stdout, bare.stdout, "signals that the command ignores")
    equal(trace.one("SELECT exit_code FROM trace"), 7, "exit code in the trace")


def test_closed_streams(t):
    """R5: without stdin, stdout and stderr the trace is whole, and the command finds none either."""

    def close():
        for fd in (0, 1, 2):
            os.close(fd)

    listed = t.path("fds")
    script = f"ls -l /proc/$$/fd | grep -c /dev/null >{listed}"
    recorder = subprocess.run([harness.RECORD, "-v", "-o", t.path("closed.trc"), "--", "/bin/sh", "-c", script],
                              preexec_fn=close, timeout=60, check=False)
    check(recorder.returncode in (0, 1), f"exit {recorder.returncode}")
    with open(listed) as file:
        equal(file.read(), "0\n", "descriptors of the command that are /dev/null")
    trace = harness.Trace(t.path("closed.trc"))
    equal(trace.analyze("info").returncode, 0, "exit of analyze info")
    with open(trace.path, "rb") as file:
        check(b"system-call tables" not in file.read(), "the recorder's talk is in the trace")


@cases("SIGHUP", "SIGINT", "SIGQUIT")
def test_ignored(t, name):
    """R5: a signal that the caller had ignored, as nohup and background shells do, ends neither recorder nor command."""
    number = getattr(signal, name)
    ignore = lambda: signal.signal(number, signal.SIG_IGN)
    trace, recorder = t.start("/bin/sh", "-c", "sleep 0.7; exit 3", preexec_fn=ignore)
    time.sleep(0.4)
    for _ in range(5):
        recorder.send_signal(number)
    equal(wait(recorder), 3, "exit of the recorder")
    equal(trace.one("SELECT exit_code FROM trace"), 3, "exit code in the trace")


def test_own_activity(t):
    """R4: the recorder is not in its own trace."""
    trace, recorder = t.start(workload("children"), "fork", "101")
    equal(wait(recorder), 0, "exit of the recorder")
    pids = {event["tid"] for event in trace.own_events} | {event["tgid"] for event in trace.own_events}
    check(pids, "an empty trace")
    check(recorder.pid not in pids, "the recorder's pid is in the trace")
    check(0 not in pids, "the idle task is in the trace")
    equal(trace.one("SELECT count(*) FROM process WHERE comm LIKE 'record%'"), 0, "processes named record")


def test_ends_with_the_tree(t):
    """R5: the recording ends when the last process of the tree does, not when the command does."""
    trace = t.record("/bin/sh", "-c", "(sleep 0.7; exit 5) & exit 9", code=9)
    equal(trace.one("SELECT count(*) FROM process WHERE exit_code = 5"), 1, "the late process")
    check(trace.one("SELECT duration_ns FROM trace") > 600_000_000, "the recording ended early")


def test_time(t):
    """R9: a short command is recorded in a short time. The bound is for slow machines."""
    begin = time.monotonic()
    t.record("/bin/true")
    check(time.monotonic() - begin < 3, f"/bin/true took {time.monotonic() - begin:.2f} s")


def test_two_recorders(t):
    """R10: two recorders at a time: each has its own processes, all of them, and no other."""
    runs = [t.start(workload("children"), way, "1009") for way in ("fork", "clone3")]
    for _, recorder in runs:
        equal(wait(recorder), 0, "exit of a recorder")
    pids = []
    for trace, _ in runs:
        equal(sorted(call["arg1"] for call in trace.markers()), list(range(1009)), "markers")
        pids.append({event["tgid"] for event in trace.own_events})
        equal(len(pids[-1]), 1010, "processes")
    check(not pids[0] & pids[1], "a process is in both traces")


def test_recording_a_recorder(t):
    """R10: a recorder inside a recorder: the outer one sees the inner one and its command."""
    inner = t.path("inner.trc")
    trace = t.record(harness.RECORD, "-q", "-o", inner, "--", workload("children"), "fork", "13")
    equal(sorted(call["arg1"] for call in trace.markers()), list(range(13)), "markers, outer")
    equal(sorted(call["arg1"] for call in harness.Trace(inner).markers()), list(range(13)), "markers, inner")


def test_duration(t):
    """R15, -d: the trace ends in time, with the call that still waits, unfinished and without a duration; the
    recorder goes on until the command ends and passes its status."""
    trace, recorder = t.start(workload("blocked"), "read", options=["-d", "500ms"])
    command = wait_for_child(recorder)
    time.sleep(0.5)
    deadline = time.monotonic() + 20
    while trace.analyze("info").returncode:
        check(time.monotonic() < deadline, "-d 500ms did not end the recording")
        time.sleep(0.1)
    check(recorder.poll() is None, "the recorder ended before its command")
    os.kill(command, signal.SIGTERM)
    equal(wait(recorder), -signal.SIGTERM, "exit of the recorder")
    equal([call["arg1"] for call in trace.markers()], [29], "markers")
    rows = trace.sql("SELECT state, duration_ns, ret FROM syscall WHERE name = 'read' ORDER BY ts_ns DESC LIMIT 1")
    equal([tuple(row) for row in rows], [("unfinished", None, None)], "the last read")
