# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small traces with every kind of damage: export and the second reader find the same in them, and as much as there is."""
import json
import random
import re
import struct

import cbor2
import zstandard

import harness
import maker
import reader
from harness import cases, check, equal, run, takes
from maker import Maker, item
from reader_records import CLOCK, EVENTS, HEAD_BYTES, HEADER, LABEL, REPAIR, STATE, SUMMARY, Refused


def as_text(event):
    return json.dumps(event, sort_keys=True)


def both(t, data, what="the trace"):
    """What both find: (exit code, events, what export says)."""
    path = t.write("both.trc", data)
    result = run([harness.ANALYZE, "export", path])
    try:
        events, _, problems, _ = reader.read(path)
        code = 3 if problems else 0
    except Refused as error:
        events, problems, code = [], [str(error)], 3
    ours, theirs = [as_text(json.loads(line)) for line in result.stdout.splitlines()], [as_text(event) for event in events]
    equal(ours, theirs, f"{what}: export against reader.py ({result.stderr} {problems})")
    equal(result.returncode, code, f"{what}: exit of export against reader.py ({result.stderr} {problems})")
    return code, events, result.stderr


def numbers(events):
    return [event["fields"]["number"] for event in events]


def flipped(data, at, bits=0x10):
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


def offsets(trace):
    return [sum(map(len, trace.parts[:i])) for i in range(len(trace.parts))]


@takes(300)
def test_truncations(t):
    """Cut at every byte: the more is left the more is read, and the missing END is said."""
    data = maker.small().data()
    counts = []
    for end in range(len(data)):
        code, events, _ = both(t, data[:end], f"the first {end} bytes")
        equal(code, 3, f"exit with {end} bytes")
        counts.append(len(events))
    equal(counts, sorted(counts), "events, the more the longer")
    equal((both(t, data)[0], len(both(t, data)[1])), (0, counts[-1]), "exit and events of the whole")


def flips(t, data, chunks, bits):
    everything = [as_text(event) for event in both(t, data)[1]]
    for at in range(len(data)):
        events = [as_text(event) for event in both(t, flipped(data, at, bits), f"byte {at} ^ {bits:#x}")[1]]
        check(set(events) <= set(everything), f"byte {at}: events that were not there")
        lost = [count for begin, end, count in chunks if begin <= at < end]
        check(len(events) >= len(everything) - sum(lost), f"byte {at}: more is lost than was hit")


def extents(trace):
    """Where the chunks lie, and how many events they have."""
    return [(at, at + len(part), struct.unpack_from(">I", part, 66)[0]) for at, part in zip(offsets(trace), trace.parts)
            if len(part) > 24 and part[25] == EVENTS]


@takes(400)
@cases(1, 16)
def test_flips(t, bits):
    """One byte changed, each in turn: nothing is lost but the chunk that was hit, and nothing is made up."""
    trace = maker.small(big=bits == 16)
    flips(t, trace.data(), extents(trace), bits)


@takes(200)
def test_flips_without_index(t):
    """The same with no INDEX, which is there for those who lost a head."""
    trace = maker.small()
    trace.parts = trace.parts[:-2]
    flips(t, trace.data(), extents(trace), 4)


@takes(200)
@cases("index", "no index")
def test_records_moved(t, form):
    """Each record left out, given twice, exchanged with each other, in each place."""
    parts = maker.small().parts
    if form == "no index":
        parts = parts[:-2]
    count = len(both(t, b"".join(parts))[1])
    for i in range(1, len(parts)):
        both(t, b"".join(parts[:i] + parts[i + 1:]), f"without record {i}")
        for j in range(1, len(parts) + 1):
            events = both(t, b"".join(parts[:j] + [parts[i]] + parts[j:]), f"record {i} again at {j}")[1]
            equal(len(events), count, f"events with record {i} again at {j}")
        for j in range(i + 1, len(parts)):
            moved = parts[:i] + [parts[j]] + parts[i + 1:j] + [parts[i]] + parts[j + 1:]
            events = both(t, b"".join(moved), f"records {i} and {j} exchanged")[1]
            if form == "no index":
                equal(len(events), count, f"events with records {i} and {j} exchanged")


