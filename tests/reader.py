#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A second reader of .trc files, written from FORMAT.md alone: it shares no line and no author's habit with analyze.

    reader.py FILE…           every event as JSON, as `analyze export --format jsonl` prints it
    reader.py --info FILE…    an object per section: who recorded what, and counts
    reader.py --check FILE…   as without, and holds the heads to what they promise about their chunks

Damage is said on stderr, a line each; the exit code is then 3. The section numbers below are those of FORMAT.md.
"""
import argparse
import json
import struct
import sys

import cbor2
import zstandard

LABEL = bytes.fromhex("D9D9F8DA54524346 43424F52")
HEAD_BYTES, END_BYTES, PREFIX_BYTES = 165, 197, 15
HEADER, EVENTS, STATE, CLOCK, INDEX, END, SUMMARY = 1, 2, 3, 4, 5, 6, 7
COMPRESSED, FILTERED, SORTED, COPY, FINAL = 1, 2, 4, 8, 16
MIB = 1 << 20
CONTENT_LIMIT = {HEADER: 4 * MIB, EVENTS: 64 * MIB, STATE: 16 * MIB, CLOCK: MIB // 16, INDEX: 64 * MIB, END: 32, SUMMARY: MIB}
M32, M64, NEVER = 2**32 - 1, 2**64 - 1, 2**64 - 1
GOLDEN = 0x9E3779B1


class Damage(Exception):
    """Something breaks a rule: what it concerns is left out."""


class Refused(Exception):
    """Not a trace, or not one for this reader."""


def need(condition, what):
    if not condition:
        raise Damage(what)


def crc_table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


CRC = list(crc_table())


def crc32c(data):
    crc = M32
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ M32


# 2 Record head

HEAD = struct.Struct(">6x xQxQ xBxB xIxI xQxQxQ xIxQxQ 2x32s xQxQ xIxIxIxIxI")
NAMES = ("trace_id seq type version flags stream ts_min ts_max ts_floor event_count kinds cpus pids lost_kernel lost_user"
         " raw_len mid_len payload_crc head_crc payload_len").split()
CONSTANT = {0: "DA5452435294", 6: "1B", 15: "1B", 24: "18", 26: "18", 28: "1A", 33: "1A", 38: "1B", 47: "1B", 56: "1B", 65: "1A",
            70: "1B", 79: "1B", 88: "5820", 122: "1B", 131: "1B", 140: "1A", 145: "1A", 150: "1A", 155: "1A", 160: "5A"}
CONSTANT = {offset: bytes.fromhex(digits) for offset, digits in CONSTANT.items()}


class Head:
    """A good head, or ValueError."""

    def __init__(self, data):
        if len(data) != HEAD_BYTES or any(not data.startswith(value, at) for at, value in CONSTANT.items()):
            raise ValueError("no head")
        for name, value in zip(NAMES, HEAD.unpack(data)):
            setattr(self, name, value)
        if crc32c(data[:156] + bytes(4) + data[160:]) != self.head_crc:
            raise ValueError("wrong checksum of the head")
        self.data = data


def good_head(data, at, end):
    try:
        return Head(data[at:min(at + HEAD_BYTES, end)])
    except ValueError:
        return None


# 3 Payloads

def content(head, payload):
    """What the payload holds, checked: bytes for END, else the CBOR item."""
    need(head.version == 1 and not head.flags >> 16, f"version {head.version}, flags {head.flags:#x} are not known")
    need(head.mid_len <= CONTENT_LIMIT[head.type] and head.payload_len <= 64 * MIB, "too long")
    need(len(payload) == head.payload_len, "cut short")
    if head.flags & COMPRESSED:
        payload = decompress(payload, head.mid_len)
    else:
        need(crc32c(payload) == head.payload_crc, "wrong checksum of the payload")
    need(len(payload) == head.mid_len, "the content is not as long as the head says")
    if head.type == END:
        need(head.mid_len == 32, "an END of another length")
        return payload
    need(check_cbor(payload, 0, 1) == len(payload), "more than one CBOR item")
    try:
        return cbor2.loads(payload)
    except (cbor2.CBORError, ValueError, TypeError) as error:
        raise Damage(f"bad CBOR: {error}") from None


def decompress(frame, size):
    try:
        parameters = zstandard.get_frame_parameters(frame)
        need(frame.startswith(bytes.fromhex("28B52FFD")) and parameters.content_size == size and parameters.has_checksum
             and not parameters.dict_id and parameters.window_size <= 8 * MIB, "a zstd frame that is not as it must be")
        stream = zstandard.ZstdDecompressor(max_window_size=8 * MIB).decompressobj()
        data = stream.decompress(frame)
        need(stream.eof and not stream.unused_data, "not exactly one zstd frame")
    except zstandard.ZstdError as error:
        raise Damage(f"zstd: {error}") from None
    return data


def check_cbor(data, at, depth):
    """Definite lengths, no tags, not too deep, nothing beyond the end; returns where the item ends."""
    need(at < len(data) and depth <= 16, "CBOR ends early or is too deep")
    major, value = data[at] >> 5, data[at] & 31
    need(value < 28 and major != 6, "CBOR with a tag or an indefinite length")
    at += 1
    if value >= 24:
        size = 1 << (value - 24)
        need(at + size <= len(data), "CBOR ends early")
        value, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major in (2, 3, 4, 5):
        need(value <= len(data) - at, "CBOR that claims more than there is")
    if major in (2, 3):
        at += value
    elif major in (4, 5):
        for _ in range(value * (major - 3)):
            at = check_cbor(data, at, depth + 1)
    return at


# 4 HEADER

INTEGERS = {1: "B", 2: "H", 3: "I", 4: "Q", 5: "i", 6: "q"}
ITEM_TYPES = {17: "str", 18: "strv", 19: "bytes", 20: "sockaddr", 21: "fds", 22: "u32s", 23: "u64s"}
LISTS = {21: "i", 22: "I", 23: "Q"}


def text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


class Kind:
    def __init__(self, listed, order):
        number, self.name, fixed_len, _, fields, items = listed[:6]
        self.name = text(self.name)
        need(1 <= number <= 65535 and 24 <= fixed_len <= 2040 and fixed_len % 8 == 0, f"kind {self.name} is not as it must be")
        need(len(fields) <= 64 and len(items) <= 64, f"kind {self.name} has too many fields")
        self.fields = []
        for name, offset, size, kind, *_ in fields:
            need(offset >= 24 and offset + size <= fixed_len, f"field {name} of {self.name} has no place")
            need(kind not in INTEGERS or struct.calcsize("=" + INTEGERS[kind]) == size, f"field {name} has another size")
            unpack = struct.Struct(order + INTEGERS[kind]).unpack_from if kind in INTEGERS else None
            self.fields.append((text(name), offset, size, kind, unpack))
        self.items = [text(item[0]) for item in items]
        need(all(len(name) <= 64 for name in [self.name, *self.items, *(field[0] for field in self.fields)]), "a name too long")


class Schema:
    """The HEADER of a section."""

    def __init__(self, header):
        try:
            major, self.features = header[0][0], header.get(2, [])
            if major > 1 or self.features:
                raise Refused(f"format version {major}, features {self.features}: too new for this reader")
            self.header, self.uuid = header, header[1]
            self.big = header[5].get("endian", 0) == 1
            self.order = ">" if self.big else "<"
            self.record = struct.Struct(self.order + "QIIHHHBB")
            need(len(self.uuid) == 16 and len(header[9]) <= 1024, "no UUID, or too many kinds")
            self.kinds = {listed[0]: Kind(listed, self.order) for listed in header[9]}
            need(len(self.kinds) == len({kind.name for kind in self.kinds.values()}) == len(header[9]), "a kind twice")
            need(all(len(calls) <= 4096 for calls in header.get(10, {}).values()), "too many system calls")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise Damage(f"HEADER: {type(error).__name__} {error}") from None

    def field(self, raw, offset, size, kind, unpack):
        if unpack:
            return unpack(raw, offset)[0]
        value = raw[offset:offset + size]
        return text(value.split(b"\0")[0]) if kind == 7 else value.hex()

    def item(self, name, kind, state, more, value):
        if state == 2:
            data = None
        elif kind == 17:
            data = text(value)
        elif kind == 18:
            parts = value.split(b"\0")
            data = [text(part) for part in (parts if parts[-1] else parts[:-1])]
        elif kind in LISTS:
            size = struct.calcsize("=" + LISTS[kind])
            data = list(struct.unpack(f"{self.order}{len(value) // size}{LISTS[kind]}", value[:len(value) // size * size]))
        else:
            data = value.hex()
        return {"field": name, "type": ITEM_TYPES.get(kind, kind), "state": {0: "whole", 1: "truncated", 2: "unreadable"}.get(state, state),
                "more": more, "data": data}

    # 7 EVENTS, A record

    def event(self, raw):
        """One raw record, known to be as long as it says, as export has it."""
        ts, tid, tgid, number, length, cpu, words, flags = self.record.unpack_from(raw)
        items, at = [], words * 8
        while at < length:
            need(at + 8 <= length, "items do not fill the tail")
            index, kind, state, _, size, more = struct.unpack_from(self.order + "BBBBHH", raw, at)
            need(at + 8 + size <= length and not (state == 2 and size), "an item that is not well-formed")
            items.append((index, kind, state, more, raw[at + 8:at + 8 + size]))
            at += 8 + (size + 7 & ~7)
        need(at == length, "items do not fill the tail")
        event = {"ts": ts, "tid": tid, "tgid": tgid, "kind": number, "cpu": cpu, "flags": flags}
        kind = self.kinds.get(number)
        if not kind:
            return event | {"data": raw[24:].hex()}
        event["kind"] = kind.name
        event["fields"] = {name: self.field(raw, offset, *how) for name, offset, *how in kind.fields
                           if offset + how[0] <= words * 8}
        event["items"] = [self.item(kind.items[index] if index < len(kind.items) else index, *rest) for index, *rest in items]
        return event

    def events(self, head, listed):
        """The events of a chunk, in its order."""
        need(head.raw_len <= 64 * MIB and head.event_count <= head.raw_len // 24, "a raw_len or event_count beyond its limit")
        count = 16 if head.flags & FILTERED else 1
        need(isinstance(listed, list) and len(listed) >= count, "content that is not an array of byte strings")
        listed = listed[:count]
        need(all(isinstance(stream, bytes) for stream in listed), "content that is not an array of byte strings")
        raw = self.unfilter(listed, head.raw_len) if count == 16 else listed[0]
        need(len(raw) == head.raw_len, "not raw_len bytes")
        events, at = [], 0
        while at < len(raw):
            need(at + 24 <= len(raw), "a record that is cut")
            *_, length, _, words, _ = self.record.unpack_from(raw, at)
            need(24 <= length <= 16384 and length % 8 == 0 and 3 <= words <= length // 8 and at + length <= len(raw),
                 "a record that is not well-formed")
            events.append(self.event(raw[at:at + length]))
            at += length
        need(len(events) == head.event_count, "not event_count events")
        need(all(head.ts_min <= event["ts"] <= head.ts_max for event in events), "an event outside the times of its chunk")
        return events

    # 8 The filter

    def unfilter(self, streams, raw_len):
        sizes, more_sizes, tails, last = streams[0], streams[1], streams[14], streams[15]
        need(len(sizes) % 2 == 0 and len(last) <= 1, "a filter stream of a wrong length")
        position_of_duration = last[0] if last else 99
        need(not last or 4 <= position_of_duration <= 11, "no word can be a duration there")
        at = [0] * 16
        time, previous_w3 = 0, 0
        by_hash, by_cpu, by_kind = [0] * 256, [0] * 256, [[0] * 8 for _ in range(4096)]
        word = struct.Struct(self.order + "Q")
        raw, raw_size = [], 0

        def take(stream, size):
            need(size <= 8, "a size above 8")
            begin = at[stream]
            at[stream] += size
            return int.from_bytes(streams[stream][begin:begin + size], "little")

        def unzz(x):
            return x >> 1 ^ (M64 if x & 1 else 0)

        for i in range(0, len(sizes), 2):
            packed = sizes[i] | sizes[i + 1] << 8
            w3 = previous_w3 = previous_w3 ^ take(5, packed & 15)
            h = ((w3 & M32 ^ w3 >> 32) * GOLDEN & M32) >> 24
            w2 = by_hash[h] = by_hash[h] ^ take(2, packed >> 4 & 15)
            if self.big:
                kind, length, cpu, words = w2 >> 48, w2 >> 32 & 0xFFFF, w2 >> 16 & 0xFFFF, w2 >> 8 & 0xFF
            else:
                kind, length, cpu, words = w2 & 0xFFFF, w2 >> 16 & 0xFFFF, w2 >> 32 & 0xFFFF, w2 >> 48 & 0xFF
            need(words >= 3 and words * 8 <= length and length % 8 == 0, "a record that is not well-formed")
            raw_size += length
            need(raw_size <= raw_len, "more than raw_len bytes")
            w0 = unzz(take(3, packed >> 8 & 15)) + time
            w1 = by_cpu[cpu & 255] = by_cpu[cpu & 255] ^ take(4, packed >> 12)
            columns = min(words, 12)
            tid, first = (w1 >> 32, w3 >> 32) if self.big else (w1 & M32, w3 & M32)
            mixed = ((kind << 16 ^ first) * 0x85EBCA6B & M32) ^ tid
            before = by_kind[(mixed * GOLDEN & M32) >> 20]
            more = []
            nibbles = take_bytes(more_sizes, at, 1, (columns - 3) // 2) if columns > 4 else b""
            for j in range(columns - 4):
                x = take(j + 6, nibbles[j // 2] >> (j % 2 * 4) & 15)
                if j + 4 == position_of_duration:
                    w0 += x
                else:
                    x = unzz(x) + before[j] & M64
                before[j] = x
                more.append(x)
            w0 = time = w0 & M64
            for w in (w0, w1, w2, w3, *more)[:columns]:
                raw.append(word.pack(w))
            raw.append(take_bytes(tails, at, 14, length - columns * 8))
        need(all(at[i] == len(streams[i]) for i in range(1, 15)), "a filter stream is not used up or too short")
        return b"".join(raw)


def take_bytes(data, at, stream, size):
    begin = at[stream]
    at[stream] += size
    need(at[stream] <= len(data), "a filter stream is too short")
    return data[begin:at[stream]]


# 10 INDEX and END, 12 Reading

class Section:
    def __init__(self, start):
        self.start, self.trace_id, self.seen = start, None, set()
        self.records = []  # (offset, head)

    def add(self, offset, head):
        self.trace_id = head.trace_id
        self.seen.add(head.seq)
        self.records.append((offset, head))


class File:
    def __init__(self, path):
        self.path, self.damage, self.cache = path, [], {}
        with open(path, "rb") as file:
            self.data = file.read()
        if not self.data.startswith(LABEL) and LABEL not in self.data and CONSTANT[0] not in self.data:
            raise Refused("not a trace")
        self.sections, end = [], len(self.data)
        while end and (section := self.by_index(end)):
            self.sections.insert(0, section)
            end = section.start
        self.sections[:0] = self.walk(end)
        if len(self.sections) > 1024:
            raise Refused("more than 1024 sections")

    def damaged(self, offset, what, head=None):
        concerned = f"; {head.event_count} events, {head.ts_min} to {head.ts_max} ns" if head and head.event_count else ""
        self.damage.append(f"{self.path}: at {offset}: {what}{concerned}")

    def content(self, offset, head):
        begin = offset + HEAD_BYTES
        return content(head, self.data[begin:begin + head.payload_len])

    def by_index(self, end):
        """The section that ends here, if an END and a consistent INDEX say so."""
        try:
            at = end - END_BYTES
            last = good_head(self.data, at, end) if at > 0 else None
            need(last and last.type == END and last.payload_len == 32, "no END")
            index_offset, _, events, size = struct.unpack(">4Q", self.content(at, last))
            start, index_at = end - size, end - size + index_offset
            need(index_offset >= 12 and 0 <= start and index_at < at and self.data.startswith(LABEL, start), "no INDEX")
            index = good_head(self.data, index_at, at)
            need(index and index.type == INDEX and index.trace_id == last.trace_id, "no INDEX")
            need(index_at + HEAD_BYTES + index.payload_len == at, "INDEX and END do not meet")
            listed = self.content(index_at, index)
            need(isinstance(listed, list) and listed and isinstance(listed[0], bytes) and len(listed[0]) % 150 == 0, "INDEX")
            section, offset = Section(start), start + 12
            prefix = last.data[:PREFIX_BYTES]
            for i in range(0, len(listed[0]), 150):
                head = Head(prefix + listed[0][i:i + 150])
                need(head.seq == i // 150 and offset < index_at, "INDEX is out of order")
                section.add(offset, head)
                offset += HEAD_BYTES + head.payload_len
            need(offset == index_at and section.records and section.records[0][1].type == HEADER, "INDEX does not fit")
            need(index.seq == len(section.records) and last.seq == index.seq + 1, "INDEX or END has another seq")
            need(sum(head.event_count for _, head in section.records if head.type == EVENTS) == events, "INDEX does not add up")
        except (Damage, ValueError):
            return None
        for offset, head in section.records:
            if self.data[offset:offset + HEAD_BYTES] != head.data:
                self.damaged(offset, "the head is not the one in INDEX")
        section.add(index_at, index)
        section.add(at, last)
        return section

    def walk(self, end):
        """The sections before `end`, from head to head."""
        sections, section, last, at = [], None, None, 0
        while at < end:
            if self.data.startswith(LABEL, at) and at + len(LABEL) <= end:
                section, last = Section(at), None
                sections.append(section)
                at += len(LABEL)
                continue
            head = good_head(self.data, at, end)
            if not head or not section or section.trace_id not in (None, head.trace_id):
                begin, section, last, lost = at, *self.search(section, last, at, end, sections)
                self.damaged(begin, f"{lost - begin} bytes that are no record" if lost >= begin else "a record in the wrong place")
                at = lost
                continue
            if head.seq != (last[1].seq + 1 if last else 0):
                self.damaged(at, "records are missing before this one")
            section.add(at, head)
            last = at, head
            at += HEAD_BYTES + head.payload_len
            if at > end:
                self.damaged(last[0], "the record reaches beyond the end", head)
                _, section, last, at = None, *self.search(section, last, last[0] + HEAD_BYTES, end, sections)
        return sections

    def belongs(self, section, head):
        return section.trace_id in (None, head.trace_id) and head.seq not in section.seen

    def search(self, section, last, at, end, sections):
        """Where the next record begins, and in which section; the end if there is none."""
        if last:
            try:
                if last[1].type in CONTENT_LIMIT:
                    self.content(*last)
            except Damage:
                at = last[0] + HEAD_BYTES
        while (at := self.data.find(CONSTANT[0], at, end)) >= 0:
            head = good_head(self.data, at, end)
            if head and section and self.belongs(section, head):
                return section, None, at
            if head and head.type == HEADER and head.seq == 0:
                sections.append(Section(at - len(LABEL)))
                return sections[-1], None, at
            at += 1
        return section, None, end

    def schema(self, section):
        """The section's HEADER or, if it is damaged, a copy of it."""
        for offset, head in section.records:
            if head.type == HEADER:
                try:
                    schema = Schema(self.content(offset, head))
                    need(schema.uuid[:8] == head.trace_id.to_bytes(8, "big"), "HEADER of another trace")
                    return schema
                except Damage as error:
                    self.damaged(offset, f"HEADER: {error}")
        self.damaged(section.start, "no HEADER that can be read")
        return None

    def events(self, section, check=False):
        """The events of a section, in the order of time."""
        schema = self.schema(section)
        found = []
        floors = {}
        for offset, head in section.records if schema else []:
            if head.type == EVENTS:
                try:
                    events = schema.events(head, self.content(offset, head))
                except Damage as error:
                    self.damaged(offset, str(error), head)
                    continue
                if check:
                    for problem in promises(schema, head, events, floors):
                        self.damaged(offset, problem)
                found += [((event["ts"], head.stream, self.sections.index(section)), event) for event in events]
            elif head.type not in CONTENT_LIMIT and head.type < 64:
                self.damaged(offset, f"records of type {head.type} are not known")
        return found

    def info(self, section, events):
        schema = self.schema(section)
        header = schema.header if schema else {}
        host, machine, recording = header.get(6, {}), header.get(5, {}), header.get(13, {})
        lost = {}
        for _, head in section.records:
            if head.type == EVENTS:
                lost[head.stream] = max(lost.get(head.stream, 0), head.lost_kernel + head.lost_user)
        return {"host": text(host.get("hostname")), "kernel": text(host.get("release")), "arch": text(machine.get("machine")),
                "command": [text(word) for word in recording.get("argv", [])], "version": header.get(0),
                "uuid": schema and schema.uuid.hex(), "records": len(section.records),
                "chunks": sum(head.type == EVENTS for _, head in section.records), "events": len(events),
                "lost": sum(lost.values()), "end": section.records[-1][1].type == END}


