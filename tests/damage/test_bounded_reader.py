# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a hostile file costs grows with its size and no faster: processor time and memory have limits that only a larger cost exceeds."""
import json
import resource
import struct

import cbor2

import harness
import reader
from harness import check, equal, run
from maker import Maker, compressed, head
from reader_records import COMPRESSED, END, EVENTS, HEAD_BYTES, INDEX, SORTED, crc32c

CPU_SECONDS = 20  # these files take one or two; and minutes where a cost is that of all pairs
SEQ, STREAM, PAYLOAD_CRC, PAYLOAD_LEN = (16, 8), (34, 4), (151, 4), (161, 4)
OPAQUE = 100  # a record type that nobody knows


class Series:
    """Messages that differ in a few numbers. The checksum is linear: that of one, and what each changed byte makes of it."""

    def __init__(self, base):
        self.base, self.crc, self.zero, self.changes = base, crc32c(base), crc32c(bytes(len(base))), {}

    def change(self, at, bits):
        if (at, bits) not in self.changes:
            self.changes[at, bits] = crc32c(bytes(at) + bytes([bits]) + bytes(len(self.base) - at - 1)) ^ self.zero
        return self.changes[at, bits]

    def message(self, numbers):
        """(bytes, checksum) with {(offset, size): number}"""
        data, crc = bytearray(self.base), self.crc
        for (at, size), number in numbers.items():
            for i, byte in enumerate(number.to_bytes(size, "big"), at):
                if byte != data[i]:
                    crc ^= self.change(i, byte ^ data[i])
                    data[i] = byte
        return data, crc


class Heads(Series):
    def __init__(self, *arguments, **values):
        base = bytearray(head(*arguments, **values))
        base[156:160] = bytes(4)
        super().__init__(bytes(base))

    def head(self, numbers):
        data, crc = self.message(numbers)
        data[156:160] = crc.to_bytes(4, "big")
        return bytes(data)


def limited(t, data, *arguments, memory=None, cpu_seconds=CPU_SECONDS):
    """analyze with these arguments and the file, under the limits. A file that ends it is one that costs too much."""
    path = t.write("hostile.trc", data)

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    command = [path if argument == "FILE" else argument for argument in arguments]
    result = run([harness.ANALYZE, *command], timeout=600, preexec_fn=limit)
    check(result.returncode in (0, 3), f"exit of {' '.join(arguments)} is {result.returncode} ({result.stderr})")
    return result


def agreed(t, data):
    """The exit code and the events of a file, which both readers find."""
    path = t.write("both.trc", data)
    result = run([harness.ANALYZE, "export", path])
    events, _, problems, _ = reader.read(path)
    equal([json.loads(line) for line in result.stdout.splitlines()], events, f"export against reader.py ({problems})")
    equal(result.returncode, 3 if problems else 0, f"exit of export against reader.py ({result.stderr} {problems})")
    return result.returncode, len(events)


def test_series(t):
    """What is calculated here is what the maker of traces makes."""
    heads = Heads(EVENTS, b"ab", stream=5, ts=(1, 2))
    equal(heads.head({SEQ: 77777, STREAM: 70000}), head(EVENTS, b"ab", seq=77777, stream=70000, ts=(1, 2)), "a head")


def test_indexes(t):
    """Many ENDs, each with an INDEX that claims all that lies before: not each is read."""
    count = 60000
    data = Maker().data()
    first = len(data) + HEAD_BYTES
    behind = first + HEAD_BYTES * count
    indexes, ends, inside = [], [], Heads(INDEX, b"", mid_len=0, raw_len=0)
    payloads, last = Series(bytes(32)), Heads(END, bytes(32))
    for i in range(count):
        at, end = first + HEAD_BYTES * i, behind + (HEAD_BYTES + 32) * i
        indexes.append(inside.head({SEQ: 10 + 2 * i, PAYLOAD_LEN: end - at - HEAD_BYTES}))
        payload, crc = payloads.message({(0, 8): at, (8, 8): 12, (24, 8): end + HEAD_BYTES + 32})
        ends.append(last.head({SEQ: 11 + 2 * i, PAYLOAD_CRC: crc}) + payload)
    body = b"".join(indexes)
    limited(t, data + head(OPAQUE, b"", seq=1, payload_len=len(body)) + body + b"".join(ends), "info", "FILE")