@takes(200)
def test_random(t):
    """Holes, insertions and copied stretches, also in `cat a b`."""
    dice = random.Random(5)
    one, other = maker.small().data(), maker.small(big=True).data().replace(maker.UUID[:8], b"another!")
    for turn in range(600):
        data = dice.choice([one, one + one, one[:dice.randrange(len(one))] + one])
        begin, end = sorted(dice.randrange(len(data)) for _ in range(2))
        end = min(end, begin + dice.choice([1, 12, 200, 1000]))
        how = turn % 4
        piece = [b"", bytes(end - begin), data[begin:end] * 2, other[begin % len(other):][:end - begin]][how]
        both(t, data[:begin] + piece + data[end:], f"turn {turn}: {how} at {begin}…{end}")


def test_index_behind_damage(t):
    """Bytes behind END, or gone before: what INDEX has of damaged heads is still used."""
    trace = maker.small()
    data, at = trace.data(), offsets(trace)
    everything = both(t, data)[1]
    for place in at[5:-2]:
        damaged = flipped(data, place + 100)
        equal(both(t, damaged + b"junk")[1], everything, "events with a damaged head and bytes behind END")
        equal(both(t, damaged + LABEL)[1], everything, "events with a damaged head and a label behind END")
    for missing in (1, 50):  # bytes of the first chunk
        middle = at[4] + HEAD_BYTES + 10
        left = len(everything) - 2
        equal(len(both(t, data[:middle] + data[middle + missing:])[1]), left, "events without the first chunk")
        for place in at[6:-2]:
            damaged = flipped(data, place + 100)
            equal(len(both(t, damaged[:middle] + damaged[middle + missing:])[1]), left, "events without the first chunk, a head damaged")


def test_index_wrong(t):
    """An entry that is wrong with a right checksum: those behind it are used, the others found from head to head."""
    for wrong in range(1, 9):
        def entries(listed):
            lie = bytearray(trace.heads[wrong])
            lie[161:165] = struct.pack(">I", struct.unpack(">I", lie[161:165])[0] + 8)
            lie[156:160] = bytes(4)
            lie[156:160] = maker.crc32c(bytes(lie)).to_bytes(4, "big")
            return listed[:wrong] + [bytes(lie[15:])] + listed[wrong + 1:]

        trace = maker.small()
        everything = both(t, trace.data())[1]
        del trace.parts[-2:], trace.heads[-2:]
        trace.end(entries)
        data, at = trace.data(), offsets(trace)
        equal(both(t, data)[1], everything, f"events with entry {wrong} wrong")
        for i in range(wrong + 3, len(at) - 2):  # parts have the label in front, and the one behind it shows where it is
            equal(both(t, flipped(data, at[i] + 100))[1], everything, f"events with entry {wrong} wrong, head {i} damaged")


def test_second_copy(t):
    """A chunk that was cut, and then is there again whole: it is read."""
    trace = maker.small()
    trace.parts = trace.parts[:-2]
    everything = numbers(both(t, trace.data())[1])
    for i in range(4, 10):
        for cut in (HEAD_BYTES, HEAD_BYTES + 20, len(trace.parts[i]) - 1):
            parts = trace.parts[:i] + [trace.parts[i][:cut]] + trace.parts[i:]
            equal(numbers(both(t, b"".join(parts))[1]), everything, f"events with record {i} cut at {cut} and again")


def test_order(t):
    """Events of the same time: by stream, then by place in the file, sections included; chunks need not be sorted."""
    trace = Maker()
    trace.events(trace.event(5, 30, cpu=2), trace.event(5, 31, cpu=2), cpu=2)
    trace.events(trace.event(7, 12), trace.event(5, 10), trace.event(5, 11), flags=0)
    trace.events(trace.event(5, 20, cpu=1), cpu=1)
    trace.events(trace.event(5, 32, cpu=2), trace.event(6, 40, cpu=2), cpu=2)
    trace.events(trace.event(5, 1), stream=5)  # class 0 first
    trace.end()
    expected = [1, 10, 11, 20, 30, 31, 32, 40, 12]
    equal(numbers(both(t, trace.data())[1]), expected, "order of the events")
    later = Maker(uuid=b"another trace...")
    later.events(later.event(5, 13), later.event(5, 14)).events(later.event(5, 33, cpu=2), cpu=2)
    expected = [1, 10, 11, 13, 14, 20, 30, 31, 32, 33, 40, 12]
    equal(numbers(both(t, trace.data() + later.end().data())[1]), expected, "order of the events of two sections")


def test_sorted_lie(t):
    """A chunk that is said to be in the order of time and is not breaks a rule."""
    trace = Maker()
    trace.events(trace.event(5, 1), trace.event(4, 2)).events(trace.event(6, 3)).end()
    code, events, _ = both(t, trace.data())
    equal((code, numbers(events)), (3, [3]), "exit and events")


