# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The records of .trc files for reader.py: heads, payloads, the schema, events. Written from FORMAT.md alone."""
import struct

import cbor2
import zstandard

LABEL, TAG = bytes.fromhex("D9D9F8DA54524346 43424F52"), bytes.fromhex("DA54524352 94 1B")
HEAD_BYTES, PREFIX_BYTES, END_BYTES, MIB = 165, 15, 197, 1 << 20
HEADER, EVENTS, STATE, CLOCK, INDEX, END, SUMMARY, REPAIR = 1, 2, 3, 4, 5, 6, 7, 8
CONTENT_LIMIT = {HEADER: 4 * MIB, EVENTS: 64 * MIB, STATE: 16 * MIB, CLOCK: MIB // 16, INDEX: 64 * MIB, END: 32, SUMMARY: MIB,
                 REPAIR: MIB}
COMPRESSED, FILTERED, SORTED = 1, 2, 4
M32, M64, GOLDEN = 2**32 - 1, 2**64 - 1, 0x9E3779B1


class Damage(Exception):
    """Something breaks a rule: what it concerns is left out."""


class Refused(Exception):
    """Not a trace, or not one for this reader."""


def need(condition, what):
    if not condition:
        raise Damage(what)


# 2 Record head

CRC = list(range(256))
for _ in range(8):
    CRC = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in CRC]


def crc32c(data):
    crc = M32
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ M32


HEAD = struct.Struct(">6x xQxQ xBxB xIxI xQxQxQ xIxQxQ 2x32s xQxQ xIxIxIxIxI")
NAMES = ("trace_id seq type version flags stream ts_min ts_max ts_floor event_count kinds cpus pids lost_kernel lost_user"
         " raw_len mid_len payload_crc head_crc payload_len").split()
CONSTANT = {0: TAG[:6], 88: b"\x58\x20", 160: b"\x5A", **dict.fromkeys((24, 26), b"\x18"),
            **dict.fromkeys((28, 33, 65, 140, 145, 150, 155), b"\x1A"),
            **dict.fromkeys((6, 15, 38, 47, 56, 70, 79, 122, 131), b"\x1B")}


class Head:
    def __init__(self, data):
        need(len(data) == HEAD_BYTES and all(data.startswith(value, at) for at, value in CONSTANT.items()), "no head")
        self.__dict__.update(zip(NAMES, HEAD.unpack(data)), data=data)
        need(crc32c(data[:156] + bytes(4) + data[160:]) == self.head_crc, "wrong checksum of the head")


def good_head(data, at, end):
    try:
        return Head(data[at:min(at + HEAD_BYTES, end)])
    except Damage:
        return None


# 3 Payloads, 13 Limits

def unpacked(head, payload, limit=64 * MIB):
    """The content, not yet looked at."""
    need(head.mid_len <= limit and head.raw_len <= 64 * MIB and head.payload_len <= 64 * MIB, "too long")
    need(len(payload) == head.payload_len, "cut short")
    if head.flags & COMPRESSED:
        payload = decompress(payload, head.mid_len)
    else:
        need(crc32c(payload) == head.payload_crc, "wrong checksum of the payload")
    need(len(payload) == head.mid_len, "content of another length")
    return payload


def content(head, payload):
    """What the payload holds, checked: bytes for END, else the CBOR item."""
    need(head.version == 1 and not head.flags >> 16, f"version {head.version}, flags {head.flags:#x} are not known")
    data = unpacked(head, payload, CONTENT_LIMIT[head.type])
    if head.type == END:
        need(len(data) == 32, "content of another length")
        return data
    need(check_cbor(data, 0, 0) == len(data), "more than one CBOR item")
    try:
        return cbor2.loads(data, str_errors="replace")
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
        return data
    except zstandard.ZstdError as error:
        raise Damage(f"zstd: {error}") from None


def check_cbor(data, at, depth):
    """Definite lengths, no tags, not too deep, nothing beyond the end; returns where the item ends."""
    need(at < len(data), "CBOR ends early")
    major, value = data[at] >> 5, data[at] & 31
    need(major not in (4, 5) or depth < 16, "CBOR that is too deep")
    need(value < 28 and major != 6, "CBOR with a tag or an indefinite length")
    at += 1
    if value >= 24:
        size = 1 << (value - 24)
        need(at + size <= len(data), "CBOR ends early")
        value, at = int.from_bytes(data[at:at + size], "big"), at + size
    need(major not in (2, 3, 4, 5) or value <= len(data) - at, "CBOR that claims more than there is")
    if major in (2, 3):
        return at + value
    for _ in range(value * (major - 3) if major in (4, 5) else 0):
        at = check_cbor(data, at, depth + 1)
    return at


