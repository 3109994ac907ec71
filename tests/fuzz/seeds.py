#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes the seeds of tests/fuzz/corpus from the samples: small uncompressed traces that a fuzzer can change.

    seeds.py        writes corpus/*/seed_*; what a fuzzer found lies beside them under other names
"""
import glob
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import cbor2  # noqa: E402

import maker  # noqa: E402
import reader  # noqa: E402
from reader_records import CLOCK, EVENTS, FILTERED, HEADER, SORTED, STATE, SUMMARY, Schema  # noqa: E402

SAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "samples", "traces")
PER_KIND = 6  # events of each kind; of system calls, of each number


def write(target, name, data):
    with open(os.path.join(HERE, "corpus", target, "seed_" + name), "wb") as file:
        file.write(data)


def raw_records(schema, head, listed):
    raw = schema.unfilter(listed, head.raw_len) if head.flags & FILTERED else listed[0]
    at = 0
    while at < len(raw):
        length = struct.unpack_from(schema.order + "H", raw, at + 18)[0]
        yield raw[at:at + length]
        at += length


def chosen(schema, section, file):
    """(stream, record) of a few events of each kind, life cycle first, with what belongs to them by having the same time."""
    counts, streams, times, rest = {}, {}, set(), []
    for offset, head in section.records:
        if head.type == EVENTS:
            for record in raw_records(schema, head, file.content(offset, head)):
                streams.setdefault(head.stream, []).append(record)
    for stream, record in [(stream, record) for stream in sorted(streams) for record in streams[stream]]:
        number = struct.unpack_from(schema.order + "H", record, 16)[0]
        name = schema.kinds[number].name
        first = struct.unpack_from(schema.order + "I", record, 24)[0] if name == "syscall" else 0
        counts[number, first] = counts.get((number, first), 0) + 1
        if counts[number, first] <= (2 if first else PER_KIND):
            times.add(record[:8])
            yield stream, record
        elif name in ("stack", "stack_use", "syscall", "sched_switch"):
            rest.append((stream, record))
    yield from [(stream, record) for stream, record in rest if record[:8] in times][:4 * PER_KIND]


def shortened(header, used_kinds, used_calls):
    """The HEADER with what the events need, and without words for people."""
    kinds = [[*kind[:4], [[*field[:5], ""] for field in kind[4]], [[*item[:2], ""] for item in kind[5]], ""]
             for kind in header[9] if kind[0] in used_kinds]
    calls = {abi: [call for call in listed if call[0] in used_calls] for abi, listed in header[10].items()}
    some = {key: dict(list(header[key].items())[:5]) for key in (11, 12)}
    return {key: value for key, value in header.items() if key not in (9, 10, 11, 12)} | {9: kinds, 10: calls} | some


def small_trace(path, form):
    file = reader.File(path)
    schema, section = file.schemas()[0], file.sections[0]
    events = list(chosen(schema, section, file))
    kinds = {struct.unpack_from("<H", record, 16)[0] for _, record in events}
    calls = {struct.unpack_from("<I", record, 24)[0] for _, record in events if schema.kinds[struct.unpack_from("<H", record, 16)[0]].name == "syscall"}
    trace = maker.Maker(kinds=(), uuid=schema.header[1])
    trace.parts, trace.heads = trace.parts[:1], []
    trace.header = cbor2.dumps(shortened(schema.header, kinds, calls))
    trace.record(HEADER, trace.header)
    for wanted in (STATE, CLOCK):
        for offset, head in section.records:
            if head.type == wanted:
                trace.record(wanted, cbor2.dumps(file.content(offset, head)))
                break
    for stream in sorted({stream for stream, _ in events}):
        records = sorted((record for of, record in events if of == stream), key=lambda record: record[:8][::-1])
        trace.events(*records, stream=stream, flags=SORTED, kinds=2**64 - 1, cpus=2**64 - 1)
    for offset, head in section.records:
        if head.type == SUMMARY:
            trace.record(SUMMARY, cbor2.dumps(file.content(offset, head)))
    return trace.end().data() if form != "no end" else trace.data()


def filtered():
    """A chunk that went through the filter, uncompressed."""
    file = reader.File(os.path.join(SAMPLES, "first_act.trc"))
    schema, section = file.schemas()[0], file.sections[0]
    trace = maker.Maker(kinds=(), uuid=schema.header[1])
    trace.parts, trace.heads = trace.parts[:1], []
    trace.record(HEADER, cbor2.dumps(shortened(schema.header, set(range(7)), ())))
    for offset, head in section.records:
        if head.type == EVENTS and head.event_count < 200:
            trace.record(EVENTS, cbor2.dumps(file.content(offset, head)), head.flags & ~1, stream=head.stream, ts=(head.ts_min, head.ts_max),
                         events=head.event_count, raw_len=head.raw_len)
    return trace.data()


def frames(name, size):
    """Records as the ring has them."""
    file, listed = reader.File(os.path.join(SAMPLES, name + ".trc")), b""
    for _, record in chosen(file.schemas()[0], file.sections[0], file):
        if len(record) >= 32 and len(listed) < size:
            listed += bytes([0x0f if len(listed) % 3 else 1, len(record) // 8 - 4]) + record
    return listed


def main():
    for target in ("reader", "analyze", "words", "consumer"):
        os.makedirs(os.path.join(HERE, "corpus", target), exist_ok=True)
        for path in glob.glob(os.path.join(HERE, "corpus", target, "seed_*")):
            os.unlink(path)
    names = ["shell", "sockets", "strings", "children", "exec_thread", "compat32", "killed", "python", "renames", "failing", "payloads", "network",
             "kernel", "waiting", "union"]
    for number, name in enumerate(names):
        data = small_trace(os.path.join(SAMPLES, name + ".trc"), "no end" if number % 3 == 2 else "end")
        write("analyze", name, bytes([number]) + data)
    write("reader", "small", maker.small().data())
    write("reader", "big_endian", maker.small(big=True).data())
    write("reader", "two", maker.small().data() + maker.small(big=True).data().replace(maker.UUID[:8], b"another!"))
    write("reader", "trace", small_trace(os.path.join(SAMPLES, "first_act.trc"), "no end"))
    write("reader", "filtered", filtered())
    with open(os.path.join(HERE, "words.txt"), encoding="utf-8") as file:
        for number, line in enumerate(line for line in file.read().splitlines() if line and not line.startswith("#")):
            write("words", f"{number:02}", line.replace("\\n", "\n").encode())
    # The place in the ring, what is asked of the recorder (fuzz_consumer.c), a number of a process; then steps.
    write("consumer", "shell", b"\x07\x00\x01\x07" + frames("shell", 6000))
    write("consumer", "wrap", b"\x7f\x14\x02\x03" + frames("shell", 3000))
    write("consumer", "stacks", b"\x07\x31\x03\x07" + frames("waiting", 12000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
