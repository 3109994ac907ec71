# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R23: page faults, the page cache, and the sizes of address spaces."""
import os

from harness import Skip, check, equal, workload

PAGE = os.sysconf("SC_PAGESIZE")
READ, WRITE = 1, 2
ON_DISK = "page faults with I/O need a file on a disk"


def words(trace):
    return [line.split() for line in trace.result.stdout.splitlines()]


def knows_access():
    return os.uname().machine in ("x86_64", "riscv64")


def test_faults(t):
    """Each mapping of the workload: one fault a page, of the sort that it says."""
    trace = t.record(workload("faults"), options=["--events", "+fault"])
    said = words(trace)
    ranges = {line[0]: (int(line[1]), int(line[1]) + int(line[2])) for line in said[:4]}
    faults = trace.of("page_fault")
    here = {name: [event for event in faults if low <= event["address"] < high] for name, (low, high) in ranges.items()}
    major = int(said[4][2])
    # Files that are in memory alone are mapped several pages at a time.
    pages = {"written": 1009, "read": 503, "kernel": 53, "file": 101 if major >= 101 else len(here["file"])}
    check(0 < pages["file"] <= 101, f"{pages['file']} faults of the file")
    equal({name: len({event["address"] // PAGE for event in found}) for name, found in here.items()}, pages, "pages with a fault")
    equal({name: len(found) for name, found in here.items()}, pages, "faults")
    equal({name: {event["in_kernel"] for event in found} for name, found in here.items()},
          {"written": {0}, "read": {0}, "kernel": {1}, "file": {0}}, "who touched the page")
    if knows_access():
        equal({name: {event["access"] for event in found} for name, found in here.items()},
              {"written": {WRITE}, "read": {READ}, "kernel": {WRITE}, "file": {READ}}, "accesses")
        check(all(0 < event["duration_ns"] < 10**9 for event in faults), "a fault without a duration")
    for name in ("written", "read", "kernel"):
        equal({event["major"] for event in here[name]}, {0}, f"major faults of {name}")
    # The observer: what getrusage and the end of the task counted. The kernel's own touches, made without an exception
    # (an execve's arguments), are in its counts alone.
    minor = int(said[4][1])
    equal(sum(event["major"] for event in faults), major, "major faults, as getrusage counts them")
    ours = len(faults) - major
    check(minor * 0.95 <= ours <= minor * 1.05 + 5, f"{ours} minor faults, getrusage counts {minor}")
    (end,) = trace.of("task_exit")
    equal(end["major_faults"], major, "major faults at the end")
    if major < 101:
        raise Skip(ON_DISK)
    equal({event["major"] for event in here["file"]}, {1}, "major faults of the file")


def test_page_cache(t):
    """Pages that enter and leave, with their file and place; mincore says the same."""
    trace = t.record(workload("pages"), "pages.data", options=["--events", "+pagecache"])
    inode, major, minor, *seen = map(int, words(trace)[0])
    if seen != [61, 0, 37]:
        raise Skip(f"this file system does not keep pages as others do: mincore counts {seen}")
    in_file = {kind: [event for event in trace.of(kind) if event["inode"] == inode]
               for kind in ("pagecache_add", "pagecache_delete")}
    device = major << 20 | minor
    equal({event["device"] for events in in_file.values() for event in events}, {device}, "device")

    def places(kind):
        return [event["index"] + i for event in in_file[kind] for i in range(event["pages"])]

    written, read = list(range(61)), list(range(0, 111, 3))
    equal(places("pagecache_add"), written + read, "pages that enter")
    left = places("pagecache_delete")
    equal((sorted(left[:61]), sorted(left[61:])), (written, read), "pages that leave")


def test_large_folio(t):
    """A large read may bring several pages at once: all of them are counted."""
    with open(t.path("big"), "wb") as file:
        file.write(bytes(8 << 20))
        file.flush()
        os.fsync(file.fileno())
        for _ in range(5):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        inode = os.fstat(file.fileno()).st_ino
    trace = t.record("/bin/cat", "big", options=["--events", "+pagecache"], stdout=open(os.devnull, "w"))
    added = [event for event in trace.of("pagecache_add") if event["inode"] == inode]
    if not added:
        raise Skip("this file system does not drop pages when it is asked")
    pages = [event["index"] + i for event in added for i in range(event["pages"])]
    equal(pages, list(range((8 << 20) // PAGE)), "pages that enter")


def test_sizes(t):
    """What is mapped is exact after each step, what is resident is near; as /proc/PID/statm has them."""
    trace = t.record(workload("grows"), options=["--events", "+memory"])
    pid = trace.of("exec")[0]["tgid"]
    steps = [(line[0], *map(int, line[1:])) for line in words(trace)]
    space = trace.of("memory_mapped")[-1]["space"]
    mapped = [event["total_bytes"] // PAGE for event in trace.of("memory_mapped") if event["space"] == space]
    sizes = [size for step, size, *_ in steps if step not in ("start", "written")]
    equal(mapped[-len(sizes):], sizes, "sizes after each step")
    heaps = [event["heap_bytes"] for event in trace.of("memory_mapped") if event["space"] == space]
    equal(max(heaps) - min(heaps[-len(sizes):]), 16 << 20, "how far the break was moved")

    anonymous = [event["size_bytes"] // PAGE for event in trace.of("memory_resident")
                 if event["space"] == space and event["what"] == 1]
    equal({event["owner_pid"] for event in trace.of("memory_resident") if event["space"] == space} - {0}, {pid}, "owner")
    most = max(size for *_, size in steps)
    # A step of a 64th, and what each CPU holds back.
    error = most / 64 + 64 * os.cpu_count() + 64
    check(abs(max(anonymous) - most) <= error, f"most pages in memory {max(anonymous)}, statm says {most}")
    check(len(anonymous) < 300, f"{len(anonymous)} events for 7936 pages")
    check(anonymous == sorted(anonymous[:anonymous.index(max(anonymous)) + 1]) + sorted(
        anonymous[anonymous.index(max(anonymous)) + 1:], reverse=True), "it grows, then it shrinks")


def test_sizes_without_calls(t):
    """The group looks at system calls by itself; they are not sent."""
    trace = t.record(workload("grows"), options=["--events", "task,memory"])
    equal(trace.of("syscall"), [], "system calls")
    check(len(trace.of("memory_mapped")) >= 15, f"{len(trace.of('memory_mapped'))} changes of what is mapped")