def test_no_end(t):
    """A killed recorder: everything is read, the exit code is 3, and it is said why."""
    trace = maker.small()
    everything = both(t, trace.data())[1]
    code, events, says = both(t, b"".join(trace.parts[:-3]))
    equal((code, events), (3, everything), "exit and events")
    check("has no end" in says and "damaged" not in says, says)


def test_wrong_shape(t):
    """A payload that is whole and not what its type should hold: export names the damage."""
    for flags in (0, 1):
        trace = Maker()
        trace.events(trace.event(5, 1)).record(SUMMARY, cbor2.dumps({2: 5}), flags).end()
        result = run([harness.ANALYZE, "export", t.write("shape.trc", trace.data())])
        equal(result.returncode, 3, "exit")
        check("not what it should be" in result.stderr and "null" not in result.stderr, result.stderr)


def test_unknown_types(t):
    """Fields and items of types that nobody knows: their bytes, and the type's number or name."""
    kind = [1, "ping", 40, 1, [["number", 24, 4, 3, "count", ""], ["odd", 28, 3, 99, "hex", ""], ["wide", 32, 8, 17, "hex", ""],
                               ["none", 31, 1, 0, "hex", ""]], [["thing", 88, ""]], ""]
    for big in (False, True):
        trace = Maker(kinds=[kind], big=big)
        fixed = struct.pack(trace.order + "I", 7) + b"abcdWXYZwxyz"
        event = trace.event(5, fixed=fixed, tail=item(trace.order, 0, 88, b"\x01\x02\x03") + item(trace.order, 9, 19, b"\xff"))
        code, (event,), _ = both(t, trace.events(event).end().data())
        equal(code, 0, "exit")
        equal(event["fields"], {"number": 7, "odd": {"type": 99, "data": "616263"}, "wide": {"type": "str", "data": "5758595a7778797a"},
                                "none": {"type": 0, "data": "64"}}, "fields")
        equal([(item["field"], item["type"], item["data"]) for item in event["items"]], [("thing", 88, "010203"), (9, "bytes", "ff")],
              "items")
        table = run([harness.ANALYZE, "export", "--format", "csv", "--kind", "ping", t.path("both.trc")]).stdout.splitlines()
        check('"{""type"":99,""data"":""616263""}"' in table[1], table[1])


def test_foreign(t):
    """A big-endian file: numbers are numbers, bytes are as recorded, also of kinds that the file does not describe."""
    events = {}
    for big in (False, True):
        trace = Maker(big=big)
        order = trace.order
        tail = (item(order, 0, 17, b"name", 1, 300) + item(order, 1, 20, struct.pack(order + "H", 2) + bytes(14))
                + item(order, 2, 22, struct.pack(order + "II", 1, 70000)))
        unknown = trace.event(7, kind=77, tail=item(order, 0, 22, struct.pack(order + "I", 1)))
        events[big] = both(t, trace.events(trace.event(5, 9, tail=tail), unknown).end().data())[1]
        data = struct.pack(order + "IIqBBBBHHI4x", 0, 0, 0, 0, 22, 0, 0, 4, 0, 1).hex()
        equal(events[big][1], {"ts": 7, "tid": 7, "tgid": 7, "kind": 77, "cpu": 0, "flags": 0, "data": data}, "the unknown kind")
    equal(events[True][0]["items"][1].pop("data"), "0002" + "00" * 14, "the address")
    equal(events[False][0]["items"][1].pop("data"), "0200" + "00" * 14, "the address")
    equal(events[True][0], events[False][0], "all else")


def foreign_calls(big, calls):
    """A trace whose kind is syscall, and the maker of a call: its number, arguments, tail."""
    names = ["ret", "duration_ns", *(f"arg{i}" for i in range(3))]
    kind = [1, "syscall", 72, 1, [["nr", 24, 4, 3, "syscall", ""], ["abi", 28, 1, 1, "abi", ""], ["state", 29, 1, 1, "enum", ""],
                                  ["flags", 30, 1, 1, "hex", ""], ["items", 31, 1, 1, "count", ""],
                                  *([name, 32 + 8 * i, 8, 4, "hex", ""] for i, name in enumerate(names))],
            [[f"data{i}", 16, ""] for i in range(6)], ""]
    trace = Maker(kinds=[kind], big=big, header={10: {1: calls}})

    def call(ts, number, arguments, tail):
        return trace.event(ts, fixed=struct.pack(trace.order + "IBBBBqQQQQ", number, 1, 0, 0, 1, 0, 1, *arguments), tail=tail)

    return trace, call