# 4 HEADER

INTEGERS = {1: "B", 2: "H", 3: "I", 4: "Q", 5: "i", 6: "q"}
TYPES = dict(enumerate("u8 u16 u32 u64 s32 s64 chars".split(), 1)) | dict(enumerate("any str strv bytes sockaddr fds u32s u64s cmsgs".split(), 16))
LISTS, STATES = {21: "i", 22: "I", 23: "Q"}, {0: "whole", 1: "truncated", 2: "unreadable"}


def text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


class Kind:
    def __init__(self, listed, order):
        number, name, fixed_len, _, fields, items = listed[:6]
        need(1 <= number <= 65535 and 24 <= fixed_len <= 2040 and fixed_len % 8 == 0, f"kind {name} is not as it must be")
        need(len(fields) <= 64 and len(items) <= 64, f"kind {name} has too many fields")
        self.name, self.items, self.fields = text(name), [text(item[0]) for item in items], []
        for name, offset, size, kind, *_ in fields:
            need(offset >= 24 and 1 <= size <= fixed_len - offset, f"field {name} has no place")
            reader = struct.Struct(order + INTEGERS[kind]) if kind in INTEGERS else None
            need(not reader or reader.size == size, f"field {name} has another size")
            self.fields.append((text(name), offset, size, kind, reader))
        names = [self.name, *self.items, *(field[0] for field in self.fields)]
        need(all(0 < len(name) <= 64 for name in names), "no name, or one too long")


def field(raw, offset, size, kind, reader):
    if reader:
        return reader.unpack_from(raw, offset)[0]
    value = raw[offset:offset + size]
    return text(value.split(b"\0")[0]) if kind == 7 else {"type": TYPES.get(kind, kind), "data": value.hex()}