def test_nested(t):
    """Many records inside one another, the last byte of all of them at the same place, with nothing good behind it."""
    count = 60000
    data, opaque = Maker().data(), Heads(OPAQUE, b"", mid_len=0, raw_len=0)
    first = [opaque.head({SEQ: i + 1}) for i in range(count)]
    inside = [opaque.head({SEQ: count + 1 + i, PAYLOAD_LEN: HEAD_BYTES * (count - i - 1)}) for i in range(count)]
    limited(t, data + b"".join(first + inside) + b"junk" * 100, "info", "FILE")


def test_many_streams(t):
    """Many streams of one chunk that have ended, and many gaps behind them: nothing of them is missing."""
    streams, gaps = 400000, 4000
    trace = Maker()
    trace.events(trace.event(5))
    payload = trace.parts[-1][HEAD_BYTES:]
    chunks = Heads(EVENTS, payload, flags=SORTED | 16, ts=(5, 5), events=1, raw_len=40)
    opaque, parts = Heads(OPAQUE, b""), trace.parts[:2]
    for i in range(streams):
        parts += chunks.head({SEQ: i + 1, STREAM: 1 << 16 | i}), payload
    parts += [opaque.head({SEQ: 2 * (streams + i)}) for i in range(gaps)]
    limited(t, b"".join(parts), "info", "FILE", cpu_seconds=CPU_SECONDS // 2)


def test_large_schema(t):
    """Many chunks under a HEADER with as many kinds as there may be, and a long name of the boot."""
    count = 120000
    kinds = [[i + 1, f"kind{i}", 24, 1, [], [], ""] for i in range(1024)]
    trace = Maker(kinds=kinds, header={6: {"boot_id": "b" * 1000000}})
    trace.events(trace.event(5, fixed=b""))
    payload = trace.parts[-1][HEAD_BYTES:]
    chunks = Heads(EVENTS, payload, flags=SORTED, stream=1 << 16, ts=(5, 5), events=1, raw_len=24)
    parts = trace.parts[:2]
    for i in range(count):
        parts += chunks.head({SEQ: i + 1}), payload
    equal(limited(t, b"".join(parts), "export", "FILE").stdout.count("\n"), count, "events")


def test_large_and_long(t):
    """Rounds of large chunks, each followed by small ones that last to the end: what the large ones took is given back."""
    size, large, rounds = 16 << 20, 12, 9  # 192 MiB a round, 1.7 GiB together
    trace = Maker()

    def event(ts, length):
        body = struct.pack("<BBBBHH", 0, 19, 0, 0, length - 32, 0) + bytes(length - 32) if length > 24 else b""
        return struct.pack("<QIIHHHBB", ts, 1, 1, 99, length, 0, 3, 0) + body

    for i in range(rounds):
        record = event(1000 + 10 * i, 16384)
        content = cbor2.dumps([record * (size // len(record))])
        payload = compressed(content)
        for j in range(large):
            trace.events(record, cpu=j, content=content, payload=payload, flags=SORTED | COMPRESSED, events=size // len(record), raw_len=size)
        for j in range(large):
            trace.events(event(1005 + 10 * i, 24), event(10**12, 24), stream=1 << 16 | 100 * (i + 1) + j)
    limited(t, trace.end().data(), "report", "FILE", memory=1 << 30)


def test_impossible_entries(t):
    """An INDEX with records of 4 GiB, which come to nothing where sizes are summed up in 32 bits: it is not used."""
    trace, count = Maker(), 20
    trace.events(trace.event(5, 1))
    chunks = [head(EVENTS, b"", seq=2 + i, stream=1 << 16, ts=(1, 2), payload_len=2**32 - HEAD_BYTES) for i in range(count)]
    trace.heads += chunks
    equal(agreed(t, trace.end().data()), (3, 1), "exit and events")


def test_last_seq(t):
    """A record with the largest seq there is stays, when a record behind it turns out to be cut."""
    trace = Maker()
    trace.events(trace.event(5, 1), seq=2**64 - 1).events(trace.event(6, 2), seq=7)
    trace.parts[-1] = trace.parts[-1][:-10]
    trace.events(trace.event(7, 3), seq=8)
    equal(agreed(t, trace.data()), (3, 2), "exit and events")
