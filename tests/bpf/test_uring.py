# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: requests of io_uring."""
import errno
import subprocess
import time

from harness import Skip, cases, check, equal, run, wait, workload

NOP, TIMEOUT, READ, WRITE = 0, 11, 22, 23


@cases("", "poll")
def test_requests(t, poll):
    """Each request with its operation, descriptor, result and time; also of a thread that polls for them."""
    trace = t.record(workload("rings"), *[poll][:len(poll)], options=["--events", "+uring"], code=None)
    if trace.result.returncode:
        raise Skip(f"no io_uring: {trace.result.stderr}")
    pid, zero, null = map(int, trace.result.stdout.split())
    expected = []
    for base, times, op, fd, result in ((0x7AC00000, 29, NOP, -1, 0), (0x7AC10000, 17, READ, zero, 4096),
                                        (0x7AC20000, 13, WRITE, null, 512), (0x7AC30000, 5, READ, -1, -errno.EBADF),
                                        (0x7AC40000, 3, TIMEOUT, -1, -errno.ETIME)):
        expected += [(base + i, op, fd, result) for i in range(times)]
    submitted, completed = trace.of("uring_submit"), trace.of("uring_complete")
    equal([(event["user_data"], event["op"], event["fd"]) for event in submitted], [row[:3] for row in expected], "submitted")
    equal([(event["user_data"], event["op"], event["fd"], event["res"]) for event in completed], expected, "completed")
    equal({event["tgid"] for event in submitted + completed}, {pid}, "whose they are")
    check(poll or {event["tid"] for event in submitted} == {pid}, "the thread that submitted")
    check(not poll or pid not in {event["tid"] for event in submitted}, "a thread of its own takes them")
    equal(len({event["ring"] for event in submitted + completed}), 1, "rings")
    equal([event["request"] for event in submitted], [event["request"] for event in completed], "requests")
    for first, last in zip(submitted, completed):
        equal(last["latency_ns"], last["ts"] - first["ts"], "latency")
    check(all(20_000_000 <= event["latency_ns"] < 10**9 for event in completed if event["op"] == TIMEOUT), "timeouts")
    if not poll:
        # The observer: as many as the system call says that it took.
        taken = sum(call["ret"] for call in trace.calls("io_uring_enter") if call["ret"] > 0)
        equal(len(submitted), taken, "requests, as io_uring_enter counts them")
        # The kernel says of all of them that they are for block I/O.
        waits = trace.sql("SELECT reason, sum(total_ns) AS ns FROM wait WHERE call = 'io_uring_enter' GROUP BY 1")
        equal([row["reason"] for row in waits], ["uring"], "what the timeouts were waited for")
        check(waits[0]["ns"] > 3 * 19_000_000, f"waits for them: {waits[0]['ns']} ns")


def test_silent_requests(t):
    """Requests whose completion is not posted are forgotten when another process gets their memory."""
    if run([workload("rings"), "silent"]).returncode:
        raise Skip("no io_uring whose completions can be left out")
    trace, recorder = t.start("/bin/sh", "-c", f"{workload('rings')} silent; read line; true", options=["--events", "+uring"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = int(recorder.stdout.readline().split()[0])
    time.sleep(0.3)
    for _ in range(5):
        equal(run([workload("rings")]).returncode, 0, "exit of a stranger")
    recorder.stdin.close()
    equal(wait(recorder), 0, "exit")
    equal({event["tgid"] for event in trace.of("uring_submit")}, {pid}, "who submitted")
    equal(len(trace.of("uring_submit")), 61 * 8, "requests")
    equal(trace.of("uring_complete"), [], "completions")