class Schema:
    """The HEADER of a section, and with it the reading of its chunks."""

    def __init__(self, header):
        try:
            major, features = header[0][0], header.get(2, [])
            if major > 1 or features:
                raise Refused(f"format version {major}, features {features}: too new for this reader")
            self.header, self.uuid, self.big = header, header[1], header[5].get("endian", 0) == 1
            self.order = ">" if self.big else "<"
            self.record = struct.Struct(self.order + "QIIHHHBB")
            need(len(self.uuid) == 16 and len(header[9]) <= 1024, "no UUID, or too many kinds")
            self.kinds = {listed[0]: Kind(listed, self.order) for listed in header[9]}
            need(len(self.kinds) == len({kind.name for kind in self.kinds.values()}) == len(header[9]), "a kind twice")
            need(all(len(calls) <= 4096 for calls in header.get(10, {}).values()), "too many system calls")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise Damage(f"{type(error).__name__} {error}") from None

    # 7 EVENTS

    def events(self, head, listed):
        """The events of a chunk, in its order."""
        need(head.raw_len <= 64 * MIB and head.event_count <= head.raw_len // 24, "a raw_len or event_count beyond its limit")
        count = 16 if head.flags & FILTERED else 1
        need(isinstance(listed, list) and len(listed) >= count and all(isinstance(stream, bytes) for stream in listed[:count]),
             "content that is not an array of byte strings")
        raw = self.unfilter(listed, head.raw_len) if head.flags & FILTERED else listed[0]
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
        times = [event["ts"] for event in events]
        need(all(head.ts_min <= time <= head.ts_max for time in times), "an event outside the times of its chunk")
        need(not head.flags & SORTED or times == sorted(times), "events that are not in the order that the head promises")
        return events

    def event(self, raw):
        """One raw record, known to be as long as it says, as export has it."""
        ts, tid, tgid, number, length, cpu, words, flags = self.record.unpack_from(raw)
        items, at = [], words * 8
        while at < length:
            index, kind, state, _, size, more = struct.unpack_from(self.order + "BBBBHH", raw, at)
            need(at + 8 + size <= length and not (state == 2 and size), "an item that is not well-formed")
            items.append((index, kind, state, more, raw[at + 8:at + 8 + size]))
            at += 8 + (size + 7 & ~7)
        event = {"ts": ts, "tid": tid, "tgid": tgid, "kind": number, "cpu": cpu, "flags": flags}
        if not (kind := self.kinds.get(number)):
            return event | {"data": raw[24:].hex()}
        event["kind"] = kind.name
        event["fields"] = {name: field(raw, offset, *how) for name, offset, *how in kind.fields if offset + how[0] <= words * 8}
        event["items"] = [self.item(kind.items[index] if index < len(kind.items) else index, *rest) for index, *rest in items]
        return event

    def item(self, name, kind, state, more, value):
        if state == 2:
            data = None
        elif kind == 17:
            data = text(value)
        elif kind == 18:
            parts = value.split(b"\0")
            data = [text(part) for part in (parts if parts[-1] else parts[:-1])]
        elif kind in LISTS:
            reader = struct.Struct(self.order + LISTS[kind])
            data = [number for number, in reader.iter_unpack(value[:len(value) // reader.size * reader.size])]
        else:
            data = value.hex()
        return {"field": name, "type": TYPES.get(kind, kind), "state": STATES.get(state, state), "more": more, "data": data}

    # 8 The filter

    def unfilter(self, streams, raw_len):
        sizes, durations, at = streams[0], streams[15], [0] * 16
        need(len(sizes) % 2 == 0 and (not durations or len(durations) == 1 and 4 <= durations[0] <= 11), "bad filter streams")
        at_duration = durations[0] if durations else None
        time, w3, word, raw, raw_size = 0, 0, struct.Struct(self.order + "Q"), [], 0
        by_hash, by_cpu, by_thread = [0] * 256, [0] * 256, [[0] * 8 for _ in range(4096)]

        def cut(stream, size):
            begin, at[stream] = at[stream], at[stream] + size
            need(at[stream] <= len(streams[stream]), "a filter stream is too short")
            return streams[stream][begin:at[stream]]

        def take(stream, size):
            need(size <= 8, "a size above 8")
            return int.from_bytes(cut(stream, size), "little")

        def unzz(x):
            return x >> 1 ^ (M64 if x & 1 else 0)

        for i in range(0, len(sizes), 2):
            packed = sizes[i] | sizes[i + 1] << 8
            w3 ^= take(5, packed & 15)
            h = ((w3 & M32 ^ w3 >> 32) * GOLDEN & M32) >> 24
            w2 = by_hash[h] = by_hash[h] ^ take(2, packed >> 4 & 15)
            if self.big:
                kind, length, cpu, words = w2 >> 48, w2 >> 32 & 0xFFFF, w2 >> 16 & 0xFFFF, w2 >> 8 & 0xFF
            else:
                kind, length, cpu, words = w2 & 0xFFFF, w2 >> 16 & 0xFFFF, w2 >> 32 & 0xFFFF, w2 >> 48 & 0xFF
            raw_size += length
            need(words >= 3 and words * 8 <= length and length % 8 == 0 and raw_size <= raw_len, "a record that is not well-formed")
            w0 = time + unzz(take(3, packed >> 8 & 15))
            w1 = by_cpu[cpu & 255] = by_cpu[cpu & 255] ^ take(4, packed >> 12)
            tid, first = (w1 >> 32, w3 >> 32) if self.big else (w1 & M32, w3 & M32)
            mixed = ((kind << 16 ^ first) * 0x85EBCA6B & M32) ^ tid
            before = by_thread[(mixed * GOLDEN & M32) >> 20]
            columns = min(words, 12)
            more, halves = [], cut(1, (columns - 3) // 2) if columns > 4 else b""
            for j in range(columns - 4):
                x = take(j + 6, halves[j // 2] >> j % 2 * 4 & 15)
                if j + 4 == at_duration:
                    w0 += x
                else:
                    x = unzz(x) + before[j] & M64
                before[j] = x
                more.append(x)
            time = w0 = w0 & M64
            raw += [word.pack(w) for w in (w0, w1, w2, w3, *more)[:columns]]
            raw.append(cut(14, length - columns * 8))
        need(all(at[i] == len(streams[i]) for i in range(1, 15)), "something is left over in a filter stream")
        return b"".join(raw)


def promises(schema, head, events, floors):
    """What a head says about its chunk beyond what every reader checks."""
    numbers = {kind.name: number for number, kind in schema.kinds.items()}
    times = [event["ts"] for event in events]
    floor, floors[head.stream] = floors.get(head.stream, 0), max(floors.get(head.stream, 0), head.ts_floor)
    bits = {(event["tgid"] * GOLDEN & M32) >> 24 for event in events}
    need(int.from_bytes(head.pids, "little") == sum(1 << bit for bit in bits), "head: wrong pids")
    need(head.cpus == sum({1 << event["cpu"] % 64 for event in events}), "head: wrong cpus")
    need(head.kinds == sum({1 << numbers.get(event["kind"], event["kind"]) % 64 for event in events}), "head: wrong kinds")
    need((head.ts_min, head.ts_max) == (min(times), max(times)), "head: wrong times")
    need(floor <= min(times), "an event before the promised time")