def promises(schema, head, events, floors):
    """What a head says about its chunk beyond what every reader checks."""
    pids = bytearray(32)
    for event in events:
        bit = (event["tgid"] * GOLDEN & M32) >> 24
        pids[bit // 8] |= 1 << bit % 8
    numbers = {kind.name: number for number, kind in schema.kinds.items()}
    times = [event["ts"] for event in events]
    mask = lambda values: sum({1 << value % 64 for value in values})
    floor = floors.get(head.stream, 0)
    floors[head.stream] = max(floor, head.ts_floor)
    held = {"pids": pids == head.pids, "cpus": mask(event["cpu"] for event in events) == head.cpus,
            "kinds": mask(numbers.get(event["kind"], event["kind"]) for event in events) == head.kinds,
            "ts_min, ts_max": not times or (min(times), max(times)) == (head.ts_min, head.ts_max),
            "flags": not head.flags & SORTED or times == sorted(times),
            "ts_floor": not times or min(times) >= floor}
    return [f"{name} of the head is wrong" for name, good in held.items() if not good]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--info", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="+")
    args = parser.parse_args()
    code = 0
    for path in args.file:
        try:
            file = File(path)
            for section in file.sections:
                events = file.events(section, args.check)
                for line in [file.info(section, events)] if args.info else events:
                    print(json.dumps(line, separators=(",", ":")))
            problems = file.damage
        except (Refused, OSError) as error:
            problems = [f"{path}: {error}"]
        for problem in problems:
            print(problem, file=sys.stderr)
            code = 3
    return code


if __name__ == "__main__":
    sys.exit(main())
