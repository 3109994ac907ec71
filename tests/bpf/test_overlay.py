# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""R22, R23: files of containers. The page cache, disks and mappings know only the file below the one that overlayfs shows."""
import os
import sys
from subprocess import PIPE

import harness
from harness import Skip, check, during, equal, item, items, start, workload

PAGES, PAGE = 101, 4096
MOUNT = 'mount -t overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" overlay "$1/union" && shift && exec "$@"'
READ = f"""
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
print(os.fstat(file).st_ino, os.fstat(file).st_dev, flush=True)
sys.stdin.readline()
memory = mmap.mmap(file, 0, prot=mmap.PROT_READ)
sum(memory[i * {PAGE}] for i in range({PAGES}))
"""


def inside(t, *command):
    """That command in a mount namespace of its own, where union/ shows lower/."""
    for name in ("lower", "upper", "work", "union"):
        os.makedirs(t.path(name), exist_ok=True)
    command = ["unshare", "--mount", "/bin/sh", "-c", MOUNT, "sh", t.directory, *command]
    if harness.run([*command[:7], "true"]).returncode:
        raise Skip("no overlayfs here")
    return command


def write_data(t):
    """A file that is on a disk and not in memory."""
    os.makedirs(t.path("lower"), exist_ok=True)
    fd = os.open(t.path("lower/data"), os.O_CREAT | os.O_RDWR)
    if not os.major(os.fstat(fd).st_dev):
        raise Skip("no disk here")
    os.write(fd, bytes(PAGES * PAGE))
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def assert_named(trace, path, inode, device):
    faults = [event for event in trace.of("page_fault") if [found["data"] for found in items(event, "path")] == [path]]
    check(faults, "no page fault names the file")
    equal({(event["inode"], event["device"]) for event in faults}, {(inode, os.major(device) << 20 | os.minor(device))}, "the file")
    equal(trace.one("SELECT sum(added_count) FROM pagecache WHERE path = ?", path), PAGES, "pages")
    equal(trace.one("SELECT sum(bytes) FROM disk_file WHERE op = 'read' AND path = ?", path), PAGES * PAGE, "bytes from the disk")


GROUPS = ["--events", "+pagecache,+block,+fault"]


def test_opened(t):
    write_data(t)
    command = inside(t, sys.executable, "-S", "-c", READ, t.path("union/data"))
    trace = t.record(*command, options=GROUPS)
    assert_named(trace, t.path("union/data"), *map(int, trace.result.stdout.split()))


def test_found(t):
    """The same of what was open before."""
    write_data(t)
    program = start(inside(t, sys.executable, "-S", "-c", READ, t.path("union/data")), stdin=PIPE, stdout=PIPE, text=True)
    numbers = map(int, program.stdout.readline().split())

    def act():
        program.communicate("\n")

    _, trace = during(t, *GROUPS, "-p", str(program.pid), act=act)
    assert_named(trace, t.path("union/data"), *numbers)


def test_below(t):
    os.makedirs(t.path("lower"))
    t.write("lower/data", b"data")
    trace = t.record(*inside(t, "cat", t.path("union/data")))
    (shown,) = [event for event in trace.of("file") if [found["data"] for found in items(event, "path")] == [t.path("union/data")]]
    below = [event for event in trace.of("file_below") if (event["inode"], event["device"]) == (shown["inode"], shown["device"])]
    data = os.stat(t.path("lower/data"))
    equal([(event["below_inode"], event["below_device"]) for event in below],
          [(data.st_ino, os.major(data.st_dev) << 20 | os.minor(data.st_dev))], "the file below")


def test_code(t):
    """A mapped program has the path that it was started by, and its build id."""
    os.makedirs(t.path("lower"))
    with open(workload("stacks"), "rb") as file:
        t.write("lower/stacks", file.read())
    os.chmod(t.path("lower/stacks"), 0o755)
    trace = t.record(*inside(t, t.path("union/stacks"), "sleep", "2003"), options=["-g", "off-cpu"])
    modules = [event for event in trace.of("module") if item(event, "path")["data"].endswith("/stacks")]
    equal([item(event, "path")["data"] for event in modules], [t.path("union/stacks")], "path")
    check(items(modules[0], "build_id"), "no build id")