def test_foreign_descriptors(t):
    """Descriptors that a call returned in memory are numbers in any file."""
    for big in (False, True):
        trace, call = foreign_calls(big, [[293, "pipe2", 2, 1, [["fds", "fds_out", 0, None], ["flags", "hex", 0, None]]]])
        trace.events(call(100, 293, (4096, 0, 0), item(trace.order, 0, 21, struct.pack(trace.order + "ii", 3, 70000)))).end()
        shown = run([harness.ANALYZE, "replay", t.write("pipe.trc", trace.data())]).stdout
        check("pipe2([3, 70000], 0)" in shown, f"big-endian {big}: {shown}")


def test_foreign_addresses(t):
    """Addresses in a big-endian file are shown as in any other."""
    for big in (False, True):
        trace, call = foreign_calls(big, [[42, "connect", 2, 0, [["fd", "fd", 0, None], ["addr", "sockaddr_in", 2, None],
                                                                 ["len", "int", 0, None]]]])
        order, records = trace.order, []
        for address in (struct.pack(order + "H", 2) + struct.pack(">H4B8x", 8080, 127, 0, 0, 1),
                        struct.pack(order + "HHII", 16, 0, 4711, 5),
                        struct.pack(order + "H", 10) + struct.pack(">HI16B", 443, 0, *range(16)) + struct.pack(order + "I", 3)):
            records.append(call(100 + len(records), 42, (3, 4096, len(address)), item(order, 1, 20, address)))
        shown = run([harness.ANALYZE, "replay", t.write("addresses.trc", trace.events(*records).end().data())]).stdout
        for part in ("AF_INET, sin_port=htons(8080)", 'inet_addr("127.0.0.1")', "AF_NETLINK, nl_pid=4711, nl_groups=0x000005",
                     "AF_INET6, sin6_port=htons(443)", "sin6_scope_id=3"):
            check(part in shown, f"big-endian {big}: no {part} in {shown}")


def refused(t, what, wrong, right):
    """`wrong` breaks a rule: its events are not given out, those behind it are. `right` shows that it is that rule."""
    for values, expected in ((right, [1, 2]), (wrong, [2])):
        trace = Maker()
        records = trace.event(5, 1)
        trace.events(records, **values(trace, records)).events(trace.event(6, 2)).end()
        code, events, _ = both(t, trace.data(), what)
        equal((code, numbers(events)), (3 if expected == [2] else 0, expected), f"exit and events, {what}")


def test_cbor_rules(t):
    """Tags, further items, indefinite lengths, depth."""
    def content(change):
        return lambda trace, records: {"content": change(cbor2.dumps(records))}

    good = content(lambda raw: b"\x81" + raw)
    refused(t, "a tag around", content(lambda raw: b"\xd9\xd9\xf7\x81" + raw), good)
    refused(t, "a tag inside", content(lambda raw: b"\x81\xc2" + raw), good)
    refused(t, "two items", content(lambda raw: b"\x81" + raw + b"\0"), good)
    refused(t, "an indefinite length", content(lambda raw: b"\x9f" + raw + b"\xff"), good)
    refused(t, "nothing in the array", content(lambda raw: b"\x80"), good)
    for inner in (b"\0", b"\x80"):
        deep = content(lambda raw: b"\x82" + raw + b"\x81" * (14 + (inner == b"\0")) + inner)
        deeper = content(lambda raw: b"\x82" + raw + b"\x81" * (15 + (inner == b"\0")) + inner)
        refused(t, "too deep", deeper, deep)


def test_zstd_rules(t):
    """Frames without checksum, with a larger window, with a dictionary, two of them."""
    def framed(change):
        def values(trace, records):
            content = cbor2.dumps([records, bytes(5000)])  # larger than the window, and ignored
            frame = maker.compressed(content)
            check(not frame[4] & 32 and frame[4] & 4, "the frame is not what this test needs")
            return {"content": content, "payload": change(frame, content), "flags": 5}

        return values

    good = framed(lambda frame, content: frame)
    refused(t, "no checksum", framed(lambda frame, content: maker.compressed(content, checksum=False)), good)
    refused(t, "a window of 9 MiB", framed(lambda frame, content: frame[:5] + b"\x69" + frame[6:]), good)
    refused(t, "two frames", framed(lambda frame, content: frame + frame), good)
    refused(t, "a skippable frame", framed(lambda frame, content: bytes.fromhex("502a4d1800000000") + frame), good)
    refused(t, "a wrong checksum", framed(lambda frame, content: flipped(frame, len(frame) - 1)), good)
    refused(t, "no window of 16 GiB", framed(lambda frame, content: frame[:5] + b"\xc0" + frame[6:]),
            framed(lambda frame, content: frame[:5] + b"\x68" + frame[6:]))


