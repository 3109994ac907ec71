# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: requests to disks."""
import collections
import contextlib
import os

from harness import Skip, check, equal, run, workload

READ, WRITE, FLUSH, DISCARD = 0, 1, 2, 3
FIELDS = "reads _ sectors_read _ writes _ sectors_written _ _ _ _ discards _ sectors_discarded _ flushes _".split()


@contextlib.contextmanager
def loop_device(t):
    with open(t.path("disk"), "wb") as file:
        file.truncate(16 << 20)
    try:
        result = run(["losetup", "-f", "--show", t.path("disk")])
    except FileNotFoundError:
        raise Skip("no losetup") from None
    if result.returncode:
        raise Skip(f"no loop device: {result.stderr}")
    device = result.stdout.strip()
    try:
        yield device
    finally:
        run(["losetup", "-d", device])


def counts(device):
    """What the kernel counts of the disk."""
    with open(f"/sys/block/{os.path.basename(device)}/stat") as file:
        return collections.Counter(dict(zip(FIELDS, map(int, file.read().split()))))


def test_disk(t):
    with loop_device(t) as device:
        before = counts(device)
        trace = t.record(workload("disk"), device, options=["--events", "+block"])
        seen = counts(device)
        seen.subtract(before)
        number = os.stat(device).st_rdev
    pid = trace.of("exec")[0]["tgid"]
    requests = [event for event in trace.of("block_io")
                if event["device"] == os.major(number) << 20 | os.minor(number)]
    equal(collections.Counter((event["op"], event["bytes"]) for event in requests),
          {(READ, 4096): 31, (WRITE, 8192): 17, (WRITE, 512): 5, (FLUSH, 0): 5, (DISCARD, 65536): 3}, "requests")
    equal({(event["tid"], event["tgid"], event["error"], event["remaining_bytes"]) for event in requests},
          {(pid, pid, 0, 0)}, "who submitted them, and what became of them")
    equal([event["sector"] for event in requests if event["op"] == READ], [i * 16 for i in range(31)], "where it read")
    check(all(0 < event["latency_ns"] < 10**10 for event in requests), "a request without a latency")

    # The observer: /sys/block/*/stat.
    ours = collections.Counter(event["op"] for event in requests)
    sectors = collections.Counter()
    for event in requests:
        sectors[event["op"]] += event["bytes"] // 512
    equal((ours[READ], sectors[READ]), (seen["reads"], seen["sectors_read"]), "reads")
    equal(sectors[WRITE], seen["sectors_written"], "sectors written")
    equal((ours[DISCARD], sectors[DISCARD]), (seen["discards"], seen["sectors_discarded"]), "discards")
    equal(ours[FLUSH], seen["flushes"], "flushes")


def test_written_back(t):
    """What a thread of the kernel writes is known to be the target's that made it dirty."""
    trace = t.record(workload("disk"), "-f", "file", options=["--events", "+block"])
    pid, inode = map(int, trace.result.stdout.split())
    mine = [event for event in trace.of("block_io") if event["inode"] == inode and event["op"] == WRITE]
    device = os.stat(t.directory).st_dev
    if not mine and not trace.of("block_io"):
        raise Skip("the directory is on no disk")
    check(sum(event["bytes"] for event in mine) >= 13 * 4096, f"bytes written of the file: {mine}")
    equal({event["dirtied_tgid"] for event in mine}, {pid}, "who made its pages dirty")
    equal({event["inode_device"] for event in mine}, {os.major(device) << 20 | os.minor(device)}, "where the inode is")


def test_own_reads(t):
    """A file read from the disk: as many bytes as the kernel charges the process with, for that file."""
    with open(t.path("big"), "wb") as file:
        file.write(os.urandom(3 << 20))
        file.flush()
        os.fsync(file.fileno())
        for _ in range(5):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        inode = os.fstat(file.fileno()).st_ino
    trace = t.record("/bin/cat", "big", options=["--events", "+block"], stdout=open(os.devnull, "w"))
    (end,) = trace.of("task_exit")
    reads = [event for event in trace.of("block_io") if event["op"] == READ]
    if not end["read_bytes"]:
        raise Skip("the directory is on no disk, or this file system does not drop pages when it is asked")
    equal(sum(event["bytes"] for event in reads), end["read_bytes"], "bytes read")
    equal(sum(event["bytes"] for event in reads if event["inode"] == inode), 3 << 20, "bytes read of the file")
    equal({event["tgid"] for event in reads}, {end["tgid"]}, "who read")


def test_disk_table(t):
    """Requests past the page cache, against what the program did and what the kernel counts of the disk."""
    with loop_device(t) as device:
        before = counts(device)
        trace = t.record(workload("disk"), device, options=["--events", "+block"])
        seen = counts(device)
        seen.subtract(before)
        number = os.stat(device).st_rdev
    rows = trace.sql("SELECT * FROM disk_io WHERE device = ?", f"{os.major(number)}:{os.minor(number)}")
    equal({row["op"]: (row["count"], row["bytes"], row["error_count"]) for row in rows},
          {"read": (31, 31 * 4096, 0), "write": (22, 17 * 8192 + 5 * 512, 0), "flush": (5, 0, 0), "discard": (3, 3 * 65536, 0)},
          "requests")
    by_op = {row["op"]: row for row in rows}
    equal(by_op["read"]["bytes"] // 512, seen["sectors_read"], "sectors that the kernel says were read")
    equal({row["pid"] for row in rows}, {trace.of("exec")[0]["tgid"]}, "who asked")
    calls = trace.one("SELECT total_ns FROM syscall_by_name WHERE name = 'pread64'")
    device_ns = by_op["read"]["device_total_ns"] + by_op["read"]["queue_total_ns"]
    check(0 < device_ns < calls, f"the device took {device_ns} ns of the {calls} ns that the reads took")
    check(by_op["read"]["device_p50_ns"] <= by_op["read"]["device_p99_ns"] <= by_op["read"]["device_max_ns"], "percentiles")


def test_disk_file_table(t):
    """What is written back has the name of the file, and the process that wrote it."""
    trace = t.record(workload("disk"), "-f", "file", options=["--events", "+block"])
    pid, inode = map(int, trace.result.stdout.split())
    if not trace.of("block_io"):
        raise Skip("the directory is on no disk")
    (row,) = trace.sql("SELECT * FROM disk_file WHERE inode = ? AND op = 'write'", inode)
    equal(row["path"], t.path("file"), "its name")
    check(row["bytes"] >= 13 * 4096, f"bytes written: {row['bytes']}")
    equal(trace.one("SELECT sum(bytes) FROM disk_io WHERE op = 'write' AND ifnull(dirtied_pid, pid) = ?", pid) >= 13 * 4096, True,
          "bytes that the process is to answer for")


def test_disk_itself(t):
    """The pages of a disk are no file's, as the journal's and the directory's of a file system are not: they have its number."""
    with loop_device(t) as device:
        trace = t.record("dd", "if=/dev/zero", f"of={device}", "bs=4096", "count=7", "conv=fsync", options=["--events", "+block,pagecache"])
        number = os.stat(device).st_rdev
    name = f"device {os.major(number)}:{os.minor(number)}"
    equal(trace.one("SELECT bytes FROM disk_file WHERE path = ? AND op = 'write'", name), 7 * 4096, "bytes written to it")
    check(trace.one("SELECT sum(added_bytes) FROM pagecache WHERE path = ?", name) >= 7 * 4096, "its pages")
