# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The cases of cli.txt, and the traces that are damaged in ways that a line of shell cannot make."""
import fcntl
import os
import pty
import re
import shutil
import struct
import termios

import zstandard

import harness
from harness import Skip, cases, check, equal, run

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(harness.ROOT, "samples", "traces", "first_act.trc")


def table():
    rows = {}
    with open(os.path.join(HERE, "cli.txt")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, code, said, command = re.split(r"\s+\|\s+", line.strip(), maxsplit=3)
                rows[name] = (int(code), said.replace("\\|", "|"), command)
    return rows


TABLE = table()


@cases(*TABLE)
def test_mistake(t, name):
    code, said, command = TABLE[name]
    if name.startswith("r-") and not harness.bpf_works():
        raise Skip(harness.bpf_works().reason)
    shutil.copy(SAMPLE, t.path("good.trc"))
    environment = dict(os.environ, R=harness.RECORD, A=harness.ANALYZE)
    result = run(["sh", "-c", command], cwd=t.directory, env=environment)
    equal(result.returncode, code, f"exit ({result.stderr})")
    lines = result.stderr.splitlines()
    if said == "-":
        equal(lines, [], "stderr")
        check(result.stdout, "nothing on stdout")
    else:
        equal(len(lines), 1, f"lines on stderr ({result.stderr})")
        check(re.search(said, lines[0], re.I), f"stderr does not match {said}: {lines[0]}")
    check(not os.path.exists(t.path("x.trc")), "a trace was left behind") if name.startswith("r-") else None


# Damage. A record is a head of 165 bytes and a payload; FORMAT.md has the table.

LABEL, HEAD = 12, 165
TYPE, FLAGS, STREAM, MID, PAYLOAD_CRC, HEAD_CRC, PAYLOAD_LENGTH = 25, 29, 34, 146, 151, 156, 161
HEADER, EVENTS, END = 1, 2, 6
CLASS_SYSCALL = 2


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Record:
    def __init__(self, data, offset):
        self.offset = offset
        self.head = bytearray(data[offset:offset + HEAD])
        self.payload = data[offset + HEAD:offset + HEAD + self.u32(PAYLOAD_LENGTH)]
        self.type = self.head[TYPE]

    def u32(self, at):
        return struct.unpack_from(">I", self.head, at)[0]

    def put(self, at, value):
        struct.pack_into(">I", self.head, at, value)

    def bytes(self):
        """The record, with the checksums that belong to it."""
        self.put(PAYLOAD_LENGTH, len(self.payload))
        if not self.u32(FLAGS) & 1:
            self.put(PAYLOAD_CRC, crc32c(self.payload))
            self.put(MID, len(self.payload))
        self.put(HEAD_CRC, 0)
        self.put(HEAD_CRC, crc32c(self.head))
        return bytes(self.head) + self.payload


def records(data):
    found, offset = [], LABEL
    while offset < len(data):
        found.append(Record(data, offset))
        offset += HEAD + len(found[-1].payload)
    return found


def sample():
    with open(SAMPLE, "rb") as file:
        return file.read()


def other_version(t, major, minor):
    """The sample as a later version would have written its HEADER."""
    data = sample()
    parts = records(data)
    header = parts[0]
    equal(header.type, HEADER, "type of the first record")
    compressed = header.u32(FLAGS) & 1
    plain = zstandard.ZstdDecompressor().decompress(header.payload) if compressed else header.payload
    at = plain.index(b"\x00\x82\x01\x00")  # key 0: [1, 0]
    check(at <= 3, "the version does not stand first in the HEADER")
    plain = plain[:at] + b"\x00\x82" + bytes([major, minor]) + plain[at + 4:]
    header.payload = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(plain) if compressed else plain
    return t.write("later.trc", data[:LABEL] + b"".join(part.bytes() for part in parts))


def test_unchanged_version(t):
    """The test's own writing is right: with the same version it is a trace as before."""
    result = run([harness.ANALYZE, "export", other_version(t, 1, 0)])
    equal((result.returncode, result.stderr), (0, ""), "exit and stderr")
    equal(result.stdout, run([harness.ANALYZE, "export", SAMPLE]).stdout, "events")


def test_newer_major(t):
    """A newer major version is refused by name, in one line, with 3."""
    result = run([harness.ANALYZE, "report", other_version(t, 2, 0)])
    equal(result.returncode, 3, "exit")
    equal(len(result.stderr.splitlines()), 1, f"lines on stderr ({result.stderr})")
    check("later.trc" in result.stderr and re.search(r"version 2|2\.0", result.stderr), f"stderr: {result.stderr}")
    equal(result.stdout, "", "stdout")


def test_newer_minor(t):
    """A newer minor version is read."""
    result = run([harness.ANALYZE, "report", other_version(t, 1, 7)])
    equal(result.returncode, 0, f"exit ({result.stderr})")
    check("getpriority" in result.stdout, "report shows nothing")


def calls(data):
    """The chunks of system calls."""
    return [record for record in records(data) if record.type == EVENTS and record.u32(STREAM) >> 16 == CLASS_SYSCALL]


def damaged(t, data, shown=True):
    """The trace is read as far as it goes; one line and 3 say what is missing."""
    path = t.write("damaged.trc", data)
    result = run([harness.ANALYZE, "report", path], timeout=20)
    equal(result.returncode, 3, f"exit ({result.stderr})")
    check("damaged.trc" in result.stderr, f"the file is not named: {result.stderr}")
    check(len(result.stderr.splitlines()) <= 4, f"many lines: {result.stderr}")
    check(("getpriority" in result.stdout) == shown, f"what was shown: {result.stdout}")


def test_cut_before_the_end(t):
    data = sample()
    damaged(t, data[:records(data)[-1].offset])


def test_cut_in_the_events(t):
    data = sample()
    events = calls(data)
    damaged(t, data[:events[-1].offset + HEAD + len(events[-1].payload) // 2], shown=False)


def test_flipped_byte(t):
    """A damaged chunk is left out, the rest is read."""
    data = bytearray(sample())
    events = calls(data)
    data[events[-1].offset + HEAD + len(events[-1].payload) // 2] ^= 0x10
    damaged(t, data, shown=False)


def test_damage_unseen(t):
    """Damage in the calls is said, and exits with 3, also by what shows no calls."""
    data = bytearray(sample())
    calls = [record for record in records(data) if record.type == EVENTS and record.u32(STREAM) >> 16]
    data[calls[-1].offset + HEAD + len(calls[-1].payload) // 2] ^= 0x10
    path = t.write("damaged.trc", data)
    for command in (["info"], ["tree"], ["report", "process"], ["export", "--kind", "exec"]):
        result = run([harness.ANALYZE, *command, path])
        equal(result.returncode, 3, f"exit of {command} ({result.stderr})")
        equal(len(result.stderr.splitlines()), 1, f"lines on stderr of {command}")
        check("damaged at byte" in result.stderr, f"stderr of {command}: {result.stderr}")
        check(result.stdout, f"nothing on stdout of {command}")
    check(re.search(r"damage_count\s+1$", run([harness.ANALYZE, "info", path]).stdout, re.M), "info does not count it")


def other_sample(name):
    with open(os.path.join(os.path.dirname(SAMPLE), name), "rb") as file:
        return file.read()


def test_two_recordings(t):
    """`cat new old`: everything comes in the order of time; a database row would belong to neither."""
    both = t.write("both.trc", other_sample("shell.trc") + other_sample("children.trc"))
    for split in ([], ["--no-split"]):
        result = run([harness.ANALYZE, "replay", "--ns", *split, both])
        equal((result.returncode, result.stderr), (0, ""), "replay")
    starts = [float(line.split()[1]) for line in run([harness.ANALYZE, "replay", "--ns", both]).stdout.splitlines()]
    check(starts == sorted(starts) and len(starts) > 400, "lines are not in order")
    info = run([harness.ANALYZE, "info", both]).stdout
    check(re.search(r"section_count +2\n(.*\n)*section_2 +[0-9a-f-]{36}, on example: ", info), info)
    result = run([harness.ANALYZE, "load", both, t.path("both.db")])
    equal(result.returncode, 2, "exit of load")
    check("2 recordings" in result.stderr, result.stderr)
    check(not os.path.exists(t.path("both.db")), "a database was left behind")


def test_two_boots(t):
    """Of recordings with different clocks the first is shown, and it is said how many are not."""
    data, boot = sample(), b"00000000-0000-0000-0000-000000000001"
    parts = records(data)
    payload = parts[0].payload
    if parts[0].u32(FLAGS) & 1:
        payload = zstandard.ZstdDecompressor().decompress(payload)
    check(boot in payload, "the sample has another boot id")
    payload = payload.replace(boot, boot[:-1] + b"2")
    parts[0].payload = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(payload)
    path = t.write("boots.trc", data + data[:LABEL] + b"".join(part.bytes() for part in parts))
    result = run([harness.ANALYZE, "export", path])
    equal(result.returncode, 0, "exit")
    check("1 of its 2 recordings left out" in result.stderr, result.stderr)
    equal(result.stdout, run([harness.ANALYZE, "export", SAMPLE]).stdout, "events")
    equal(run([harness.ANALYZE, "export", "--strict", path]).returncode, 3, "exit under --strict")


def test_narrow_terminal(t):
    """On 80 places nothing wraps, and all fits on a screen; into a pipe goes the wide form."""
    def page(columns):
        pid, terminal = pty.fork()
        if not pid:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
            environment = {"TERM": "dumb", "PATH": "/usr/bin"}
            os.execve(harness.ANALYZE, ["analyze", "report", "shell.trc"], environment)
        text = b""
        try:
            while data := os.read(terminal, 65536):
                text += data
        except OSError:  # the other side is closed
            pass
        os.close(terminal)
        equal(os.waitpid(pid, 0)[1], 0, "exit")
        return text.decode().replace("\r", "")

    t.write("shell.trc", other_sample("shell.trc"))
    before = os.getcwd()
    os.chdir(t.directory)
    try:
        narrow, wide = page(80), page(120)
    finally:
        os.chdir(before)
    check(max(map(len, narrow.splitlines())) <= 80, f"a line is wider than 80: {narrow}")
    check(len(narrow.splitlines()) <= 54, f"{len(narrow.splitlines())} lines")
    equal(wide, run([harness.ANALYZE, "report", "shell.trc"], cwd=t.directory).stdout, "the wide page")


def test_headings(t):
    """No two columns of a table on one page have one heading."""
    path = t.write("waiting.trc", other_sample("waiting.trc"))
    for table in ("pipe", "net_io", "time_spent", "file", "process", "disk_io", "memory"):
        headings = run([harness.ANALYZE, "report", table, "--columns", "all", path]).stdout.splitlines()[0].split()
        equal(sorted(set(headings)), sorted(headings), f"headings of {table}")


def test_hole(t):
    """Zeros over one head: the reader finds its way again behind it."""
    data = bytearray(sample())
    middle = [record for record in records(data) if record.type not in (HEADER, EVENTS, END)][0]
    data[middle.offset:middle.offset + HEAD] = bytes(HEAD)
    damaged(t, data)


def test_rubbish_behind(t):
    damaged(t, sample() + b"something else" * 100)