def test_unknown_records(t):
    """Record types of the future are passed over; forms of the future are damage."""
    for kind, values, expected, unknown in ((20, {}, 0, 2), (70, {}, 0, 1), (2, {"version": 2}, 3, 2), (2, {"flags": 1 << 20}, 3, 2)):
        trace = Maker()
        trace.events(trace.event(5, 1)).record(kind, b"\x80", **values).events(trace.event(6, 2)).end()
        code, events, says = both(t, trace.data())
        equal((code, numbers(events)), (expected, [1, 2]), f"exit and events with {kind} {values}")
        check(f": {unknown} parts are of kinds" in says, says)  # the kind of the events is one


def test_headers(t):
    """Sections share a HEADER if one has lost its own; that of a newer version is passed over, unless it comes first."""
    trace = maker.small()
    events = both(t, trace.data())[1]
    parts = [part if part[25:26] != bytes([HEADER]) else part[:-1] + bytes([part[-1] ^ 1]) for part in trace.parts]
    equal(both(t, b"".join(parts))[1], [], "events without a HEADER")
    equal(len(both(t, trace.data() + b"".join(parts))[1]), 2 * len(events), "events with the HEADER of the other section")
    equal(len(both(t, b"".join(parts) + trace.data())[1]), 2 * len(events), "events with the HEADER of the other section")
    newer = Maker(header={0: [2, 0]}, uuid=b"another trace...")
    newer.events(newer.event(5, 1)).end()
    equal(both(t, trace.data() + newer.data())[:2], (3, events), "exit and events with a newer section behind")
    equal(both(t, newer.data() + trace.data())[:2], (3, []), "exit and events with a newer section before")


def test_bombs(t):
    """Files of some hundred KiB that claim gigabytes: read one chunk at a time, or not at all."""
    trace, count = Maker(), 20
    record = trace.event(5, 1)
    records = record * ((60 << 20) // len(record))
    content = cbor2.dumps([records])
    payload = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(content)
    check(len(payload) < 20000, f"the bomb has {len(payload)} bytes")
    for _ in range(count):
        trace.events(record, content=content, payload=payload, flags=5, events=len(records) // len(record), raw_len=len(records))
    nested = b"\x81" * (1 << 20) + b"\x80"
    for kind in (STATE, CLOCK, SUMMARY, REPAIR):
        trace.record(kind, nested, 1, payload=maker.compressed(nested))
        trace.record(kind, b"", 1, payload=payload, mid_len=len(content))
        for lie in (b"\x9b" + b"\xff" * 8, b"\xa1\x01\x9b\x00\x00\x00\x01" + bytes(4), b"\xbb" + bytes(3) + b"\x01" + bytes(4)):
            trace.record(kind, lie)
    path = t.write("bombs.trc", trace.end().data())
    result = run(["sh", "-c", f"ulimit -v 500000; exec {harness.ANALYZE} info {path}"], timeout=60)
    equal(result.returncode, 3, f"exit ({result.stderr})")
    check(f"{count * (len(records) // len(record)):,}" in result.stdout, result.stdout)
    check(re.search(r"damage_count +20\n", result.stdout), result.stdout)


def test_endless(t):
    """What never becomes a trace is given up; what is one may come through a pipe."""
    for command in (["info", "/dev/zero"], ["export", "/dev/zero"]):
        result = run([harness.ANALYZE, *command], timeout=30)
        equal(result.returncode, 3, "exit")
        check("not a trace" in result.stderr, result.stderr)
    with harness.start(["yes", "no trace"], stdout=-1) as endless:
        result = run([harness.ANALYZE, "info", "-"], stdin=endless.stdout, timeout=30)
        endless.kill()
        equal(result.returncode, 3, "exit")
    path = t.write("piped.trc", maker.small().data())
    for size in (1, 65533, 1 << 20):  # a head that lies across two reads
        shell = f"head -c {size} /dev/zero; cat {path}"
        result = run(["sh", "-c", f"({shell}) | {harness.ANALYZE} export -"])
        equal((result.returncode, len(result.stdout.splitlines())), (3, 9), f"exit and events behind {size} zeros")
    result = run(["sh", "-c", f"cat {path} | {harness.ANALYZE} export -"])
    equal((result.returncode, result.stdout), (0, run([harness.ANALYZE, "export", path]).stdout), "through a pipe")
